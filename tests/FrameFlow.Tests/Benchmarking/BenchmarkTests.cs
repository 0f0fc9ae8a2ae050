using FrameFlow.Benchmarking;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Benchmarking;

public sealed class BenchmarkTests
{
    [Theory]
    [InlineData("480p", 854, 480)]
    [InlineData("1080p", 1920, 1080)]
    [InlineData("1024x576", 1024, 576)]
    [InlineData("1280x720", 1280, 720)]
    public void PictureSize_Text_IsRead(string text, int width, int height)
    {
        Assert.True(PictureSize.TryParse(text, out PictureSize size));
        Assert.Equal((width, height), (size.Width, size.Height));
        Assert.True(PictureSize.TryParse(size.ToString(), out PictureSize again));
        Assert.Equal(size, again);
    }

    [Theory]
    [InlineData("721p")]
    [InlineData("1024")]
    [InlineData("1023x576")]
    [InlineData("16x16")]
    [InlineData("99999x64")]
    [InlineData("-64x64")]
    [InlineData("")]
    public void PictureSize_Nonsense_IsRefused(string text) => Assert.False(PictureSize.TryParse(text, out _));

    [Fact]
    public void Validate_EveryFault_IsNamed()
    {
        BenchmarkOptions options = new() { Sizes = [], Frames = 1, Threads = 0, Only = ["decode", "nonsense"] };
        IReadOnlyList<string> faults = options.Validate();
        Assert.Equal(4, faults.Count);
        Assert.Contains(faults, f => f.StartsWith("--only nonsense", StringComparison.Ordinal));
        Assert.Empty(new BenchmarkOptions().Validate());
    }

    [Fact]
    public void Compute_Chains_ConvergeToOneAfterAsManyOperationsAsAreCounted()
    {
        // x - 1 halves with every round: from 11 at most, and 6.5 - 1 in the mean of the chains 0..11 before the first.
        Assert.Equal(5.5f, MultiplyAddPeak.Compute(0), 1e-6f);
        Assert.Equal(1 + (4.5f / 8), MultiplyAddPeak.Compute(3), 1e-6f);
        Assert.Equal(1f, MultiplyAddPeak.Compute(40), 1e-6f);
        Assert.Equal(2.0 * 12 * 1000 * MultiplyAddPeak.VectorBits / 32, MultiplyAddPeak.Operations(1000));
    }

    [Fact]
    public void ChildTime_NameWithBracketsAndBlanks_IsPassedOver()
    {
        // proc(5): pid (comm) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime ...
        TimeSpan time = ProcessUsage.ChildTime("12 (a) b (c) S 1 1 1 0 -1 4 10 20 30 40 500 600 123 277 20 0 1 0 99");
        Assert.Equal(TimeSpan.FromSeconds(4), time);
    }

    [Fact]
    public async Task AllocationSink_SecondHalf_IsCountedForEachFrame()
    {
        const int Count = 8;
        const int Bytes = 100_000;
        using NativePool memory = new(1 << 20);
        List<byte[]> kept = [];
        AllocationSink sink = new(new AllocatingSink(() => kept.Add(new byte[Bytes])), Count);
        await sink.ConsumeAsync(Some.Frames(memory, Count, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        Assert.Equal(Count, sink.Frames);
        Assert.InRange(sink.BytesPerFrame, Bytes, 1.5 * Bytes);
        Assert.Equal(0, memory.LiveBlocks);
    }

    [Fact]
    public async Task MemorySource_ReadTwice_GivesTheSameFramesAndKeepsThem()
    {
        using NativePool memory = new(1 << 20);
        List<Frame> frames = [];
        await foreach (Frame frame in Some.Frames(memory, 3, TestContext.Current.CancellationToken))
        {
            frames.Add(frame);
        }

        for (int pass = 0; pass < 2; pass++)
        {
            List<Rational> times = [];
            await foreach (Frame frame in new MemorySource(Some.Format, frames).ReadAsync(TestContext.Current.CancellationToken))
            {
                using (frame)
                {
                    times.Add(frame.Time);
                }
            }

            Assert.Equal(frames.Select(f => f.Time), times);
        }

        Assert.Equal(3, memory.LiveBlocks);
        frames.ForEach(f => f.Dispose());
        Assert.Equal(0, memory.LiveBlocks);
    }

    [Fact]
    public void ModelFlops_MadeFrames_CountEachGraphOnce()
    {
        Model light = new ModelCatalog(Repository.Models).Find("light", "interpolate");
        long each = light.Manifest.Files.Values.Sum(f => f.FlopsPerPixel);
        Dictionary<string, long> counts = new() { ["generated"] = 3, ["held"] = 5, ["fellBack"] = 1 };
        Assert.Equal(4.0 * each * 640 * 480, Benchmark.ModelFlops([light], counts, new PictureSize(640, 480)));
        Assert.Equal(0, Benchmark.ModelFlops([], counts, new PictureSize(640, 480)));
    }

    [Fact]
    public void Manifests_EveryGraph_SaysItsWork()
    {
        foreach (Model model in new ModelCatalog(Repository.Models).List())
        {
            Assert.All(model.Manifest.Files, f => Assert.True(f.Value.FlopsPerPixel > 0, $"{model.Manifest.Name}: {f.Key} has no flopsPerPixel"));
        }
    }

    private sealed class AllocatingSink(Action each) : FrameFlow.Pipeline.IFrameSink
    {
        public int HeldFrames => 1;

        public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
        {
            await foreach (Frame frame in frames.WithCancellation(cancellationToken))
            {
                each();
                frame.Dispose();
            }
        }
    }
}
