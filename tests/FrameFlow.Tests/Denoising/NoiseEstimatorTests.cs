using System.Globalization;
using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Denoising;

/// <summary>The blind estimate against noise whose deviation and correlation are known.</summary>
public sealed class NoiseEstimatorTests(ITestOutputHelper output)
{
    /// <summary>A scene that turns and slides, a second object before it: sigma within a tenth, correlations within .1 (.15 for the weakest, where texture shows).</summary>
    [Theory]
    [InlineData(3, 0)]
    [InlineData(10, 0.3)]
    [InlineData(25, 0)]
    [InlineData(25, 0.6)]
    [InlineData(50, 0.3)]
    public void Solve_MovingSceneWithKnownNoise_FindsIt(double sigma, double rho)
    {
        using NativePool pool = new(1L << 30);
        using MovingScene scene = MovingScene.Create(pool, 384, 256, 1.01, 0.5, (2.3, -1.4), 50, (5, 3));
        NoiseModel model = OfPair(scene.Frame0, scene.Frame1, _ => (float)(sigma / 255), (float)rho, pool)!;
        Assert.Equal(NoiseEvidence.Temporal, model.Evidence);
        AssertNear(model, u => sigma / 255, rho, 0.1, sigma < 5 ? 0.15 : 0.1, $"scene {sigma} {rho}");
    }

    [Fact]
    public void Solve_GrainThatPeaksInTheMidTones_FindsTheCurve()
    {
        using NativePool pool = new(1L << 30);
        using FloatImage ramp = Ramp(pool);
        NoiseModel model = OfPair(ramp, ramp, Grain, 0.4f, pool)!;
        foreach (float u in new[] { 0.1f, 0.3f, 0.5f, 0.7f, 0.9f })
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"u {u}: {model.Sigma(1, u) * 255:0.00} of {Grain(u) * 255:0.00}"));
            Assert.InRange(model.Sigma(1, u) / Grain(u), 0.9, 1.1);
        }

        static float Grain(float u) => (2 + (20 * 4 * u * (1 - u))) / 255;
    }

    [Fact]
    public void Solve_CopiedBlocks_AreLeftOut()
    {
        // Half of the second frame repeats the first's very pixels, as skipped blocks do.
        using NativePool pool = new(1L << 30);
        using FloatImage ramp = Ramp(pool);
        using FloatImage first = Pictures.Noisy(ramp, _ => 8f / 255, 0, 5, 0, pool);
        using FloatImage second = Pictures.Noisy(ramp, _ => 8f / 255, 0, 5, 1, pool);
        for (int c = 0; c < 3; c++)
        {
            first.Channel(c)[..(first.PlaneLength / 2)].CopyTo(second.Channel(c));
        }

        NoiseEstimator estimator = new(1f / 255);
        using MotionField motion = new DenseInverseSearch().Estimate(first, second, pool);
        estimator.AddPair(first, second, motion, pool);
        Assert.InRange(estimator.Solve()!.Sigma(1, 0.5f) * 255, 7.2, 8.8);
    }

    [Fact]
    public void Solve_Flicker_IsNoGrain()
    {
        using NativePool pool = new(1L << 30);
        using FloatImage ramp = Ramp(pool);
        using FloatImage first = Pictures.Noisy(ramp, _ => 4f / 255, 0, 5, 0, pool);
        using FloatImage second = Pictures.Noisy(ramp, _ => 4f / 255, 0, 5, 1, pool);
        System.Numerics.Tensors.TensorPrimitives.Multiply(second.Values, 0.93f, second.Values);
        using MotionField motion = MotionOf(first, second, pool);
        NoiseEstimator estimator = new(1f / 255);
        estimator.AddPair(first, second, motion, pool);
        NoiseModel model = estimator.Solve()!;
        Assert.InRange(model.Sigma(1, 0.5f) * 255, 3.5, 4.4);
        Assert.InRange(model.RhoX, -0.1, 0.1);
    }

    [Fact]
    public void Solve_OneFrame_FallsBackAndSaysSo()
    {
        using NativePool pool = new(1L << 30);
        using FloatImage ramp = Ramp(pool);
        foreach (float rho in new[] { 0f, 0.5f })
        {
            using FloatImage noisy = Pictures.Noisy(ramp, _ => 12f / 255, rho, 5, 0, pool);
            NoiseEstimator estimator = new(1f / 255);
            estimator.AddStill(noisy, pool);
            NoiseModel model = estimator.Solve()!;
            Assert.Equal(NoiseEvidence.Spatial, model.Evidence);
            AssertNear(model, _ => 12.0 / 255, rho, rho == 0 ? 0.1 : 0.2, 0.12, $"still {rho}");
        }
    }

    [Fact]
    public void Solve_NothingGathered_IsNull() => Assert.Null(new NoiseEstimator(1f / 255).Solve());

    [Fact]
    public void Solve_NoNoise_IsNextToNothing()
    {
        using NativePool pool = new(1L << 30);
        using FloatImage ramp = Ramp(pool);
        NoiseEstimator estimator = new(1f / 255);
        estimator.AddStill(ramp, pool);
        Assert.InRange(estimator.Solve()!.MeanSigma * 255, 0, 0.5);
    }

    private static FloatImage Ramp(NativePool pool)
    {
        FloatImage image = pool.RentImage(3, 256, 384);
        for (int i = 0; i < image.PlaneLength; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                image.Channel(c)[i] = 0.06f + (0.88f * (i % 384) / 383);
            }
        }

        return image;
    }

    private static NoiseModel? OfPair(FloatImage clean0, FloatImage clean1, Func<float, float> sigma, float rho, NativePool pool)
    {
        using FloatImage first = Pictures.Noisy(clean0, sigma, rho, 77, 0, pool);
        using FloatImage second = Pictures.Noisy(clean1, sigma, rho, 77, 1, pool);
        using MotionField motion = MotionOf(first, second, pool);
        NoiseEstimator estimator = new(1f / 255);
        estimator.AddPair(first, second, motion, pool);
        return estimator.Solve();
    }

    internal static MotionField MotionOf(FloatImage first, FloatImage second, NativePool pool)
    {
        using FloatImage calm0 = pool.RentImage(3, first.Height, first.Width);
        using FloatImage calm1 = pool.RentImage(3, first.Height, first.Width);
        first.Values.CopyTo(calm0.Values);
        second.Values.CopyTo(calm1.Values);
        Filters.Gaussian(calm0, NeighbourAlignment.PreBlur, pool);
        Filters.Gaussian(calm1, NeighbourAlignment.PreBlur, pool);
        return new DenseInverseSearch().Estimate(calm0, calm1, pool);
    }

    private void AssertNear(NoiseModel model, Func<double, double> sigma, double rho, double within, double correlationWithin, string what)
    {
        double[] at = [0.35, 0.45, 0.55, 0.65];
        double ratio = at.Average(u => model.Sigma(1, (float)u) / sigma(u));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: sigma x {ratio:0.000}, rho {model.RhoX:0.00} {model.RhoY:0.00} {model.RhoDiagonal:0.00} chroma {model.Chroma:0.00}"));
        Assert.InRange(ratio, 1 - within, 1 + within);
        Assert.InRange(model.RhoX, rho - correlationWithin, rho + correlationWithin);
        Assert.InRange(model.RhoY, rho - correlationWithin, rho + correlationWithin);
        Assert.InRange(model.RhoDiagonal, (rho * rho) - correlationWithin, (rho * rho) + correlationWithin);
        Assert.InRange(model.Chroma, -0.1, 0.1);
    }
}
