using System.Threading.Channels;
using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>Reads a film to its end and disposes every frame.</summary>
/// <param name="frames">The film.</param>
/// <param name="cancellationToken">Ends the reading.</param>
public delegate Task FrameReader(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken);

/// <summary>Shows every frame to several readers side by side; the slowest sets the pace. The first fault ends all.</summary>
/// <param name="readers">The readers.</param>
public sealed class FrameTee(IReadOnlyList<FrameReader> readers) : IFrameSink
{
    /// <inheritdoc/>
    public int HeldFrames => 3; // Shared by all readers: the one that is handed out, one that waits, one in work.

    /// <inheritdoc/>
    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<Frame>[] queues = [.. readers.Select(_ => Channel.CreateBounded<Frame>(new BoundedChannelOptions(1) { SingleReader = true, SingleWriter = true }))];
        Task[] running = [.. readers.Select((reader, i) => RunAsync(reader, queues[i].Reader, stop))];
        try
        {
            await foreach (Frame frame in frames.WithCancellation(stop.Token))
            {
                using (frame)
                {
                    foreach (Channel<Frame> queue in queues)
                    {
                        Frame shared = frame.Share();
                        try
                        {
                            await queue.Writer.WriteAsync(shared, stop.Token);
                        }
                        catch
                        {
                            shared.Dispose();
                            throw;
                        }
                    }
                }
            }
        }
        catch (Exception e)
        {
            // A reader's own fault is thrown below instead of what it led to here.
            foreach (Channel<Frame> queue in queues)
            {
                queue.Writer.TryComplete(e);
            }

            throw;
        }
        finally
        {
            foreach (Channel<Frame> queue in queues)
            {
                queue.Writer.TryComplete();
            }

            await Task.WhenAll(running);
        }
    }

    private static async Task RunAsync(FrameReader reader, ChannelReader<Frame> queue, CancellationTokenSource stop)
    {
        try
        {
            await reader(queue.ReadAllAsync(stop.Token), stop.Token);
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            while (queue.TryRead(out Frame? left))
            {
                left.Dispose();
            }
        }
    }
}
