namespace FrameFlow.Media;

/// <summary>Lends frames of one format from a <see cref="NativePool"/>. Thread-safe.</summary>
/// <param name="pool">Where the memory comes from; not owned.</param>
/// <param name="format">The format of every frame.</param>
public sealed class FramePool(NativePool pool, VideoFormat format)
{
    /// <summary>The format of every frame that this pool lends.</summary>
    public VideoFormat Format { get; } = format;

    /// <summary>Where the memory comes from.</summary>
    public NativePool Memory { get; } = pool;

    /// <summary>Lends a frame with undefined content, which the caller owns and disposes.</summary>
    /// <param name="time">Its presentation time in seconds.</param>
    /// <param name="sourceIndex">The index of the source frame that it shows or follows.</param>
    /// <exception cref="FrameFlowException">The memory cap would be passed.</exception>
    public Frame Rent(Rational time, long sourceIndex)
    {
        Frame frame = Frame.Over(Memory.Rent(Format.FrameBytes), Format);
        frame.Time = time;
        frame.SourceIndex = sourceIndex;
        return frame;
    }
}
