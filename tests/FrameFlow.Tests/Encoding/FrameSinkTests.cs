using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

public sealed class FrameSinkTests : IDisposable
{
    private readonly Clips _clips = new();

    public void Dispose() => _clips.Dispose();

    [Theory]
    [InlineData("yuv420p", false, 64, 48)]
    [InlineData("yuv422p", false, 64, 48)]
    [InlineData("yuv444p", true, 64, 48)]
    [InlineData("yuv420p10le", false, 64, 48)]
    [InlineData("yuv422p10le", true, 64, 48)]
    [InlineData("yuv444p10le", false, 64, 48)]
    [InlineData("yuv420p", true, 33, 17)]
    public async Task Consume_Ffv1_KeepsEveryBit(string pixelFormat, bool fullRange, int width, int height)
    {
        VideoFormat format = Clips.Format(pixelFormat, width, height) with { Color = new ColorDescription { FullRange = fullRange, Matrix = "bt709" } };
        await _clips.EncodeAsync(Clips.Request(_clips.At("out.mkv"), format: format, options: new() { Encoder = "ffv1" }));

        await _clips.FfmpegAsync("-i out.mkv -f rawvideo out.yuv");
        Assert.Equal(Expected(format, 6), Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(_clips.At("out.yuv")))));
        JsonElement stream = (await _clips.ProbeJsonAsync("out.mkv")).GetProperty("streams")[0];
        Assert.Equal(fullRange ? "pc" : "tv", stream.GetProperty("color_range").GetString());
        Assert.Equal("bt709", stream.GetProperty("color_space").GetString());
    }

    [Theory]
    [InlineData("libx264", "yuv444p", "mp4", "yuv444p")]
    [InlineData("libx264", "yuv422p10le", "mkv", "yuv422p10le")]
    [InlineData("libx264", "yuv420p10le", "ts", "yuv420p10le")]
    [InlineData("libx265", "yuv420p10le", "mp4", "yuv420p10le")]
    [InlineData("libsvtav1", "yuv420p10le", "webm", "yuv420p10le")]
    [InlineData("libsvtav1", "yuv444p", "mp4", "yuv420p")]
    [InlineData("libvpx-vp9", "yuv422p", "webm", "yuv422p")]
    [InlineData("prores_ks", "yuv420p", "mov", "yuv422p10le")]
    [InlineData("mpeg2video", "yuv422p", "ts", "yuv422p")]
    public async Task Consume_Encoder_KeepsDepthAndSamplingWhereItCan(string encoder, string pixelFormat, string extension, string expected)
    {
        string file = _clips.At("out." + extension);
        (EncodePlan plan, OutputReport report) = await _clips.EncodeAsync(Clips.Request(file, format: Clips.Format(pixelFormat, 64, 64), options: new() { Encoder = encoder }));

        JsonElement stream = (await _clips.ProbeJsonAsync(file)).GetProperty("streams")[0];
        Assert.Equal(expected, stream.GetProperty("pix_fmt").GetString());
        Assert.Equal(pixelFormat == expected, plan.Notes.Count == 0);
        Assert.Equal(6, report.Frames);
    }

    [Fact]
    public async Task Consume_Dnxhr_IsWritten()
    {
        await _clips.EncodeAsync(Clips.Request(_clips.At("out.mov"), format: Clips.Format("yuv422p10le", 256, 128), options: new() { Encoder = "dnxhd" }, frames: 2));
        JsonElement stream = (await _clips.ProbeJsonAsync("out.mov")).GetProperty("streams")[0];
        Assert.Equal("DNXHR HQX", stream.GetProperty("profile").GetString());
    }

    [Theory]
    [InlineData("mp4")]
    [InlineData("mkv")]
    [InlineData("mov")]
    [InlineData("ts")]
    [InlineData("webm")]
    public async Task Consume_NtscRate_TimesAreExact(string extension)
    {
        EncodeRequest request = Clips.Request(_clips.At("out." + extension), format: Clips.Format(width: 64, height: 64), frames: 130) with { FrameRate = new Rational(60000, 1001) };
        (_, OutputReport report) = await _clips.EncodeAsync(request);
        Rational length = new(129 * 1001, 60000);
        Assert.True(Rational.Abs(report.LastTime - report.FirstTime - length) <= new Rational(extension is "mkv" or "webm" ? 1 : 0, 1000) + new Rational(1, 90000));
        string average = (await _clips.ProbeJsonAsync("out." + extension)).GetProperty("streams")[0].GetProperty("avg_frame_rate").GetString()!;
        Assert.True(Rational.TryParse(average, out Rational rate) && Rational.Abs(rate - request.FrameRate) < new Rational(1, 1000), average);
    }

    /// <summary>Uneven times go through the NUT pipe: every bit and every time arrives.</summary>
    [Theory]
    [InlineData("yuv420p", "mp4", "libx264", 600)]
    [InlineData("yuv420p", "mkv", "ffv1", 1000)]
    [InlineData("yuv422p", "mkv", "ffv1", 1000)]
    [InlineData("yuv444p", "mkv", "ffv1", 1000)]
    [InlineData("yuv420p10le", "mkv", "ffv1", 1000)]
    [InlineData("yuv422p10le", "mov", "prores_ks", 90000)]
    [InlineData("yuv444p10le", "mkv", "ffv1", 1000)]
    [InlineData("yuv420p10le", "mp4", "libx265", 90000)]
    [InlineData("yuv420p", "webm", "libvpx-vp9", 1000)]
    [InlineData("yuv420p", "ts", "libx264", 90000)]
    public async Task Consume_UnevenTimes_EveryBitAndTimeArrives(string pixelFormat, string extension, string encoder, int ticksASecond)
    {
        long[] ticks = [.. new[] { 0.1, 0.133, 0.2, 0.2335, 0.4, 0.45 }.Select(t => (long)(t * ticksASecond))];
        FrameTimeline times = FrameTimeline.FromTicks(ticks, new Rational(1, ticksASecond), null);
        Assert.Null(times.ConstantRate);
        VideoFormat format = Clips.Format(pixelFormat, 64, 64) with { Color = new ColorDescription { FullRange = true, Matrix = "bt709" } };
        EncodeRequest request = Clips.Request(_clips.At("out." + extension), format: format, options: new() { Encoder = encoder })
            with
        { Times = times, FirstFrameTime = times.First, FrameRate = times.Count / times.Duration };
        (EncodePlan plan, _) = await _clips.EncodeAsync(request);
        JsonElement json = await _clips.ProbeJsonAsync("out." + extension, "-select_streams v:0 -show_frames");
        double[] seen = [.. json.GetProperty("frames").EnumerateArray().Select(f => double.Parse(f.GetProperty("pts_time").GetString()!, System.Globalization.CultureInfo.InvariantCulture))];
        double origin = seen[0] - (plan.VideoShift.ToDouble());
        Assert.Equal(ticks.Select(t => Math.Round(t / (double)ticksASecond, 5)), seen.Select(t => Math.Round(t - origin, 5)));
        if (encoder != "prores_ks")
        {
            // ProRes has no full range.
            Assert.Equal("pc", (await _clips.ProbeJsonAsync("out." + extension)).GetProperty("streams")[0].GetProperty("color_range").GetString());
        }

        if (encoder == "ffv1")
        {
            await _clips.FfmpegAsync($"-i out.{extension} -fps_mode passthrough -f rawvideo out.yuv");
            Assert.Equal(Expected(format, 6), Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(_clips.At("out.yuv")))));
        }
    }

    [Fact]
    public async Task Consume_Hdr10_IsInTheBitstream()
    {
        Hdr10Metadata hdr = new()
        {
            Chromaticities = [new(68, 100), new(32, 100), new(265, 1000), new(69, 100), new(15, 100), new(6, 100), new(3127, 10000), new(329, 1000)],
            MinLuminance = new(5, 1000),
            MaxLuminance = 1000,
            MaxContentLight = 990,
            MaxFrameAverageLight = 400,
        };
        VideoFormat format = Clips.Format("yuv420p10le", 64, 64) with
        {
            Color = new ColorDescription { Primaries = "bt2020", Transfer = "smpte2084", Matrix = "bt2020nc", FullRange = false, ChromaLocation = "topleft" },
        };
        MediaInfo source = Clips.Source(new VideoDescription { Width = 64, Height = 64, SourcePixelFormat = "yuv420p10le", Hdr10 = hdr });
        foreach (string encoder in (string[])["libx265", "libsvtav1"])
        {
            string file = _clips.At(encoder + ".mp4");
            (EncodePlan plan, _) = await _clips.EncodeAsync(Clips.Request(file, source, format, new() { Encoder = encoder }));
            Assert.Empty(plan.Notes);
            JsonElement frame = (await _clips.ProbeJsonAsync(file, "-read_intervals %+#1 -show_frames")).GetProperty("frames")[0];
            string text = frame.ToString();
            Assert.Contains("Mastering display metadata", text, StringComparison.Ordinal);
            Assert.Contains("\"max_content\": 990", text, StringComparison.Ordinal);
            Assert.Equal("smpte2084", frame.GetProperty("color_transfer").GetString());
            JsonElement stream = (await _clips.ProbeJsonAsync(file)).GetProperty("streams")[0];
            Assert.Equal(("bt2020", "bt2020nc"), (stream.GetProperty("color_primaries").GetString(), stream.GetProperty("color_space").GetString()));
        }
    }

    [Theory]
    [InlineData(90, "mp4")]
    [InlineData(180, "mov")]
    [InlineData(270, "mp4")]
    public async Task Consume_Rotation_IsInTheTrackHeader(int degrees, string extension)
    {
        MediaInfo source = Clips.Source(new VideoDescription { Width = 64, Height = 48, SourcePixelFormat = "yuv420p", Rotation = degrees });
        (EncodePlan plan, _) = await _clips.EncodeAsync(Clips.Request(_clips.At("out." + extension), source));
        MediaInfo result = await _clips.ProbeAsync("out." + extension);
        Assert.Equal(degrees, result.Video!.Video!.Rotation);
        Assert.False(plan.ConvertsPixels);
    }

    [Fact]
    public async Task Consume_RotationInMatroska_TurnsThePixels()
    {
        MediaInfo source = Clips.Source(new VideoDescription { Width = 64, Height = 48, SourcePixelFormat = "yuv420p", Rotation = 90 });
        (EncodePlan plan, _) = await _clips.EncodeAsync(Clips.Request(_clips.At("out.mkv"), source, Clips.Format() with { SampleAspect = new(16, 15) }));
        JsonElement stream = (await _clips.ProbeJsonAsync("out.mkv")).GetProperty("streams")[0];
        Assert.Equal((48, 64, "15:16"), (stream.GetProperty("width").GetInt32(), stream.GetProperty("height").GetInt32(), stream.GetProperty("sample_aspect_ratio").GetString()));
        Assert.Contains(plan.Notes, n => n.Contains("turned", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Consume_OddSizeIntoX264_IsPadded()
    {
        (EncodePlan plan, _) = await _clips.EncodeAsync(Clips.Request(_clips.At("out.mp4"), format: Clips.Format(width: 33, height: 17)));
        JsonElement stream = (await _clips.ProbeJsonAsync("out.mp4")).GetProperty("streams")[0];
        Assert.Equal((34, 18), (stream.GetProperty("width").GetInt32(), stream.GetProperty("height").GetInt32()));
        Assert.Single(plan.Notes);
    }

    [Fact]
    public async Task Consume_NameWithQuotesAndBlanks_Works()
    {
        string file = _clips.At("a \"b\" 'c' \\ %d ü.mp4");
        await _clips.EncodeAsync(Clips.Request(file));
        Assert.True(File.Exists(file));
    }

    [Fact]
    public async Task Consume_SourceFaults_ThrowsItsFaultAndLeavesNothing()
    {
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mp4"), frames: 100), EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mp4"), null, overwrite: false);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(
            () => new FrameSink(plan, output).ConsumeAsync(Faulting(10), CancellationToken.None));
        Assert.Equal(FaultKind.Decode, fault.Kind);
        Assert.Empty(Directory.GetFiles(_clips.Folder));
        Assert.Equal(0, _clips.Pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_Cancelled_KillsFfmpegAndLeavesNothing()
    {
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mp4"), frames: 100_000), EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mp4"), null, overwrite: false);
        using CancellationTokenSource cancel = new();
        FrameSink sink = new(plan, output);
        Stopwatch watch = Stopwatch.StartNew();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sink.ConsumeAsync(CancelAfter(20, cancel), cancel.Token));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5));
        Assert.Empty(Directory.GetFiles(_clips.Folder));
        Assert.Equal(0, _clips.Pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_CancelledWhileWaitingForAFrame_Ends()
    {
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mp4"), frames: 100), EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mp4"), null, overwrite: false);
        using CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new FrameSink(plan, output).ConsumeAsync(Stalled(), cancel.Token));
        Assert.Empty(Directory.GetFiles(_clips.Folder));
    }

    [Fact]
    public async Task Consume_EncoderDies_SaysWhySoon()
    {
        EncodeRequest request = Clips.Request(_clips.At("out.mp4"), frames: 100_000, options: new() { EncoderArgs = "-profile:v nonsense" });
        EncodePlan plan = EncodePlan.Create(request, EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(request.OutputPath, null, overwrite: false);
        Stopwatch watch = Stopwatch.StartNew();
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(
            () => new FrameSink(plan, output).ConsumeAsync(_clips.FramesAsync(request.Format, 60, 0, 100_000), CancellationToken.None));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5));
        Assert.Equal(FaultKind.Encode, fault.Kind);
        Assert.DoesNotContain('\n', fault.Message);
        Assert.Contains("-profile:v nonsense", fault.ToolOutput, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_clips.Folder));
        Assert.Equal(0, _clips.Pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_FrameAtTheWrongTime_IsRefused()
    {
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mp4")) with { FrameRate = 50 }, EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mp4"), null, overwrite: false);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(
            () => new FrameSink(plan, output).ConsumeAsync(_clips.FramesAsync(Clips.Format(), 60, 0, 6), CancellationToken.None));
        Assert.Contains("1/60 s instead of 1/50 s", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_FrameMissing_IsRefused()
    {
        EncodePlan plan = EncodePlan.Create(Clips.Request(_clips.At("out.mp4"), frames: 7), EncoderCatalog.Find("libx264")!);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mp4"), null, overwrite: false);
        await new FrameSink(plan, output).ConsumeAsync(_clips.FramesAsync(Clips.Format(), 60, 0, 6), CancellationToken.None);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => OutputCheck.VerifyAsync(plan, output.PartialPath, plan.FrameCount, CancellationToken.None));
        Assert.Contains("6 frames instead of 7", fault.Message, StringComparison.Ordinal);
        EncodePlan faster = EncodePlan.Create(Clips.Request(_clips.At("out.mp4")) with { FrameRate = 61 }, EncoderCatalog.Find("libx264")!);
        await Assert.ThrowsAsync<FrameFlowException>(() => OutputCheck.VerifyAsync(faster, output.PartialPath, 6, CancellationToken.None));
    }

    private string Expected(VideoFormat format, int count)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < count; i++)
        {
            using Frame frame = new FramePool(_clips.Pool, format).Rent(Rational.Zero, i);
            Clips.Fill(frame, i);
            hash.AppendData(frame.Bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private async IAsyncEnumerable<Frame> Faulting(int after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (Frame frame in _clips.FramesAsync(Clips.Format(), 60, 0, after).WithCancellation(cancellationToken))
        {
            yield return frame;
        }

        throw new FrameFlowException(FaultKind.Decode, "The source broke.");
    }

    private async IAsyncEnumerable<Frame> CancelAfter(int count, CancellationTokenSource cancel)
    {
        int i = 0;
        await foreach (Frame frame in _clips.FramesAsync(Clips.Format(), 60, 0, 100_000))
        {
            if (i++ == count)
            {
                await cancel.CancelAsync();
            }

            yield return frame;
        }
    }

    private async IAsyncEnumerable<Frame> Stalled([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (Frame frame in _clips.FramesAsync(Clips.Format(), 60, 0, 3).WithCancellation(cancellationToken))
        {
            yield return frame;
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
    }
}
