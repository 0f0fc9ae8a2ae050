using System.Text.Json;
using FrameFlow.Inference;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>
/// WebGPU where its library and a Vulkan driver are there: a GPU's, or lavapipe's, which plays one (seconds for the smallest pictures, so these are few and small).
/// Each is a process of its own, since a process uses one native ONNX Runtime.
/// </summary>
public sealed class WebGpuTests : IDisposable
{
    private readonly Tool _tool = new();

    public WebGpuTests() => Assert.SkipUnless(
        WebGpuLibrary.IsInstalled && VulkanAdapters.List().Count > 0, "WebGPU's library or a Vulkan driver is absent; run 'frameflow devices install webgpu' and install a driver");

    public void Dispose() => _tool.Dispose();

    /// <summary>The probe holds the convolutions that WebGPU's own layout calculates wrongly; the network is one that ships.</summary>
    [Fact]
    public async Task Try_ProbeAndDenoiser_GiveTheProcessorsNumbers()
    {
        ToolRun run = await _tool.RunAsync("devices", "try", "webgpu", Path.Combine(Repository.Models, "denoise-light"));
        DeviceVerdict verdict = JsonSerializer.Deserialize<DeviceVerdict>(run.Output)!;
        Assert.True(verdict.Works, verdict.Reason);
        Assert.InRange(verdict.LargestError!.Value, 0, 1e-4);
    }

    /// <summary>Its library is older than the bindings: what it lacks is answered, not called into the blue.</summary>
    [Fact]
    public async Task Denoise_OnWebGpu_GivesTheProcessorsPicturesWithinACodeValue()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=48x32:r=24:d=0.125,noise=alls=20:allf=t", "-pix_fmt", "yuv444p", "-c:v", "ffv1", "in.mkv");
        byte[][] pictures = [await DenoiseAsync("cpu"), await DenoiseAsync("webgpu")];
        Assert.Equal(pictures[0].Length, pictures[1].Length);
        Assert.NotEmpty(pictures[0]);
        Assert.InRange(pictures[0].Zip(pictures[1], (a, b) => Math.Abs(a - b)).Max(), 0, 1);
    }

    [Fact]
    public async Task Devices_SoftwareVulkanAlone_IsNotTakenByAuto()
    {
        Assert.SkipUnless(VulkanAdapters.List().All(a => a.IsSoftware), "there is a GPU");
        ToolRun run = await _tool.RunAsync("devices", "--json");
        Assert.Equal("cpu", run.Json.GetProperty("auto").GetString());
        Assert.StartsWith("Vulkan is played by the processor here (", run.Json.GetProperty("devices")[2].GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    private async Task<byte[]> DenoiseAsync(string device)
    {
        ToolRun run = await _tool.RunAsync("denoise", "in.mkv", "-o", $"{device}.mkv", "--device", device, "--sigma", "10", "--encoder", "ffv1", "--threads", "1", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(device, run.Json.GetProperty("device").GetString());
        Assert.Empty(run.Json.GetProperty("deviceLosses").EnumerateArray());
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", $"{device}.mkv", "-f", "rawvideo", $"{device}.yuv");
        return await File.ReadAllBytesAsync(_tool.At($"{device}.yuv"), TestContext.Current.CancellationToken);
    }
}
