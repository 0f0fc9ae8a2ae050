using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Tests.Support;

/// <summary>Plain stand-ins for a film.</summary>
internal static class Some
{
    public static VideoFormat Format { get; } = new() { Width = 16, Height = 12, PixelFormat = PixelFormat.Known["yuv420p"] };

    /// <summary>n frames at 24 fps, each filled with its index.</summary>
    public static async IAsyncEnumerable<Frame> Frames(NativePool pool, int count, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        FramePool frames = new(pool, Format);
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return Filled(frames, i);
        }
    }

    /// <summary>Frames and then a fault.</summary>
    public static async IAsyncEnumerable<Frame> FramesThenFault(NativePool pool, int count, Exception fault)
    {
        await foreach (Frame frame in Frames(pool, count))
        {
            yield return frame;
        }

        throw fault;
    }

    public static FrameTimeline Timeline(int count, int rate = 24) =>
        FrameTimeline.FromTicks([.. Enumerable.Range(0, count).Select(i => (long)i)], new Rational(1, rate), null, new Rational(rate));

    private static Frame Filled(FramePool frames, int index)
    {
        Frame frame = frames.Rent(new Rational(index, 24), index);
        frame.Bytes.Fill((byte)(index * 5));
        return frame;
    }
}

/// <summary>A source over any stream of frames.</summary>
internal sealed class FakeSource(IAsyncEnumerable<Frame> frames) : IFrameSource
{
    public VideoFormat Format => Some.Format;

    public int HeldFrames => 1;

    public Task Health { get; init; } = Task.CompletedTask;

    public IAsyncEnumerable<Frame> ReadAsync(CancellationToken cancellationToken) => frames;
}

/// <summary>Keeps each frame's time and first byte; can fail at a given frame, or stop in the middle for as long as nobody cancels.</summary>
internal sealed class FakeSink : IFrameSink
{
    public List<(Rational Time, byte First)> Received { get; } = [];

    public Exception? FaultAtThird { get; init; }

    public TaskCompletionSource? ReachedThird { get; init; }

    public int HeldFrames => 1;

    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        await foreach (Frame frame in frames.WithCancellation(cancellationToken))
        {
            using (frame)
            {
                Received.Add((frame.Time, frame.Bytes[0]));
                if (Received.Count == 3)
                {
                    if (FaultAtThird is not null)
                    {
                        throw FaultAtThird;
                    }

                    if (ReachedThird is not null)
                    {
                        ReachedThird.SetResult();
                        await Task.Delay(Timeout.Infinite, cancellationToken);
                    }
                }
            }
        }
    }
}
