using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>
/// One step of work on a stream of frames: a sequential async iterator. It disposes what it receives and does not hand on, also
/// when it is cancelled or faults (in <c>finally</c>); what it yields belongs to the receiver. Times strictly increase.
/// </summary>
public interface IFrameStage
{
    /// <summary>The stage's name in logs, a noun.</summary>
    string Name { get; }

    /// <summary>The most frames that the stage holds at once beside the one it yields; counted into the memory plan.</summary>
    int HeldFrames { get; }

    /// <summary>The format of what the stage yields for a given input format.</summary>
    VideoFormat OutputFormat(VideoFormat input);

    /// <summary>Works through the input to its end. May be called once.</summary>
    IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, CancellationToken cancellationToken);
}
