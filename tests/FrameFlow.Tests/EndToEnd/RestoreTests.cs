using System.Globalization;
using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>The chain in one go: what each part does to the frames, in the ledger's words, and how recipes and switches decide.</summary>
public sealed class RestoreTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Restore_DenoiseInterpolateGrain_OneFilmWholeOrInSegments()
    {
        await MakeFilmAsync();
        await File.WriteAllTextAsync(_tool.At("r.json"), """
            {
              "name": "test",
              "operations": [
                { "operation": "denoise", "model": "average", "denoising": { "temporal": 1 } },
                { "operation": "interpolate", "rate": 20, "model": "blend" },
                { "operation": "grain", "amount": 0.5 }
              ],
              "encode": { "encoder": "ffv1" }
            }
            """);
        foreach ((string name, string segment) in ((string, string)[])[("whole", "0"), ("parts", "0.5")])
        {
            ToolRun run = await _tool.RunAsync(
                "restore", "film.mkv", "-o", name + ".mkv", "--recipe", "r.json", "--fps", "25", "--segment", segment, "--ledger", name + ".jsonl", "--report", name + ".html", "--json");
            Assert.True(run.Code == 0, run.Error);
            Assert.Equal(["denoise", "interpolate", "grain"], run.Json.GetProperty("operations").EnumerateArray().Select(o => o.GetString()));
            Assert.Equal(50, run.Json.GetProperty("framesOut").GetInt64());
            Assert.Equal(segment == "0", run.Json.GetProperty("segments").ValueKind == JsonValueKind.Null);
        }

        Assert.Equal(await FramesAsync("whole.mkv"), await FramesAsync("parts.mkv"));
        Assert.Equal(await File.ReadAllTextAsync(_tool.At("whole.jsonl")), await File.ReadAllTextAsync(_tool.At("parts.jsonl")));
        JsonElement[] lines = [.. File.ReadAllLines(_tool.At("whole.jsonl")).Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.All(lines, l => Assert.Contains("grained", l.GetProperty("work").ToString(), StringComparison.Ordinal));
        Assert.All(lines, l => Assert.Contains("denoised", l.GetProperty("work").ToString(), StringComparison.Ordinal));
        Assert.Equal(lines.Length, lines.Select(l => l.GetProperty("hash").GetString()).Distinct().Count());

        Task<string> FramesAsync(string file) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-");
    }

    [Theory]
    [InlineData("smooth-60", new[] { "--interpolate", "off", "--grain", "0.2" }, "grain")]
    [InlineData("film-scan", new[] { "--fps", "30", "--stabilise", "on" }, "deflicker stabilise defects rebuild denoise interpolate grain")]
    [InlineData("film-scan", new[] { "--deflicker", "off", "--denoise", "off", "--grain", "0" }, "defects rebuild")]
    [InlineData("animation", new[] { "--gaps", "off", "--denoise", "on" }, "denoise interpolate")]
    public async Task Restore_Switches_ChangeTheRecipe(string recipe, string[] switches, string operations)
    {
        ToolRun run = await _tool.RunAsync(["restore", Repository.TestData("odd_420.mkv"), "-o", "out.mkv", "--recipe", recipe, .. switches, "--dry-run", "--json"]);
        Assert.True(run.Code == 0, run.Error);
        string found = string.Join(' ', run.Json.GetProperty("operations").EnumerateArray().Select(o => o.GetString()));
        Assert.Equal(operations, found);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Theory]
    [InlineData(new[] { "--fps", "60", "--interpolate", "off" }, "leave one out")]
    [InlineData(new[] { "--recipe", "smooth-60", "--interpolate", "off" }, "Nothing is left")]
    [InlineData(new[] { "--grain", "1.5" }, "0 to 1")]
    [InlineData(new[] { "--recipe", "smooth-61" }, "did you mean 'smooth-60'?")]
    [InlineData(new[] { "--recipe", "none.json" }, "cannot be read")]
    public async Task Restore_WhatCannotBe_IsRefusedWithTheMend(string[] options, string mend)
    {
        ToolRun run = await _tool.RunAsync(["restore", Repository.TestData("odd_420.mkv"), "-o", "out.mkv", .. options]);
        Assert.Equal(2, run.Code);
        Assert.Contains(mend, run.Fault, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public async Task Recipes_ShownAndGivenBack_AreGood()
    {
        ToolRun list = await _tool.RunAsync("recipes", "--json");
        Assert.True(list.Code == 0, list.Error);
        Assert.Equal(["film-scan", "home-movie", "animation", "smooth-60"], list.Json.EnumerateArray().Select(r => r.GetProperty("name").GetString()));
        ToolRun shown = await _tool.RunAsync("recipes", "show", "film-scan");
        await File.WriteAllTextAsync(_tool.At("mine.json"), shown.Output);
        ToolRun good = await _tool.RunAsync("recipes", "check", "mine.json");
        Assert.True(good.Code == 0, good.Error);
        await File.WriteAllTextAsync(_tool.At("mine.json"), shown.Output.Replace("\"amount\"", "\"amuont\"", StringComparison.Ordinal).Replace("\"name\"", "\"title\"", StringComparison.Ordinal));
        ToolRun bad = await _tool.RunAsync("recipes", "check", "mine.json");
        Assert.Equal(2, bad.Code);
        Assert.Contains("3 fault(s)", bad.Fault, StringComparison.Ordinal);
        Assert.Contains("did you mean 'amount'?", bad.Fault, StringComparison.Ordinal);
        Assert.Contains("name: missing", bad.Fault, StringComparison.Ordinal);
        ToolRun schema = await _tool.RunAsync("recipes", "--schema");
        Assert.Equal("object", schema.Json.GetProperty("type").GetString());
    }

    // Grey, moving, with noise of deviation 20/sqrt 3: what is denoised, made and grained differs in every frame.
    private Task<string> MakeFilmAsync() => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"testsrc2=s=96x64:r=10:d=2"), "-vf", "format=yuv420p,noise=all_seed=7:alls=20:allf=t", "-c:v", "ffv1", "film.mkv");
}
