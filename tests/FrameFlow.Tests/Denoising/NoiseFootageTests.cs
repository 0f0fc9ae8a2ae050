using System.Globalization;
using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Denoising;

/// <summary>The blind estimate on real pictures with noise of known law: clips that move, and stills seen twice.</summary>
public sealed class NoiseFootageTests(ITestOutputHelper output)
{
    [Fact]
    public void Solve_RealPicturesWithKnownNoise_ErrorsAreWithinTheStated()
    {
        using NativePool pool = new(2L << 30);
        string[] stills = [.. Directory.GetFiles(Repository.SharedFootage("stills", "clean"), "*.png").Order(StringComparer.Ordinal).Where((_, i) => i % 8 == 0)];
        output.WriteLine("| sigma | rho | clips: mean error, worst | stills twice: mean, worst | stills alone: mean, worst | correlation, worst error (pairs) |");
        string[][] clipFrames = [.. new[] { "mural", "highway" }.Select(c => Directory.GetFiles(Repository.SharedFootage("denoise_clips", c), "*.png").Order(StringComparer.Ordinal).ToArray())];
        double[] own = [.. clipFrames.Select(frames => MeanSigma(OfClip(frames, 0, 0)))];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The clips' own noise before any was added: {string.Join(", ", own.Select(o => (255 * o).ToString("0.00", CultureInfo.InvariantCulture)))} of 255; the clips are judged by the sum of squares."));
        foreach (double rho in new[] { 0, 0.6 })
        {
            foreach (double sigma in new[] { 3.0, 10, 25, 50 })
            {
                List<double> clips = [], pairs = [], alone = [], correlations = [];
                for (int c = 0; c < clipFrames.Length; c++)
                {
                    Judge(OfClip(clipFrames[c], sigma, rho), clips, sigma >= 10 ? correlations : null, own[c]);
                }

                foreach (string still in stills)
                {
                    NoiseEstimator twice = new(1f / 255);
                    AddPair(twice, still, still, sigma, rho, 0, pool);
                    Judge(twice.Solve()!, pairs, correlations);
                    NoiseEstimator once = new(1f / 255);
                    using FloatImage clean = Pictures.Read(still, pool);
                    using FloatImage noisy = Pictures.Noisy(clean, _ => (float)(sigma / 255), (float)rho, 3, 0, pool);
                    once.AddStill(noisy, pool);
                    Judge(once.Solve()!, alone, null);
                }

                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {sigma} | {rho} | {Words(clips)} | {Words(pairs)} | {Words(alone)} | {correlations.Max():0.00} |"));
                Assert.InRange(clips.Concat(pairs).Average(Math.Abs), 0, 0.1);

                void Judge(NoiseModel model, List<double> errors, List<double>? rhos, double before = 0)
                {
                    errors.Add((MeanSigma(model) / double.Hypot(sigma / 255, before)) - 1);
                    rhos?.AddRange([Math.Abs(model.RhoX - rho), Math.Abs(model.RhoY - rho), Math.Abs(model.RhoDiagonal - (rho * rho))]);
                }
            }
        }

        NoiseModel OfClip(string[] frames, double sigma, double rho)
        {
            NoiseEstimator estimator = new(1f / 255);
            for (int i = 0; i + 1 < frames.Length; i += 3)
            {
                AddPair(estimator, frames[i], frames[i + 1], sigma, rho, i, pool);
            }

            return estimator.Solve()!;
        }

        static double MeanSigma(NoiseModel model) => new[] { 0.3f, 0.4f, 0.5f, 0.6f }.Average(u => (model.Sigma(0, u) + model.Sigma(1, u) + model.Sigma(2, u)) / 3);

        static string Words(List<double> errors) => string.Create(CultureInfo.InvariantCulture, $"{100 * errors.Average():+0.0;-0.0} %, {100 * errors.MaxBy(Math.Abs):+0.0;-0.0} %");
    }

    private static void AddPair(NoiseEstimator estimator, string path0, string path1, double sigma, double rho, int frame, NativePool pool)
    {
        using FloatImage clean0 = Pictures.Read(path0, pool);
        using FloatImage clean1 = Pictures.Read(path1, pool);
        using FloatImage first = Pictures.Noisy(clean0, _ => (float)(sigma / 255), (float)rho, 9, frame, pool);
        using FloatImage second = Pictures.Noisy(clean1, _ => (float)(sigma / 255), (float)rho, 9, frame + 1, pool);
        using MotionField motion = NoiseEstimatorTests.MotionOf(first, second, pool);
        estimator.AddPair(first, second, motion, pool);
    }
}
