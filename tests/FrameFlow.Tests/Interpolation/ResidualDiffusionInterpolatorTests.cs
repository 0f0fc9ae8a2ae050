using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

public sealed class ResidualDiffusionInterpolatorTests
{
    // float32 convolutions summed in another order, amplified by 1/sin(theta) over three steps; the training code states the same.
    private const double Tolerance = 1e-3;

    [Theory]
    [InlineData(1, true, "x_mean")]
    [InlineData(3, false, "x_sample")]
    [InlineData(3, true, "x_limited")]
    public void Interpolate_GoldenPair_GivesWhatTheTrainingCodeGives(int steps, bool limits, string expected)
    {
        using NativePool pool = new(1L << 30);
        using FloatImage rgb0 = GoldenTensor.Read("chain", "frame0").ToImage(pool);
        using FloatImage rgb1 = GoldenTensor.Read("chain", "frame1").ToImage(pool);
        GoldenTensor noise = GoldenTensor.Read("chain", "noise");
        double t = GoldenTensor.Read("chain", "t").Values[0];
        using MotionField motion = MotionField.Of(GoldenTensor.Read("chain", "f01").ToImage(pool), GoldenTensor.Read("chain", "f10").ToImage(pool), pool);
        InterpolationOptions options = new() { Steps = steps, LimitsDetail = limits };
        using ResidualDiffusionInterpolator interpolator = Create(rgb0.Width, rgb0.Height, options, pool);
        float[] result = [];
        interpolator.Interpolate(
            rgb0, rgb1, motion, 1, _ => (t, null), (target, _, _, _) => noise.Values.CopyTo(target.Values), (_, picture, _) => result = picture.Values.ToArray(), default);
        GoldenTensor.Read("chain", expected).AssertNear(result, Tolerance);
    }

