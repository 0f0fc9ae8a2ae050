using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>Where frames come from.</summary>
public interface IFrameSource
{
    /// <summary>The format of every frame.</summary>
    VideoFormat Format { get; }

    /// <summary>The most frames that the source holds at once beside the one it yields; counted into the memory plan.</summary>
    int HeldFrames { get; }

    /// <summary>
    /// Fails as soon as the source knows that it cannot go on, with what reading would throw later: whoever reads may be waiting for room
    /// downstream for as long as a slow stage takes. Completes, if at all, when nothing can fail any more.
    /// </summary>
    Task Health => Task.CompletedTask;

    /// <summary>Reads the frames in order of strictly increasing time. Whoever receives a frame disposes it. May be called once.</summary>
    IAsyncEnumerable<Frame> ReadAsync(CancellationToken cancellationToken);
}
