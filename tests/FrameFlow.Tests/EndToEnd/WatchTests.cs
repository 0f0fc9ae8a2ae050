using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Folders of films, real processes, and things that go wrong: nothing is lost, doubled or published in part, and no original is altered.</summary>
public sealed class WatchTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Tool _tool = new();

    public WatchTests()
    {
        Directory.CreateDirectory(_tool.At("in"));
        Directory.CreateDirectory(_tool.At("out"));
        File.WriteAllText(_tool.At("r.json"), """
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": 20, "model": "blend" } ], "encode": { "encoder": "ffv1" }, "container": ".mkv" }
            """);
    }

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Watch_FilmsOfManyKinds_DoesEachOnce()
    {
        // Names that other programs trip over, a broken film, copies, a circle of links; two watchers on the same folder.
        string[] names = ["-y.mkv", "it's \"one\" film.mkv", "new\nline.mkv", "😀 sub/a..%2f$(id).mkv"];
        Directory.CreateDirectory(_tool.At("in/😀 sub"));
        for (int i = 0; i < names.Length; i++)
        {
            await MakeFilmAsync("film.mkv", 1, i);
            File.Move(_tool.At("film.mkv"), _tool.At("in/" + names[i]));
        }

        File.Copy(_tool.At("in/-y.mkv"), _tool.At("in/zz copy.mkv"));
        byte[] broken = RandomNumberGenerator.GetBytes(5000);
        await File.WriteAllBytesAsync(_tool.At("in/broken.mkv"), broken);
        Directory.CreateSymbolicLink(_tool.At("in/😀 sub/loop"), _tool.At("in"));
        Dictionary<string, string> before = Hashes();

        ToolRun[] runs = await Task.WhenAll(_tool.RunAsync(Once()), _tool.RunAsync(Once()));
        Assert.All(runs, r => Assert.True(r.Code == 3, r.Error));
        Assert.Equal(before, Hashes());

        // Of the two with one content either may be the one that is done.
        string[] outputs = Outputs();
        Assert.Equal(4, outputs.Length);
        Assert.Single(outputs, o => o is "-y.mkv" or "zz copy.mkv");
        Assert.All(names.Skip(1), n => Assert.Contains(n, outputs));
        foreach (string output in outputs)
        {
            Assert.Equal(20, await CountAsync(Path.Combine("out", output)));
        }

        JsonElement[] records = Records();
        Assert.Equal(6, records.Length);
        Assert.Equal(4, records.Count(r => State(r) == "done"));
        Assert.Single(records, r => State(r) == "duplicate");
        JsonElement bad = Assert.Single(records, r => State(r) == "quarantined");
        Assert.Equal("broken.mkv", bad.GetProperty("relative").GetString());
        Assert.Equal(2, bad.GetProperty("failures").GetInt32());
        Assert.Contains("broken.mkv", await File.ReadAllTextAsync(_tool.At($"out/.frameflow/logs/{bad.GetProperty("id").GetString()}.log")), StringComparison.Ordinal);
        string[] published = [.. runs.SelectMany(r => r.Error.Split('\n')).Where(l => l.Contains("] Published ", StringComparison.Ordinal))];
        Assert.True(published.Length == 4, string.Join("\n=====\n", runs.Select(r => r.Error)));

        // Once more: nothing is left to do, nothing is done again.
        Dictionary<string, DateTime> times = outputs.ToDictionary(o => o, o => File.GetLastWriteTimeUtc(_tool.At("out/" + o)));
        ToolRun again = await _tool.RunAsync(Once());
        Assert.True(again.Code == 3, again.Error);
        Assert.All(times, t => Assert.Equal(t.Value, File.GetLastWriteTimeUtc(_tool.At("out/" + t.Key))));
    }

    [Fact]
    public async Task Watch_FiveHundredAtOnce_LosesAndDoublesNone()
    {
        for (int kind = 0; kind < 3; kind++)
        {
            await MakeFilmAsync("film.mkv", 1, kind);
            for (int i = 0; i < 166 + (kind == 0 ? 2 : 0); i++)
            {
                File.Copy(_tool.At("film.mkv"), _tool.At(string.Create(CultureInfo.InvariantCulture, $"in/{kind}-{i:000}.mkv")));
            }
        }

        ToolRun run = await _tool.RunAsync(Once());
        Assert.True(run.Code == 0, run.Error);
        JsonElement[] records = Records();
        Assert.Equal(500, records.Length);
        Assert.Equal(3, records.Count(r => State(r) == "done"));
        Assert.Equal(497, records.Count(r => State(r) == "duplicate"));
        Assert.Equal(["0", "1", "2"], Outputs().Select(o => o[..1]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Watch_TerminatedThenStarted_GoesOn()
    {
        await MakeFilmAsync("in/long.mkv", 12, 0);
        using Process first = _tool.Start(Forever());
        Task<string> errors = first.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => first.HasExited || Segments("long.mkv") > 0);
        Stopwatch clock = Stopwatch.StartNew();
        await SignalAsync("-TERM", first);
        await first.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"took {clock.Elapsed}: {await errors}");
        int kept = Segments("long.mkv");
        Assert.InRange(kept, 1, 23);
        Assert.Empty(Outputs());

        ToolRun second = await _tool.RunAsync(Once());
        Assert.True(second.Code == 0, second.Error);
        int made = second.Error.Split('\n').Count(l => l.Contains(": segment ", StringComparison.Ordinal));
        Assert.Equal(24, kept + made);
        Assert.Equal(240, await CountAsync("out/long.mkv"));
    }

    [Fact]
    public async Task Watch_InputDeletedOrChangedMidway_PublishesNothingWrong()
    {
        await MakeFilmAsync("in/goes.mkv", 8, 0);
        await MakeFilmAsync("turns.mkv", 8, 1);
        await MakeFilmAsync("other.mkv", 2, 2);
        using Process watch = _tool.Start(Forever());
        Task<string> errors = watch.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => watch.HasExited || Segments("goes.mkv") > 0);
        File.Delete(_tool.At("in/goes.mkv"));
        File.Move(_tool.At("turns.mkv"), _tool.At("in/turns.mkv"));
        await UntilAsync(() => watch.HasExited || Segments("turns.mkv") > 0);
        File.Copy(_tool.At("other.mkv"), _tool.At("in/turns.mkv"), overwrite: true);
        await UntilAsync(() => watch.HasExited || (Records() is { Length: 2 } r && r.Any(x => State(x) == "gone") && r.Any(x => State(x) == "done")));
        await SignalAsync("-TERM", watch);
        await watch.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(watch.ExitCode == 0, await errors);
        Assert.Contains("went away before it was done", await errors, StringComparison.Ordinal);
        Assert.Contains("Taken again, since it changed", await errors, StringComparison.Ordinal);
        Assert.Equal(["turns.mkv"], Outputs());
        Assert.Equal(40, await CountAsync("out/turns.mkv"));
    }

    [Fact]
    public async Task Watch_DiskFullOrReadOnly_PublishesNothingUntilThereIsRoom()
    {
        string disk = _tool.At("disk");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk), "no small disk may be mounted here");
        try
        {
            await MakeFilmAsync("in/big.mkv", 4, 0, size: "320x240", more: ",noise=alls=40:allf=t");
            string hash = Hashes()["big.mkv"];
            string[] once = Once("disk");
            ToolRun full = await _tool.RunAsync(once);
            Assert.True(full.Code == 3, full.Error);
            Assert.True(full.Error.Contains("The disk is full", StringComparison.Ordinal) || full.Error.Contains("No space left", StringComparison.Ordinal), full.Error);
            Assert.DoesNotContain("big.mkv", Directory.EnumerateFiles(disk).Select(Path.GetFileName));

            Assert.True(await RunAsync("mount", "-o", "remount,ro,size=64m", disk));
            ToolRun readOnly = await _tool.RunAsync("plan", "in/big.mkv", "-o", "disk/other.mkv", "--recipe", "r.json");
            Assert.Equal(5, readOnly.Code);
            Assert.Contains("cannot be written to", readOnly.Fault, StringComparison.Ordinal);

            // Room again; the film comes out of quarantine because it is touched.
            Assert.True(await RunAsync("mount", "-o", "remount,rw,size=64m", disk));
            File.SetLastWriteTimeUtc(_tool.At("in/big.mkv"), new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            ToolRun mended = await _tool.RunAsync(once);
            Assert.True(mended.Code == 0, mended.Error);
            Assert.Equal(80, await CountAsync("disk/big.mkv"));
            Assert.Equal(hash, Hashes()["big.mkv"]);
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    [Fact]
    public async Task Watch_OnceIntoAFile_EndsWithOneLine()
    {
        await MakeFilmAsync("in/film.mkv", 1, 0);
        await File.WriteAllTextAsync(_tool.At("file"), "no folder");
        ToolRun run = await _tool.RunAsync(Once("file"));
        Assert.Equal(5, run.Code);
        Assert.Contains("cannot be written", run.Fault, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'), l => l.StartsWith("[FTL]", StringComparison.Ordinal) || l.StartsWith("[ERR]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Watch_OnceWithARecordThatCannotBeRead_DoesTheOthersAndSaysSo()
    {
        await MakeFilmAsync("in/film.mkv", 1, 0);
        Directory.CreateDirectory(_tool.At("out/.frameflow/jobs"));
        await File.WriteAllTextAsync(_tool.At("out/.frameflow/jobs/00000000000000aa.json"), "");
        ToolRun run = await _tool.RunAsync(Once());
        Assert.Equal(5, run.Code);
        Assert.Contains("00000000000000aa.json", Assert.Single(run.Error.Split('\n'), l => l.StartsWith("[ERR]", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal("1 film(s) were passed over, since their records cannot be read; delete the files that are named above.", run.Fault);
        Assert.Equal(["film.mkv"], Outputs());
    }

    private static string[] Once(string output = "out") => [.. Forever(output), "--once"];

    private static string[] Forever(string output = "out") =>
        ["watch", "in", "-o", output, "--recipe", "r.json", "--settle", "0.5", "--segment", "0.5", "--tries", "2", "--retry-after", "0.5", "--lease", "5", "--listen", "none"];

    private Task<string> MakeFilmAsync(string name, int seconds, int kind, string size = "96x64", string more = "") => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", string.Create(CultureInfo.InvariantCulture, $"testsrc2=s={size}:r=10:d={seconds},hue=h={kind * 60}{more}"), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", name);

    private string[] Outputs() => [.. Directory.EnumerateFiles(_tool.At("out"), "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(_tool.At("out"), f)).Where(f => !f.StartsWith('.') && !f.Contains("/.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private Dictionary<string, string> Hashes() => Directory.EnumerateFiles(_tool.At("in"), "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
        .ToDictionary(f => Path.GetRelativePath(_tool.At("in"), f), f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))));

    private JsonElement[] Records() => Directory.Exists(_tool.At("out/.frameflow/jobs"))
        ? [.. Directory.EnumerateFiles(_tool.At("out/.frameflow/jobs"), "*.json").Select(f => JsonDocument.Parse(File.ReadAllText(f)).RootElement)] : [];

    private static string State(JsonElement record) => record.GetProperty("state").GetString()!;

    // Through another program, which asks for no lock.
    private int Segments(string output)
    {
        string journal = _tool.At($"out/.{output}.frameflow/journal");
        if (!File.Exists(journal))
        {
            return 0;
        }

        using Process cat = Process.Start(new ProcessStartInfo("cat", [journal]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        return cat.StandardOutput.ReadToEnd().Split('\n').SkipLast(1).Count(l => l.Contains("\"did\":\"segment\"", StringComparison.Ordinal));
    }

    private async Task<int> CountAsync(string name) => int.Parse(
        (await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", "file:" + name)).Trim().Trim(','), CultureInfo.InvariantCulture);

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }

    private static async Task SignalAsync(string signal, Process process) =>
        Assert.True(await RunAsync("kill", signal, process.Id.ToString(CultureInfo.InvariantCulture)));

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }
}
