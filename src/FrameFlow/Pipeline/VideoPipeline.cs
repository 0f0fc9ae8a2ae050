using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FrameFlow.Media;

namespace FrameFlow.Pipeline;

/// <summary>
/// Joins a source, stages and a sink by bounded channels (single reader, single writer) and runs them side by side. The first
/// fault cancels the rest, everything is awaited, and the root cause is thrown. Frozen once built; run once.
/// </summary>
public sealed class VideoPipeline
{
    private readonly IFrameSource _source;
    private readonly ImmutableArray<IFrameStage> _stages;
    private readonly IFrameSink _sink;
    private readonly int _channelCapacity;
    private Exception? _rootCause;
    private long _begun;

    private VideoPipeline(IFrameSource source, ImmutableArray<IFrameStage> stages, IFrameSink sink, int channelCapacity)
    {
        _source = source;
        _stages = stages;
        _sink = sink;
        _channelCapacity = channelCapacity;
        Meters = [new StageMeter("decode"), .. stages.Select(s => new StageMeter(s.Name)), new StageMeter("encode")];
    }

    /// <summary>A meter for the source, for each stage and for the sink, in order.</summary>
    public ImmutableArray<StageMeter> Meters { get; }

    /// <summary>Checks that the frames in flight fit the memory cap and freezes the pipeline.</summary>
    /// <param name="source">Where frames come from.</param>
    /// <param name="stages">The work, in order.</param>
    /// <param name="sink">Where frames go.</param>
    /// <param name="channelCapacity">Frames a channel holds, at least 1.</param>
    /// <param name="limitBytes">The cap for frames in flight.</param>
    /// <exception cref="FrameFlowException">The frames in flight do not fit (<see cref="FaultKind.Usage"/>): an error now rather than a dead-lock later.</exception>
    public static VideoPipeline Build(IFrameSource source, IEnumerable<IFrameStage> stages, IFrameSink sink, int channelCapacity, long limitBytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(stages);
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentOutOfRangeException.ThrowIfLessThan(channelCapacity, 1);
        ImmutableArray<IFrameStage> all = [.. stages];

        // Each joint: the channel's capacity, and one frame between a stage's hands and the channel on either side.
        VideoFormat format = source.Format;
        long needed = (source.HeldFrames + channelCapacity + 2) * format.FrameBytes;
        foreach (IFrameStage stage in all)
        {
            long held = stage.HeldFrames * format.FrameBytes;
            format = stage.OutputFormat(format);
            needed += held + ((channelCapacity + 2) * format.FrameBytes);
        }

        needed += sink.HeldFrames * format.FrameBytes;
        if (needed > limitBytes)
        {
            throw new FrameFlowException(
                FaultKind.Usage,
                $"The memory cap of {limitBytes >> 20} MiB does not hold the {needed >> 20} MiB of frames that are in flight at {format.Width}x{format.Height}; raise --memory.");
        }

        return new VideoPipeline(source, all, sink, channelCapacity);
    }

    /// <summary>Runs to the end.</summary>
    /// <exception cref="FrameFlowException">The first fault, where it was a foreseen one; any other exception as it was thrown.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled, and nothing else had failed before.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _begun = Stopwatch.GetTimestamp();
        List<Task> running = [];
        Channel<Frame>[] channels = [.. Enumerable.Range(0, _stages.Length + 1).Select(_ => Channel.CreateBounded<Frame>(new BoundedChannelOptions(_channelCapacity)
        {
            SingleReader = true,
            SingleWriter = true,
            FullMode = BoundedChannelFullMode.Wait,
        }))];

        // No wait at a joint takes a token, which would cost objects with every frame: the joints themselves end by it.
        using CancellationTokenRegistration ending = stop.Token.Register(() =>
        {
            foreach (Channel<Frame> joint in channels)
            {
                joint.Writer.TryComplete(new OperationCanceledException(stop.Token));
            }
        });
        IAsyncEnumerable<Frame> current = _source.ReadAsync(stop.Token);
        for (int i = 0; i <= _stages.Length; i++)
        {
            Channel<Frame> joint = channels[i];
            running.Add(PumpAsync(current, joint.Writer, Meters[i], stop));
            IAsyncEnumerable<Frame> received = ReadAllAsync(joint.Reader, Meters[i + 1], stop.Token);
            current = i < _stages.Length ? _stages[i].ProcessAsync(received, stop.Token) : received;
        }

        running.Add(GuardAsync(
            async () =>
            {
                await _sink.ConsumeAsync(Counted(current, Meters[^1]), stop.Token);
                Meters[^1].End(Stopwatch.GetTimestamp() - _begun);

                // A stage may end before its input does; whoever still waits to hand it frames is let go.
                await stop.CancelAsync();
            },
            stop));
        // Not awaited with the others: a source whose reading was stopped may leave it open.
        Task health = GuardAsync(() => _source.Health.WaitAsync(stop.Token), stop);
        await Task.WhenAll(running);
        await stop.CancelAsync();
        await health;

        // After a fault frames may be left between two stages.
        foreach (Channel<Frame> joint in channels)
        {
            while (joint.Reader.TryRead(out Frame? frame))
            {
                frame.Dispose();
            }
        }

        if (_rootCause is { } cause)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    private static async IAsyncEnumerable<Frame> ReadAllAsync(ChannelReader<Frame> reader, StageMeter meter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long asked = Stopwatch.GetTimestamp();
            bool isMore = await reader.WaitToReadAsync(CancellationToken.None);
            meter.Starve(Stopwatch.GetTimestamp() - asked);
            if (!isMore)
            {
                yield break;
            }

            while (reader.TryRead(out Frame? frame))
            {
                yield return frame;
            }
        }
    }

    private static async IAsyncEnumerable<Frame> Counted(IAsyncEnumerable<Frame> frames, StageMeter meter)
    {
        await foreach (Frame frame in frames)
        {
            meter.Count();
            yield return frame;
        }
    }

    private async Task PumpAsync(IAsyncEnumerable<Frame> frames, ChannelWriter<Frame> writer, StageMeter meter, CancellationTokenSource stop)
    {
        await GuardAsync(
            async () =>
            {
                await foreach (Frame frame in frames)
                {
                    try
                    {
                        if (!writer.TryWrite(frame))
                        {
                            long asked = Stopwatch.GetTimestamp();
                            await writer.WriteAsync(frame, CancellationToken.None);
                            meter.Block(Stopwatch.GetTimestamp() - asked);
                        }
                    }
                    catch
                    {
                        frame.Dispose();
                        throw;
                    }

                    meter.Count();
                }

                // Only a stream that came to its end completes the channel: a consumer must not take a broken one for a short one.
                writer.TryComplete();
                meter.End(Stopwatch.GetTimestamp() - _begun);
            },
            stop);
    }

    // The pipeline's edge: whatever a part throws is kept if it is the first, and stops the others. The order is what tells a cause
    // from a consequence: the fault is recorded before anybody is cancelled.
    private async Task GuardAsync(Func<Task> part, CancellationTokenSource stop)
    {
        try
        {
            // Source, stages and sink begin with synchronous work; none may hold up the others.
            await Task.Run(part, CancellationToken.None);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or ChannelClosedException)
        {
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _rootCause, e, null);
            await stop.CancelAsync();
        }
    }
}
