using System.Text.Json;
using FrameFlow.Decoding;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class BadInputTests : IDisposable
{
    private const string NoRate = "is no frame rate; give a number or ratio above 0 and up to 1000, such as 60, 60000/1001 or x2.";

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("nowhere.mp4", "Input 'nowhere.mp4' does not exist; check the path.")]
    [InlineData("{bad}/text.mp4", "Input '{bad}/text.mp4' is no media file (its content is not what its name says); give a video file.")]
    [InlineData("{bad}/zero.mp4", "Input '{bad}/zero.mp4' is empty (0 bytes); copy or record it again.")]
    [InlineData("{bad}/noindex.mp4", "Input '{bad}/noindex.mp4' has no index (its moov box is missing, as when a recording or a copy was cut off); copy it again or rebuild the index with a repair tool.")]
    [InlineData("{bad}/audio-only.m4a", "Input '{bad}/audio-only.m4a' has no video stream (it holds: audio aac); give a file with pictures.")]
    [InlineData("{bad}", "Input '{bad}' is a folder; name one video file.")]
    public async Task Interpolate_BadInput_SaysWhatWhereAndTheMend(string input, string message)
    {
        string bad = Repository.TestData("bad");
        ToolRun run = await _tool.RunAsync("interpolate", input.Replace("{bad}", bad, StringComparison.Ordinal), "-o", "out.mp4");
        Assert.Equal(message.Replace("{bad}", bad, StringComparison.Ordinal), run.Fault);
        Assert.Equal(3, run.Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Theory]
    [InlineData("interpolate", "film.mp4", "-o", "out.mp4")]
    [InlineData("probe", "film.mp4")]
    [InlineData("verify", "{clip}", "film.mp4")]
    [InlineData("verify", "film.mp4", "{clip}", "--filters", "none")]
    public async Task Input_IsAPipe_IsRefusedInsteadOfWaitedFor(params string[] arguments)
    {
        await _tool.ExternalAsync("mkfifo", "film.mp4");
        ToolRun run = await _tool.RunAsync([.. arguments.Select(a => a.Replace("{clip}", Repository.TestData("pan24.mp4"), StringComparison.Ordinal))]).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("Input 'film.mp4' is a pipe or a device, and a film is read more than once; write it into a file first.", run.Fault);
        Assert.Equal(3, run.Code);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-24")]
    [InlineData("1/0")]
    [InlineData("fast")]
    [InlineData("1e9")]
    [InlineData("1000000000")]
    public async Task Interpolate_NoFrameRate_IsAUsageFault(string fps)
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "out.mp4", $"--fps={fps}");
        Assert.Equal($"--fps '{fps}' {NoRate}", run.Fault);
        Assert.Equal(2, run.Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public async Task Interpolate_NameWithALineBreak_IsStillOneLine()
    {
        ToolRun run = await _tool.RunAsync("interpolate", "two\nlines.mp4", "-o", "out.mp4");
        Assert.Equal("[FTL] Input 'two lines.mp4' does not exist; check the path.\n", run.Error);
    }

    [Fact]
    public async Task Interpolate_LogLevelDebug_ShowsWhereTheFaultArose()
    {
        ToolRun run = await _tool.RunAsync("interpolate", "nowhere.mp4", "-o", "out.mp4", "--log-level", "debug");
        Assert.Contains("   at FrameFlow.Decoding.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Formats_StandardOutputIsFull_IsAStorageFault()
    {
        string error = await _tool.ExternalAsync("sh", "-c", $"dotnet '{Tool.Assembly}' formats --log-folder none 2>&1 >/dev/full; test $? -eq 5");
        Assert.Equal("[FTL] Reading or writing failed: No space left on device.\n", error);
    }

    [Theory]
    [InlineData("IN is given an empty value; give it one, or leave it out.", "", "-o", "out.mp4")]
    [InlineData("--output is given an empty value; give it one, or leave it out.", "film.mp4", "-o", "")]
    [InlineData("--ledger is given an empty value; give it one, or leave it out.", "film.mp4", "-o", "out.mp4", "--ledger", "")]
    [InlineData("--device is given an empty value; give it one, or leave it out.", "film.mp4", "-o", "out.mp4", "--device", "")]
    [InlineData("--threads 'two' is no whole number of at most 2147483647.", "film.mp4", "-o", "out.mp4", "--threads", "two")]
    [InlineData("--seed '-1' is no whole number of 0 or more.", "film.mp4", "-o", "out.mp4", "--seed", "-1")]
    [InlineData("--crf 'best' is no number.", "film.mp4", "-o", "out.mp4", "--crf", "best")]
    [InlineData("--on-device-loss '7' is none of cpu, stop.", "film.mp4", "-o", "out.mp4", "--on-device-loss", "7")]
    [InlineData("--cuts 'maybe' is none of on, off.", "film.mp4", "-o", "out.mp4", "--cuts", "maybe")]
    public async Task Interpolate_ValueThatIsNone_IsAUsageFault(string message, params string[] arguments)
    {
        ToolRun run = await _tool.RunAsync(["interpolate", .. arguments]);
        Assert.Equal($"[FTL] {message}\n", run.Error);
        Assert.Equal(2, run.Code);
    }

    [Theory]
    [InlineData("There is no option '--bogus'; 'frameflow interpolate --help' lists those there are (a name that begins so: ./--bogus).", "interpolate", "--bogus", "3", "film.mp4")]
    [InlineData("There is no option '--Fps'; 'frameflow interpolate --help' lists those there are (a name that begins so: ./--Fps).", "interpolate", "film.mp4", "-o", "out.mp4", "--Fps", "60")]
    [InlineData("'b.mp4' is one argument too many; a name that holds spaces wants quotes.", "interpolate", "a.mp4", "b.mp4", "-o", "out.mp4")]
    [InlineData("There is no command 'interpolat'; 'frameflow --help' lists those there are.", "interpolat", "film.mp4")]
    [InlineData("Name a command; 'frameflow --help' lists them.")]
    public async Task CommandLine_OneSlip_IsOneLine(string message, params string[] arguments)
    {
        ToolRun run = await _tool.RunAsync(arguments);
        Assert.Equal($"[FTL] {message}\n", run.Error);
        Assert.NotEqual(0, run.Code);
    }

    [Theory]
    [InlineData("The report 'p/f_0003.png' is part of the input 'p/f_%04d.png'; give another name.", "interpolate", "p/f_%04d.png", "-o", "z.mkv", "--model", "hold", "--report", "p/f_0003.png")]
    [InlineData("The ledger 'p/f_0005.png' is part of the input 'p/f_%04d.png'; give another name.", "denoise", "p/f_%04d.png", "-o", "z.mkv", "--model", "average", "--ledger", "p/f_0005.png")]
    [InlineData("The output 'mask.mkv' is the mask itself; give another name.", "repair", "film.mkv", "-o", "mask.mkv", "--mask", "mask.mkv")]
    [InlineData("The report 'r.json' is the recipe itself; give another name.", "restore", "film.mkv", "-o", "z.mkv", "--recipe", "r.json", "--report", "r.json")]
    public async Task Overwrite_WhatIsRead_IsRefused(string message, params string[] arguments)
    {
        Directory.CreateDirectory(_tool.At("p"));
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24", "-frames:v", "6", "p/f_%04d.png");
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=24", "-frames:v", "6", "-c:v", "ffv1", "film.mkv");
        File.Copy(_tool.At("film.mkv"), _tool.At("mask.mkv"));
        await File.WriteAllTextAsync(_tool.At("r.json"), """{ "name": "test", "operations": [ { "operation": "interpolate", "rate": 48, "model": "blend" } ] }""");
        string before = await _tool.ExternalAsync("sh", "-c", "sha256sum p/* *.mkv r.json");
        ToolRun run = await _tool.RunAsync([.. arguments, "--overwrite"]);
        Assert.Equal(message, run.Fault);
        Assert.Equal(2, run.Code);
        Assert.Equal(before, await _tool.ExternalAsync("sh", "-c", "sha256sum p/* *.mkv r.json"));
    }

    [Fact]
    public async Task Interpolate_UnknownModel_ListsTheKnown()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "out.mp4", "--model", "magic");
        Assert.Equal($"There is no model 'magic' in {Repository.Models}; known for interpolate: light.", run.Fault);
        Assert.Equal(4, run.Code);
    }

    [Fact]
    public async Task Interpolate_UnknownEncoder_NamesTheKnown()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "out.mp4", "--encoder", "magic");
        Assert.StartsWith("The encoder 'magic' is no video encoder that ffmpeg knows; choose one of libx264, libx265", run.Fault, StringComparison.Ordinal);
        Assert.Equal(2, run.Code);
    }

    [Theory]
    [InlineData("out.mp4", "60", "--crf 60 is out of range for libx264: a number from 0 (best) to 51.")]
    [InlineData("out.webm", "20.5", "--crf 20.5 is out of range for libsvtav1: a whole number from 1 (best) to 63.")]
    [InlineData("out/f_%03d.png", "20", "--crf has no meaning for png, which is lossless; leave it out.")]
    public async Task Interpolate_CrfThatTheDefaultEncoderDoesNotKnow_IsAUsageFault(string output, string quality, string message)
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", output, "--crf", quality);
        Assert.Equal(message, run.Fault);
        Assert.Equal(2, run.Code);
    }

    [Fact]
    public async Task Interpolate_OutputIsInput_IsRefusedAndTheInputUntouched()
    {
        File.Copy(Repository.TestData("pan25.mp4"), _tool.At("film.mp4"));
        byte[] before = await File.ReadAllBytesAsync(_tool.At("film.mp4"));
        ToolRun run = await _tool.RunAsync("interpolate", "film.mp4", "-o", "film.mp4", "--overwrite");
        Assert.Equal("The output 'film.mp4' is the input itself; give another name.", run.Fault);
        Assert.Equal(2, run.Code);
        Assert.Equal(before, await File.ReadAllBytesAsync(_tool.At("film.mp4")));
        Assert.Single(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public async Task Interpolate_OutputExists_IsKeptWithoutOverwrite()
    {
        await File.WriteAllTextAsync(_tool.At("out.mp4"), "precious");
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "out.mp4");
        Assert.Equal("The output 'out.mp4' exists already; give another name, or --overwrite.", run.Fault);
        Assert.Equal(2, run.Code);
        Assert.Equal("precious", await File.ReadAllTextAsync(_tool.At("out.mp4")));
    }

    [Fact]
    public async Task Interpolate_OutputFolderMissing_IsAStorageFault()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "no/such/out.mp4");
        Assert.Equal($"The output's folder '{_tool.At("no/such")}' does not exist; create it, or give another.", run.Fault);
        Assert.Equal(5, run.Code);
    }

    [Fact]
    public async Task Interpolate_OutputFolderUnwritable_IsAStorageFault()
    {
        // No user, root included, may make files here.
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "/proc/out.mp4");
        Assert.StartsWith("The output's folder '/proc' cannot be written to (", run.Fault, StringComparison.Ordinal);
        Assert.Equal(5, run.Code);
    }

    [Fact]
    public async Task Interpolate_NamedDeviceMissing_IsADeviceFault()
    {
        _tool.Environment["XDG_DATA_HOME"] = _tool.At("nothing");
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "out.mp4", "--device", "webgpu");
        Assert.Equal("Device 'webgpu' does not work here: its library is not installed ('frameflow devices install webgpu'); or give --device auto or cpu.", run.Fault);
        Assert.Equal(4, run.Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public async Task Interpolate_ManyOptionsOutOfRange_AreAllNamedAtOnce()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "out.mp4", "--steps", "0", "--detail", "1.5", "--threads", "0");
        Assert.Equal("Out of range: --steps 0: 1 to 64; --detail 1.5: 0 to 1; --threads 0: 1 to 1024.", run.Fault);
        Assert.Equal(2, run.Code);
    }

    [Fact]
    public async Task Interpolate_DetailOfOneStep_IsAUsageFault()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan25.mp4"), "-o", "out.mp4", "--detail", "0.5");
        Assert.Equal("Out of range: --detail 0.5: 1 with --steps 1, which draws no detail; more steps do.", run.Fault);
        Assert.Equal(2, run.Code);
    }

    [Fact]
    public async Task Interpolate_TruncatedFilm_IsProcessedAndReportedUnlessStrict()
    {
        string film = Repository.TestData("bad", "truncated.mkv");
        ToolRun strict = await _tool.RunAsync("interpolate", film, "-o", "strict.mkv", "--model", "hold", "--strict");
        Assert.Equal(3, strict.Code);
        Assert.Contains("is damaged in", strict.Fault, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
        ToolRun run = await _tool.RunAsync("interpolate", film, "-o", "out.mkv", "--model", "hold", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.NotEqual(0, run.Json.GetProperty("damage").GetArrayLength());
        Assert.True(File.Exists(_tool.At("out.mkv")));
    }

    /// <summary>The packets do not tell of it: the work begins, is refuted by the decoder, and begins anew.</summary>
    [Theory]
    [InlineData("0")]
    [InlineData("4")]
    public async Task Interpolate_FilmDamagedInside_IsReportedUnlessStrict(string segment)
    {
        using LavfiClips clips = new();
        string film = await clips.MakeHurtAsync("hurt.mp4");
        ToolRun strict = await _tool.RunAsync("interpolate", film, "-o", "strict.mkv", "--model", "hold", "--segment", segment, "--strict");
        Assert.Equal(3, strict.Code);
        Assert.Contains("is damaged in", strict.Fault, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
        ToolRun run = await _tool.RunAsync("interpolate", film, "-o", "out.mkv", "--model", "hold", "--fps", "50", "--segment", segment, "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("does not decode as its packets tell", run.Error, StringComparison.Ordinal);
        (_, SourceScan scan) = await LavfiClips.ScanAsync(film);
        JsonElement found = run.Json.GetProperty("damage")[0];
        Assert.Equal((scan.Damage.Count, scan.Damage[0].What), (run.Json.GetProperty("damage").GetArrayLength(), found.GetProperty("what").GetString()));
        Assert.Equal(scan.Timeline.Count, run.Json.GetProperty("framesIn").GetInt32());
        Assert.Equal([_tool.At("out.mkv")], Directory.EnumerateFileSystemEntries(_tool.Folder));
    }
}
