using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Benchmarking;

/// <summary>Frames that lie in memory, as a source: a stage behind it waits for nobody.</summary>
/// <param name="format">Their format.</param>
/// <param name="frames">The frames, in order; they stay the caller's.</param>
internal sealed class MemorySource(VideoFormat format, IReadOnlyList<Frame> frames) : IFrameSource
{
    public VideoFormat Format => format;

    public int HeldFrames => 0;

    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (Frame frame in frames)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return frame.Share();
        }
    }
}

/// <summary>Drops what comes: a stage before it waits for nobody.</summary>
internal sealed class DiscardingSink : IFrameSink
{
    public int HeldFrames => 1;

    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        await foreach (Frame frame in frames.WithCancellation(cancellationToken))
        {
            frame.Dispose();
        }
    }
}

/// <summary>Passes frames on to another sink, and says how much managed memory was allocated for a frame once the pipeline had got going: in the second half.</summary>
/// <param name="sink">The sink.</param>
/// <param name="total">How many frames will come.</param>
internal sealed class AllocationSink(IFrameSink sink, long total) : IFrameSink
{
    private long _frames;
    private long _atHalf;
    private long _atEnd;

    public int HeldFrames => sink.HeldFrames;

    /// <summary>Frames that came.</summary>
    public long Frames => _frames;

    /// <summary>Managed bytes a frame, of all threads, from the first frame of the second half to the last frame.</summary>
    public double BytesPerFrame => _frames <= First ? 0 : (_atEnd - _atHalf) / (double)(_frames - First);

    private long First => (total + 1) / 2;

    public Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => sink.ConsumeAsync(Watched(frames, cancellationToken), cancellationToken);

    private async IAsyncEnumerable<Frame> Watched(IAsyncEnumerable<Frame> frames, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Frame frame in frames.WithCancellation(cancellationToken))
        {
            // Precise figures stop every thread, so they are taken twice only.
            _frames++;
            if (_frames == First)
            {
                _atHalf = GC.GetTotalAllocatedBytes(precise: true);
            }
            else if (_frames == total)
            {
                _atEnd = GC.GetTotalAllocatedBytes(precise: true);
            }

            yield return frame;
        }
    }
}
