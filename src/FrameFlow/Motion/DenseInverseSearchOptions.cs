using System.Globalization;

namespace FrameFlow.Motion;

/// <summary>
/// Settings of <see cref="DenseInverseSearch"/>. The defaults are those of OpenCV's MEDIUM preset (Kroeger et al. 2016), except for
/// <see cref="StepScale"/> with <see cref="DescentIterations"/>, and <see cref="HalveFrom"/>.
/// </summary>
public sealed record DenseInverseSearchOptions
{
    // Frames whose shorter side is this long are searched from half scale up: their detail is finer than their motion is known.
    private const int FullScaleBelow = 720;

    /// <summary>
    /// For frames that are made from the motion. The gradients' noise is reckoned with: on 40 made scenes the end-point error falls from 2.02 to 1.64 px. Small frames are
    /// also searched at full scale, for about twice the work: 1.48 px, .05 dB on 48 real triplets (docs/motion.md).
    /// </summary>
    /// <param name="width">The frames' width, px.</param>
    /// <param name="height">Their height, px.</param>
    public static DenseInverseSearchOptions ForInterpolation(int width, int height) =>
        Math.Min(width, height) < FullScaleBelow ? new() { GradientNoise = 0.25f, FinestScale = 0 } : new() { GradientNoise = 0.25f };

    /// <summary>
    /// Distance between patches in pixels of their scale, 1..7; at full scale one more, where most of the work is and the motion is nearly known. 2 costs about twice the
    /// search of 3; made scenes gain 5 % in end-point error. 4 lost a car of 70x50 px that moved by half its size (docs/motion.md).
    /// </summary>
    public int PatchStride { get; init; } = 3;

    /// <summary>Descent steps a patch and scale, both sweeps together, 2..256; a patch stops early when its residual stops falling.</summary>
    public int DescentIterations { get; init; } = 16;

    /// <summary>
    /// Length of a descent step as a part of the Gauss-Newton step, above 0 and at most 1. OpenCV's gradients are Sobel sums without
    /// the 1/8, which makes its steps an eighth (and 25 of them). On 48 real triplets 16 quarter steps interpolate .06 to .12 dB better than
    /// 25 eighths for less work; neighbouring settings differ by .04 dB, which is noise. Whole steps are less exact at the edges of motion.
    /// </summary>
    public float StepScale { get; init; } = 0.25f;

    /// <summary>
    /// Variance of the gradients' noise, code values^2 a pixel^2, 0 to 100: added to both squares of the structure tensor, so that steps in flat parts end near 0
    /// instead of anywhere (OpenCV's rounded luma has exact zeros there). What looks for noise leaves it at 0: it was measured so.
    /// </summary>
    public float GradientNoise { get; init; }

    /// <summary>The finest scale that is searched, 0..4: motion is found at 1/2^s of the frame, then scaled up bilinearly.</summary>
    public int FinestScale { get; init; } = 1;

    /// <summary>The coarsest scale, at least <see cref="FinestScale"/> and at most 12; null: from the frame's size, so that a quarter of the width can be crossed.</summary>
    public int? CoarsestScale { get; init; }

    /// <summary>Fixed-point iterations of the variational refinement at every scale, 0 (none) to 100.</summary>
    public int RefinementIterations { get; init; } = 5;

    /// <summary>Frames whose shorter side has at least so many pixels are searched one scale coarser than <see cref="FinestScale"/>; 0: none.</summary>
    public int HalveFrom { get; init; } = 1080;

    /// <summary>Checks every value.</summary>
    /// <exception cref="FrameFlowException">Lists every value out of range (<see cref="FaultKind.Usage"/>).</exception>
    public void Validate()
    {
        List<string> errors = [];
        Check(PatchStride is >= 1 and < PatchSearch.Size, nameof(PatchStride), PatchStride, "1 to 7");
        Check(DescentIterations is >= 2 and <= 256, nameof(DescentIterations), DescentIterations, "2 to 256");
        Check(StepScale is > 0 and <= 1, nameof(StepScale), StepScale, "above 0, at most 1");
        Check(GradientNoise is >= 0 and <= 100, nameof(GradientNoise), GradientNoise, "0 to 100");
        Check(FinestScale is >= 0 and <= 4, nameof(FinestScale), FinestScale, "0 to 4");
        Check(CoarsestScale is null || (CoarsestScale >= FinestScale && CoarsestScale <= 12), nameof(CoarsestScale), CoarsestScale ?? 0, "FinestScale to 12, or none");
        Check(RefinementIterations is >= 0 and <= 100, nameof(RefinementIterations), RefinementIterations, "0 to 100");
        Check(HalveFrom >= 0, nameof(HalveFrom), HalveFrom, "0 or more");
        if (errors.Count > 0)
        {
            throw new FrameFlowException(FaultKind.Usage, "Motion options: " + string.Join("; ", errors) + ".");
        }

        void Check(bool good, string name, float value, string range)
        {
            if (!good)
            {
                errors.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}, allowed is {range}"));
            }
        }
    }
}
