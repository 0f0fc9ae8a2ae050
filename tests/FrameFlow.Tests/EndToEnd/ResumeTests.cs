using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Tests.Support;
using Serilog.Core;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Work that is cut short goes on, and ends with the frames that it would have ended with.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int Kills = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Tool _tool = new();

    private string Work => _tool.At(".out.mkv.frameflow");

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Interpolate_KilledTwentyTimes_EndsWithTheSameFrames()
    {
        await MakeFilmAsync(40);
        string[] job = ["interpolate", "film.mkv", "-o", "out.mkv", "--fps", "20", "--model", "blend", "--encoder", "ffv1", "--segment", "0.5"];
        Random moments = new(20_6);
        HashSet<string> finished = [];
        for (int kill = 0; kill < Kills; kill++)
        {
            using Process run = _tool.Start(job);
            Task<string> errors = run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            int before = Segments().Length;
            await UntilAsync(() => run.HasExited || Segments().Length > before);

            // The moment itself: anywhere in the making of the next segment or two.
            await Task.Delay(moments.Next(0, 400), TestContext.Current.CancellationToken);
            Assert.False(run.HasExited, $"the run ended before kill {kill}: " + (run.HasExited ? await errors : ""));
            run.Kill();
            await run.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.False(File.Exists(_tool.At("out.mkv")));

            // What was finished before is finished still, word for word.
            string[] lines = Segments();
            Assert.True(lines.Length > before);
            Assert.Subset(new HashSet<string>(lines), finished);
            finished = [.. lines];
        }

        ToolRun last = await _tool.RunAsync(job);
        Assert.True(last.Code == 0, last.Error);
        Assert.Contains($"{finished.Count} of ", last.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Work));
        await AssertSameFramesAsync(job);
        Assert.Equal(["film.mkv", "out.mkv", "whole.mkv"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Interpolate_SegmentsWithSoundAndSubtitles_AreTheWholesFramesAndStreams()
    {
        string film = Repository.TestData("film_23976.mkv");
        foreach ((string name, string segment) in ((string, string)[])[("parts.mkv", "0.5"), ("whole.mkv", "0")])
        {
            ToolRun run = await _tool.RunAsync("interpolate", film, "-o", name, "--fps", "60000/1001", "--model", "blend", "--encoder", "ffv1", "--segment", segment);
            Assert.True(run.Code == 0, run.Error);
        }

        Assert.Equal(await MediaAsync("whole.mkv"), await MediaAsync("parts.mkv"));
        ToolRun verdict = await _tool.RunAsync("verify", film, "parts.mkv", "--fps", "60000/1001");
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);

        // Every stream's frames and packets, and everything that ffprobe says of the streams and chapters.
        async Task<string> MediaAsync(string name) =>
            await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", name, "-map", "0:v", "-map", "0:a", "-map", "0:s", "-c:a", "copy", "-c:s", "copy", "-f", "framemd5", "-")
            + await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_streams", "-show_chapters", "-of", "compact", name);
    }

    /// <summary>Each segment needs frames of its neighbours, and the noise that was found in the whole film.</summary>
    [Fact]
    public async Task Denoise_KilledOnce_EndsWithTheSameFramesAndNoise()
    {
        string film = Repository.TestData("cuts.mp4");
        string[] job = ["denoise", film, "-o", "out.mkv", "--sampler", "ddpm", "--steps", "2", "--encoder", "ffv1", "--json"];
        ToolRun whole = await _tool.RunAsync([.. job.Select(a => a == "out.mkv" ? "whole.mkv" : a), "--segment", "0"]);
        Assert.True(whole.Code == 0, whole.Error);
        using (Process run = _tool.Start([.. job, "--segment", "0.5"]))
        {
            await UntilAsync(() => run.HasExited || Segments().Length > 0);
            run.Kill();
            await run.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        int kept = Segments().Length;
        ToolRun parts = await _tool.RunAsync([.. job, "--segment", "0.5"]);
        Assert.True(parts.Code == 0, parts.Error);
        Assert.Equal(kept, parts.Json.GetProperty("segments").GetProperty("kept").GetInt32());
        Assert.InRange(parts.Json.GetProperty("segments").GetProperty("all").GetInt32(), kept + 1, 100);
        Assert.Equal(whole.Json.GetProperty("noise").ToString(), parts.Json.GetProperty("noise").ToString());
        Assert.True(parts.Json.GetProperty("stability").GetProperty("pairs").GetInt32() > 0);
        Assert.Equal(await FramesAsync("whole.mkv"), await FramesAsync("out.mkv"));

        Task<string> FramesAsync(string name) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", name, "-map", "0:v", "-f", "framemd5", "-");
    }

    /// <summary>A scan with a missing number, numbers and labels of its own: what comes of parts is the whole's to the byte, and one spoilt picture makes its part anew.</summary>
    [Theory]
    [InlineData(".dpx", "gbrp10le", "repair", "--gaps", "off", "--deflicker", "on")]
    [InlineData(".dpx", "gbrp10le", "interpolate", "--fps", "x2", "--model", "blend")]
    [InlineData(".tif", "gray16le", "denoise", "--model", "average")]
    public async Task Sequence_KilledTwice_EndsWithTheSamePictures(string extension, string pixelFormat, params string[] command)
    {
        Directory.CreateDirectory(_tool.At("in"));
        await _tool.ExternalAsync(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=24:d=3", "-pix_fmt", pixelFormat, "-start_number", "86400", "in/scan_%06d" + extension);
        File.Delete(_tool.At("in/scan_086410" + extension));
        string output = "out/f_%06d" + extension;
        string[] job = [command[0], "in/scan_%06d" + extension, .. command[1..], "--input-fps", "24"];
        ToolRun whole = await _tool.RunAsync([.. job, "-o", "whole/f_%06d" + extension, "--segment", "0", "--ledger", "whole.jsonl"]);
        Assert.True(whole.Code == 0, whole.Error);
        string work = $".out{extension}.frameflow";
        for (int kill = 1; kill <= 2; kill++)
        {
            using Process run = _tool.Start([.. job, "-o", output, "--segment", "0.5", "--ledger", "out.jsonl"]);
            await UntilAsync(() => run.HasExited || Segments(work).Length > kill);
            Assert.False(run.HasExited, "the run ended before it was killed");
            run.Kill();
            await run.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.False(Directory.Exists(_tool.At("out")));
        }

        string spoilt = Directory.EnumerateFiles(_tool.At(Path.Combine(work, "segment-00000"))).Order(StringComparer.Ordinal).First();
        byte[] bytes = await File.ReadAllBytesAsync(spoilt, TestContext.Current.CancellationToken);
        bytes[^100] ^= 1;
        await File.WriteAllBytesAsync(spoilt, bytes, TestContext.Current.CancellationToken);
        ToolRun last = await _tool.RunAsync("resume", output);
        Assert.True(last.Code == 0, last.Error);
        Assert.Contains("Segment 0 in", last.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Segment 1 in", last.Error, StringComparison.Ordinal);
        Assert.Equal(Pictures("whole"), Pictures("out"));
        Assert.Equal(await File.ReadAllTextAsync(_tool.At("whole.jsonl")), await File.ReadAllTextAsync(_tool.At("out.jsonl")));
        Assert.Equal(["in", "out", "out.jsonl", "whole", "whole.jsonl"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        (string Name, string Hash)[] Pictures(string folder) => [.. Directory.EnumerateFiles(_tool.At(folder)).Order(StringComparer.Ordinal)
            .Select(f => (Path.GetFileName(f), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))))];
    }

    /// <summary>Killed between the segments' files, their ledgers and the lines that tell of them: no frame's line is lost, or there twice.</summary>
    [Fact]
    public async Task Restore_KilledBehindSegments_LedgerAndCountsAreTheWholes()
    {
        const int LedgerKills = 5;
        await MakeFilmAsync(8);
        await File.WriteAllTextAsync(_tool.At("r.json"), """
            {
              "name": "test",
              "operations": [ { "operation": "deflicker" }, { "operation": "denoise", "model": "average" }, { "operation": "interpolate", "rate": 25, "model": "blend" }, { "operation": "grain" } ],
              "encode": { "encoder": "ffv1" }
            }
            """);
        ToolRun whole = await _tool.RunAsync("restore", "film.mkv", "-o", "whole.mkv", "--recipe", "r.json", "--segment", "0", "--ledger", "whole.jsonl", "--json");
        Assert.True(whole.Code == 0, whole.Error);
        string[] job = ["restore", "film.mkv", "-o", "out.mkv", "--recipe", "r.json", "--segment", "0.5", "--ledger", "out.jsonl", "--json"];
        Random moments = new(5_5);
        for (int kill = 0; kill < LedgerKills; kill++)
        {
            using Process run = _tool.Start(job);
            int before = Segments().Length;
            await UntilAsync(() => run.HasExited || Segments().Length > before);
            await Task.Delay(moments.Next(0, 400), TestContext.Current.CancellationToken);
            Assert.False(run.HasExited, $"the run ended before kill {kill}");
            run.Kill();
            await run.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.False(File.Exists(_tool.At("out.jsonl")));
        }

        int kept = Segments().Length;
        ToolRun last = await _tool.RunAsync(job);
        Assert.True(last.Code == 0, last.Error);
        Assert.Equal(kept, last.Json.GetProperty("segments").GetProperty("kept").GetInt32());
        JsonElement[] lines = _tool.Ledger("out.jsonl");
        Assert.Equal(Enumerable.Range(0, last.Json.GetProperty("framesOut").GetInt32()), lines.Select(l => l.GetProperty("frame").GetInt32()));
        Assert.Equal(_tool.Ledger("whole.jsonl").Select(l => l.GetProperty("hash").GetString()), lines.Select(l => l.GetProperty("hash").GetString()));
        Assert.Equal(await File.ReadAllTextAsync(_tool.At("whole.jsonl")), await File.ReadAllTextAsync(_tool.At("out.jsonl")));
        foreach (string sum in (string[])["counts", "kinds"])
        {
            Assert.Equal(whole.Json.GetProperty(sum).ToString(), last.Json.GetProperty(sum).ToString());
        }

        Assert.Equal(["film.mkv", "out.jsonl", "out.mkv", "r.json", "whole.jsonl", "whole.mkv"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>A run that was killed when the film had its name, and the work was not cleared up: the next one finds it, says so, and clears up.</summary>
    [Theory]
    [InlineData(0, "interpolate", "in.mp4", "-o", "out.mkv", "--fps", "50", "--model", "hold", "--encoder", "ffv1", "--ledger", "out.jsonl", "--report", "out.html", "--json")]
    [InlineData(0, "resume", "out.mkv")]
    [InlineData(0, "join", "-o", "out.mkv")]
    [InlineData(2, "interpolate", "in.mp4", "-o", "out.mkv", "--fps", "50", "--model", "hold", "--encoder", "ffv1", "--ledger", "other.jsonl", "--json")]
    [InlineData(2, "interpolate", "in.mp4", "-o", "out.mkv", "--fps", "30", "--model", "hold", "--encoder", "ffv1", "--json")]
    public async Task KilledWhileClearingUp_NextRunFindsTheFilm(int code, params string[] next)
    {
        File.Copy(Repository.TestData("cuts.mp4"), _tool.At("in.mp4"));
        JobRequest request = new()
        {
            Options = new VideoJobOptions
            {
                Input = _tool.At("in.mp4"),
                Output = _tool.At("out.mkv"),
                Ledger = _tool.At("out.jsonl"),
                Report = _tool.At("out.html"),
                Encode = new EncodeOptions { Encoder = "ffv1" },
            },
            Operations = [new InterpolationOperationOptions { Rate = new TargetRate(50, false), Model = "hold" }],
        };
        await using (SegmentedJob job = await SegmentedJob.PrepareAsync(
            request, new SegmentPolicy { TargetSeconds = 0.5 }, new ModelCatalog(_tool.Folder), Logger.None, TimeProvider.System, TestContext.Current.CancellationToken))
        {
            await job.BeginAsync(TestContext.Current.CancellationToken);
            foreach (int index in job.Missing)
            {
                await job.RunSegmentAsync(index, TestContext.Current.CancellationToken);
            }

            await Assert.ThrowsAsync<TimeoutException>(() => job.JoinAsync(TestContext.Current.CancellationToken, onPublished: () => throw new TimeoutException()));
        }

        Assert.True(Directory.Exists(Work));
        (string Name, string Hash)[] files = Papers();
        Assert.Equal(["out.html", "out.jsonl", "out.mkv"], files.Select(f => f.Name));
        int frames = _tool.Ledger("out.jsonl").Length;
        ToolRun run = await _tool.RunAsync(next);
        Assert.True(run.Code == code, run.Error);
        Assert.Equal(files, Papers());
        Assert.False(Directory.Exists(Work));
        if (code != 0)
        {
            Assert.Contains("exists already", run.Fault, StringComparison.Ordinal);
            return;
        }

        Assert.Contains("already", run.Error, StringComparison.Ordinal);
        if (next.Contains("--json"))
        {
            Assert.True(run.Json.GetProperty("alreadyPublished").GetBoolean());
            Assert.Equal(frames, run.Json.GetProperty("framesOut").GetInt32());
            Assert.Equal(_tool.Figures("out.html").GetProperty("counts").ToString(), run.Json.GetProperty("counts").ToString().ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
            Assert.Equal(run.Json.GetProperty("segments").GetProperty("all").GetInt32(), run.Json.GetProperty("segments").GetProperty("kept").GetInt32());
            Assert.Equal("out.jsonl", run.Json.GetProperty("ledger").GetString());
        }

        (string Name, string Hash)[] Papers() => [.. Directory.EnumerateFiles(_tool.Folder, "o*").Order(StringComparer.Ordinal)
            .Select(f => (Path.GetFileName(f), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))))];
    }

    [Fact]
    public async Task PlanSegmentJoin_AsProcesses_MakeTheSameFrames()
    {
        await MakeFilmAsync(6);
        await File.WriteAllTextAsync(_tool.At("recipe.json"), """
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": 20, "model": "blend" } ], "encode": { "encoder": "ffv1" } }
            """);
        ToolRun plan = await _tool.RunAsync("plan", "film.mkv", "-o", "out.mkv", "--recipe", "recipe.json", "--segment", "1");
        Assert.True(plan.Code == 0, plan.Error);
        int count = plan.Json.GetProperty("segments").GetInt32();
        Assert.Equal(6, count);
        ToolRun early = await _tool.RunAsync("join", "-o", "out.mkv");
        Assert.Equal(2, early.Code);
        Assert.Contains("segment 0, 1, 2, 3, 4, 5 of 6 is missing", early.Fault, StringComparison.Ordinal);

        // As a scheduler does: two at a time, in no order, one twice.
        foreach (int[] pair in (int[][])[[5, 0], [3, 1], [4, 2], [3, 5]])
        {
            foreach (ToolRun run in await Task.WhenAll(pair.Select(i => _tool.RunAsync("segment", i.ToString(CultureInfo.InvariantCulture), "-o", "out.mkv"))))
            {
                Assert.True(run.Code == 0, run.Error);
            }
        }

        Assert.Equal(6, Segments().Length);
        ToolRun join = await _tool.RunAsync("join", "-o", "out.mkv");
        Assert.True(join.Code == 0, join.Error);
        Assert.False(Directory.Exists(Work));
        await AssertSameFramesAsync(["interpolate", "film.mkv", "-o", "out.mkv", "--fps", "20", "--model", "blend", "--encoder", "ffv1"]);
    }

    [Fact]
    public async Task Resume_ChangedInputOrSettings_IsRefusedUntilRestarted()
    {
        await MakeFilmAsync(4);
        await PlanAsync("60");
        ToolRun segment = await _tool.RunAsync("segment", "0", "-o", "out.mkv");
        Assert.True(segment.Code == 0, segment.Error);

        ToolRun otherRate = await InterpolateAsync("30");
        Assert.Equal(2, otherRate.Code);
        Assert.Contains("\"rate\":\"60\" before, \"rate\":\"30\" now", otherRate.Fault, StringComparison.Ordinal);
        Assert.Contains("--restart", otherRate.Fault, StringComparison.Ordinal);

        // A segment that was spoilt meanwhile is no segment.
        string spoilt = Path.Combine(Work, "segment-00000.nut");
        byte[] bytes = await File.ReadAllBytesAsync(spoilt);
        bytes[^100] ^= 1;
        await File.WriteAllBytesAsync(spoilt, bytes);

        // Another time alone is no change; other content is one.
        File.SetLastWriteTimeUtc(_tool.At("film.mkv"), new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        byte[] film = await File.ReadAllBytesAsync(_tool.At("film.mkv"));
        film[^200] ^= 1;
        await File.WriteAllBytesAsync(_tool.At("film.mkv"), film);
        ToolRun changed = await _tool.RunAsync("resume", "out.mkv");
        Assert.Equal(2, changed.Code);
        Assert.Contains("the input's content", changed.Fault, StringComparison.Ordinal);

        film[^200] ^= 1;
        await File.WriteAllBytesAsync(_tool.At("film.mkv"), film);
        ToolRun resumed = await _tool.RunAsync("resume", "out.mkv");
        Assert.True(resumed.Code == 0, resumed.Error);
        Assert.Contains("Segment 0", resumed.Error, StringComparison.Ordinal);
        Assert.Contains("made again", resumed.Error, StringComparison.Ordinal);
        await AssertSameFramesAsync(["interpolate", "film.mkv", "-o", "out.mkv", "--fps", "60", "--model", "blend", "--encoder", "ffv1"]);

        File.Delete(_tool.At("out.mkv"));
        await PlanAsync("60");
        ToolRun restarted = await InterpolateAsync("30", "--restart");
        Assert.True(restarted.Code == 0, restarted.Error);
        Assert.False(Directory.Exists(Work));

        Task<ToolRun> InterpolateAsync(string fps, params string[] more) =>
            _tool.RunAsync(["interpolate", "film.mkv", "-o", "out.mkv", "--fps", fps, "--model", "blend", "--encoder", "ffv1", .. more]);
    }

    [Fact]
    public async Task Interpolate_Interrupted_KeepsTheJournal()
    {
        await MakeFilmAsync(20);
        string[] job = ["interpolate", "film.mkv", "-o", "out.mkv", "--fps", "20", "--model", "blend", "--encoder", "ffv1", "--segment", "0.5"];
        using Process run = _tool.Start(job);
        Task<string> errors = run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => run.HasExited || Segments().Length > 0);
        using Process kill = Process.Start("kill", ["-INT", run.Id.ToString(CultureInfo.InvariantCulture)]);
        await run.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(run.ExitCode == 130, await errors);
        Assert.Contains("are kept in", await errors, StringComparison.Ordinal);
        Assert.NotEmpty(Segments());
        Assert.DoesNotContain(Directory.EnumerateFiles(Work), f => f.Contains(".partial", StringComparison.Ordinal));
        ToolRun resumed = await _tool.RunAsync("resume", "out.mkv");
        Assert.True(resumed.Code == 0, resumed.Error);
        await AssertSameFramesAsync(job);
    }

    [Fact]
    public async Task Interpolate_TwiceAtOnce_OneIsRefused()
    {
        await MakeFilmAsync(20);
        string[] job = ["interpolate", "film.mkv", "-o", "out.mkv", "--fps", "20", "--model", "blend", "--encoder", "ffv1", "--segment", "0.5"];
        using Process run = _tool.Start(job);
        await UntilAsync(() => run.HasExited || Segments().Length > 0);
        ToolRun second = await _tool.RunAsync(job);
        Assert.Equal(2, second.Code);
        Assert.Contains("Another FrameFlow is at work", second.Fault, StringComparison.Ordinal);
        Task<string> errors = run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await run.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(run.ExitCode == 0, await errors);
    }

    private async Task PlanAsync(string fps)
    {
        await File.WriteAllTextAsync(_tool.At("recipe.json"), $$"""
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": "{{fps}}", "model": "blend" } ], "encode": { "encoder": "ffv1" } }
            """);
        ToolRun plan = await _tool.RunAsync("plan", "film.mkv", "-o", "out.mkv", "--recipe", "recipe.json", "--segment", "1");
        Assert.True(plan.Code == 0, plan.Error);
    }

    // Small pictures of which no two are alike, with a B-frame codec, so that starting inside is put to the test.
    private Task<string> MakeFilmAsync(int seconds) => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"testsrc2=s=96x64:r=10:d={seconds}"), "-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"sine=d={seconds}"),
        "-c:v", "libx264", "-g", "25", "-bf", "3", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "film.mkv");

    // Through another program, which asks for no lock.
    private string[] Segments(string? work = null)
    {
        string journal = Path.Combine(work is null ? Work : _tool.At(work), "journal");
        if (!File.Exists(journal))
        {
            return [];
        }

        using Process cat = Process.Start(new ProcessStartInfo("cat", [journal]) { RedirectStandardOutput = true })!;
        return [.. cat.StandardOutput.ReadToEnd().Split('\n').SkipLast(1).Where(l => l.Contains("\"did\":\"segment\"", StringComparison.Ordinal))];
    }

    private async Task AssertSameFramesAsync(string[] job)
    {
        int segment = Array.IndexOf(job, "--segment");
        string[] whole = [.. job.Where((_, i) => segment < 0 || (i != segment && i != segment + 1)), "--segment", "0"];
        ToolRun run = await _tool.RunAsync([.. whole.Select(a => a == "out.mkv" ? "whole.mkv" : a)]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(await FramesAsync("whole.mkv"), await FramesAsync("out.mkv"));
        Task<string> FramesAsync(string name) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", name, "-map", "0", "-fps_mode", "passthrough", "-c:a", "copy", "-f", "framemd5", "-");
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!condition())
        {
            await Task.Delay(10, patience.Token);
        }
    }
}
