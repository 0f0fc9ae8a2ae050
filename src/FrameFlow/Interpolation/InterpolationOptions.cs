using FrameFlow.Color;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>What the interpolation stage is asked for.</summary>
public sealed record InterpolationOptions
{
    /// <summary>
    /// The error expected of a frame half way between two, root mean square in code values of 0..1, above which it falls back: 15.9 dB. Pictures that have nothing
    /// in common come out above; of the 48 triplets that models are validated on none does. (The worst stands at .144.)
    /// </summary>
    public const double ShredsAbove = 0.16;

    /// <summary>Evaluations of the residual network for a sample; 1 is the posterior mean (best fidelity), more draw detail.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>lambda in x = mean + lambda (sample - mean), 0..1; has an effect from 2 steps up.</summary>
    public double Detail { get; init; } = 1;

    /// <summary>Whether lambda is less where the source around has no such detail (<see cref="DetailLimit"/>); without, a sample is a draw from the model's law.</summary>
    public bool LimitsDetail { get; init; } = true;

    /// <summary>Whether the frames before and behind a pair are asked as well (<see cref="MotionAround"/>); without, motion is even. Methods without motion ask none.</summary>
    public bool AsksNeighbours { get; init; } = true;

    /// <summary>The seed of the noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>Frames that go through a network together, at least 1. Changes speed and memory, not the pictures.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Pairs that are worked on at once, at least 1.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>The most pixels of a tile.</summary>
    public long TilePixels { get; init; } = 1280 * 736;

    /// <summary>
    /// Whether the networks see the look-ups at half their size: a quarter of the work and of the memory. Motion and look-ups stay at full size, what the networks
    /// give is enlarged. Means only: a sample's grain would be twice as coarse. Null: as the model says for the frame's size (<see cref="For"/>).
    /// </summary>
    public bool? HalvesNetworks { get; init; }

    /// <summary>Whether a made frame gives way to the nearer of its two source frames where the model expects it to be in shreds (<see cref="ShredsAbove"/>).</summary>
    public bool FallBack { get; init; } = true;

    /// <summary>
    /// Whether the source stands where both of its frames are bit for bit the same, without a network: in all of the picture (a repeated frame, whatever the method),
    /// or in parts of it (<see cref="StillParts"/>).
    /// </summary>
    public bool BypassStatic { get; init; } = true;

    /// <summary>Whether made frames are sharpened to the detail of the frames around them, so that the sharpness does not pulse (<see cref="SharpnessMatch"/>).</summary>
    public bool EvenPhases { get; init; }

    /// <summary>Whether a made frame is expected to be in shreds.</summary>
    /// <param name="expectedError">Its <see cref="Frame.ExpectedError"/>.</param>
    /// <param name="position">Its t in (0,1).</param>
    public static bool AreShreds(float expectedError, double position) =>
        expectedError > ShredsAbove * 2 * Math.Sqrt(position * (1 - position)); // what is expected shrinks towards the given frames; without that, all between two are judged alike

    /// <summary>These options with what was left to the model decided.</summary>
    /// <param name="model">The model.</param>
    /// <param name="format">The frames' format.</param>
    public InterpolationOptions For(ModelManifest model, VideoFormat format)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        return this with { HalvesNetworks = HalvesNetworks ?? (Steps == 1 && model.HalveFrom > 0 && Math.Min(format.Width, format.Height) >= model.HalveFrom) };
    }

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        Check(Steps is >= 1 and <= 64, $"--steps {Steps}: 1 to 64");
        Check(Detail is >= 0 and <= 1, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"--detail {Detail}: 0 to 1"));
        Check(Steps != 1 || Detail is not (>= 0 and < 1), string.Create(System.Globalization.CultureInfo.InvariantCulture, $"--detail {Detail}: 1 with --steps 1, which draws no detail; more steps do"));
        Check(Batch is >= 1 and <= 64, $"--batch {Batch}: 1 to 64");
        Check(Workers is >= 1 and <= 64, $"--threads {Workers}: 1 to 64");
        Check(HalvesNetworks != true || Steps == 1, $"--network-size half with --steps {Steps}: only 1 step can be taken at half size");
        Check(TilePixels >= 256 * 256, $"tile of {TilePixels} pixels: 65536 or more");
        return faults;

        void Check(bool good, string fault)
        {
            if (!good)
            {
                faults.Add(fault);
            }
        }
    }
}

/// <summary>One frame to make: where it stands and where the picture goes.</summary>
/// <param name="Position">t in (0,1) between the pair's frames.</param>
/// <param name="Target">Receives the picture; owned by the caller.</param>
/// <param name="Around">What frames outside the pair tell of what lies between; null: what its pair in the shot tells. Methods without motion pass over it. Owned by the caller.</param>
public readonly record struct InterpolationRequest(double Position, Frame Target, MotionAround? Around = null);

/// <summary>A way to make frames between two others. Thread-safe: several pairs may be worked on at once.</summary>
public interface IFrameInterpolator : IDisposable
{
    /// <summary>The name, as <c>--model</c> takes it.</summary>
    string Name { get; }

    /// <summary>Fills the targets of one pair. Synchronous work on the calling thread.</summary>
    /// <param name="pair">The pair, whose left frame's <see cref="Frame.SourceIndex"/> keys the noise, and its neighbours.</param>
    /// <param name="requests">The frames to make, in order of time.</param>
    /// <param name="cancellationToken">Ends the work between two networks' runs.</param>
    void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken);
}

/// <summary>Shorter ways to ask an interpolator.</summary>
public static class FrameInterpolators
{
    /// <summary>Fills the targets between two frames that stand alone.</summary>
    /// <param name="interpolator">The method.</param>
    /// <param name="left">The frame at t = 0; stays the caller's.</param>
    /// <param name="right">The frame at t = 1; stays the caller's.</param>
    /// <param name="requests">The frames to make, in order of time.</param>
    /// <param name="cancellationToken">Ends the work between two networks' runs.</param>
    public static void Interpolate(this IFrameInterpolator interpolator, Frame left, Frame right, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(interpolator);
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        using SourceFrame first = SourceFrame.Of(left.Share());
        using SourceFrame second = SourceFrame.Of(right.Share());
        using FramePair pair = FramePair.Of(first, second);
        interpolator.Interpolate(new PairInShot(pair), requests, cancellationToken);
    }
}
