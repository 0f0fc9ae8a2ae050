using System.Globalization;
using FrameFlow.Diffusion;
using Xunit;

namespace FrameFlow.Tests.Diffusion;

/// <summary>
/// Each sampler against priors whose denoiser is known in closed form: a Gaussian, for which every sampler is linear, so that variances
/// come out exactly, and a mixture of two Gaussians, by many draws of fixed seeds. All with unit noise: g is the noise level.
/// </summary>
public sealed class SamplerTests(ITestOutputHelper output)
{
    // Standard error of a Gaussian's variance: 1.1 %.
    private const int Draws = 1 << 14;
    private const int Evaluations = 301;

    private static readonly MixturePrior Gaussian = new(0.3, 0.49, [(0.0, 1.0)]);
    private static readonly MixturePrior Mixture = new(0.2, 0.09, [(-0.9, 0.35), (0.9, 0.65)]);

    public static TheoryData<string> All => [.. SamplerCatalog.All.Select(s => s.Name)];

    public static TheoryData<string> Posterior => [.. SamplerCatalog.All.Where(s => s.Law == SamplerLaw.Posterior).Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void Run_AnyEvaluations_TakesNoMoreThanWereAskedFor(string name)
    {
        SamplerInfo sampler = SamplerCatalog.Find(name)!;
        for (int asked = 1; asked <= 11; asked++)
        {
            int evaluations = 0;
            float[] state = [0.5f];
            Run(sampler, asked, state, (float[])state.Clone(), Gaussian, static (_, noise) => noise.Clear(), () => evaluations++);
            Assert.InRange(evaluations, name == "mmse" ? 1 : Math.Max(1, asked - sampler.EvaluationsPerLevel + 1), name == "mmse" ? 1 : asked);
        }
    }

    /// <summary>Over all y the results have the law of x: mean, variance, and for the mixture the share of a mode and its width.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void Run_OverAllObservations_KeepsTheLawOfThePrior(string name)
    {
        SamplerInfo sampler = SamplerCatalog.Find(name)!;
        foreach (MixturePrior prior in new[] { Gaussian, Mixture })
        {
            float[] observed = prior.Draw(Draws);
            AddNoise(observed, 1, 77);
            float[] state = (float[])observed.Clone();
            Run(sampler, Evaluations, state, observed, prior, (draw, noise) => NoiseField.Fill(noise, noise.Length, 5, 0, 0, draw + 1), null);
            (double mean, double variance) = Moments(state);
            Report(name, prior, "over y", mean, prior.Mean, variance, prior.Variance);
            Assert.InRange(mean - prior.Mean, -0.03, 0.03);
            if (sampler.Law == SamplerLaw.PosteriorMean)
            {
                // For a Gaussian exactly v^2/(v + 1).
                Assert.InRange(variance, 0, prior == Gaussian ? prior.Variance * prior.Variance / (prior.Variance + 1) * 1.03 : 0.8 * prior.Variance);
                continue;
            }

            Assert.InRange(variance / prior.Variance, 1 - Tolerance(sampler), 1 + Tolerance(sampler));
            if (prior == Mixture)
            {
                float[] upper = [.. state.Where(x => x > prior.Centre)];
                Assert.InRange(upper.Length / (double)Draws, 0.63, 0.67);
                (double upperMean, double upperVariance) = Moments(upper);
                Assert.InRange(upperMean, prior.Centre + 0.9 - 0.03, prior.Centre + 0.9 + 0.03);
                Assert.InRange(upperVariance / 0.09, 0.85, 1.15);
            }
        }
    }

    /// <summary>Given one y the stochastic samplers draw from the posterior: its mean and variance, in both priors.</summary>
    [Theory]
    [MemberData(nameof(Posterior))]
    public void Run_GivenOneObservation_DrawsFromThePosterior(string name)
    {
        SamplerInfo sampler = SamplerCatalog.Find(name)!;
        foreach ((MixturePrior prior, float y) in new[] { (Gaussian, 1.5f), (Gaussian, -1f), (Mixture, 0.4f), (Mixture, -0.5f) })
        {
            float[] observed = new float[Draws];
            Array.Fill(observed, y);
            float[] state = (float[])observed.Clone();
            Run(sampler, Evaluations, state, observed, prior, (draw, noise) => NoiseField.Fill(noise, noise.Length, 9, 0, 0, draw + 1), null);
            (double mean, double variance) = Moments(state);
            (double expectedMean, double expectedVariance) = prior.Posterior(y, 1);
            Report(name, prior, string.Create(CultureInfo.InvariantCulture, $"y = {y}"), mean, expectedMean, variance, expectedVariance);
            Assert.InRange(mean - expectedMean, -Tolerance(sampler), Tolerance(sampler));
            Assert.InRange(variance / expectedVariance, 1 - Tolerance(sampler), 1 + Tolerance(sampler));
        }
    }

    /// <summary>The deterministic samplers follow the exact flow m + sqrt(v/(v + 1)) (y - m), with the order that they promise.</summary>
    [Theory]
    [InlineData("ddim", 1.8, 2.2)]
    [InlineData("ode", 3.6, 4.4)]
    [InlineData("dpm++", 2.9, 4.4)]
    public void Run_FinerLevels_ErrorFallsByItsOrder(string name, double least, double most)
    {
        double[] errors = [.. new[] { 32, 64, 128 }.Select(n => Math.Abs(FollowGaussian(name, n) - (Gaussian.Centre + (Math.Sqrt(0.49 / 1.49) * (1.7 - Gaussian.Centre)))))];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: errors at 32, 64, 128 levels {errors[0]:0.0e+0} {errors[1]:0.0e+0} {errors[2]:0.0e+0}, ratios {errors[0] / errors[1]:0.00} {errors[1] / errors[2]:0.00}"));
        Assert.InRange(errors[1] / errors[2], least, most);
    }

    /// <summary>The stochastic samplers' variance given y, exact for a Gaussian (the sum of the squared responses to each draw), converges to v/(v + 1).</summary>
    [Theory]
    [MemberData(nameof(Posterior))]
    public void Run_MoreSteps_PosteriorVarianceConverges(string name)
    {
        SamplerInfo sampler = SamplerCatalog.Find(name)!;
        double[] errors = [.. new[] { 25, 101, 401 }.Select(n => Math.Abs((Variance(sampler, n) / (0.49 / 1.49)) - 1))];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: relative error of the posterior variance at 25, 101, 401 evaluations {errors[0]:0.000} {errors[1]:0.0000} {errors[2]:0.00000}"));

        // First order would quarter it; at least halved by four times the work, down to what the corrector's fixed step of .05 leaves.
        Assert.InRange(errors[1], 0, errors[0] / 2);
        Assert.InRange(errors[2], 0, Math.Max(errors[1] / 2, 0.006));
        Assert.InRange(errors[2], 0, 0.03);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Run_NoNoiseAnywhere_LeavesTheObservation(string name)
    {
        float[] observed = [0.1f, 0.7f, -0.2f];
        float[] state = (float[])observed.Clone();
        float[] sigma = new float[3];
        Run(SamplerCatalog.Find(name)!, 9, state, observed, sigma, (_, clean) => state.CopyTo(clean), static (draw, noise) => NoiseField.Fill(noise, noise.Length, 3, 0, 0, draw), null);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(observed[i], state[i], 1e-5f);
        }
    }

    [Fact]
    public void Find_UnknownName_IsNull() => Assert.Null(SamplerCatalog.Find("euler"));

    // Langevin steps are not corrected for their length (no Metropolis test) and mix slowly at the last levels.
    private static double Tolerance(SamplerInfo sampler) => sampler.Name.StartsWith("langevin", StringComparison.Ordinal) ? 0.08 : 0.05;

    private static double FollowGaussian(string name, int levels)
    {
        SamplerInfo sampler = SamplerCatalog.Find(name)!;
        float[] state = [1.7f];
        Run(sampler, 1 + ((levels - 1) * sampler.EvaluationsPerLevel), state, [1.7f], Gaussian, static (_, noise) => noise.Clear(), null);
        return state[0];
    }

    // Element j hears draw j alone, and y is the prior's mean: its result is the response to that draw.
    private static double Variance(SamplerInfo sampler, int evaluations)
    {
        float[] state = new float[(4 * evaluations) + 8];
        Array.Fill(state, (float)Gaussian.Centre);
        Run(
            sampler,
            evaluations,
            state,
            (float[])state.Clone(),
            Gaussian,
            static (draw, noise) =>
            {
                noise.Clear();
                noise[draw] = 1;
            },
            null);
        return state.Sum(x => (x - Gaussian.Centre) * (x - Gaussian.Centre));
    }

    private static void Run(SamplerInfo sampler, int evaluations, float[] state, float[] observed, MixturePrior prior, FillNoise fill, Action? evaluated)
    {
        float[] sigma = new float[state.Length];
        Array.Fill(sigma, 1f);
        Run(sampler, evaluations, state, observed, sigma, (g, clean) => prior.Denoise(state, clean, g), fill, evaluated);
    }

    private static void Run(SamplerInfo sampler, int evaluations, float[] state, float[] observed, float[] sigma, DenoiseState denoise, FillNoise fill, Action? evaluated)
    {
        float[] scratch = new float[SamplingTask.ScratchStates * state.Length];
        SamplingTask task = new()
        {
            Count = 1,
            States = _ => state,
            Observations = _ => observed,
            Sigmas = _ => sigma,
            Scratch = _ => scratch,
            Denoise = (g, clean) =>
            {
                evaluated?.Invoke();
                denoise(g, clean(0));
            },
            Noise = (_, draw, noise) => fill(draw, noise),
            Mean = 0.3,
            Deviation = 0.7,
        };
        sampler.Run(task, sampler.Levels(evaluations));
    }

    private static void AddNoise(float[] values, float sigma, ulong seed)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] += sigma * NoiseField.At(seed, 0, 0, i, 0);
        }
    }

    private static (double Mean, double Variance) Moments(float[] values)
    {
        double mean = values.Average();
        return (mean, values.Sum(v => (v - mean) * (v - mean)) / values.Length);
    }

    private void Report(string name, MixturePrior prior, string what, double mean, double expectedMean, double variance, double expectedVariance) => output.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"| {name} | {(prior == Gaussian ? "Gaussian" : "mixture")} | {what} | {mean:0.000} ({expectedMean:0.000}) | {variance:0.0000} ({expectedVariance:0.0000}) |"));

    private delegate void FillNoise(int draw, Span<float> noise);

    private delegate void DenoiseState(double g, Span<float> clean);

    /// <summary>A mixture of Gaussians of one variance: everything about it under Gaussian noise is known.</summary>
    private sealed record MixturePrior(double Centre, double ModeVariance, (double Offset, double Weight)[] Modes)
    {
        public double Mean => Centre + Modes.Sum(m => m.Weight * m.Offset);

        public double Variance => ModeVariance + Modes.Sum(m => m.Weight * (Centre + m.Offset - Mean) * (Centre + m.Offset - Mean));

        public float[] Draw(int count)
        {
            float[] values = new float[count];
            double first = Modes[0].Weight;
            for (int i = 0; i < count; i++)
            {
                // Which mode, by a low-discrepancy sequence: the shares are exact.
                double u = (i * 0.6180339887498949) % 1;
                values[i] = (float)(Centre + Modes[u < first ? 0 : Modes.Length - 1].Offset + (Math.Sqrt(ModeVariance) * NoiseField.At(123, 0, 0, i, 0)));
            }

            return values;
        }

        /// <summary>E[x | x + sigma n].</summary>
        public void Denoise(ReadOnlySpan<float> noisy, Span<float> clean, double sigma)
        {
            for (int i = 0; i < noisy.Length; i++)
            {
                clean[i] = (float)Posterior(noisy[i], sigma).Mean;
            }
        }

        public (double Mean, double Variance) Posterior(double y, double sigma)
        {
            double noise = sigma * sigma;
            double total = 0, mean = 0, square = 0;
            foreach ((double offset, double weight) in Modes)
            {
                double m = Centre + offset;
                double share = weight * Math.Exp(-(y - m) * (y - m) / (2 * (ModeVariance + noise)));
                double x = ((ModeVariance * y) + (noise * m)) / (ModeVariance + noise);
                total += share;
                mean += share * x;
                square += share * ((x * x) + (ModeVariance * noise / (ModeVariance + noise)));
            }

            return (mean / total, (square / total) - (mean * mean / (total * total)));
        }
    }
}
