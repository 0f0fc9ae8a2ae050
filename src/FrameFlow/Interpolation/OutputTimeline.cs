using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>What stands at one output time.</summary>
/// <param name="Left">Index of the source frame at or before the time.</param>
/// <param name="Right">Index of the next source frame, or <paramref name="Left"/> where the left one simply stays.</param>
/// <param name="Position">The model's t in (0,1) between the two; 0 where the left frame stands as it is.</param>
public readonly record struct OutputPosition(int Left, int Right, double Position)
{
    /// <summary>Whether the source frame <see cref="Left"/> itself stands here.</summary>
    public bool IsSource => Right == Left;
}

/// <summary>
/// The output's frames, planned from times alone: frame k stands at first + k/F for k = 0 .. ceil(D F) - 1, D the source's duration
/// (times the slow-motion factor). The last frame is held for its duration; a gap longer than <see cref="LongestBridge"/> is held, not morphed.
/// </summary>
public sealed class OutputTimeline
{
    /// <summary>Two frames further apart than this, in seconds, are not of one motion: the first is held until the second.</summary>
    public static readonly Rational LongestBridge = new(1, 2);

    private readonly FrameTimeline _source;

    /// <summary>Plans the output.</summary>
    /// <param name="source">The source's times; at least one frame.</param>
    /// <param name="rate">F, frames a second, positive.</param>
    /// <param name="slow">The factor by which time is stretched, positive; 1 for none.</param>
    /// <exception cref="FrameFlowException">There is no frame (<see cref="FaultKind.Input"/>), or the count does not fit (<see cref="FaultKind.Usage"/>).</exception>
    public OutputTimeline(FrameTimeline source, Rational rate, Rational slow)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Count == 0)
        {
            throw new FrameFlowException(FaultKind.Input, "No frame of the input can be decoded; check the file with 'frameflow probe'.");
        }

        _source = source;
        Rate = rate;
        Slow = slow;
        try
        {
            Count = (source.Duration * slow * rate).Ceiling();
        }
        catch (OverflowException e)
        {
            throw new FrameFlowException(FaultKind.Usage, $"A rate of {rate} frames a second is too fine for this input; give a smaller --fps.", e);
        }
    }

    /// <summary>F, frames a second.</summary>
    public Rational Rate { get; }

    /// <summary>The factor by which time is stretched.</summary>
    public Rational Slow { get; }

    /// <summary>ceil(D F), at least 1.</summary>
    public long Count { get; }

    /// <summary>The presentation time of output frame <paramref name="k"/> in seconds: first + k/F.</summary>
    public Rational TimeOf(long k) => _source.First + (k / Rate);

    /// <summary>Which source frames surround output frame <paramref name="k"/>.</summary>
    public OutputPosition At(long k)
    {
        Rational time = _source.First + (k / Rate / Slow);
        int left = Math.Max(_source.IndexAt(time), 0);
        if (left == _source.Count - 1 || _source.IsAt(left, time))
        {
            return new(left, left, 0);
        }

        Rational step = _source[left + 1] - _source[left];
        return step > LongestBridge
            ? new(left, left, 0)
            : new(left, left + 1, ((time - _source[left]) / step).ToDouble());
    }

    /// <summary>The source frames, by index, that a stretch of output frames is made from: from the first one's left to the last one's right.</summary>
    /// <param name="outputs">Output frames; not empty.</param>
    public FrameRange SourceFor(FrameRange outputs) => new(At(outputs.First).Left, At(outputs.End - 1).Right + 1L);

    /// <summary>The first output frame that stands at or behind source frame <paramref name="index"/>; <see cref="Count"/> where none does.</summary>
    public long FirstAtOrAfter(long index)
    {
        long low = 0;
        long high = Count;
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (At(middle).Left < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
