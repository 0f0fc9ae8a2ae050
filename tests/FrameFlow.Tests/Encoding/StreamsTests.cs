using System.Text.Json;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

/// <summary>What goes through beside the picture, in real files.</summary>
public sealed class StreamsTests : IDisposable
{
    private readonly Clips _clips = new();

    public void Dispose() => _clips.Dispose();

    // Sound and picture start apart: AAC priming, sound 80 ms late, sound 120 ms early (then X > 0), in every clock.
    [Theory]
    [InlineData("mp4", "0", "mp4")]
    [InlineData("mp4", "0", "mkv")]
    [InlineData("mp4", "0.08", "mov")]
    [InlineData("mp4", "-0.12", "mp4")]
    [InlineData("mkv", "0.08", "mp4")]
    [InlineData("mkv", "-0.12", "ts")]
    [InlineData("mkv", "-0.12", "webm")]
    [InlineData("ts", "0.08", "mkv")]
    [InlineData("ts", "-0.12", "mp4")]
    [InlineData("ts", "-0.12", "mov")]
    public async Task Encode_SoundAndPictureApart_OffsetIsKept(string from, string audioDelay, string to)
    {
        string input = await SourceAsync(from, audioDelay);
        MediaInfo source = await _clips.ProbeAsync(input);
        (decimal video, decimal audio) = await _clips.FirstPacketsAsync(input);
        Assert.True(Rational.TryParse(video.ToString(System.Globalization.CultureInfo.InvariantCulture), out Rational first));
        EncodeRequest request = Request(source, "out." + to, first, 90);
        await _clips.EncodeAsync(request);

        (decimal videoOut, decimal audioOut) = await _clips.FirstPacketsAsync("out." + to);
        decimal expected = audio - video;
        if (to == "webm")
        {
            // Re-encoded: packets begin elsewhere (priming), so the place of a click is compared.
            (expected, audioOut, videoOut) = ((decimal)await ClickAsync(input), (decimal)await ClickAsync("out.webm"), 0);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{from} {audioDelay} -> {to}: in {expected * 1000:0.000} ms, out {(audioOut - videoOut) * 1000:0.000} ms");
        Assert.True(Math.Abs(audioOut - videoOut - expected) <= (to is "mkv" or "webm" ? 0.0011m : 0.0001m), $"in {expected}, out {audioOut - videoOut}");
    }

    [Theory]
    [InlineData("mp4", "mp4", "1.03")]
    [InlineData("mkv", "mkv", "1.03")]
    [InlineData("ts", "mp4", "1.03")]
    [InlineData("mp4", "ts", "0.95")]
    public async Task Encode_Start_SoundStaysAligned(string from, string to, string start)
    {
        string input = await SourceAsync(from, "0");
        MediaInfo source = await _clips.ProbeAsync(input);
        Assert.True(Rational.TryParse(start, out Rational s));
        Rational begin = source.StartTime + s;
        (decimal video, _) = await _clips.FirstPacketsAsync(input);
        Assert.True(Rational.TryParse(video.ToString(System.Globalization.CultureInfo.InvariantCulture), out Rational zero));

        // The first frame at or after --start, as the decoder would give it.
        Rational first = zero + ((begin - zero) * 25).Ceiling() * new Rational(1, 25);
        EncodeRequest request = Request(source, "out." + to, first, 30) with { Decode = new DecodeOptions { Start = s, Duration = new(1, 2) } };
        (EncodePlan plan, OutputReport report) = await _clips.EncodeAsync(request);

        // The source's sound is a click at each whole second + 0.2: its place against the first frame tells the offset.
        double heard = await ClickAsync("out." + to);
        double expected = (new Rational(12, 10) + zero - first).ToDouble();
        TestContext.Current.TestOutputHelper?.WriteLine($"start {start} {from} -> {to}: click expected {expected * 1000:0.00} ms after the first frame, found {heard * 1000:0.00} ms");
        Assert.InRange(heard - expected, -0.002, 0.002);
        _ = (plan, report);
    }

    [Theory]
    [InlineData("in.mp4", "out.mkv")]
    [InlineData("in.webm", "out.mkv")]
    public async Task Encode_OpusCopiedIntoMatroska_IsHeardWhereItWas(string input, string output)
    {
        string made = await SourceAsync("mkv", "0.08");
        await _clips.FfmpegAsync($"-i {made} -map 0 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus {input}");
        MediaInfo source = await _clips.ProbeAsync(input);
        double before = await ClickAsync(input);
        await _clips.EncodeAsync(Request(source, output, source.Video!.StartTime!.Value, 90));
        double after = await ClickAsync(output);
        TestContext.Current.TestOutputHelper?.WriteLine($"opus {input} -> {output}: click {before * 1000:0.00} ms, {after * 1000:0.00} ms");
        Assert.InRange(after - before, -0.0012, 0.0012);
    }

    [Fact]
    public async Task Encode_RichMatroska_AllGoesThrough()
    {
        MediaInfo source = await RichAsync();
        (EncodePlan plan, _) = await _clips.EncodeAsync(Request(source, "out.mkv", source.Video!.StartTime!.Value, 120));
        MediaInfo result = await _clips.ProbeAsync("out.mkv");
        Assert.Equal(["h264", "aac", "ac3", "subrip", "ass", "ttf"], result.Streams.Select(s => s.Codec));
        Assert.Equal(["eng", "fra", "deu"], result.Streams.Skip(1).Take(3).Select(s => s.Tags["language"]));
        Assert.Contains("comment", result.Streams[2].Dispositions);
        Assert.DoesNotContain("default", result.Streams[2].Dispositions);
        Assert.Equal(2, result.ChapterCount);
        Assert.Equal("A title", result.Tags["title"]);
        Assert.Empty(plan.Notes);
    }

    [Fact]
    public async Task Encode_RichIntoMp4_SaysWhatItConvertsAndDrops()
    {
        MediaInfo source = await RichAsync();
        (EncodePlan plan, _) = await _clips.EncodeAsync(Request(source, "out.mp4", source.Video!.StartTime!.Value, 120));
        MediaInfo result = await _clips.ProbeAsync("out.mp4");
        Assert.Equal(["h264", "aac", "ac3", "mov_text", "mov_text"], result.Streams.Take(5).Select(s => s.Codec));
        Assert.Equal("fra", result.Streams[2].Tags["language"]);
        Assert.Equal(2, result.ChapterCount);
        Assert.Equal("A title", result.Tags["title"]);
        Assert.Equal(3, plan.Notes.Count);
    }

    [Fact]
    public async Task Encode_RichIntoWebM_SoundBecomesOpus()
    {
        MediaInfo source = await RichAsync();
        await _clips.EncodeAsync(Request(source, "out.webm", source.Video!.StartTime!.Value, 120));
        MediaInfo result = await _clips.ProbeAsync("out.webm");
        Assert.Equal(["av1", "opus", "opus", "webvtt", "webvtt"], result.Streams.Select(s => s.Codec));
    }

    // What a track is marked as and called is in the output or told of, and nothing is told that is there.
    [Theory]
    [InlineData("mkv")]
    [InlineData("mp4")]
    [InlineData("mov")]
    [InlineData("webm")]
    [InlineData("ts")]
    public async Task Encode_MarkedTracks_WhatIsLostIsSaid(string extension)
    {
        await File.WriteAllTextAsync(_clips.At("s.srt"), "1\n00:00:00,200 --> 00:00:01,000\nHi\n");
        await _clips.FfmpegAsync("-f lavfi -i testsrc2=s=64x64:r=25:d=1 -f lavfi -i sine=r=48000:d=1 -c:v libx264 -preset ultrafast -c:a aac a.mp4");
        await _clips.FfmpegAsync(
            "-i a.mp4 -i s.srt -map 0:v -map 0:a -map 0:a -map 1 -map 1 -c copy -disposition:a:0 default -metadata:s:a:0 language=eng -metadata:s:a:0 title=First "
            + "-disposition:a:1 default+original+comment+forced+hearing_impaired -metadata:s:a:1 language=de-CH -metadata:s:a:1 title=Second -disposition:s:0 0 -disposition:s:1 default+dub+comment+visual_impaired+descriptions in.mkv");
        MediaInfo source = await _clips.ProbeAsync("in.mkv");
        (EncodePlan plan, _) = await _clips.EncodeAsync(Request(source, "out." + extension, source.Video!.StartTime!.Value, 30));
        MediaInfo result = await _clips.ProbeAsync("out." + extension);
        string bytes = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(_clips.At("out." + extension)));
        bool subtitles = extension != "ts";
        Assert.Equal(subtitles ? 5 : 3, result.Streams.Count);
        List<int> told = [];
        foreach (int track in (int[])[.. subtitles ? [2, 4] : (int[])[2]])
        {
            string note = plan.Notes.SingleOrDefault(n => n.Contains($"(stream {track}, ", StringComparison.Ordinal) && n.Contains(" loses ", StringComparison.Ordinal)) ?? "";
            told.AddRange(note.Length > 0 ? [track] : (int[])[]);
            Assert.Equal(
                source.Streams[track].Dispositions.Except(result.Streams[track].Dispositions).Except(result.Streams[track].Dispositions.Contains("visual_impaired") ? ["descriptions"] : (string[])[]).Order(StringComparer.Ordinal),
                source.Streams[track].Dispositions.Where(d => note.Contains($"'{d}'", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            foreach (string tag in (string[])[.. track == 2 ? ["title", "language"] : Array.Empty<string>()])
            {
                // ffprobe 5.1 does not read the titles that ffmpeg 5.1 writes into MP4.
                string value = source.Streams[track].Tags[tag];
                bool isThere = result.Streams[track].Tags.GetValueOrDefault(tag) == value || bytes.Contains("name" + value, StringComparison.Ordinal);
                Assert.NotEqual(isThere, note.Contains($"{tag} '{value}'", StringComparison.Ordinal));
            }
        }

        // The others have nothing to lose, but the first sound a title.
        Assert.Equal(told.Count + (extension == "ts" ? 1 : 0), plan.Notes.Count(n => n.Contains(" loses ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Encode_StartAndDuration_ChaptersAreCut()
    {
        MediaInfo source = await RichAsync();
        EncodeRequest request = Request(source, "out.mp4", source.StartTime + new Rational(1, 2), 30) with { Decode = new DecodeOptions { Start = new(1, 2), Duration = new(1, 2) } };
        await _clips.EncodeAsync(request);
        JsonElement chapters = (await _clips.ProbeJsonAsync("out.mp4")).GetProperty("chapters");
        Assert.Equal(["0.000000", "0.400000"], chapters.EnumerateArray().Select(c => c.GetProperty("start_time").GetString()!));
        Assert.InRange(double.Parse(chapters[1].GetProperty("end_time").GetString()!, System.Globalization.CultureInfo.InvariantCulture), 0.49, 0.52);
    }

    [Fact]
    public async Task Encode_SlowMotion_LeavesSoundOutAndSaysSo()
    {
        MediaInfo source = await RichAsync();
        (EncodePlan plan, _) = await _clips.EncodeAsync(Request(source, "out.mkv", source.Video!.StartTime!.Value, 30) with { IncludeAudio = false });
        MediaInfo result = await _clips.ProbeAsync("out.mkv");
        Assert.Equal(["h264", "ttf"], result.Streams.Select(s => s.Codec));
        Assert.Equal(0, result.ChapterCount);
        Assert.Contains(plan.Notes, n => n.Contains("4 sound and subtitle streams are left out", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Encode_TimecodeAndCover_AreKept()
    {
        await _clips.FfmpegAsync("-f lavfi -i color=red:s=32x32 -frames:v 1 c.png");
        await _clips.FfmpegAsync("-f lavfi -i testsrc2=s=64x48:r=24:d=1 -c:v libx264 -preset ultrafast -timecode 01:02:03:12 -metadata title=T v.mp4");
        await _clips.FfmpegAsync("-i v.mp4 -i c.png -map 0:v -map 1 -c copy -disposition:v:1 attached_pic in.mp4");
        MediaInfo source = await _clips.ProbeAsync("in.mp4");
        await _clips.EncodeAsync(Request(source, "out.mp4", 0, 30));
        MediaInfo result = await _clips.ProbeAsync("out.mp4");
        Assert.Equal("01:02:03:30", result.Video!.Tags.GetValueOrDefault("timecode") ?? result.Streams.Select(s => s.Tags.GetValueOrDefault("timecode")).FirstOrDefault(t => t is not null));
        Assert.Contains(result.Streams, s => s.Video is { IsAttachedPicture: true });
    }

    [Fact]
    public async Task Consume_DiskFull_IsAStorageFault()
    {
        // A file size limit stands in for a full disk where no small file system can be mounted.
        const string small = "/dev/full";
        Assert.SkipUnless(File.Exists(small), "no /dev/full");
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mkv"), frames: 100_000, options: new() { Encoder = "ffv1" }), EncoderCatalog.Find("ffv1")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mkv"), null, overwrite: false);
        File.CreateSymbolicLink(output.PartialPath, small);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(
            () => new FrameSink(plan, output).ConsumeAsync(_clips.FramesAsync(Clips.Format(), 60, 0, 100_000), CancellationToken.None));
        Assert.Equal(FaultKind.Storage, fault.Kind);
        Assert.True(fault.CanRetry);
        Assert.Contains("disk is full", fault.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_clips.Folder));
    }

    private EncodeRequest Request(MediaInfo source, string output, Rational first, int frames) =>
        Clips.Request(_clips.At(output), source, Clips.Format(width: 64, height: 64), frames: frames) with { FrameRate = new Rational(60000, 1001), FirstFrameTime = first };

    // 3 s at 25 fps, AAC with a click at every whole second + 0.2 (on the source's clock, the sound's delay included).
    private async Task<string> SourceAsync(string container, string audioDelay)
    {
        string name = "in." + container;
        await _clips.FfmpegAsync(
            "-f lavfi -i testsrc2=s=64x64:r=25:d=3 -f lavfi -i aevalsrc=exprs='if(between(mod(t\\,1)\\,0.2\\,0.21)\\,sin(2*PI*3000*t)\\,0)':s=48000:d=3 "
            + "-c:v libx264 -preset ultrafast -c:a aac base.mp4");
        string shift = audioDelay.StartsWith('-') ? $"-itsoffset {audioDelay[1..]} -i base.mp4 -i base.mp4 -map 0:v -map 1:a" : $"-i base.mp4 -itsoffset {audioDelay} -i base.mp4 -map 0:v -map 1:a";
        await _clips.FfmpegAsync($"{shift} -c copy {(container == "mp4" ? "-movie_timescale 48000 " : string.Empty)}{name}");
        return name;
    }

    // Decodes sound and picture on one clock (negative times kept), and finds the first click after the first frame.
    private async Task<double> ClickAsync(string file)
    {
        JsonElement frames = await _clips.ProbeJsonAsync(file, "-select_streams v:0 -show_entries frame=pts_time -read_intervals %+#3");
        double first = double.Parse(frames.GetProperty("frames")[0].GetProperty("pts_time").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
        JsonElement probe = await _clips.ProbeJsonAsync(file, "-select_streams a:0 -show_entries frame=pts_time");
        double audio = double.Parse(probe.GetProperty("frames")[0].GetProperty("pts_time").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
        await _clips.FfmpegAsync($"-i {file} -map 0:a:0 -ac 1 -ar 48000 -af aresample=async=0 -f s16le {file}.pcm");
        byte[] pcm = await File.ReadAllBytesAsync(_clips.At(file + ".pcm"));
        for (int i = 0; i < pcm.Length / 2; i++)
        {
            double at = audio + (i / 48000.0);
            if (at > first && Math.Abs((int)BitConverter.ToInt16(pcm, 2 * i)) > 8000)
            {
                return at - first;
            }
        }

        Assert.Fail("no click in " + file);
        return 0;
    }

    private async Task<MediaInfo> RichAsync()
    {
        await File.WriteAllTextAsync(_clips.At("s.srt"), "1\n00:00:00,200 --> 00:00:01,000\nHi\n\n2\n00:00:01,200 --> 00:00:01,800\nthere\n");
        await File.WriteAllTextAsync(
            _clips.At("meta.txt"),
            ";FFMETADATA1\ntitle=A title\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=one\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=two\n");
        await File.WriteAllTextAsync(_clips.At("f.ttf"), "font");
        await _clips.FfmpegAsync("-f lavfi -i testsrc2=s=64x64:r=25:d=2 -f lavfi -i sine=r=48000:d=2 -c:v libx264 -preset ultrafast -c:a aac a.mp4");
        await _clips.FfmpegAsync(
            "-i a.mp4 -i s.srt -i meta.txt -map 0:v -map 0:a -map 0:a -map 1 -map 1 -map_metadata 2 -map_chapters 2 -c copy -c:s:1 ass -c:a:1 ac3 "
            + "-metadata:s:a:0 language=eng -metadata:s:a:1 language=fra -metadata:s:s:0 language=deu -disposition:a:1 comment -attach f.ttf -metadata:s:t mimetype=application/x-truetype-font in.mkv");
        return await _clips.ProbeAsync("in.mkv");
    }
}
