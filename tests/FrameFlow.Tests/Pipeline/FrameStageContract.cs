using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

/// <summary>What every stage must do, whatever it is for. A stage's tests inherit this.</summary>
public abstract class FrameStageContract
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A stage for a source of <paramref name="frames"/> frames at 24 fps in <see cref="Some.Format"/>.</summary>
    internal abstract IFrameStage CreateStage(NativePool pool, int frames);

    /// <summary>How many frames the stage makes of that many.</summary>
    internal abstract long ExpectedFrames(int frames);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(25)]
    public async Task Process_Frames_AllComeOutInOrder(int count)
    {
        using NativePool pool = new(1 << 24);
        IFrameStage stage = CreateStage(pool, count);
        List<Rational> times = [];
        await foreach (Frame frame in stage.ProcessAsync(Some.Frames(pool, count), default))
        {
            times.Add(frame.Time);
            frame.Dispose();
        }

        Assert.Equal(ExpectedFrames(count), times.Count);
        Assert.Equal(times.Order(), times);
        Assert.Equal(times.Count, times.Distinct().Count());
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_NoFrames_GivesNone()
    {
        using NativePool pool = new(1 << 24);
        IFrameStage stage = CreateStage(pool, 3);
        await foreach (Frame frame in stage.ProcessAsync(Some.Frames(pool, 0), default))
        {
            frame.Dispose();
            Assert.Fail("a frame from nothing");
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_SourceFaults_FaultComesThroughAndNothingLeaks()
    {
        using NativePool pool = new(1 << 24);
        IFrameStage stage = CreateStage(pool, 20);
        InvalidDataException fault = new("the film tore");
        InvalidDataException seen = await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (Frame frame in stage.ProcessAsync(Some.FramesThenFault(pool, 7, fault), default))
            {
                frame.Dispose();
            }
        });
        Assert.Same(fault, seen);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_ConsumerLeaves_NothingLeaks()
    {
        using NativePool pool = new(1 << 24);
        IFrameStage stage = CreateStage(pool, 20);
        await foreach (Frame frame in stage.ProcessAsync(Some.Frames(pool, 20), default))
        {
            frame.Dispose();
            break;
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_CancelledInPipeline_EndsAndNothingLeaks()
    {
        using NativePool pool = new(1 << 24);
        using CancellationTokenSource stop = new();
        TaskCompletionSource third = new();
        FakeSink sink = new() { ReachedThird = third };
        VideoPipeline pipeline = VideoPipeline.Build(new FakeSource(Some.Frames(pool, 20)), [CreateStage(pool, 20)], sink, 2, pool.LimitBytes);
        Task running = pipeline.RunAsync(stop.Token);
        await third.Task.WaitAsync(Patience);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(Patience));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_SinkFaults_RootCauseIsThrownAndNothingLeaks()
    {
        using NativePool pool = new(1 << 24);
        FrameFlowException fault = new(FaultKind.Storage, "the disk is full");
        FakeSink sink = new() { FaultAtThird = fault };
        VideoPipeline pipeline = VideoPipeline.Build(new FakeSource(Some.Frames(pool, 20)), [CreateStage(pool, 20)], sink, 2, pool.LimitBytes);
        FrameFlowException seen = await Assert.ThrowsAsync<FrameFlowException>(() => pipeline.RunAsync(default).WaitAsync(Patience));
        Assert.Same(fault, seen);
        Assert.Equal(0, pool.LiveBlocks);
    }
}
