using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class EvaluateTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Evaluate_Pan_RanksTheModelAboveTheTrivialMethods()
    {
        ToolRun run = await _tool.RunAsync("evaluate", Repository.TestData("pan60.mp4"), "--methods", "light,blend,hold,minterpolate", "--sheet", "worst.png", "--worst", "2", "--json");
        Assert.True(run.Code == 0, run.Error);
        Dictionary<string, JsonElement> rows = run.Json.GetProperty("methods").EnumerateArray().ToDictionary(m => m.GetProperty("method").GetString()!);
        double light = rows["light"].GetProperty("psnr").GetDouble();
        Assert.True(light > rows["blend"].GetProperty("psnr").GetDouble() + 3, run.Output);
        Assert.True(light > rows["minterpolate"].GetProperty("psnr").GetDouble(), run.Output);
        Assert.True(rows["blend"].GetProperty("psnr").GetDouble() > rows["hold"].GetProperty("psnr").GetDouble(), run.Output);
        Assert.InRange(rows["light"].GetProperty("ssim").GetDouble(), 0.9, 1);
        // What is blended changes by halves: a quarter of the energy, and what the texture adds.
        Assert.InRange(rows["light"].GetProperty("flicker").GetDouble(), 0.9, 1.1);
        Assert.InRange(rows["blend"].GetProperty("flicker").GetDouble(), 0.25, 0.5);
        Assert.Equal(1, rows["light"].GetProperty("worst").GetProperty("index").GetInt32() % 2);

        // Two rows of truth before, truth and four methods.
        string size = await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_entries", "stream=width", "-of", "csv=p=0", "worst.png");
        Assert.Equal("2880", size.Trim(' ', '\n', ','));
    }

    [Fact]
    public async Task Evaluate_Cuts_LeavesTheFramesBesideThemOut()
    {
        ToolRun run = await _tool.RunAsync("evaluate", Repository.TestData("cuts.mp4"), "--methods", "blend", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.True(run.Json.GetProperty("atCuts").GetInt32() > 0, run.Output);
    }

    [Fact]
    public async Task Evaluate_SheetIsTheClip_IsRefusedAndTheClipUntouched()
    {
        File.Copy(Repository.TestData("pan60.mp4"), _tool.At("clip.mp4"));
        File.CreateSymbolicLink(_tool.At("link.png"), _tool.At("clip.mp4"));
        ToolRun run = await _tool.RunAsync("evaluate", "clip.mp4", "--methods", "hold", "--sheet", "link.png");
        Assert.Equal("The sheet 'link.png' is the input itself; give another name.", run.Fault);
        Assert.Equal(2, run.Code);
        Assert.Equal(await File.ReadAllBytesAsync(Repository.TestData("pan60.mp4")), await File.ReadAllBytesAsync(_tool.At("clip.mp4")));
    }

    [Theory]
    [InlineData("no/such/worst.png", 5)]
    [InlineData("worst_%02d.png", 2)]
    public async Task Evaluate_SheetThatCannotBe_IsRefusedBeforeTheWork(string sheet, int code)
    {
        ToolRun run = await _tool.RunAsync("evaluate", Repository.TestData("pan60.mp4"), "--methods", "hold", "--sheet", sheet);
        Assert.True(run.Code == code, run.Error);
        Assert.Contains("sheet", run.Fault, StringComparison.Ordinal);
        Assert.DoesNotContain("Evaluating", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("single.mp4", "blend", 3)]
    [InlineData("pan60.mp4", "nosuch", 4)]
    [InlineData("pan60.mp4", "blend,blend", 2)]
    public async Task Evaluate_BadRequest_IsOneLineAndItsCode(string clip, string methods, int code)
    {
        ToolRun run = await _tool.RunAsync("evaluate", Repository.TestData(clip), "--methods", methods);
        Assert.Equal(code, run.Code);
        Assert.NotEmpty(run.Fault);
    }
}