    [Fact]
    public void Shown_GoldenPair_IsWhatTheNetworkWasTrainedOn()
    {
        using NativePool pool = new(1L << 30);
        using FloatImage rgb0 = GoldenTensor.Read("motion", "frame0").ToImage(pool);
        using FloatImage rgb1 = GoldenTensor.Read("motion", "frame1").ToImage(pool);
        double t = GoldenTensor.Read("motion", "t").Values[0];
        using MotionField motion = MotionField.Of(GoldenTensor.Read("motion", "f01").ToImage(pool), GoldenTensor.Read("motion", "f10").ToImage(pool), pool);
        float[] shown = [];
        using ResidualDiffusionInterpolator interpolator = Create(rgb0.Width, rgb0.Height, new InterpolationOptions(), pool, x => shown = x.ToArray());
        interpolator.Interpolate(rgb0, rgb1, motion, 1, _ => (t, null), (_, _, _, _) => { }, (_, _, _) => { }, default);
        GoldenTensor.Read("synthesis", "x").AssertNear(shown, Tolerance);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Interpolate_InTiles_EqualsTheWhole(int steps)
    {
        using NativePool pool = new(1L << 32);
        float[][] results = [Run(1 << 22, 1), Run(300 * 300, 1)];
        double worst = results[0].Zip(results[1], (a, b) => Math.Abs(a - b)).Max();
        Assert.True(worst < 1e-4, $"tiled differs from whole by {worst}");

        float[] Run(long tilePixels, int batch)
        {
            InterpolationOptions options = new() { Steps = steps, TilePixels = tilePixels, Batch = batch, Seed = 5 };
            return InterpolateScene(options, 486, 390, pool)[0];
        }
    }

    [Fact]
    public void Interpolate_NetworksAtHalfSize_IsNearTheFullAndTheSameInTiles()
    {
        using NativePool pool = new(1L << 32);
        float[] full = InterpolateScene(new InterpolationOptions(), 971, 779, pool, knowsMotion: true)[1];
        float[] half = InterpolateScene(new InterpolationOptions { HalvesNetworks = true }, 971, 779, pool, knowsMotion: true)[1];
        float[] tiled = InterpolateScene(new InterpolationOptions { HalvesNetworks = true, TilePixels = 300 * 300 }, 971, 779, pool, knowsMotion: true)[1];
        using FloatImage truth = Pattern(2.25f, 971, 779, pool);
        using FloatImage left = Pattern(0, 971, 779, pool);
        using FloatImage right = Pattern(4.5f, 971, 779, pool);
        float[] blend = [.. left.Values.ToArray().Zip(right.Values.ToArray(), (a, b) => (a + b) / 2)];
        Assert.NotEqual(full, half);
        Assert.True(Error(full) < Error(blend) / 4, $"full size: {Error(full)} from the truth, a blend {Error(blend)}");
        Assert.True(Error(half) < Error(blend) / 4, $"half size: {Error(half)} from the truth, a blend {Error(blend)}");
        double worst = half.Zip(tiled, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(worst < 1e-4, $"tiled differs from whole by {worst}");

        double Error(float[] picture) => Math.Sqrt(picture.Zip(truth.Values.ToArray(), (a, b) => (double)(a - b) * (a - b)).Average());
    }

    /// <summary>A synthesis network that corrects every motion by one of its pixels to the right: a still pattern comes from there, by two pixels where it sees half the size.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void Interpolate_NetworkCorrectsTheMotion_LooksWhereItSays(bool halves, int shift)
    {
        using NativePool pool = new(1L << 30);
        Model light = new ModelCatalog(Repository.Models).Find("light", "interpolate");
        Model probe = new ModelCatalog(Repository.TestData("models")).Find("flow-probe", "flow");
        Dictionary<string, ModelFile> files = light.Manifest.Files.ToDictionary(f => f.Key, f => f.Value with { Path = Path.Combine(light.Folder, f.Value.Path) });
        files["synthesis"] = probe.Manifest.Files["synthesis"] with { Path = Path.Combine(probe.Folder, "synthesis.onnx") };
        VideoFormat format = new() { Width = 128, Height = 96, PixelFormat = PixelFormat.Known["yuv444p"] };
        InterpolationOptions options = new() { HalvesNetworks = halves };
        using FloatImage still = Pattern(0, 128, 96, pool);
        using FloatImage moved = Pattern(shift, 128, 96, pool);
        using ResidualDiffusionInterpolator interpolator = new(
            light with { Manifest = light.Manifest with { Files = files } }, ExecutionDevice.Cpu(1), new DenseInverseSearch(), format, options, pool);
        using MotionField motion = new DenseInverseSearch().Estimate(still, still, pool);
        float[] made = [];
        interpolator.Interpolate(still, still, motion, 1, _ => (0.5, null), (_, _, _, _) => { }, (_, picture, _) => made = picture.Values.ToArray(), default);
        double Far(FloatImage from) => made.Zip(from.Values.ToArray(), (a, b) => Math.Abs(a - b)).Average();
        Assert.True(Far(moved) < Far(still) / 4, $"{Far(moved)} from where it should be, {Far(still)} from where it was");
    }

    [Theory]
    [InlineData(1, 720, 1280, 720, true)]
    [InlineData(1, 720, 720, 1280, true)]
    [InlineData(1, 720, 1280, 719, false)]
    [InlineData(3, 720, 1280, 720, false)]
    [InlineData(1, 0, 1280, 720, false)]
    public void For_Sizes_HalvesAsTheModelSays(int steps, int halveFrom, int width, int height, bool expected)
    {
        ModelManifest model = new() { Name = "m", Task = "interpolate", Files = new Dictionary<string, ModelFile>(), HalveFrom = halveFrom };
        VideoFormat format = new() { Width = width, Height = height, PixelFormat = PixelFormat.Known["yuv420p"] };
        Assert.Equal(expected, new InterpolationOptions { Steps = steps }.For(model, format).HalvesNetworks);
        Assert.False(new InterpolationOptions { HalvesNetworks = false }.For(model, format).HalvesNetworks);
        Assert.Contains(new InterpolationOptions { HalvesNetworks = true, Steps = 3 }.Validate(), f => f.Contains("--network-size", StringComparison.Ordinal));
    }

    [Fact]
    public void Interpolate_AnyBatch_DrawsTheSame()
    {
        using NativePool pool = new(1L << 31);
        float[][] alone = InterpolateScene(new InterpolationOptions { Steps = 3, Seed = 7 }, 90, 70, pool);
        float[][] together = InterpolateScene(new InterpolationOptions { Steps = 3, Seed = 7, Batch = 4 }, 90, 70, pool);
        float[][] otherSeed = InterpolateScene(new InterpolationOptions { Steps = 3, Seed = 8 }, 90, 70, pool);
        Assert.Equal(3, alone.Length);
        for (int i = 0; i < alone.Length; i++)
        {
            Assert.Equal(alone[i], together[i]);
            Assert.NotEqual(alone[i], otherSeed[i]);
        }
    }

    [Fact]
    public void Interpolate_PicturesThatHaveNothingInCommon_ExpectsToFail()
    {
        using NativePool pool = new(1L << 31);
        using FloatImage rgb0 = pool.RentImage(3, 96, 128);
        using FloatImage rgb1 = pool.RentImage(3, 96, 128);
        Random random = new(3);
        foreach (FloatImage image in (ReadOnlySpan<FloatImage>)[rgb0, rgb1])
        {
            for (int i = 0; i < image.Values.Length; i++)
            {
                image.Values[i] = random.NextSingle();
            }
        }

        using ResidualDiffusionInterpolator interpolator = Create(128, 96, new InterpolationOptions(), pool);
        Assert.True(ExpectedError(rgb0, rgb0) < InterpolationOptions.ShredsAbove / 3);
        Assert.True(ExpectedError(rgb0, rgb1) > InterpolationOptions.ShredsAbove);

        float ExpectedError(FloatImage left, FloatImage right)
        {
            float expected = 0;
            using MotionField motion = new DenseInverseSearch(new DenseInverseSearchOptions()).Estimate(left, right, pool);
            interpolator.Interpolate(left, right, motion, 1, _ => (0.5, null), (_, _, _, _) => { }, (_, _, error) => expected = error, default);
            return expected;
        }
    }

    private static ResidualDiffusionInterpolator Create(int width, int height, InterpolationOptions options, NativePool pool, Action<ReadOnlySpan<float>>? shown = null) => new(
        new ModelCatalog(Repository.Models).Find("light", "interpolate"),
        ExecutionDevice.Cpu(1),
        new DenseInverseSearch(new DenseInverseSearchOptions()),
        new VideoFormat { Width = width, Height = height, PixelFormat = PixelFormat.Known["yuv444p"] },
        options,
        pool)
    {
        Shown = shown,
    };

    // Two phases of a drifting pattern; three frames between them.
    private static float[][] InterpolateScene(InterpolationOptions options, int width, int height, NativePool pool, bool knowsMotion = false)
    {
        using FloatImage rgb0 = Pattern(0, width, height, pool);
        using FloatImage rgb1 = Pattern(4.5f, width, height, pool);
        using ResidualDiffusionInterpolator interpolator = Create(width, height, options, pool);
        using MotionField motion = knowsMotion ? MotionField.Of(Everywhere(-4.5f), Everywhere(4.5f), pool) : new DenseInverseSearch(new DenseInverseSearchOptions()).Estimate(rgb0, rgb1, pool);
        List<float[]> results = [];
        interpolator.Interpolate(
            rgb0,
            rgb1,
            motion,
            3,
            i => ((i + 1) / 4.0, null),
            (noise, position, flow0, flow1) => CoherentNoise.Fill(noise, options.Seed, 11, position, flow0, flow1),
            (_, picture, _) => results.Add(picture.Values.ToArray()),
            default);
        return [.. results];

        FloatImage Everywhere(float x)
        {
            FloatImage flow = pool.RentImage(2, height, width);
            flow.Channel(0).Fill(x);
            flow.Channel(1).Clear();
            return flow;
        }
    }

    private static FloatImage Pattern(float shift, int width, int height, NativePool pool)
    {
        FloatImage image = pool.RentImage(3, height, width);
        for (int c = 0; c < 3; c++)
        {
            Span<float> plane = image.Channel(c);
            for (int i = 0; i < plane.Length; i++)
            {
                float x = (i % width) + shift;
                float y = i / width;
                plane[i] = 0.5f + (0.2f * MathF.Sin((0.31f * x) + (0.11f * y) + c)) + (0.2f * MathF.Sin((0.053f * x * (1 + (0.1f * c))) - (0.23f * y)));
            }
        }

        return image;
    }
}
