using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

public sealed class SourceScannerTests : IDisposable
{
    // Moving and detailed, as idet needs it.
    private const string Moving = "mandelbrot=s=320x240:start_scale=0.5:end_scale=0.05:end_pts=60";

    private readonly LavfiClips _clips = new();

    public void Dispose() => _clips.Dispose();

    [Theory]
    [InlineData("a.mp4", "24000/1001")]
    [InlineData("a.mkv", "24000/1001")]
    [InlineData("a.mkv", "60000/1001")]
    [InlineData("a.mkv", "25")]
    [InlineData("a.webm", "30000/1001")]
    public async Task Scan_ConstantRate_IsRecoveredExactly(string name, string rate)
    {
        string codec = name.EndsWith("webm", StringComparison.Ordinal) ? "libvpx -deadline realtime" : "libx264 -preset ultrafast -bf 2";
        string path = await _clips.MakeAsync(name, $"-f lavfi -i testsrc=s=64x48:r={rate} -frames:v 24 -pix_fmt yuv420p -c:v {codec}");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.True(Rational.TryParse(rate, out Rational expected));
        Assert.Equal(expected, scan.Timeline.ConstantRate);
        Assert.Equal(24, scan.Timeline.Count);
        Assert.Equal(24 / expected, scan.Timeline.Duration);
        Assert.Equal(23 / expected, scan.Timeline[23] - scan.Timeline.First);
    }

