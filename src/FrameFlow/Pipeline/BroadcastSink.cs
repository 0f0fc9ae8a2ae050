using System.Threading.Channels;
using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>
/// Shows every frame to several consumers, side by side, in one pass. Each gets a frame of its own over the same samples and disposes it; the slowest
/// one sets the pace. The first fault ends all, and is thrown.
/// </summary>
/// <param name="consumers">Each reads frames to their end, or stops earlier; at least one.</param>
public sealed class BroadcastSink(IReadOnlyList<Func<IAsyncEnumerable<Frame>, CancellationToken, Task>> consumers) : IFrameSink
{
    // A frame in the consumer's hands, one that waits: enough to let them overlap.
    private const int Waiting = 1;

    /// <inheritdoc/>
    public int HeldFrames => Waiting + 2;

    /// <inheritdoc/>
    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<Frame>[] channels = [.. consumers.Select(_ => Channel.CreateBounded<Frame>(new BoundedChannelOptions(Waiting) { SingleReader = true, SingleWriter = true }))];
        Exception? cause = null;
        await Task.WhenAll([GuardAsync(FeedAsync), .. consumers.Select((c, i) => GuardAsync(() => ServeAsync(c, channels[i].Reader)))]);
        foreach (Channel<Frame> channel in channels)
        {
            while (channel.Reader.TryRead(out Frame? frame))
            {
                frame.Dispose();
            }
        }

        if (cause is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
        }

        cancellationToken.ThrowIfCancellationRequested();

        async Task FeedAsync()
        {
            await foreach (Frame frame in frames.WithCancellation(stop.Token))
            {
                using (frame)
                {
                    foreach (Channel<Frame> channel in channels)
                    {
                        Frame shared = frame.Share();
                        try
                        {
                            await channel.Writer.WriteAsync(shared, stop.Token);
                        }
                        catch
                        {
                            shared.Dispose();
                            throw;
                        }
                    }
                }
            }

            // Only a stream that came to its end completes: a consumer must not take a broken one for a short one.
            foreach (Channel<Frame> channel in channels)
            {
                channel.Writer.Complete();
            }
        }

        async Task ServeAsync(Func<IAsyncEnumerable<Frame>, CancellationToken, Task> consumer, ChannelReader<Frame> reader)
        {
            await consumer(reader.ReadAllAsync(stop.Token), stop.Token);

            // One that has seen enough must not hold up the others.
            await foreach (Frame frame in reader.ReadAllAsync(stop.Token))
            {
                frame.Dispose();
            }
        }

        async Task GuardAsync(Func<Task> part)
        {
            try
            {
                await Task.Run(part, CancellationToken.None);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref cause, e, null);
                await stop.CancelAsync();
            }
        }
    }
}
