using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Denoising;

public sealed class DenoiseStageTests : FrameStageContract
{
    internal override IFrameStage CreateStage(NativePool pool, int frames) => Create(pool, new DenoiseOptions { Workers = 2 });

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_Frames_KeepTheirTimesAndMarks()
    {
        using NativePool pool = new(1 << 26);
        List<(Rational Time, long Index, bool Start)> seen = [];
        await foreach (Frame frame in Create(pool, new DenoiseOptions()).ProcessAsync(Filled(pool, Noise, 9, cutAt: 4), default))
        {
            seen.Add((frame.Time, frame.SourceIndex, frame.IsSceneStart));
            frame.Dispose();
        }

        Assert.Equal(Enumerable.Range(0, 9).Select(i => (new Rational(i, 24), (long)i, i == 4)), seen);
        Assert.Equal(0, pool.LiveBlocks);
    }

    /// <summary>The mean of five still frames has a fifth of the variance, at a shot's ends too: frames further off stand in; in a shot of three there are none.</summary>
    [Fact]
    public async Task Process_StillScene_AveragesTheNeighboursOfTheShot()
    {
        using NativePool pool = new(1 << 28);
        List<double> variances = [];
        await foreach (Frame frame in Create(pool, new DenoiseOptions()).ProcessAsync(Filled(pool, Noise, 13, cutAt: 10), default))
        {
            variances.Add(Variance(frame.Plane<byte>(0)));
            frame.Dispose();
        }

        // 5 x 5 codes of variance 25 x (219/255)^2 in luma of equal noise: only ratios count. Rounding adds 1/12.
        double full = 1 / variances[5];
        Assert.All(variances.Take(10), v => Assert.InRange(v * full, 0.8, 1.2));
        Assert.All(variances.Skip(10), v => Assert.InRange(v * full, 1.35, 1.95)); // three frames instead of five: 5/3
        Assert.Equal(0, pool.LiveBlocks);
    }

    /// <summary>A part with the frames around it that the stage asks for comes out as it does within the whole.</summary>
    [Theory]
    [InlineData(0, 3)]
    [InlineData(4, 6)]
    [InlineData(8, 13)]
    [InlineData(11, 12)]
    public async Task Process_Part_IsThatOfTheWhole(int first, int end)
    {
        using NativePool pool = new(1 << 28);
        DenoiseOptions options = new() { Sampler = "ddpm", Steps = 2, Seed = 5 };
        int reach = DenoiseStage.ReachOf(options);
        List<byte[]> whole = await AllAsync(Create(pool, options), 0, 13);
        List<byte[]> part = await AllAsync(Create(pool, options, outputs: new FrameRange(first, end)), Math.Max(0, first - reach), Math.Min(13, end + reach));
        Assert.Equal(whole[first..end], part);
        Assert.Equal(0, pool.LiveBlocks);

        async Task<List<byte[]>> AllAsync(DenoiseStage stage, int from, int to)
        {
            List<byte[]> all = [];
            await foreach (Frame frame in stage.ProcessAsync(Filled(pool, Noise, to, cutAt: 10, from), default))
            {
                all.Add(frame.Bytes.ToArray());
                frame.Dispose();
            }

            return all;
        }
    }

    [Fact]
    public async Task Process_StrengthZero_PassesTheFramesOn()
    {
        using NativePool pool = new(1 << 28);
        List<byte[]> seen = await BytesAsync(pool, new DenoiseOptions { Strength = 0 });
        Assert.Equal(await SourceAsync(pool), seen);
    }

    [Theory]
    [InlineData("mmse")]
    [InlineData("ddpm")]
    [InlineData("langevin")]
    public async Task Process_AnyWorkers_DrawsTheSame(string sampler)
    {
        using NativePool pool = new(1 << 28);
        DenoiseOptions options = new() { Sampler = sampler, Steps = 4, Seed = 3, Grain = GrainMode.Resynthesise };
        List<byte[]> one = await BytesAsync(pool, options);
        Assert.Equal(one, await BytesAsync(pool, options with { Workers = 3 }));
        Assert.NotEqual(one, await BytesAsync(pool, options with { Seed = 4 }));
    }

