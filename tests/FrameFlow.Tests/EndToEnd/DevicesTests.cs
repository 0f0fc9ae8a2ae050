using System.Text.Json;
using FrameFlow.Inference;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary><c>frameflow devices</c>, as a process of its own.</summary>
public sealed class DevicesTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Devices_NothingInstalled_SaysOfEachWhyNotAndThatTheProcessorWorks()
    {
        _tool.Environment["XDG_DATA_HOME"] = _tool.At("nothing");
        ToolRun run = await _tool.RunAsync("devices", "--json");
        Assert.Equal(0, run.Code);
        JsonElement[] devices = [.. run.Json.GetProperty("devices").EnumerateArray()];
        Assert.Equal(["tensorrt", "cuda", "webgpu", "cpu"], devices.Select(d => d.GetProperty("name").GetString()));
        Assert.All(devices, d => Assert.False(string.IsNullOrWhiteSpace(d.GetProperty("reason").GetString())));
        Assert.False(devices[2].GetProperty("works").GetBoolean());
        Assert.Equal("its library is not installed ('frameflow devices install webgpu')", devices[2].GetProperty("reason").GetString());
        Assert.True(devices[3].GetProperty("works").GetBoolean());
        Assert.Equal(0, devices[3].GetProperty("largestError").GetDouble());
    }

    [Fact]
    public async Task Install_NoPackage_IsAnInputFault()
    {
        _tool.Environment["XDG_DATA_HOME"] = _tool.At("data");
        ToolRun run = await _tool.RunAsync("devices", "install", "webgpu", "--from", "nothing.tgz");
        Assert.Equal(3, run.Code);
        Assert.EndsWith($"give the file that 'npm pack {WebGpuLibrary.Package}' writes.", run.Fault, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_tool.At("data")));
    }

    [Fact]
    public async Task Install_NoNpm_SaysHowToDoWithout()
    {
        _tool.Environment["XDG_DATA_HOME"] = _tool.At("data");
        Directory.CreateDirectory(_tool.At("bin"));
        File.CreateSymbolicLink(_tool.At("bin/dotnet"), await DotnetAsync());
        _tool.Environment["PATH"] = _tool.At("bin");
        ToolRun run = await _tool.RunAsync("devices", "install", "webgpu");
        Assert.Equal(4, run.Code);
        Assert.Contains("npm is not installed", run.Fault, StringComparison.Ordinal);
        Assert.Contains("--from FILE.tgz", run.Fault, StringComparison.Ordinal);
    }

    // "env" looks for the program in the PATH that it is given.
    private async Task<string> DotnetAsync() => Path.GetFullPath((await _tool.ExternalAsync("sh", "-c", "readlink -f \"$(command -v dotnet)\"")).Trim());
}
