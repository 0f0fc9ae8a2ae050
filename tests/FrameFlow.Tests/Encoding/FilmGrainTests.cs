using System.Globalization;
using FrameFlow.Denoising;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

/// <summary>AV1 film grain: what the decoder (dav1d) makes of the table is measured against the noise that was written into it.</summary>
public sealed class FilmGrainTests : IDisposable
{
    private const int Width = 256;
    private const int Height = 128;
    private const int Frames = 3;
    private static readonly int[] Levels = [40, 95, 150, 205];

    private readonly Clips _clips = new();

    public void Dispose() => _clips.Dispose();

    /// <summary>
    /// Tolerances: a block of grain is cut from a template of 73x82 samples that is drawn once, so its deviation and correlation scatter by some 1/sqrt(6000 / a
    /// few correlated neighbours), 2 to 3 %; 8-bit rounding and points of the curve add as much again.
    /// </summary>
    [Theory]
    [InlineData("yuv420p", 5, 5, 0.0)]
    [InlineData("yuv420p10le", 3, 9, 0.35)]
    [InlineData("yuv420p", 12, 6, 0.6)]
    public async Task Decode_TableOfKnownGrain_HasItsDeviationsAndCorrelation(string pixelFormat, double dark, double bright, double rho)
    {
        NoiseModel noise = Noise(dark / 255, bright / 255, rho, chroma: 1);
        VideoFormat format = Clips.Format(pixelFormat, Width, Height) with { Color = new ColorDescription { Matrix = "bt709", FullRange = false } };
        float[][] grain = await GrainAsync(noise, format, plane: 0);
        for (int band = 0; band < Levels.Length; band++)
        {
            (double sigma, double across, double down) = Measure(grain, band * Width / 4, Width / 4, Width, Height);
            double expected = noise.Sigma(1, (Levels[band] - 16) / 219f) * 219;
            TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"{pixelFormat} luma {Levels[band]}: sigma {sigma:0.00} of {expected:0.00}, correlation {across:0.000} {down:0.000} of {rho:0.00}"));
            Assert.True(Math.Abs(sigma - expected) < (0.08 * expected) + 0.1, $"band {Levels[band]}: sigma {sigma} instead of {expected}");
            Assert.True(Math.Abs(across - rho) < 0.07 && Math.Abs(down - rho) < 0.07, $"band {Levels[band]}: correlation {across}, {down} instead of {rho}");
        }
    }

    /// <summary>Independent noise in R, G and B, full chroma: Cb and Cr have what the matrix makes of it.</summary>
    [Fact]
    public async Task Decode_ColouredGrain_HasTheChromaDeviation()
    {
        NoiseModel noise = Noise(8 / 255.0, 8 / 255.0, 0, chroma: 0);
        VideoFormat format = Clips.Format("yuv444p", Width, Height) with { Color = new ColorDescription { Matrix = "bt709", FullRange = true } };
        float[][] grain = await GrainAsync(noise, format, plane: 1);
        (double sigma, _, _) = Measure(grain, 0, Width, Width, Height);

        // Cb = (B - Y)/1.8556, Y = .2126 R + .7152 G + .0722 B.
        double expected = 8 * Math.Sqrt((0.2126 * 0.2126) + (0.7152 * 0.7152) + (0.9278 * 0.9278)) / 1.8556;
        Assert.InRange(sigma, (0.9 * expected) - 0.1, (1.1 * expected) + 0.1);
    }

    [Fact]
    public void Write_SeveralShots_FollowOneAnotherInTicks()
    {
        FrameTimeline times = FrameTimeline.Even(new Rational(1, 2), 24, 48);
        string table = FilmGrainTable.Write(
            [new ShotNoise(new Rational(1, 2), Noise(0.02, 0.02, 0.3, 1)), new ShotNoise(new Rational(3, 2), NoiseModel.Flat(0))], times, Clips.Format("yuv420p"), 9);
        string[] lines = table.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("filmgrn1", lines[0]);
        string[] entries = [.. lines.Where(l => l.StartsWith("E ", StringComparison.Ordinal))];
        Assert.Equal(["E 0 10000000 1 10 1", string.Create(CultureInfo.InvariantCulture, $"E 10000000 {long.MaxValue} 1 7929 1")], entries);

        // 24 coefficients of luma, 25 of each chroma; a shot without noise scales by nought.
        Assert.Equal([24, 25, 25], lines[6..9].Select(l => l.Split(' ').Length - 1));
        Assert.All(lines[11].Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(2).Where((_, i) => i % 2 == 1), s => Assert.Equal("0", s));
    }

    [Fact]
    public void Create_GrainTable_NeedsAnEncoderThatTakesIt()
    {
        EncodeRequest request = Clips.Request("out.mkv", options: new() { Encoder = "libx264" }) with { GrainTable = "/tmp/x.grain" };
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => EncodePlan.Create(request, EncoderCatalog.Find("libx264")!));
        Assert.Equal("--grain table is written by libaom-av1 alone, not by libx264; give --encoder libaom-av1 and .mkv, .mp4 or .webm.", fault.Message);
    }

    private static NoiseModel Noise(double dark, double bright, double rho, float chroma)
    {
        float[] curve = [.. Enumerable.Range(0, NoiseModel.Points).Select(i => (float)(dark + ((bright - dark) * i / (NoiseModel.Points - 1))))];
        const int Side = (2 * NoiseModel.Reach) + 1;
        float[] correlation = [.. Enumerable.Range(0, Side * Side).Select(i => (float)Math.Pow(rho, Math.Abs((i % Side) - NoiseModel.Reach) + Math.Abs((i / Side) - NoiseModel.Reach)))];
        return new NoiseModel([curve, curve, curve], correlation, chroma, NoiseEvidence.Given);
    }

    // Bands of even luma, encoded with the table, decoded with and without grain: the difference is the grain, in codes of 8 bit.
    private async Task<float[][]> GrainAsync(NoiseModel noise, VideoFormat format, int plane)
    {
        string table = _clips.At("grain: a=b.tbl");
        FrameTimeline times = FrameTimeline.Even(Rational.Zero, 25, Frames);
        await File.WriteAllTextAsync(table, FilmGrainTable.Write([new ShotNoise(Rational.Zero, noise)], times, format, 5));
        EncodeRequest request = Clips.Request(_clips.At("out.mkv"), format: format, options: new() { Encoder = "libaom-av1", EncoderArgs = "-cpu-used 8" }, frames: Frames)
            with
        { FrameRate = 25, GrainTable = table };
        EncodePlan plan = await EncodePlan.CreateAsync(request, CancellationToken.None);
        using OutputFile output = OutputFile.Prepare(request.OutputPath, null, overwrite: false);
        await new FrameSink(plan, output).ConsumeAsync(BandsAsync(format), CancellationToken.None);
        await OutputCheck.VerifyAsync(plan, output.PartialPath, Frames, CancellationToken.None);
        await output.PublishAsync(CancellationToken.None);
        string layout = format.PixelFormat.Name;
        await _clips.FfmpegAsync($"-c:v libdav1d -filmgrain 1 -i out.mkv -f rawvideo -pix_fmt {layout} with.raw");
        await _clips.FfmpegAsync($"-c:v libdav1d -filmgrain 0 -i out.mkv -f rawvideo -pix_fmt {layout} without.raw");
        byte[] with = await File.ReadAllBytesAsync(_clips.At("with.raw"));
        byte[] without = await File.ReadAllBytesAsync(_clips.At("without.raw"));
        int bytes = format.PixelFormat.BytesPerSample;
        float unit = 1 << (format.PixelFormat.BitDepth - 8);
        PlaneLayout place = format.Plane(plane);
        return [.. Enumerable.Range(0, Frames).Select(f => Enumerable.Range(0, place.Width * place.Height).Select(i => (Code(with, f, i) - Code(without, f, i)) / unit).ToArray())];

        float Code(byte[] all, int frame, int i)
        {
            long at = (frame * format.FrameBytes) + place.Offset + (i * bytes);
            return bytes == 1 ? all[at] : all[at] | (all[at + 1] << 8);
        }
    }

    private async IAsyncEnumerable<Frame> BandsAsync(VideoFormat format)
    {
        for (int k = 0; k < Frames; k++)
        {
            await Task.Yield();
            Frame frame = new FramePool(_clips.Pool, format).Rent(new Rational(k, 25), k);
            int shift = format.PixelFormat.BitDepth - 8;
            for (int plane = 0; plane < 3; plane++)
            {
                PlaneLayout place = format.Plane(plane);
                for (int i = 0; i < place.Width * place.Height; i++)
                {
                    int code = (plane == 0 ? Levels[i % Width * 4 / Width] : 128) << shift;
                    if (shift == 0)
                    {
                        frame.Plane<byte>(plane)[i] = (byte)code;
                    }
                    else
                    {
                        frame.Plane<ushort>(plane)[i] = (ushort)code;
                    }
                }
            }

            yield return frame;
        }
    }

    // Eight columns at each side stay out: there the encoder's bands ring.
    private static (double Sigma, double Across, double Down) Measure(float[][] frames, int left, int columns, int width, int height)
    {
        double square = 0, across = 0, down = 0;
        long count = 0;
        foreach (float[] g in frames)
        {
            for (int y = 0; y < height - 1; y++)
            {
                for (int x = left + 8; x < left + columns - 8; x++)
                {
                    float v = g[(y * width) + x];
                    square += v * v;
                    across += v * g[(y * width) + x + 1];
                    down += v * g[((y + 1) * width) + x];
                    count++;
                }
            }
        }

        return (Math.Sqrt(square / count), across / square, down / square);
    }
}