    [Fact]
    public async Task Process_GrainKept_LiesBetween()
    {
        using NativePool pool = new(1 << 28);
        List<byte[]> source = await SourceAsync(pool);
        List<byte[]> gone = await BytesAsync(pool, new DenoiseOptions());
        List<byte[]> half = await BytesAsync(pool, new DenoiseOptions { GrainKept = 0.5 });
        int length = Format.Width * Format.Height;
        for (int i = 0; i < length; i++)
        {
            Assert.InRange(half[2][i] - ((source[2][i] + gone[2][i]) / 2.0), -1.6, 1.6);
        }
    }

    [Fact]
    public async Task Process_Resynthesised_EveryFrameHasTheMeasuredNoise()
    {
        using NativePool pool = new(1 << 28);
        List<byte[]> flat = await BytesAsync(pool, new DenoiseOptions { Grain = GrainMode.Resynthesise }, level: 0);
        double[] deviations = [.. flat.Select(f => Math.Sqrt(Variance(f.AsSpan(0, Format.Width * Format.Height))))];

        // 5 of 255 in R, G and B alone: luma has sqrt(.299^2 + .587^2 + .114^2) = .668 of it, in codes of the limited range.
        Assert.All(deviations, d => Assert.InRange(d, 5 * 0.668 * 219 / 255 * 0.93, 5 * 0.668 * 219 / 255 * 1.07));
    }

    private const double Noise = 5;

    private static VideoFormat Format { get; } = new() { Width = 96, Height = 64, PixelFormat = PixelFormat.Known["yuv444p"] };

    private static DenoiseStage Create(NativePool pool, DenoiseOptions options, VideoFormat? format = null, FrameRange? outputs = null) => new(
        new AverageDenoiser(), new NoMotion(), [new ShotNoise(0, NoiseModel.Flat(5f / 255))], format ?? (options.Workers == 2 ? Some.Format : Format), options, pool, outputs);

    private static async Task<List<byte[]>> BytesAsync(NativePool pool, DenoiseOptions options, double level = Noise)
    {
        List<byte[]> all = [];
        await foreach (Frame frame in Create(pool, options, Format).ProcessAsync(Filled(pool, level, 6), default))
        {
            all.Add(frame.Bytes.ToArray());
            frame.Dispose();
        }

        Assert.Equal(0, pool.LiveBlocks);
        return all;
    }

    private static async Task<List<byte[]>> SourceAsync(NativePool pool)
    {
        List<byte[]> all = [];
        await foreach (Frame frame in Filled(pool, Noise, 6))
        {
            all.Add(frame.Bytes.ToArray());
            frame.Dispose();
        }

        return all;
    }

    // Grey with the same noise in R, G and B, so in luma alone.
    private static async IAsyncEnumerable<Frame> Filled(NativePool pool, double sigma, int count, int cutAt = -1, int from = 0)
    {
        FramePool frames = new(pool, Format);
        for (int i = from; i < count; i++)
        {
            await Task.Yield();
            Frame frame = frames.Rent(new Rational(i, 24), i);
            frame.Bytes.Fill(128);
            Span<byte> luma = frame.Plane<byte>(0);
            for (int p = 0; p < luma.Length; p++)
            {
                luma[p] = (byte)Math.Round(126 + (sigma * 219 / 255 * FrameFlow.Diffusion.NoiseField.At(1, i, 0, p, 0)));
            }

            frame.IsSceneStart = i == cutAt;
            yield return frame;
        }
    }

    private static double Variance(ReadOnlySpan<byte> values)
    {
        double sum = 0, square = 0;
        foreach (byte v in values)
        {
            sum += v;
            square += (double)v * v;
        }

        return (square / values.Length) - (sum / values.Length * sum / values.Length);
    }

    private sealed class NoMotion : IMotionEstimator
    {
        public MotionField Estimate(FloatImage rgb0, FloatImage rgb1, NativePool pool)
        {
            FloatImage forward = pool.RentImage(2, rgb0.Height, rgb0.Width);
            FloatImage backward = pool.RentImage(2, rgb0.Height, rgb0.Width);
            forward.Values.Clear();
            backward.Values.Clear();
            return MotionField.Of(forward, backward, pool);
        }
    }
}
