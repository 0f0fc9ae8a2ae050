using System.Security.Cryptography;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

/// <summary>Masters: 9 to 16 bit, RGB, grey and alpha, from the pipe to the encoder and from the decoder to the frame, every bit.</summary>
public sealed class MasterFormatTests : IDisposable
{
    private readonly Clips _clips = new();

    public void Dispose() => _clips.Dispose();

    public static TheoryData<string> Codes() => [.. PixelFormat.Known.Values.Where(f => !f.IsFloat).Select(f => f.Name)];

    [Theory]
    [InlineData("yuv420p12le")]
    [InlineData("yuv422p16le")]
    [InlineData("yuva444p12le")]
    [InlineData("yuva420p")]
    [InlineData("gray")]
    [InlineData("gray14le")]
    [InlineData("gbrp")]
    [InlineData("gbrp10le")]
    [InlineData("gbrap")]
    [InlineData("gbrap16le")]
    public async Task Consume_Ffv1_HoldsEveryFormat(string pixelFormat)
    {
        VideoFormat format = Clips.Format(pixelFormat, 48, 34);
        (EncodePlan plan, _) = await _clips.EncodeAsync(Clips.Request(_clips.At("out.mkv"), format: format, options: new() { Encoder = "ffv1" }, frames: 2));
        Assert.All(plan.Notes, n => Assert.EndsWith("without loss.", n, StringComparison.Ordinal));
        await AssertIsAsync(format);
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Consume_UnevenTimes_NutCarriesEveryFormat(string pixelFormat)
    {
        VideoFormat format = Clips.Format(pixelFormat, 48, 34);
        FrameTimeline times = FrameTimeline.FromTicks([0, 31, 100], new Rational(1, 1000), null);
        EncodeRequest request = Clips.Request(_clips.At("out.mkv"), format: format, options: new() { Encoder = "ffv1" }, frames: 3)
            with
        { Times = times, FrameRate = times.Count / times.Duration };
        await _clips.EncodeAsync(request);
        await AssertIsAsync(format, 3);
    }

    /// <summary>What other programs write, packed, big-endian, with a palette: the planes that are made of it hold the same samples.</summary>
    [Theory]
    [InlineData("rgb24", "gbrp", 1, 2, 0)]
    [InlineData("rgba", "gbrap", 1, 2, 0, 3)]
    [InlineData("rgb48be", "gbrp16le", 1, 2, 0)]
    [InlineData("rgba64be", "gbrap16le", 1, 2, 0, 3)]
    [InlineData("gray", "gray", 0)]
    [InlineData("gray16be", "gray16le", 0)]
    [InlineData("ya8", "gbrap", 0, 0, 0, 1)]
    [InlineData("ya16be", "gbrap16le", 0, 0, 0, 1)]
    public async Task Read_PackedSamples_BecomePlanesWithoutLoss(string packed, string planes, params int[] order)
    {
        await _clips.FfmpegAsync($"-f lavfi -i testsrc2=s=48x34:r=25:d=0.08,format=gbrapf32,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='mod(X*Y,97)/97' -pix_fmt {packed} -c:v png in.mkv");
        MediaInfo info = await MediaProbe.ProbeAsync(_clips.At("in.mkv"), CancellationToken.None);
        SourceScan scan = await SourceScanner.ScanAsync(info, new DecodeOptions(), CancellationToken.None);
        Assert.Equal(planes, scan.Format.PixelFormat.Name);
        Assert.True(scan.Format.Color.FullRange);
        Assert.Equal(2, scan.Timeline.Count);
        await _clips.FfmpegAsync("-i in.mkv -f rawvideo own.raw");
        byte[] own = await File.ReadAllBytesAsync(_clips.At("own.raw"));
        int samples = order.Max() + 1;
        int bytes = scan.Format.PixelFormat.BytesPerSample;
        int pixels = 48 * 34;
        await foreach (Frame frame in new FrameSource(info, scan, new DecodeOptions(), new FramePool(_clips.Pool, scan.Format)).ReadAsync(CancellationToken.None))
        {
            using (frame)
            {
                for (int i = 0; i < pixels * order.Length; i++)
                {
                    long at = ((((frame.SourceIndex * pixels) + (i % pixels)) * samples) + order[i / pixels]) * bytes;
                    int expected = bytes == 1 ? own[at] : (own[at] << 8) | own[at + 1];
                    int seen = bytes == 1 ? frame.Bytes[i] : frame.Plane<ushort>(i / pixels)[i % pixels];
                    Assert.Equal(expected, seen);
                }
            }
        }
    }

    [Theory]
    [InlineData("libx265", "yuv422p12le", "yuv422p12le", null)]
    [InlineData("libx265", "gray10le", "gray10le", null)]
    [InlineData("libx265", "gbrp12le", "gbrp12le", null)]
    [InlineData("libx264", "yuv420p12le", "yuv420p10le", "loses 2 of 12 bits (libx265, libaom-av1, libvpx-vp9, ffv1 would keep it)")]
    [InlineData("libx264", "gray10le", "yuv420p10le", "without loss")]
    [InlineData("libx264", "gbrp10le", "yuv444p10le", "codes are rounded")]
    [InlineData("prores_ks", "yuva444p12le", "yuva444p10le", "loses 2 of 12 bits")]
    [InlineData("prores_ks", "gbrap", "yuva444p10le", "codes are rounded")]
    [InlineData("libx265", "yuva420p10le", "yuv420p10le", "loses the alpha channel (ffv1 would keep it)")]
    [InlineData("mpeg2video", "yuv422p16le", "yuv422p", "loses 8 of 16 bits")]
    [InlineData("hevc_nvenc", "yuv420p16le", "p010le", "loses 6 of 16 bits")]
    [InlineData("dnxhd", "gbrp10le", "gbrp10le", null)]
    public void Create_WhatTheEncoderCannotHold_IsSaid(string encoder, string given, string expected, string? said)
    {
        string extension = encoder is "prores_ks" or "dnxhd" ? "mov" : "mkv";
        EncodePlan plan = EncodePlan.Create(Clips.Request("out." + extension, format: Clips.Format(given, 640, 480), options: new() { Encoder = encoder }), EncoderCatalog.Find(encoder)!);
        Assert.Equal(expected, plan.EncoderPixelFormat);
        if (said is null)
        {
            Assert.Empty(plan.Notes);
        }
        else
        {
            Assert.Contains(said, Assert.Single(plan.Notes), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Create_LinearLightIntoCodes_IsRefused()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() =>
            EncodePlan.Create(Clips.Request("out.mkv", format: Clips.Format("gbrpf32le", 64, 64), options: new() { Encoder = "ffv1" }), EncoderCatalog.Find("ffv1")!));
        Assert.Equal("The pictures are floats of linear light, which ffv1 cannot hold; write an EXR sequence (-o out/frame_%06d.exr).", fault.Message);
    }

    /// <summary>RGB to Y'CbCr by the matrix that is tagged, not by swscale's own: a red field comes back red.</summary>
    [Theory]
    [InlineData(1280, 720, "bt709")]
    [InlineData(320, 240, "smpte170m")]
    public async Task Consume_RgbIntoYuv_TagsTheMatrixThatWasUsed(int width, int height, string matrix)
    {
        VideoFormat format = Clips.Format("gbrp", width, height) with { Color = new ColorDescription { FullRange = true } };
        EncodePlan plan = await EncodePlan.CreateAsync(Clips.Request(_clips.At("out.mkv"), format: format, options: new() { Encoder = "libx264" }, frames: 1), CancellationToken.None);
        using OutputFile output = OutputFile.Prepare(_clips.At("out.mkv"), null, overwrite: false);
        await new FrameSink(plan, output).ConsumeAsync(RedAsync(format), CancellationToken.None);
        await output.PublishAsync(CancellationToken.None);
        System.Text.Json.JsonElement stream = (await _clips.ProbeJsonAsync("out.mkv")).GetProperty("streams")[0];
        Assert.Equal(matrix, stream.GetProperty("color_space").GetString());
        Assert.Equal("tv", stream.GetProperty("color_range").GetString());
        await _clips.FfmpegAsync($"-i out.mkv -vf scale=in_color_matrix={(matrix == "bt709" ? "bt709" : "bt601")}:in_range=tv,format=rgb24 -f rawvideo red.raw");
        byte[] pixel = (await File.ReadAllBytesAsync(_clips.At("red.raw")))[..3];
        Assert.InRange(pixel[0], 197, 203);
        Assert.InRange(pixel[1], 0, 3);
        Assert.InRange(pixel[2], 0, 3);
    }

    private async IAsyncEnumerable<Frame> RedAsync(VideoFormat format)
    {
        await Task.Yield();
        Frame frame = new FramePool(_clips.Pool, format).Rent(Rational.Zero, 0);
        frame.Bytes.Clear();
        frame.Plane<byte>(2).Fill(200);
        yield return frame;
    }

    private async Task AssertIsAsync(VideoFormat format, int frames = 2)
    {
        await _clips.FfmpegAsync($"-i out.mkv -fps_mode passthrough -vf {(format.PixelFormat.Name == "gbrap" ? "extractplanes=r+g+b+a[r][g][b][a];[g][b][r][a]mergeplanes=0x00102030:gbrap" : "scale=in_range=tv:out_range=tv:sws_dither=none")} -pix_fmt {format.PixelFormat.Name} -f rawvideo out.raw");
        using Frame frame = new FramePool(_clips.Pool, format).Rent(Rational.Zero, 0);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < frames; i++)
        {
            Clips.Fill(frame, i);
            hash.AppendData(frame.Bytes);
        }

        Assert.Equal(Convert.ToHexString(hash.GetHashAndReset()), Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(_clips.At("out.raw")))));
    }
}
