using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>The ledger and the report of real runs: what they say is what was done, whole or in segments, and they are there or not there with the film.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Interpolate_LedgerReportAndJson_TellTheSame()
    {
        ToolRun run = await _tool.RunAsync(
            "interpolate", Repository.TestData("cuts.mp4"), "-o", "out.mkv", "--fps", "60", "--model", "blend", "--encoder", "ffv1", "--ledger", "out.jsonl", "--report", "out.html", "--json");
        Assert.True(run.Code == 0, run.Error);
        JsonElement[] lines = _tool.Ledger("out.jsonl");
        JsonElement json = run.Json;
        Assert.Equal(json.GetProperty("framesOut").GetInt64(), lines.Length);
        Assert.Equal(json.GetProperty("generated").GetInt64(), Count("interpolated"));
        Assert.Equal(json.GetProperty("heldAtCuts").GetInt64() + json.GetProperty("fellBack").GetInt64() + json.GetProperty("bypassed").GetInt64(), Count("held"));
        Assert.Equal(lines.Length - Count("interpolated") - Count("held"), Count("source"));
        JsonElement figures = _tool.Figures("out.html");
        foreach (JsonElement kinds in (JsonElement[])[json.GetProperty("kinds"), figures.GetProperty("ledger").GetProperty("kinds")])
        {
            Assert.Equal(lines.GroupBy(KindOf).ToDictionary(g => g.Key, g => g.LongCount()), kinds.EnumerateObject().ToDictionary(k => k.Name, k => k.Value.GetInt64()));
        }

        Assert.Equal(lines.Length, figures.GetProperty("ledger").GetProperty("timeline").EnumerateArray().Sum(b => b.GetProperty("frames").GetInt64()));
        Assert.Equal(json.GetProperty("generated").GetInt64(), figures.GetProperty("counts").GetProperty("generated").GetInt64());
        Assert.Equal([0.8, 1.8, 2.4], figures.GetProperty("cuts").EnumerateArray().Select(c => c.GetDouble()));
        Assert.NotEqual(0, figures.GetProperty("stills").GetArrayLength());

        // Frames that repeat one another have one hash, others have not; each line's hash is that of what a lossless encoder was given.
        string md5 = await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", "out.mkv", "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-");
        string[] frames = [.. md5.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split(',')[^1].Trim())];
        Assert.Equal(frames.Length, lines.Length);
        Assert.Equal(frames.Distinct().Count(), lines.Select(l => l.GetProperty("hash").GetString()).Distinct().Count());
        Assert.Single(lines.Select((l, i) => (l.GetProperty("hash").GetString(), frames[i])).Distinct().GroupBy(p => p.Item1).Select(g => g.Count()).Distinct());

        long Count(string kind) => lines.LongCount(l => KindOf(l) == kind);
    }

    [Fact]
    public async Task Denoise_ReportOfTheLongestName_IsWrittenAndOneTooLongRefusedBeforeTheWork()
    {
        string[] arguments = ["denoise", Repository.TestData("pan24.mp4"), "--model", "average", "--sigma", "0", "--duration", "0.2", "-o"];
        string film = new string('f', 251) + ".mkv";
        string report = new string('r', 250) + ".html";
        ToolRun refused = await _tool.RunAsync([.. arguments, film, "--report", "r" + report]);
        Assert.Equal($"[FTL] The report 'r{report}' has a name of 256 bytes, and 255 are the most that a file system takes; give a shorter one.\n", refused.Error);
        Assert.Equal(2, refused.Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));

        ToolRun run = await _tool.RunAsync([.. arguments, film, "--report", report]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal([film, report], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Denoise_UnevenTimes_LedgerHasTheSourcesOwn()
    {
        ToolRun run = await _tool.RunAsync(
            "denoise", Repository.TestData("vfr.mp4"), "-o", "out.mp4", "--model", "average", "--temporal", "1", "--ledger", "out.jsonl", "--report", "out.html", "--json");
        Assert.True(run.Code == 0, run.Error);
        JsonElement[] lines = _tool.Ledger("out.jsonl");
        Assert.Equal(run.Json.GetProperty("framesOut").GetInt64(), lines.Length);
        Assert.All(lines, l => Assert.Equal(l.GetProperty("sourceTimes")[0].GetString(), l.GetProperty("time").GetString()));
        Assert.Equal(Enumerable.Range(0, lines.Length), lines.Select(l => l.GetProperty("source")[0].GetInt32()));
        JsonElement figures = _tool.Figures("out.html");
        Assert.Equal(lines.Count(l => KindOf(l) == "denoised"), figures.GetProperty("counts").GetProperty("denoised").GetInt64());
        Assert.Contains(figures.GetProperty("measurements").EnumerateArray(), m => m.GetProperty("series").GetString() == "before");
    }

    [Fact]
    public async Task Segments_StoppedAndResumed_LedgerIsTheWholes()
    {
        string film = Repository.TestData("cuts.mp4");
        await File.WriteAllTextAsync(_tool.At("r.json"), """
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": 50, "model": "blend" } ], "encode": { "encoder": "ffv1" } }
            """);
        string[] job = ["interpolate", film, "--fps", "50", "--model", "blend", "--encoder", "ffv1"];
        ToolRun whole = await _tool.RunAsync([.. job, "-o", "whole.mkv", "--segment", "0", "--ledger", "whole.jsonl"]);
        Assert.True(whole.Code == 0, whole.Error);

        // Two segments by processes of their own, of which one's ledger is spoilt; then the command that was cut short goes on.
        ToolRun plan = await _tool.RunAsync("plan", film, "-o", "out.mkv", "--recipe", "r.json", "--segment", "1");
        Assert.True(plan.Code == 0, plan.Error);
        foreach (string index in (string[])["0", "1"])
        {
            ToolRun segment = await _tool.RunAsync("segment", index, "-o", "out.mkv");
            Assert.True(segment.Code == 0, segment.Error);
        }

        await File.AppendAllTextAsync(_tool.At(".out.mkv.frameflow/segment-00001.jsonl"), "{}\n");
        ToolRun rest = await _tool.RunAsync([.. job, "-o", "out.mkv", "--segment", "1", "--ledger", "out.jsonl", "--report", "out.html"]);
        Assert.True(rest.Code == 0, rest.Error);
        Assert.Contains("made again", rest.Error, StringComparison.Ordinal);
        Assert.Equal(await File.ReadAllTextAsync(_tool.At("whole.jsonl")), await File.ReadAllTextAsync(_tool.At("out.jsonl")));
        JsonElement figures = _tool.Figures("out.html");
        Assert.Equal(_tool.Ledger("out.jsonl").Length, figures.GetProperty("ledger").GetProperty("frames").GetInt64());
        Assert.Equal(_tool.Ledger("out.jsonl").Length, figures.GetProperty("stages").EnumerateArray().Last().GetProperty("frames").GetInt64());
        Assert.Equal(["out.html", "out.jsonl", "out.mkv", "r.json", "whole.jsonl", "whole.mkv"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("--ledger", "in.mp4", "is the input itself")]
    [InlineData("--report", "./in.mp4", "is the input itself")]
    [InlineData("--ledger", "out.mp4", "is the output itself")]
    [InlineData("--report", "there.html", "exists already")]
    [InlineData("--report", "no/such/folder.html", "does not exist")]
    public async Task Papers_PlaceThatCannotBe_IsRefusedBeforeAnyWork(string option, string path, string mend)
    {
        File.Copy(Repository.TestData("single.mp4"), _tool.At("in.mp4"));
        await File.WriteAllTextAsync(_tool.At("there.html"), "mine");
        ToolRun run = await _tool.RunAsync("interpolate", "in.mp4", "-o", "out.mp4", "--model", "hold", option, path);
        Assert.Equal(option == "--report" && path.Contains("no/", StringComparison.Ordinal) ? 5 : 2, run.Code);
        Assert.Contains(mend, run.Fault, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(_tool.At("there.html")));
        Assert.Equal(["in.mp4", "there.html"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Papers_FilmThatFails_LeavesNone()
    {
        File.Copy(Repository.TestData("pan24.mp4"), _tool.At("in.mp4"));
        ToolRun run = await _tool.RunAsync("interpolate", "in.mp4", "-o", "out.mp4", "--model", "hold", "--encoder-args", "-preset nonsense", "--ledger", "out.jsonl", "--report", "out.html");
        Assert.Equal(5, run.Code);
        Assert.Equal(["in.mp4"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Report_InChromium_ShowsAllAndAsksForNothing()
    {
        string folder = Path.Combine(Repository.Root, "tests", "browser");
        Assert.SkipUnless(File.Exists("/usr/bin/chromium") && Directory.Exists(Path.Combine(folder, "node_modules", "playwright-core")), "no chromium, or no 'npm ci' in tests/browser");

        // A name that is markup, if it is let be.
        File.Copy(Repository.TestData("cuts.mp4"), _tool.At("<img src=x onerror=alert(1)>&amp;.mp4"));
        ToolRun run = await _tool.RunAsync("interpolate", "<img src=x onerror=alert(1)>&amp;.mp4", "-o", "<b>out.mp4", "--fps", "50", "--model", "blend", "--report", "out.html");
        Assert.True(run.Code == 0, run.Error);
        string pictures = Path.Combine(Repository.Root, "artifacts", "test", "report");
        Directory.CreateDirectory(pictures);
        string said = await _tool.ExternalAsync("node", Path.Combine(folder, "report.mjs"), "file://" + _tool.At("out.html"), "/usr/bin/chromium", pictures);
        Assert.Equal("ok", said.Trim());
    }

    private static string KindOf(JsonElement line) => line.GetProperty("kind").GetString()!;
}
