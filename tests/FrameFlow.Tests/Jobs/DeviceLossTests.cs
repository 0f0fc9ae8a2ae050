using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Serilog.Core;
using Xunit;

namespace FrameFlow.Tests.Jobs;

/// <summary>A device lost in the middle of a film, through a whole job: decoder, pipeline, encoder, ledger.</summary>
public sealed class DeviceLossTests : IDisposable
{
    // Pairs of frames in the part that is taken; each takes a run of two networks.
    private const int Frames = 6;
    private const int RunsInAll = 2 * (Frames - 1);

    private readonly EndToEnd.Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Run_DeviceFailsOnce_DoesTheBatchAgainOnANewSession()
    {
        FailingDevice device = new(run => run == 5);
        JobSummary summary = await RunAsync("lost.mkv", device, DeviceLossPolicy.Stop);
        string line = Assert.Single(summary.DeviceLosses);
        Assert.EndsWith("(VK_ERROR_DEVICE_LOST); what it was doing is done again on a new session.", line, StringComparison.Ordinal);
        Assert.Equal(3, device.Opened); // both networks', and one more
        Assert.Equal(RunsInAll + 1, device.Runs);
        await AssertSameFramesAsync();
    }

    [Fact]
    public async Task Run_DeviceIsLost_GoesOnOnTheProcessorWithoutLosingAFrame()
    {
        FailingDevice device = new(run => run >= 5);
        JobSummary summary = await RunAsync("lost.mkv", device, DeviceLossPolicy.Cpu);
        Assert.Contains(summary.DeviceLosses, l => l.EndsWith("it goes on on the processor, from the very batch that failed.", StringComparison.Ordinal));
        Assert.Equal(2 * Frames, summary.FramesOut); // the last one is held for its duration
        await AssertSameFramesAsync();
    }

    [Fact]
    public async Task Run_DeviceIsLostAndTheJobShallStop_PublishesNothingAndSaysHowToGoOn()
    {
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => RunAsync("lost.mkv", new FailingDevice(run => run >= 5), DeviceLossPolicy.Stop));
        Assert.Equal(FaultKind.Device, fault.Kind);
        Assert.True(fault.CanRetry);
        Assert.EndsWith("run the same command again when it is back, or with --on-device-loss cpu.", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_tool.At("lost.mkv")));
    }

    [Fact]
    public async Task Report_DeviceWasLost_SaysSo()
    {
        await RunAsync("lost.mkv", new FailingDevice(run => run >= 5), DeviceLossPolicy.Cpu, _tool.At("report.html"));
        Assert.Contains("it goes on on the processor", await File.ReadAllTextAsync(_tool.At("report.html"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task AssertSameFramesAsync()
    {
        await RunAsync("whole.mkv", new FailingDevice(_ => false), DeviceLossPolicy.Stop);
        Assert.Equal(
            await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", "whole.mkv", "-map", "0:v", "-f", "framemd5", "-"),
            await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", "lost.mkv", "-map", "0:v", "-f", "framemd5", "-"));
    }

    private async Task<JobSummary> RunAsync(string output, FailingDevice device, DeviceLossPolicy policy, string? report = null)
    {
        VideoJobOptions options = new()
        {
            Input = Repository.TestData("pan24.mp4"),
            Output = _tool.At(output),
            Device = "webgpu",
            Threads = 2,
            Encode = new EncodeOptions { Encoder = "ffv1" },
            Decode = new DecodeOptions { Duration = new Rational(Frames, 24) },
            Report = report,
        };
        await using VideoJob job = await VideoJob.PrepareAsync(
            options,
            [new InterpolationOperation(new InterpolationOperationOptions { Rate = new TargetRate(2, true) })],
            new ModelCatalog(Repository.Models),
            Logger.None,
            TestContext.Current.CancellationToken,
            devices: new DeviceSelection("webgpu", policy, [], _ => { }) { Open = device.Open });
        return await job.RunAsync(TestContext.Current.CancellationToken);
    }
}
