using System.Globalization;
using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class InterpolateTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>Each timing case: the plan's count, the file's count by ffprobe, and the verdict of the independent verifier.</summary>
    [Theory]
    [InlineData("pan24.mp4", "60", "out.mp4", 120)]
    [InlineData("pan24.mp4", "x2", "out.mp4", 96)]
    [InlineData("film_23976.mkv", "60000/1001", "out.mkv", 120)]
    [InlineData("film_23976.mkv", "60", "out.mp4", 121)]
    [InlineData("pan25.mp4", "50", "out.mp4", 76)]
    [InlineData("pan25.mp4", "60", "out.mov", 92)]
    [InlineData("telecine.mkv", "60", "out.mkv", 101)]
    [InlineData("vfr.mp4", "60", "out.mp4", null)]
    [InlineData("pan60.mp4", "24", "out.mp4", 24)]
    [InlineData("gap.mkv", "60", "out.mkv", 120)]
    [InlineData("editlist.mp4", "60", "out.mp4", 90)]
    [InlineData("editlist.mp4", "60", "out.mkv", 90)]
    [InlineData("editlist.mp4", "60", "out.ts", 90)]
    [InlineData("editlist.mp4", "60", "out.webm", 90)]
    [InlineData("offset.ts", "60", "out.mkv", 91)]
    [InlineData("offset.ts", "60", "out.mp4", 91)]
    [InlineData("interlaced.mkv", "60", "out.mkv", 60)]
    [InlineData("rotated.mp4", "60", "out.mp4", null)]
    [InlineData("rotated.mp4", "60", "out.mkv", null)]
    [InlineData("single.mp4", "60", "out.mp4", null)]
    [InlineData("cuts.mp4", "60", "out.mp4", 192)]
    public async Task Interpolate_TimingCase_KeepsTheContract(string clip, string fps, string output, int? frames)
    {
        string source = Repository.TestData(clip);
        ToolRun run = await _tool.RunAsync("interpolate", source, "-o", output, "--fps", fps, "--model", "blend", "--json");
        Assert.True(run.Code == 0, run.Error);
        long written = run.Json.GetProperty("framesOut").GetInt64();
        Assert.Equal(frames ?? written, written);
        string counted = await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", output);
        Assert.Equal(written, long.Parse(counted.Split('\n')[0].Trim(' ', ','), CultureInfo.InvariantCulture)); // a transport stream's is told twice
        string rate = run.Json.GetProperty("targetRate").GetString()!;
        ToolRun verdict = await _tool.RunAsync("verify", source, output, "--fps", rate);
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    [Fact]
    public async Task Interpolate_SoundThatAnEditListHides_IsLeftOutByWholePackets()
    {
        string source = Repository.TestData("editlist.mp4");
        ToolRun run = await _tool.RunAsync("interpolate", source, "-o", "out.mkv", "--fps", "60", "--model", "hold");
        Assert.True(run.Code == 0, run.Error);
        string[] before = await SoundHashesAsync(source);
        string[] after = await SoundHashesAsync("out.mkv");
        Assert.InRange(after.Length, before.Length - 25, before.Length - 20); // .52 s of 21.3 ms packets are hidden
        Assert.Equal(before[^after.Length..], after);

        async Task<string[]> SoundHashesAsync(string file)
        {
            string list = await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0:a:0", "-c", "copy", "-f", "framemd5", "-");
            return [.. list.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split(',')[^1].Trim())];
        }
    }

    [Theory]
    [InlineData("--duration", "0.4")]
    [InlineData("--start", "0.3")]
    public async Task Verify_PartOfAFilmWhoseEditListHidesSound_Holds(string option, string seconds)
    {
        string source = Repository.TestData("editlist.mp4");
        ToolRun run = await _tool.RunAsync("interpolate", source, "-o", "out.mkv", "--fps", "60", "--model", "blend", option, seconds);
        Assert.True(run.Code == 0, run.Error);
        ToolRun verdict = await _tool.RunAsync("verify", source, "out.mkv", "--fps", "60", option, seconds);
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    // Sound is cut at the asked time, a picture begins at the next frame; AAC that is made for MPEG-TS begins with its priming.
    [Theory]
    [InlineData("pcm_s16le", 48000, "out.mkv", "--start", "1.01", "--duration", "2")]
    [InlineData("libvorbis", 44100, "out.mkv", "--start", "1.01", "--duration", "2")]
    [InlineData("pcm_s16le", 48000, "out.ts")]
    [InlineData("pcm_s16le", 44100, "out.ts")]
    public async Task Verify_SoundBesideTheFirstPicture_Holds(string codec, int samplesASecond, string output, params string[] part)
    {
        await _tool.ExternalAsync(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=4", "-f", "lavfi", "-i", $"sine=440:r={samplesASecond}:d=4", "-c:v", "ffv1", "-c:a", codec, "film.mkv");
        ToolRun made = await _tool.RunAsync(["denoise", "film.mkv", "-o", output, "--model", "average", "--sigma", "0", .. part]);
        Assert.True(made.Code == 0, made.Error);
        ToolRun verified = await _tool.RunAsync(["verify", "film.mkv", output, .. part]);
        Assert.True(verified.Code == 0, verified.Output + verified.Error);
    }

    // Two tracks sound throughout, one for the film's first second alone.
    [Theory]
    [InlineData("out.mp4", "2", 2)]
    [InlineData("out.mkv", "2", 3)]
    [InlineData("out.mp4", "0.5", 3)]
    public async Task Verify_PartThatATrackDoesNotReach_Holds(string output, string start, int tracks)
    {
        await _tool.ExternalAsync(
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=4", "-f", "lavfi", "-i", "sine=440:r=48000:d=1", "-f", "lavfi", "-i", "sine=880:r=48000:d=4",
            "-map", "0", "-map", "1", "-map", "2", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "film.mp4");
        string[] part = ["--start", start, "--duration", "1.5"];
        ToolRun made = await _tool.RunAsync(["denoise", "film.mp4", "-o", output, "--model", "average", "--sigma", "0", .. part]);
        Assert.True(made.Code == 0, made.Error);
        Assert.Equal(tracks == 2, made.Error.Contains("[WRN] 1 sound track(s) have no sample in what was read, and are left out: MP4 has no empty tracks.\n", StringComparison.Ordinal));
        ToolRun verified = await _tool.RunAsync(["verify", "film.mp4", output, .. part]);
        Assert.True(verified.Code == 0, verified.Output + verified.Error);
        Assert.Contains($"audio tracks: {tracks} (expected {tracks})", verified.Output, StringComparison.Ordinal);

        // A track that sounds in the part is still missed.
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", output, "-map", "0:v", "-c", "copy", "silent.mkv");
        ToolRun refuted = await _tool.RunAsync(["verify", "film.mp4", "silent.mkv", .. part]);
        Assert.Equal(1, refuted.Code);
        Assert.Contains("FAIL audio tracks: 0", refuted.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interpolate_Model_MakesBetterFramesThanABlend()
    {
        // pan60 loses every second frame; what comes back is held against what was lost.
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", Repository.TestData("pan60.mp4"), "-vf", "select='lt(n,11)*not(mod(n,2))',setpts=N/30/TB", "-r", "30", "-c:v", "ffv1", "half.mkv");
        double[] psnr = await Task.WhenAll(PsnrAsync("blend"), PsnrAsync("light"));
        Assert.True(psnr[1] > psnr[0] + 3, $"light {psnr[1]} dB, blend {psnr[0]} dB");

        async Task<double> PsnrAsync(string model)
        {
            ToolRun run = await _tool.RunAsync("interpolate", "half.mkv", "-o", model + ".mkv", "--fps", "60", "--model", model, "--encoder", "ffv1", "--cuts", "off");
            Assert.True(run.Code == 0, run.Error);
            await _tool.ExternalAsync(
                "ffmpeg", "-v", "error", "-i", model + ".mkv", "-i", Repository.TestData("pan60.mp4"), "-filter_complex",
                "[0:v]select='mod(n,2)*lt(n,10)',setpts=N/30/TB[a];[1:v]select='mod(n,2)*lt(n,10)',setpts=N/30/TB[b];[a][b]psnr=stats_file=" + model + ".txt", "-f", "null", "-");
            string[] lines = await File.ReadAllLinesAsync(_tool.At(model + ".txt"));
            Assert.InRange(lines.Length, 5, 6);
            return lines.Take(5).Average(l => double.Parse(l.Split("psnr_y:")[1].Split(' ')[0], CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task Interpolate_RealFrames_AreTheSourcesOwnBitForBit()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("yuv444_10.mkv"), "-o", "out.mkv", "--fps", "x2", "--model", "blend", "--encoder", "ffv1");
        Assert.True(run.Code == 0, run.Error);
        string[] source = await FrameHashesAsync(Repository.TestData("yuv444_10.mkv"));
        string[] output = await FrameHashesAsync("out.mkv");
        Assert.Equal(2 * source.Length, output.Length);
        Assert.Equal(source, output.Where((_, i) => i % 2 == 0));
    }

    [Fact]
    public async Task Interpolate_SameSeed_GivesTheSameFramesAtAnyBatchAndThreads()
    {
        string[][] hashes = [];
        foreach ((string batch, string threads, string seed) in new[] { ("1", "1", "5"), ("4", "1", "5"), ("1", "2", "5"), ("1", "2", "6") })
        {
            string output = $"b{batch}t{threads}s{seed}.mkv";
            ToolRun run = await _tool.RunAsync(
                "interpolate", Repository.TestData("odd_420.mkv"), "-o", output, "--fps", "60", "--steps", "3", "--seed", seed, "--batch", batch, "--threads", threads, "--encoder", "ffv1");
            Assert.True(run.Code == 0, run.Error);
            hashes = [.. hashes, await FrameHashesAsync(output)];
        }

        Assert.Equal(hashes[0], hashes[1]);
        Assert.Equal(hashes[0], hashes[2]);
        Assert.NotEqual(hashes[0], hashes[3]);
    }

    [Theory]
    [InlineData("700", null)]
    [InlineData("258", "1 pair(s) of frames at a time, in tiles of up to 942080 pixels")]
    [InlineData("192", "1 pair(s) of frames at a time, in tiles of up to 115200 pixels")]
    public async Task Interpolate_LessMemory_TakesTheLargestPlanThatFits(string memory, string? said)
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:duration=0.1", "-c:v", "ffv1", "in.mkv");
        ToolRun run = await _tool.RunAsync("interpolate", "in.mkv", "-o", "out.mkv", "--fps", "48", "--memory", memory, "--threads", "2", "--encoder", "ffv1");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(said is not null, run.Error.Contains("at a time, in tiles", StringComparison.Ordinal));
        Assert.Contains(said ?? "", run.Error, StringComparison.Ordinal);
        ToolRun refused = await _tool.RunAsync("interpolate", "in.mkv", "-o", "never.mkv", "--fps", "48", "--memory", "64");
        Assert.Equal(2, refused.Code);
        Assert.Contains("A pair of 640x360 takes", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_tool.At("never.mkv")));
    }

    [Fact]
    public async Task Interpolate_FilmWithEverything_CarriesEverything()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("film_23976.mkv"), "-o", "out.mkv", "--fps", "60000/1001", "--model", "hold");
        Assert.True(run.Code == 0, run.Error);
        JsonElement streams = JsonDocument.Parse(await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_streams", "-of", "json", "out.mkv")).RootElement.GetProperty("streams");
        Assert.Equal(
            ["video ", "audio eng", "audio fra", "subtitle eng", "attachment "],
            streams.EnumerateArray().Select(s => $"{s.GetProperty("codec_type").GetString()} {Language(s)}"));

        static string Language(JsonElement stream) =>
            stream.GetProperty("codec_type").GetString() is "audio" or "subtitle" ? stream.GetProperty("tags").GetProperty("language").GetString()! : "";
    }

    [Theory]
    [InlineData("hdr10.mp4", "libx265", "out.mp4", "yuv420p10le", "tv,bt2020nc,smpte2084,bt2020")]
    [InlineData("fullrange.mp4", "libx264", "out.mp4", "yuvj420p", "pc,bt709,bt709,bt709")]
    [InlineData("prores_422_10.mov", "prores_ks", "out.mov", "yuv422p10le", null)]
    [InlineData("yuv422.mkv", "libx264", "out.mkv", "yuv422p", null)]
    [InlineData("odd_444.mkv", "ffv1", "out.mkv", "yuv444p", null)]
    [InlineData("anamorphic.mp4", "libx264", "out.mp4", "yuv420p", "tv,smpte170m,smpte170m,bt470bg")]
    public async Task Interpolate_FormatCase_KeepsDepthSamplingAndTags(string clip, string encoder, string output, string pixelFormat, string? tags)
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData(clip), "-o", output, "--fps", "50", "--model", "hold", "--encoder", encoder);
        Assert.True(run.Code == 0, run.Error);
        JsonElement stream = JsonDocument.Parse(await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_streams", "-of", "json", output)).RootElement.GetProperty("streams")[0];
        Assert.Equal(pixelFormat, stream.GetProperty("pix_fmt").GetString());
        if (tags is not null)
        {
            Assert.Equal(tags, string.Join(',', new[] { "color_range", "color_space", "color_transfer", "color_primaries" }.Select(t => stream.GetProperty(t).GetString())));
        }
    }

    [Fact]
    public async Task Interpolate_SlowMotion_StretchesTimeAndLeavesTheSoundOut()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "slow.mp4", "--fps", "60", "--slow", "2.5", "--model", "blend", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(300, run.Json.GetProperty("framesOut").GetInt64());
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("audioOffsetOut").ValueKind);
        Assert.Contains("sound", run.Error, StringComparison.OrdinalIgnoreCase);
        ToolRun verdict = await _tool.RunAsync("verify", Repository.TestData("pan24.mp4"), "slow.mp4", "--fps", "60", "--slow", "2.5");
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    [Fact]
    public async Task Interpolate_PartOfAFilm_IsThatPart()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "part.mp4", "--fps", "60", "--start", "0.5", "--duration", "1", "--model", "blend", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(24, run.Json.GetProperty("framesIn").GetInt64());
        Assert.Equal(60, run.Json.GetProperty("framesOut").GetInt64());
        ToolRun verdict = await _tool.RunAsync("verify", Repository.TestData("pan24.mp4"), "part.mp4", "--fps", "60", "--start", "0.5", "--duration", "1");
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    [Fact]
    public async Task Interpolate_CutsClip_FindsTheCutsAndNotTheFlash()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("cuts.mp4"), "-o", "out.mp4", "--fps", "60", "--model", "blend", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal([0.8, 1.8, 2.4], run.Json.GetProperty("cuts").EnumerateArray().Select(c => c.GetDouble()));
    }

    [Fact]
    public async Task Interpolate_DryRun_SaysWhatAndWritesNothing()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Repository.TestData("pan24.mp4"), "-o", "out.mp4", "--fps", "60", "--dry-run", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(120, run.Json.GetProperty("framesOut").GetInt64());
        Assert.True(run.Json.GetProperty("secondsExpected").GetDouble() > 0);
        Assert.True(run.Json.GetProperty("diskBytesExpected").GetInt64() > 0);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Theory]
    [InlineData("blend")]
    [InlineData("light")]
    public async Task Interpolate_LongerFilm_AllocatesAtMostFourKibibytesAFrame(string model)
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-stream_loop", "39", "-i", Repository.TestData("odd_420.mkv"), "-map", "0:v", "-c", "copy", "long.mkv");
        (long shortBytes, long shortFrames) = await RunAsync("2");
        (long longBytes, long longFrames) = await RunAsync("8");
        Assert.True(longFrames > shortFrames);
        // The start takes megabytes, a few kilobytes more or less each time: a frame's share of that may even come out below zero.
        double each = (longBytes - shortBytes) / (double)(longFrames - shortFrames);
        Assert.True(each <= 4096, $"{each:F0} bytes a frame");

        async Task<(long Bytes, long Frames)> RunAsync(string seconds)
        {
            // Debug code allocates more: the state of every async method is an object there.
            ToolRun run = await _tool.LaunchAsync(
                "interpolate", "long.mkv", "-o", "out.mkv", "--fps", "60", "--duration", seconds, "--model", model, "--encoder", "ffv1", "--overwrite", "--log-level", "debug");
            Assert.True(run.Code == 0, run.Error);
            string[] words = run.Error.Split('\n').Single(l => l.Contains("Managed allocation while running", StringComparison.Ordinal)).Split(' ');
            return (long.Parse(words[^5], CultureInfo.InvariantCulture), long.Parse(words[^2], CultureInfo.InvariantCulture));
        }
    }

    private async Task<string[]> FrameHashesAsync(string file) =>
        [.. (await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#')).Select(l => l.Split(',')[^1].Trim())];
}
