using System.Diagnostics;
using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

public sealed class FrameSourceTests : IDisposable
{
    private readonly LavfiClips _clips = new();

    public void Dispose() => _clips.Dispose();

    [Theory]
    [InlineData("yuv420p", 64, 48)]
    [InlineData("yuv422p", 64, 48)]
    [InlineData("yuv444p", 64, 48)]
    [InlineData("yuv420p10le", 64, 48)]
    [InlineData("yuv422p10le", 64, 48)]
    [InlineData("yuv444p10le", 64, 48)]
    [InlineData("yuv420p", 65, 49)]
    [InlineData("yuv422p10le", 33, 17)]
    public async Task Read_CarriedFormat_IsBitExact(string format, int width, int height)
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i testsrc2=s={width}x{height}:r=25:d=0.2 -pix_fmt {format} -c:v ffv1");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(format, scan.Format.PixelFormat.Name);
        Assert.Null(scan.Conversion);
        await EqualsFfmpegAsync(path, info, scan, format);
    }

    [Fact]
    public async Task Read_JpegRange_KeepsTheSamples()
    {
        string path = await _clips.MakeAsync("a.avi", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -pix_fmt yuvj420p -c:v mjpeg");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.True(scan.Format.Color.FullRange);
        await EqualsFfmpegAsync(path, info, scan, "yuvj420p");
    }

    [Theory]
    [InlineData("nv12", "yuv420p", "rawvideo")]
    [InlineData("uyvy422", "yuv422p", "rawvideo")]
    [InlineData("yuv440p", "yuv444p", "ffv1")]
    [InlineData("yuv411p", "yuv422p", "ffv1")]
    public async Task Read_OtherYuv_KeepsLumaAndSaysSo(string format, string working, string codec)
    {
        string path = await _clips.MakeAsync("a.mkv", $"-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -pix_fmt {format} -c:v {codec}");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        Assert.Equal(working, scan.Format.PixelFormat.Name);
        Assert.Contains(scan.Notes, n => n.StartsWith($"{format} is worked on as {working}", StringComparison.Ordinal));
        (_, byte[] bytes) = await LavfiClips.DecodeAsync(info, scan);
        (_, byte[] expected, _) = await LavfiClips.RunAsync("ffmpeg", $"-v error -i {path} -vf extractplanes=y -pix_fmt gray -f rawvideo -");
        for (int i = 0, plane = 64 * 48; i < plane; i++)
        {
            Assert.InRange(bytes[i], expected[i] - 0.76, expected[i] + 0.76);
        }
    }

    [Fact]
    public async Task Read_OddFileName_IsRead()
    {
        string path = await _clips.MakeAsync("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.08 -pix_fmt yuv420p -c:v ffv1");
        string odd = _clips.PathOf("it's \"a\\b\" %d: é.mkv");
        File.Move(path, odd);
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(odd);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan);
        Assert.Equal(2, times.Count);
    }

    [Fact]
    public async Task Read_ConsumerStopsEarly_LeavesNothingBehind()
    {
        (MediaInfo info, SourceScan scan) = await LongClipAsync();
        using NativePool memory = new(64 << 20);
        await foreach (Frame frame in Source(info, scan, memory).ReadAsync(TestContext.Current.CancellationToken))
        {
            frame.Dispose();
            break;
        }

        Assert.Equal(0, memory.LiveBlocks);
        Assert.Empty(Decoders(info.Path));
    }

    [Fact]
    public async Task Read_Cancelled_ThrowsTheCallersTokenAndLeavesNothingBehind()
    {
        (MediaInfo info, SourceScan scan) = await LongClipAsync();
        using NativePool memory = new(64 << 20);
        using CancellationTokenSource cancelling = new();
        int frames = 0;
        OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (Frame frame in Source(info, scan, memory).ReadAsync(cancelling.Token))
            {
                frame.Dispose();
                if (++frames == 3)
                {
                    await cancelling.CancelAsync();
                }
            }
        });
        Assert.Equal(cancelling.Token, e.CancellationToken);
        Assert.Equal(0, memory.LiveBlocks);
        Assert.Empty(Decoders(info.Path));
    }

    [Fact]
    public async Task Read_DecoderDies_IsADecodeFault()
    {
        (MediaInfo info, SourceScan scan) = await LongClipAsync();
        using NativePool memory = new(64 << 20);
        int frames = 0;
        FrameFlowException e = await Assert.ThrowsAsync<FrameFlowException>(async () =>
        {
            await foreach (Frame frame in Source(info, scan, memory).ReadAsync(TestContext.Current.CancellationToken))
            {
                frame.Dispose();
                if (++frames == 3)
                {
                    foreach (Process decoder in Decoders(info.Path))
                    {
                        decoder.Kill();
                    }
                }
            }
        });
        Assert.Equal(FaultKind.Decode, e.Kind);
        Assert.StartsWith($"Decoding '{info.Path}' ended after ", e.Message, StringComparison.Ordinal);
        Assert.Contains("-fps_mode passthrough", e.ToolOutput, StringComparison.Ordinal);
        Assert.Equal(0, memory.LiveBlocks);
    }

    [Theory]
    [InlineData("0.08", "gave more than the 2 frames")]
    [InlineData("0.4", "ended after 5 of 10 frames")]
    public async Task Read_OtherCountThanScanned_IsAFault(string scanned, string message)
    {
        string other = await _clips.MakeAsync("other.mkv", $"-f lavfi -i testsrc2=s=64x48:r=25:d={scanned} -pix_fmt yuv420p -c:v ffv1");
        string path = await _clips.MakeAsync("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -pix_fmt yuv420p -c:v ffv1");
        (_, SourceScan scan) = await LavfiClips.ScanAsync(other);
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        FrameFlowException e = await Assert.ThrowsAsync<FrameFlowException>(() => LavfiClips.DecodeAsync(info, scan));
        Assert.Equal(FaultKind.Decode, e.Kind);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_PoolTooSmall_FaultsWithThePoolsMessage()
    {
        (MediaInfo info, SourceScan scan) = await LongClipAsync();
        using NativePool memory = new(1000);
        FrameFlowException e = await Assert.ThrowsAsync<FrameFlowException>(async () =>
        {
            await foreach (Frame frame in Source(info, scan, memory).ReadAsync(TestContext.Current.CancellationToken))
            {
                frame.Dispose();
            }
        });
        Assert.Contains("memory cap", e.Message, StringComparison.Ordinal);
        Assert.Empty(Decoders(info.Path));
    }

    private static FrameSource Source(MediaInfo info, SourceScan scan, NativePool memory) => new(info, scan, new(), new FramePool(memory, scan.Format));

    private static async Task EqualsFfmpegAsync(string path, MediaInfo info, SourceScan scan, string format)
    {
        (_, byte[] bytes) = await LavfiClips.DecodeAsync(info, scan);
        (_, byte[] expected, _) = await LavfiClips.RunAsync("ffmpeg", $"-v error -i {path} -f rawvideo -pix_fmt {format} -");
        Assert.Equal(expected, bytes);
    }

    // Decoders of this very file: other tests run theirs meanwhile.
    private static List<Process> Decoders(string path) =>
        [.. Process.GetProcessesByName("ffmpeg").Where(p => File.Exists($"/proc/{p.Id}/cmdline") && ReadCommand(p).Contains(path, StringComparison.Ordinal))];

    private static string ReadCommand(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private async Task<(MediaInfo Info, SourceScan Scan)> LongClipAsync()
    {
        string path = await _clips.MakeAsync("long.mkv", "-f lavfi -i color=s=640x480:r=25:d=4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        return await LavfiClips.ScanAsync(path);
    }
}
