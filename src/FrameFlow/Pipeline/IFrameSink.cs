using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>Where frames go.</summary>
public interface IFrameSink
{
    /// <summary>The most frames that the sink holds at once; counted into the memory plan.</summary>
    int HeldFrames { get; }

    /// <summary>
    /// Consumes every frame and disposes each. Completes when all is written. Throws <see cref="FrameFlowException"/> where
    /// times do not strictly increase or the writing fails.
    /// </summary>
    Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken);
}
