using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Tests.Support;
using Serilog.Core;
using Xunit;

namespace FrameFlow.Tests.Jobs;

public sealed class SegmentedJobTests : IDisposable
{
    private static readonly SegmentPolicy Policy = new() { TargetSeconds = 0.5 };

    private readonly EndToEnd.Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>Both looked before either began; the one that comes second takes the first one's plan and does what is left.</summary>
    [Fact]
    public async Task Begin_AnotherProcessPlannedMeanwhile_GoesOnWithItsPlan()
    {
        await using SegmentedJob second = await PrepareAsync();
        await using (SegmentedJob first = await PrepareAsync())
        {
            await first.BeginAsync(TestContext.Current.CancellationToken);
            Assert.True(await first.RunSegmentAsync(1, TestContext.Current.CancellationToken));
        }

        await second.BeginAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, second.Segments.Count).Where(i => i != 1), second.Missing);
        JobSummary summary = await second.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, summary.Segments!.Kept);
        Assert.True(File.Exists(_tool.At("out.mkv")));
    }

    [Fact]
    public async Task Begin_AnotherProcessBeganOtherwise_IsRefused()
    {
        await using SegmentedJob second = await PrepareAsync();
        await using (SegmentedJob first = await PrepareAsync(rate: 30))
        {
            await first.BeginAsync(TestContext.Current.CancellationToken);
        }

        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => second.BeginAsync(TestContext.Current.CancellationToken));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.Contains("\"rate\":\"30\" before, \"rate\":\"50\" now", fault.Message, StringComparison.Ordinal);
    }

    private Task<SegmentedJob> PrepareAsync(int rate = 50) => SegmentedJob.PrepareAsync(
        new JobRequest
        {
            Options = new VideoJobOptions { Input = Repository.TestData("cuts.mp4"), Output = _tool.At("out.mkv"), Encode = new EncodeOptions { Encoder = "ffv1" } },
            Operations = [new InterpolationOperationOptions { Rate = new TargetRate(rate, false), Model = "hold" }],
        },
        Policy, new ModelCatalog(_tool.Folder), Logger.None, TimeProvider.System, TestContext.Current.CancellationToken);
}