    [Fact]
    public async Task Scan_VariableRate_KeepsTheContainersTimes()
    {
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i testsrc=s=64x48:r=100 -vf \"select='eq(n,0)+eq(n,3)+eq(n,10)+eq(n,12)+eq(n,19)'\" -fps_mode vfr -frames:v 5 -pix_fmt yuv420p -video_track_timescale 10000 -c:v libx264 -preset ultrafast");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Null(scan.Timeline.ConstantRate);
        Assert.Equal([0, new(3, 100), new(10, 100), new(12, 100), new(19, 100)], Enumerable.Range(0, 5).Select(i => scan.Timeline[i]));
    }

    [Fact]
    public async Task Scan_TransportStream_KeepsItsStart()
    {
        string path = await _clips.MakeAsync("a.ts", "-f lavfi -i testsrc=s=64x48:r=25:d=0.4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -output_ts_offset 100");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(info.Video!.StartTime, scan.Timeline.First);
        Assert.True(scan.Timeline.First > 100);
        Assert.Equal(25, scan.Timeline.ConstantRate);
        Assert.Equal(10, scan.Timeline.Count);
    }

    [Fact]
    public async Task Scan_EditList_CountsOnlyWhatIsShown()
    {
        await _clips.MakeAsync("whole.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 10 -bf 0");
        string path = await _clips.MakeAsync("cut.mp4", "-ss 0.6 -i {folder}/whole.mp4 -c copy");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        (_, byte[] shown, _) = await LavfiClips.RunAsync("ffmpeg", $"-v error -i {path} -f rawvideo -fps_mode passthrough -");
        Assert.True(scan.Timeline.Count < info.Video!.StatedFrames);
        Assert.Equal(10, scan.Timeline.Count);
        Assert.Equal(Rational.Zero, scan.Timeline.First);
        (_, byte[] bytes) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(shown, bytes);
    }

    [Theory]
    [InlineData("interleave_top", FieldContent.InterlacedTopFirst, "tff")]
    [InlineData("interleave_bottom", FieldContent.InterlacedBottomFirst, "bff")]
    public async Task Scan_InterlacedPictures_BecomeAFrameAField(string mode, FieldContent content, string order)
    {
        string flags = order == "tff" ? "-top 1" : "-top 0";
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i {Moving}:r=50 -vf tinterlace={mode} -frames:v 20 -pix_fmt yuv420p -c:v mpeg2video -qscale 2 -flags +ildct+ilme {flags}");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(content, scan.Content);
        Assert.Equal($"bwdif=mode=send_field:parity={order}:deint=all", scan.Filters);
        Assert.Equal(40, scan.Timeline.Count);
        Assert.Equal(50, scan.Timeline.ConstantRate);
        Assert.Equal(new Rational(4, 5), scan.Timeline.Duration);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => scan.Timeline.First + new Rational(i, 50)), times);
    }

    // Matroska rounds to milliseconds, and a field between two frames is rounded with both; from some starts it was more than a tick of the filter's beside its place.
    [Theory]
    [InlineData("0")]
    [InlineData("0.1")]
    [InlineData("0.35")]
    public async Task Scan_InterlacedInMilliseconds_IsEven(string start)
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i {Moving}:r=60000/1001 -vf tinterlace=interleave_top,setpts=PTS+1/TB/30 -ss {start} -frames:v 30 -pix_fmt yuv420p -c:v mpeg2video -qscale 2 -flags +ildct+ilme -top 1");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.NotNull(scan.Filters);
        Assert.Equal(new Rational(60000, 1001), scan.Timeline.ConstantRate);
        Assert.True(scan.Timeline.IsEven);
    }

    [Fact]
    public async Task Scan_InterlacedButAskedToLeave_IsTakenAsItIs()
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i {Moving}:r=50 -vf tinterlace=interleave_top -frames:v 20 -pix_fmt yuv420p -c:v mpeg2video -qscale 2 -flags +ildct+ilme -top 1");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path, new DecodeOptions { Deinterlace = false });
        Assert.Equal(FieldContent.InterlacedTopFirst, scan.Content);
        Assert.Null(scan.Filters);
        Assert.Equal(20, scan.Timeline.Count);
        Assert.Contains(scan.Notes, n => n.Contains("taken as they are", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Scan_Pulldown_GivesTheFilmBack()
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i {Moving}:r=24000/1001 -vf telecine=first_field=top:pattern=23 -frames:v 30 -pix_fmt yuv420p -c:v mpeg2video -qscale 2 -flags +ildct+ilme -top 1");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(FieldContent.Telecined, scan.Content);
        Assert.Equal(new Rational(24000, 1001), scan.Timeline.ConstantRate);
        Assert.Equal(24, scan.Timeline.Count);
        Assert.Equal(new Rational(1001, 1000), scan.Timeline.Duration);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(24, times.Count);
    }

    [Fact]
    public async Task Scan_WholeFramesFlaggedInterlaced_AreLeftAlone()
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i {Moving}:r=25 -frames:v 20 -pix_fmt yuv420p -vf setfield=tff -c:v mpeg2video -qscale 2 -flags +ildct+ilme -top 1");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.NotEqual("progressive", info.Video!.Video!.FieldOrder);
        Assert.Equal(FieldContent.Progressive, scan.Content);
        Assert.Null(scan.Filters);
        Assert.Contains(scan.Notes, n => n.Contains("the flag is not believed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Scan_StillPicture_IsProgressive()
    {
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i smptebars=s=64x48:r=25:d=0.6 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(FieldContent.Progressive, scan.Content);
        Assert.Empty(scan.Notes);
    }

    [Fact]
    public async Task Scan_TruncatedMatroska_GoesOnAndIsReported()
    {
        string whole = await _clips.MakeAsync("whole.mkv", "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 5");
        byte[] bytes = await File.ReadAllBytesAsync(whole, TestContext.Current.CancellationToken);
        string path = _clips.Write("cut.mkv", bytes[..(bytes.Length * 2 / 3)]);
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.InRange(scan.Timeline.Count, 5, 24);
        Assert.NotEmpty(scan.Damage);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(scan.Timeline.Count, times.Count);
    }

    [Fact]
    public async Task Scan_OverwrittenMiddle_IsReportedWithItsTime()
    {
        string whole = await _clips.MakeAsync("whole.ts", "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -pix_fmt yuv420p -c:v mpeg2video -qscale 3 -g 5");
        byte[] bytes = await File.ReadAllBytesAsync(whole, TestContext.Current.CancellationToken);
        for (int i = bytes.Length / 2; i < (bytes.Length / 2) + 6000; i++)
        {
            bytes[i] = i % 188 < 12 ? bytes[i] : (byte)(i * 31);
        }

        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(_clips.Write("hurt.ts", bytes));
        DamagedStretch stretch = Assert.Single(scan.Damage);
        Assert.InRange((stretch.Start - info.StartTime).ToDouble(), 0.2, 0.7);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(scan.Timeline.Count, times.Count);
    }

    [Fact]
    public async Task Scan_OverwrittenH264_DatesTheLostPicture()
    {
        string whole = await _clips.MakeAsync("whole.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -pix_fmt yuv420p -c:v libx264 -preset veryfast -g 25 -bf 2");
        byte[] bytes = await File.ReadAllBytesAsync(whole, TestContext.Current.CancellationToken);
        new Random(1).NextBytes(bytes.AsSpan(bytes.Length / 2, 1500));
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(_clips.Write("hurt.mp4", bytes));
        Assert.NotEmpty(scan.Damage);
        for (int i = 1; i < scan.Timeline.Count; i++)
        {
            // A picture that is missing lies in a reported stretch.
            Assert.True(scan.Timeline[i] - scan.Timeline[i - 1] == new Rational(1, 25)
                || scan.Damage.Any(d => d.Start <= scan.Timeline[i] && d.End >= scan.Timeline[i - 1]));
        }

        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(scan.Timeline.Count, times.Count);
    }

    [Theory]
    [InlineData("a.mp4")]
    [InlineData("a.mkv")]
    [InlineData("a.ts")]
    public async Task Scan_PartOfTheSource_HoldsExactlyItsFrames(string name)
    {
        string path = await _clips.MakeAsync(name, "-f lavfi -i testsrc2=s=64x48:r=24:d=4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 20 -bf 2 -x264-params open-gop=1");
        (MediaInfo info, SourceScan all) = await LavfiClips.ScanAsync(path);
        (_, byte[] wholeBytes) = await LavfiClips.DecodeAsync(info, all);
        DecodeOptions options = new() { Start = new(5, 2), Duration = new(3, 4) };
        (_, SourceScan part) = await LavfiClips.ScanAsync(path, options);
        (List<Rational> times, byte[] bytes) = await LavfiClips.DecodeAsync(info, part, options);

        // 24 fps: frames 60 .. 77 start in [2.5, 3.25).
        Assert.Equal(18, times.Count);
        Assert.True(Rational.Abs(times[0] - all.Timeline[60]) <= part.Timeline.Tick);
        int frame = (int)all.Format.FrameBytes;
        Assert.Equal(wholeBytes[(60 * frame)..(78 * frame)], bytes);
        Assert.Equal(new Rational(3, 4), part.Timeline.Duration);
        Assert.Empty(part.Damage);
    }

    [Fact]
    public async Task Scan_StartBehindTheEnd_IsUsage()
    {
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=0.4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        FrameFlowException e = await Assert.ThrowsAsync<FrameFlowException>(() => LavfiClips.ScanAsync(path, new DecodeOptions { Start = 20 }));
        Assert.Equal(FaultKind.Usage, e.Kind);
        Assert.Equal($"No frame of '{path}' lies in the asked part (--start 20 s); it lasts 0.4 s: ask for an earlier part.", e.Message);
    }

    [Fact]
    public async Task Scan_Cancelled_Stops()
    {
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=0.4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SourceScanner.ScanAsync(info, new(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Scan_CancelledOnTheWay_Stops()
    {
        string path = await _clips.MakeAsync("a.mkv", "-f lavfi -i color=s=640x480:r=25:d=4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        using CancellationTokenSource cancelling = new(TimeSpan.FromMilliseconds(40));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SourceScanner.ScanAsync(info, new(), cancelling.Token));
    }

    [Fact]
    public async Task Scan_TimeRepeatedBesideAnEmptyPlace_IsMended()
    {
        string path = await RetimedAsync("if(eq(N\\,5)\\,4\\,N)");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(12, scan.Timeline.Count);
        Assert.Equal(25, scan.Timeline.ConstantRate);
        Assert.Empty(scan.Damage);
        Assert.Contains(scan.Notes, n => n.StartsWith("1 frame(s) carry the time of the frame before", StringComparison.Ordinal));
        await EqualsTimelineAsync(info, scan);
    }

    [Fact]
    public async Task Scan_LastTimeRepeated_IsPutAStepLater()
    {
        string path = await RetimedAsync("if(eq(N\\,11)\\,10\\,N)");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(12, scan.Timeline.Count);
        Assert.Equal(25, scan.Timeline.ConstantRate);
        Assert.Empty(scan.Damage);
        await EqualsTimelineAsync(info, scan);
    }

    [Fact]
    public async Task Scan_RepeatedTimeWhosePlaceIsBehindThePart_BelongsToTheNext()
    {
        string path = await RetimedAsync("if(eq(N\\,5)\\,4\\,N)");
        DecodeOptions options = new() { Start = new(2, 25), Duration = new(1, 10) };
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path, options);
        Assert.Equal(3, scan.Timeline.Count);
        Assert.Equal(25, scan.Timeline.ConstantRate);
        Assert.Equal([3], scan.DroppedFrames);
        Assert.Empty(scan.Damage);
        Assert.Equal(3, (await LavfiClips.DecodeAsync(info, scan, options)).Times.Count);
    }

    [Fact]
    public async Task Scan_TimeThatDoesNotAdvance_LeavesTheFrameOut()
    {
        // Frame 5 has the time of frame 4, and those that follow leave no room.
        string path = await RetimedAsync("if(gte(N\\,5)\\,N-1\\,N)");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(11, scan.Timeline.Count);
        Assert.Equal([5], scan.DroppedFrames);
        Assert.Equal(new Rational(4, 25), Assert.Single(scan.Damage).Start);
        await EqualsTimelineAsync(info, scan);
    }

    [Fact]
    public async Task Scan_TestPatternThatFoolsIdet_IsProgressive()
    {
        // ffmpeg's testsrc2 is whole, but idet calls nearly every frame of it interlaced.
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(FieldContent.Progressive, scan.Content);
        Assert.Equal(25, scan.Timeline.Count);
    }

    private async Task<string> RetimedAsync(string frameNumber) =>
        await _clips.MakeAsync("a.mkv", $"-f lavfi -i testsrc=s=64x48:r=25 -vf setpts='({frameNumber})/25/TB' -frames:v 12 -fps_mode passthrough -pix_fmt yuv420p -c:v ffv1");

    private static async Task EqualsTimelineAsync(MediaInfo info, SourceScan scan)
    {
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(Enumerable.Range(0, scan.Timeline.Count).Select(i => scan.Timeline[i]), times);
    }

    [Theory]
    [InlineData("a.mp4", "r=25", "libx264 -preset ultrafast -bf 2 -g 20 -pix_fmt yuv420p")]
    [InlineData("a.mkv", "r=24000/1001", "libx264 -preset ultrafast -bf 2 -g 20 -x264opts open_gop=1 -pix_fmt yuv420p10le")]
    [InlineData("a.mov", "r=30000/1001", "prores_ks -pix_fmt yuv422p10le")]
    [InlineData("a.webm", "r=25", "libvpx-vp9 -deadline realtime -cpu-used 8 -g 20 -pix_fmt yuv420p")]
    [InlineData("a.mp4", "r=50,select='mod(n\\,5)-mod(n\\,7)'", "libx264 -preset ultrafast -g 20 -pix_fmt yuv420p -fps_mode vfr")]
    public async Task Conclude_OrderlyFilm_IsWhatAScanFinds(string name, string source, string codec)
    {
        string path = await _clips.MakeAsync(name, $"-f lavfi -i \"{Moving}:{source}\" -frames:v 100 -c:v {codec}");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        LavfiClips.AssertSame(scan, (await SourceScanner.ConcludeAsync(info, new(), TestContext.Current.CancellationToken))!);
    }

    [Theory]
    [InlineData("transport.ts", Moving, "-c:v libx264 -preset ultrafast -g 20")]
    [InlineData("fields.mp4", Moving + ":r=50,tinterlace=interleave_top,setfield=prog", "-c:v libx264 -preset ultrafast -g 20")]
    [InlineData("still.mp4", "color=s=320x240", "-c:v libx264 -preset ultrafast -g 20")]
    [InlineData("two_key_frames.mp4", Moving, "-c:v libx264 -preset ultrafast -g 1000")]
    [InlineData("mpeg4.mp4", Moving, "-c:v mpeg4 -g 20")]
    public async Task Conclude_WherePacketsDoNotTell_IsSilent(string name, string source, string codec)
    {
        string path = await _clips.MakeAsync(name, $"-f lavfi -i \"{source}\" -frames:v {(name.StartsWith("two", StringComparison.Ordinal) ? 400 : 100)} -pix_fmt yuv420p {codec}");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Null(await SourceScanner.ConcludeAsync(info, new(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Conclude_EditListThatHidesFrames_IsSilent()
    {
        await _clips.MakeAsync("whole.mp4", $"-f lavfi -i {Moving}:r=25 -frames:v 100 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 10 -bf 0");
        string path = await _clips.MakeAsync("cut.mp4", "-ss 0.6 -i {folder}/whole.mp4 -c copy");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Null(await SourceScanner.ConcludeAsync(info, new(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Conclude_PartOfAFilm_IsSilent()
    {
        string path = await _clips.MakeAsync("a.mp4", $"-f lavfi -i {Moving}:r=25 -frames:v 100 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 10");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Null(await SourceScanner.ConcludeAsync(info, new() { Start = 1 }, TestContext.Current.CancellationToken));
        Assert.Null(await SourceScanner.ConcludeAsync(info, new() { Duration = 1 }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Conclude_DamageBetweenTheStretches_IsRefutedByDecoding()
    {
        string path = await _clips.MakeHurtAsync("hurt.mp4");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        SourceScan concluded = (await SourceScanner.ConcludeAsync(info, new(), TestContext.Current.CancellationToken))!;
        Assert.Empty(concluded.Damage);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => LavfiClips.DecodeAsync(info, concluded));
        Assert.True(fault.RefutesScan);
    }

    [Theory]
    [InlineData(-1, "more than 49 frames")]
    [InlineData(1, "50 of 51 frames")]
    public async Task Conclude_AnotherNumberOfFrames_IsRefutedByDecoding(int more, string reason)
    {
        string path = await _clips.MakeAsync("a.mp4", $"-f lavfi -i {Moving}:r=25 -frames:v 50 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        SourceScan concluded = scan with { IsConcluded = true, Timeline = FrameTimeline.Even(0, 25, 50 + more) };
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => LavfiClips.DecodeAsync(info, concluded));
        Assert.True(fault.RefutesScan);
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
    }
}
