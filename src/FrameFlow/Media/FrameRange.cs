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
}
