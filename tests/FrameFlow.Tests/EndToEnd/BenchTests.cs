using System.Text.Json;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class BenchTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Bench_TinyClip_TellsOfEveryCaseWithItsFrames()
    {
        ToolRun run = await _tool.RunAsync("bench", "--sizes", "96x64", "--frames", "6", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
        JsonElement machine = run.Json.GetProperty("machine");
        Assert.True(machine.GetProperty("peakFlops").GetDouble() > 0);

        // 6 frames of 24 a second are 15 of 60.
        JsonElement[] runs = [.. run.Json.GetProperty("runs").EnumerateArray()];
        Dictionary<string, long> expected = new() { ["decode"] = 6, ["encode"] = 6, ["stage:cuts"] = 6, ["stage:interpolate"] = 15, ["stage:denoise"] = 6, ["null"] = 6, ["interpolate"] = 15, ["denoise"] = 6 };
        Assert.Equal(expected, runs.ToDictionary(r => r.GetProperty("case").GetString()!, r => r.GetProperty("framesOut").GetInt64()));
        foreach (JsonElement one in runs)
        {
            string name = one.GetProperty("case").GetString()!;
            JsonElement[] stages = [.. one.GetProperty("stages").EnumerateArray()];
            Assert.Equal(["decode", "encode"], [stages[0].GetProperty("name").GetString(), stages[^1].GetProperty("name").GetString()]);
            long frameBytes = 96 * 64 * 3 / 2;
            Assert.Equal(stages.Sum(s => s.GetProperty("frames").GetInt64()) * frameBytes, one.GetProperty("bytesMoved").GetInt64());
            Assert.Equal(name.EndsWith("interpolate", StringComparison.Ordinal) || name.EndsWith("denoise", StringComparison.Ordinal), one.GetProperty("modelFlops").GetDouble() > 0);
            Assert.True(one.GetProperty("peakMemoryBytes").GetInt64() > 0);
        }

        JsonElement[] calls = [.. run.Json.GetProperty("calls").EnumerateArray()];
        Assert.Contains(calls, c => c.GetProperty("call").GetString() == "light: residual" && c.GetProperty("shareOfPeak").GetDouble() > 0);
        Assert.Equal(["denoise", "residual", "synthesis"], run.Json.GetProperty("graphs").EnumerateArray().Select(g => g.GetProperty("graph").GetString()).Order());
    }

    [Fact]
    public async Task Bench_FilmAndOnly_MeasuresThatAlone()
    {
        ToolRun run = await _tool.RunAsync("bench", "--film", Support.Repository.TestData("pan24.mp4"), "--only", "null,calls", "--model", "flow", "--model", "average");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("| null ", run.Output, StringComparison.Ordinal);
        Assert.Contains("dense inverse search", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("light", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--sizes", "300p")]
    [InlineData(2, "--only", "everything")]
    [InlineData(2, "--frames", "0")]
    [InlineData(4, "--model", "nosuch")]
    [InlineData(3, "--film", "absent.mp4")]
    public async Task Bench_BadRequest_IsOneLineAndItsCode(int code, params string[] arguments)
    {
        ToolRun run = await _tool.RunAsync(["bench", .. arguments]);
        Assert.Equal(code, run.Code);
        Assert.NotEmpty(run.Fault);
        Assert.Empty(run.Output);
    }
}
