namespace FrameFlow.Media;

/// <summary>A stretch of frames by index: <paramref name="First"/> up to, and without, <paramref name="End"/>.</summary>
/// <param name="First">The first frame's index, at least 0.</param>
/// <param name="End">The index behind the last frame, at least <paramref name="First"/>.</param>
public readonly record struct FrameRange(long First, long End)
{
    /// <summary>How many frames there are.</summary>
    public long Count => End - First;

    /// <summary>Whether a frame is one of these.</summary>
    public bool Contains(long index) => index >= First && index < End;

    /// <summary>These and so many frames on each side, where a film of <paramref name="count"/> frames has them.</summary>
    public FrameRange Widen(long reach, long count) => new(Math.Max(0, First - reach), Math.Min(count, End + reach));
}
