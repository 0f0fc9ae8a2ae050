using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Benchmarks;

/// <summary>What it costs to hand a frame on: a pipeline of source, stage and sink that do nothing, and ordered batches, a thousand frames each.</summary>
public class HandOverBenchmarks
{
    private const int Count = 1000;

    private readonly NativePool _memory = new(1L << 30);

    [GlobalCleanup]
    public void Cleanup() => _memory.Dispose();

    [Benchmark(OperationsPerInvoke = Count)]
    public Task Pipeline() => VideoPipeline.Build(new Source(_memory), [new Stage()], new Sink(), channelCapacity: 3, _memory.LimitBytes).RunAsync(CancellationToken.None);

    [Benchmark(OperationsPerInvoke = Count)]
    public async Task Batches()
    {
        await foreach (Frame frame in OrderedBatches.RunAsync(new Source(_memory).ReadAsync(CancellationToken.None), 2, static (frame, _) => frame, static frame => frame.Dispose(), CancellationToken.None))
        {
            frame.Dispose();
        }
    }

    private sealed class Source(NativePool memory) : IFrameSource
    {
        public VideoFormat Format { get; } = new() { Width = 64, Height = 64, PixelFormat = PixelFormat.Known["yuv420p"] };

        public int HeldFrames => 0;

        public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            FramePool pool = new(memory, Format);
            for (int i = 0; i < Count; i++)
            {
                yield return pool.Rent(i, i);
            }
        }
    }

    private sealed class Stage : IFrameStage
    {
        public string Name => "nothing";

        public int HeldFrames => 0;

        public VideoFormat OutputFormat(VideoFormat input) => input;

        public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (Frame frame in input.WithCancellation(cancellationToken))
            {
                yield return frame;
            }
        }
    }

    private sealed class Sink : IFrameSink
    {
        public int HeldFrames => 0;

        public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
        {
            await foreach (Frame frame in frames.WithCancellation(cancellationToken))
            {
                frame.Dispose();
            }
        }
    }
}
