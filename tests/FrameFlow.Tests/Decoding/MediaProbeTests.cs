using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

public sealed class MediaProbeTests : IDisposable
{
    private readonly LavfiClips _clips = new();

    public void Dispose() => _clips.Dispose();

    [Fact]
    public async Task Probe_Mp4_KeepsRatios()
    {
        string path = await _clips.MakeAsync("a.mp4", "-f lavfi -i testsrc=s=64x48:r=24000/1001:d=0.5 -f lavfi -i sine=d=0.5 -pix_fmt yuv420p -vf setsar=64/45 -metadata title=Title -metadata:s:a language=deu -c:v libx264 -preset ultrafast -c:a aac");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        StreamInfo video = info.Video!;
        Assert.Equal(new Rational(24000, 1001), video.Video!.BaseRate);
        Assert.Equal(new Rational(24000, 1001), video.Video.AverageRate);
        Assert.Equal(new Rational(1, 24000), video.TimeBase);
        Assert.Equal(Rational.Zero, video.StartTime);
        Assert.Equal(new Rational(64, 45), video.Video.SampleAspect);
        Assert.Equal("Title", info.Tags["title"]);
        StreamInfo audio = Assert.Single(info.Streams, s => s.Kind == StreamKind.Audio);
        Assert.Equal("deu", audio.Tags["language"]);
        Assert.Equal(44100, audio.SampleRate);
        Assert.Contains("default", audio.Dispositions);
    }

    [Theory]
    [InlineData(90)]
    [InlineData(180)]
    [InlineData(270)]
    public async Task Probe_RotatedMp4_IsClockwise(int degrees)
    {
        // ffmpeg 5.1 takes its rotate tag counter-clockwise when it writes the display matrix.
        await _clips.MakeAsync("plain.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=0.1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        string path = await _clips.MakeAsync("rotated.mp4", $"-i {{folder}}/plain.mp4 -c copy -metadata:s:v rotate={360 - degrees}");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(degrees, info.Video!.Video!.Rotation);
        Assert.Equal(64, info.Video.Video.Width);
    }

    [Fact]
    public async Task Probe_Rotation_TurnsAsFfmpegDoes()
    {
        await _clips.MakeAsync("plain.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=0.04 -pix_fmt yuv420p -c:v libx264 -qp 0 -preset ultrafast");
        string path = await _clips.MakeAsync("rotated.mp4", "-i {folder}/plain.mp4 -c copy -metadata:s:v rotate=270");
        (_, byte[] turned, _) = await LavfiClips.RunAsync("ffmpeg", $"-v error -i {path} -f rawvideo -");
        (_, byte[] clockwise, _) = await LavfiClips.RunAsync("ffmpeg", $"-v error -noautorotate -i {path} -vf transpose=clock -f rawvideo -");
        Assert.Equal(clockwise, turned);
        Assert.Equal(90, (await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken)).Video!.Video!.Rotation);
    }

    [Fact]
    public async Task Probe_JpegRange_IsFull()
    {
        string path = await _clips.MakeAsync("a.avi", "-f lavfi -i testsrc=s=32x32:r=25:d=0.1 -pix_fmt yuvj420p -c:v mjpeg");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal("yuvj420p", info.Video!.Video!.SourcePixelFormat);
        Assert.True(info.Video.Video.Color.FullRange);
    }

    [Fact]
    public async Task Probe_TransportStream_StartsWhereItSays()
    {
        string path = await _clips.MakeAsync("a.ts", "-f lavfi -i testsrc=s=32x32:r=25:d=0.2 -pix_fmt yuv420p -c:v mpeg2video -output_ts_offset 3");
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(info.Video!.StartTime, info.StartTime);
        Assert.True(info.StartTime > 3);
    }

    [Fact]
    public async Task Probe_Missing_IsSaid() => await FailsAsync(_clips.PathOf("x.mp4"), "does not exist; check the path.");

    [Fact]
    public async Task Probe_Folder_IsSaid() => await FailsAsync(Path.GetDirectoryName(_clips.PathOf("x"))!, "is a folder; name one video file.");

    [Fact]
    public async Task Probe_ZeroBytes_IsSaid() => await FailsAsync(_clips.Write("x.mp4", []), "is empty (0 bytes); copy or record it again.");

    [Fact]
    public async Task Probe_TextNamedMp4_IsSaid() =>
        await FailsAsync(_clips.Write("x.mp4", System.Text.Encoding.UTF8.GetBytes("This is a text and no film. " + new string('x', 500))), "is no media file (its content is not what its name says); give a video file.");

    [Fact]
    public async Task Probe_NoIndex_IsSaid()
    {
        string whole = await _clips.MakeAsync("whole.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        byte[] bytes = await File.ReadAllBytesAsync(whole, TestContext.Current.CancellationToken);
        await FailsAsync(_clips.Write("x.mp4", bytes[..(bytes.Length / 2)]), "has no index (its moov box is missing, as when a recording or a copy was cut off); copy it again or rebuild the index with a repair tool.");
    }

    [Fact]
    public async Task Probe_AudioOnly_IsSaid() =>
        await FailsAsync(await _clips.MakeAsync("x.m4a", "-f lavfi -i sine=d=0.2 -c:a aac"), "has no video stream (it holds: audio aac); give a file with pictures.");

    private static async Task FailsAsync(string path, string end)
    {
        FrameFlowException e = await Assert.ThrowsAsync<FrameFlowException>(() => MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken));
        Assert.Equal($"Input '{path}' {end}", e.Message);
        Assert.Equal(FaultKind.Input, e.Kind);
    }
}
