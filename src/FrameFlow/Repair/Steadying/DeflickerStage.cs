using FrameFlow.Media;
using FrameFlow.Motion;
using OpenCvSharp;

namespace FrameFlow.Repair.Steadying;

/// <summary>
/// Takes flicker away: the gain from frame to frame, as the median of the logarithm of the ratio along the motion, over all of the picture and over cells of it
/// (P. M. B. van Roosmalen, R. L. Lagendijk, J. Biemond 1999, gain alone); its slow part stays. Whites stay whites: above .8 the gain fades out to 1.
/// </summary>
public sealed class DeflickerStage : SteadyingStage
{
    /// <summary>Cells across.</summary>
    public const int Columns = 6;

    /// <summary>Cells down.</summary>
    public const int Rows = 4;

    private const int LongestSide = 192;

    // Codes that tell a ratio: neither in the black, where noise is large, nor clipped.
    private const float Darkest = 0.06f;
    private const float Brightest = 0.92f;

    // Pixels of motion's own disagreement beyond which a ratio is of two things.
    private const float MostInconsistency = 1;

    // A cell speaks for itself where so many pixels tell, and may differ from the whole by so much.
    private const int LeastPixels = 60;
    private const float MostLocal = 0.12f;

    // Logarithm: a correction below this, a quarter of a code of 8 bit at mid-grey, is none; none is larger than the latter.
    private const float Least = 0.002f;
    private const float Most = 0.22f;
    private const float Knee = 0.8f;

    /// <summary>Creates the stage.</summary>
    /// <param name="motions">Finds motion.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="outputs">The frames that shall leave, by index.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    public DeflickerStage(IMotionEstimator motions, VideoFormat format, NativePool memory, FrameRange outputs, Predicate<long>? isCounted = null)
        : base(motions, format, memory, outputs, isCounted, LongestSide)
    {
    }

    /// <inheritdoc/>
    public override string Name => "deflicker";

    /// <summary>A light that goes on or off changes more than film flickers: 15 %.</summary>
    protected override float Jump => 0.15f;

    /// <inheritdoc/>
    protected override float[] Measure(FloatImage first, FloatImage second, MotionField motion)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(motion);
        using FloatImage aligned = Memory.RentImage(3, first.Height, first.Width);
        Warp.Bilinear(second, motion.Forward, 1, aligned);
        ReadOnlySpan<float> before = first.Channel(0);
        ReadOnlySpan<float> after = aligned.Channel(0);
        ReadOnlySpan<float> doubt = motion.Inconsistency0.Values;
        float[] ratios = System.Buffers.ArrayPool<float>.Shared.Rent(before.Length);
        try
        {
            float[] gains = new float[Columns * Rows];
            int count = Gather(before, after, doubt, first.Width, 0, 0, first.Width, first.Height, ratios);
            float whole = count < LeastPixels ? 0 : Median(ratios.AsSpan(0, count));
            for (int cell = 0; cell < gains.Length; cell++)
            {
                int column = cell % Columns;
                int row = cell / Columns;
                count = Gather(
                    before, after, doubt, first.Width, column * first.Width / Columns, row * first.Height / Rows, (column + 1) * first.Width / Columns, (row + 1) * first.Height / Rows, ratios);
                gains[cell] = count < LeastPixels ? whole : whole + Math.Clamp(Median(ratios.AsSpan(0, count)) - whole, -MostLocal, MostLocal);
            }

            return gains;
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(ratios);
        }
    }

    /// <inheritdoc/>
    protected override Frame Apply(Frame frame, float[] correction)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(correction);
        float largest = 0;
        for (int i = 0; i < correction.Length; i++)
        {
            correction[i] = Math.Clamp(correction[i], -Most, Most);
            largest = Math.Max(largest, Math.Abs(correction[i]));
        }

        if (largest < Least)
        {
            return frame;
        }

        using FloatImage cells = Memory.RentImage(1, Rows, Columns);
        using FloatImage field = Memory.RentImage(1, Format.Height, Format.Width);
        correction.CopyTo(cells.Values);
        using (Mat small = Wrap(cells))
        using (Mat smooth = new())
        using (Mat large = Wrap(field))
        {
            Cv2.GaussianBlur(small, smooth, new Size(3, 3), 0.8, 0.8, BorderTypes.Replicate);
            Cv2.Resize(smooth, large, new Size(Format.Width, Format.Height), 0, 0, InterpolationFlags.Linear);
        }

        System.Numerics.Tensors.TensorPrimitives.Exp(field.Values, field.Values);
        using FloatImage rgb = Memory.RentImage(3, Format.Height, Format.Width);
        Converter.ToRgb(frame, rgb);
        ReadOnlySpan<float> gain = field.Values;
        for (int c = 0; c < 3; c++)
        {
            Span<float> channel = rgb.Channel(c);
            for (int i = 0; i < channel.Length; i++)
            {
                // From the knee on a line to (1, 1): monotone, and nothing is clipped that was not.
                float value = channel[i];
                channel[i] = value <= Knee ? value * gain[i] : value >= 1 ? value : value + ((gain[i] - 1) * Knee * (1 - value) / (1 - Knee));
            }
        }

        return Make(frame, FrameWork.Deflickered, output => Converter.FromRgb(rgb, output, frame));
    }

    private static int Gather(ReadOnlySpan<float> before, ReadOnlySpan<float> after, ReadOnlySpan<float> doubt, int width, int left, int top, int right, int bottom, float[] ratios)
    {
        int count = 0;
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
            {
                int at = (y * width) + x;
                if (before[at] is > Darkest and < Brightest && after[at] is > Darkest and < Brightest && doubt[at] < MostInconsistency)
                {
                    ratios[count++] = MathF.Log(after[at] / before[at]);
                }
            }
        }

        return count;
    }
}
