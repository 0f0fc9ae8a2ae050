using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Reporting;

/// <summary>Enters every frame in a ledger on its way into a sink, from the frame's own marks alone.</summary>
/// <param name="sink">Where frames go.</param>
/// <param name="ledger">The ledger; not owned, finished when the last frame was taken.</param>
public sealed class LedgerSink(IFrameSink sink, LedgerWriter ledger) : IFrameSink
{
    /// <inheritdoc/>
    public int HeldFrames => sink.HeldFrames;

    /// <inheritdoc/>
    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        await sink.ConsumeAsync(EnterAsync(frames, cancellationToken), cancellationToken);
        ledger.Finish();
    }

    private async IAsyncEnumerable<Frame> EnterAsync(IAsyncEnumerable<Frame> frames, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Frame frame in frames.WithCancellation(cancellationToken))
        {
            try
            {
                ledger.Add(frame);
            }
            catch
            {
                frame.Dispose();
                throw;
            }

            yield return frame;
        }
    }
}
