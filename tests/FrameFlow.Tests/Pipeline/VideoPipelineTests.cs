using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

public sealed class VideoPipelineTests
{
    [Fact]
    public async Task Run_NoStage_PassesEveryFrameOn()
    {
        using NativePool pool = new(1 << 22);
        FakeSink sink = new();
        await VideoPipeline.Build(new FakeSource(Some.Frames(pool, 30)), [], sink, 2, pool.LimitBytes).RunAsync(default);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => new Rational(i, 24)), sink.Received.Select(r => r.Time));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public void Build_FramesInFlightPassTheCap_IsRefusedBeforeAnythingRuns()
    {
        using NativePool pool = new(1 << 22);
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => VideoPipeline.Build(new FakeSource(Some.Frames(pool, 1)), [], new FakeSink(), 4, Some.Format.FrameBytes * 5));
        Assert.Equal(FaultKind.Usage, fault.Kind);
    }

    [Fact]
    public async Task Run_SourceFaults_SinkIsStoppedAndRootCauseThrown()
    {
        using NativePool pool = new(1 << 22);
        InvalidDataException fault = new("torn");
        VideoPipeline pipeline = VideoPipeline.Build(new FakeSource(Some.FramesThenFault(pool, 5, fault)), [], new FakeSink(), 2, pool.LimitBytes);
        Assert.Same(fault, await Assert.ThrowsAsync<InvalidDataException>(() => pipeline.RunAsync(default)));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Run_SourceIsLostWhileTheSinkIsBusy_EndsAtOnceWithItsFault()
    {
        using NativePool pool = new(1 << 22);
        TaskCompletionSource third = new();
        TaskCompletionSource health = new();
        FakeSource source = new(Some.Frames(pool, 30)) { Health = health.Task };
        Task run = VideoPipeline.Build(source, [], new FakeSink { ReachedThird = third }, 2, pool.LimitBytes).RunAsync(default);
        await third.Task;
        InvalidDataException fault = new("lost");
        health.SetException(fault);
        Assert.Same(fault, await Assert.ThrowsAsync<InvalidDataException>(() => run));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Run_SlowSink_MetersSayWhoWaited()
    {
        using NativePool pool = new(1 << 22);
        TaskCompletionSource third = new();
        using CancellationTokenSource stop = new();
        VideoPipeline pipeline = VideoPipeline.Build(new FakeSource(Some.Frames(pool, 30)), [], new FakeSink { ReachedThird = third }, 2, pool.LimitBytes);
        Task run = pipeline.RunAsync(stop.Token);
        await third.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(["decode", "encode"], pipeline.Meters.Select(m => m.Name));
        Assert.Equal(3, pipeline.Meters[1].Frames);
        Assert.True(pipeline.Meters[1].Starved > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, pipeline.Meters[1].Blocked);
    }
}
