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
        JsonElement[] lines = _tool.Ledger("whole.jsonl");
        Assert.All(lines, l => Assert.Contains("grained", l.GetProperty("work").ToString(), StringComparison.Ordinal));
        Assert.All(lines, l => Assert.Contains("denoised", l.GetProperty("work").ToString(), StringComparison.Ordinal));
        Assert.Equal(lines.Length, lines.Select(l => l.GetProperty("hash").GetString()).Distinct().Count());

        Task<string> FramesAsync(string file) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-");
    }

    /// <summary>Segments make some frames of their neighbours for the sake of their own: these are counted where they leave. Whatever the order, whether the count grows, stays or shrinks.</summary>
    [Theory]
    [InlineData("rebuild deflicker stabilise defects denoise grain")]
    [InlineData("deflicker stabilise defects rebuild denoise interpolate:25 grain")]
    [InlineData("denoise defects interpolate:4 deflicker")]
    [InlineData("interpolate:25 grain denoise rebuild")]
    public async Task Restore_InSegments_CountsAreTheWholesAndTheLedgers(string operations)
    {
        // Light that flickers, dust in every third frame, a frame lost, noise.
        _ = await _tool.ExternalAsync(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=2",
            "-vf", "eq=brightness=0.06*sin(2.4*n):eval=frame,drawbox=x=40:y=30:w=5:h=5:t=fill:color=white:enable='eq(mod(n,3),1)',format=yuv420p,noise=all_seed=7:alls=12:allf=t,select='not(eq(n,9))'",
            "-fps_mode", "passthrough", "-c:v", "ffv1", "film.mkv");
        await File.WriteAllTextAsync(_tool.At("r.json"), $$"""
            { "name": "test", "operations": [ {{string.Join(", ", operations.Split(' ').Select(Describe))}} ], "encode": { "encoder": "ffv1" } }
            """);
        Dictionary<string, string> counts = [];
        foreach ((string name, string segment) in ((string, string)[])[("whole", "0"), ("parts", "0.5")])
        {
            ToolRun run = await _tool.RunAsync("restore", "film.mkv", "-o", name + ".mkv", "--recipe", "r.json", "--segment", segment, "--ledger", name + ".jsonl", "--report", name + ".html", "--json");
            Assert.True(run.Code == 0, run.Error);
            JsonElement figures = _tool.Figures(name + ".html");
            Assert.Equal(Numbers(run.Json.GetProperty("counts")), Numbers(figures.GetProperty("counts")));
            Assert.Equal(Numbers(run.Json.GetProperty("kinds")), Numbers(figures.GetProperty("ledger").GetProperty("kinds")));
            counts[name] = run.Json.GetProperty("counts").ToString();
            JsonElement[] lines = _tool.Ledger(name + ".jsonl");
            Assert.Equal(lines.GroupBy(l => l.GetProperty("kind").GetString()!).ToDictionary(g => g.Key, g => g.LongCount()), Numbers(run.Json.GetProperty("kinds")));
            if (!operations.Contains("interpolate", StringComparison.Ordinal))
            {
                // One frame for one: what was counted is what the lines say.
                Dictionary<string, long> works = lines.SelectMany(l => l.GetProperty("work").EnumerateArray()).GroupBy(w => w.GetString()!).ToDictionary(g => g.Key, g => g.LongCount());
                Dictionary<string, long> counted = Numbers(run.Json.GetProperty("counts"));
                Assert.All(
                    (string[])["rebuilt rebuilt", "framesDeflickered deflickered", "framesStabilised stabilised", "framesRepaired repaired", "denoised denoised", "grained grained"],
                    pair => Assert.Equal(works.GetValueOrDefault(pair.Split(' ')[1]), counted[pair.Split(' ')[0]]));
            }
        }

        Assert.Equal(counts["whole"], counts["parts"]);
        Assert.Equal(await File.ReadAllTextAsync(_tool.At("whole.jsonl")), await File.ReadAllTextAsync(_tool.At("parts.jsonl")));

        static Dictionary<string, long> Numbers(JsonElement json) => json.EnumerateObject().ToDictionary(n => n.Name, n => n.Value.GetInt64());

        static string Describe(string operation) => operation.Split(':') switch
        {
            ["rebuild"] => """{ "operation": "rebuild", "frames": "3,14", "model": "blend", "grain": false }""",
            ["defects"] => """{ "operation": "defects", "model": "median" }""",
            ["denoise"] => """{ "operation": "denoise", "model": "average" }""",
            ["interpolate", string rate] => $$"""{ "operation": "interpolate", "rate": {{rate}}, "model": "blend" }""",
            [string other, ..] => $$"""{ "operation": "{{other}}" }""",
            _ => throw new ArgumentException(operation),
        };
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
        await File.WriteAllTextAsync(_tool.At("mine.json"), "{ \"name\": \"\\ud800\", \"operations\": [ { \"operation\": \"grain\" } ] }");
        ToolRun half = await _tool.RunAsync("recipes", "check", "mine.json");
        Assert.Equal(2, half.Code);
        Assert.Contains("name: a text ends within a character", half.Fault, StringComparison.Ordinal);
        ToolRun schema = await _tool.RunAsync("recipes", "--schema");
        Assert.Equal("object", schema.Json.GetProperty("type").GetString());
    }

    // Grey, moving, with noise of deviation 20/sqrt 3: what is denoised, made and grained differs in every frame.
    private Task<string> MakeFilmAsync() => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"testsrc2=s=96x64:r=10:d=2"), "-vf", "format=yuv420p,noise=all_seed=7:alls=20:allf=t", "-c:v", "ffv1", "film.mkv");
}
