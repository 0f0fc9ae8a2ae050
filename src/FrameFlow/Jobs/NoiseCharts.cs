using System.Globalization;
using FrameFlow.Denoising;
using FrameFlow.Reporting;

namespace FrameFlow.Jobs;

/// <summary>The charts of a film's noise: its deviation by intensity and its spectrum, before and after, and each shot's.</summary>
internal static class NoiseCharts
{
    private const double Codes = 255;

    /// <summary>The curves.</summary>
    /// <param name="shots">Each shot's noise before.</param>
    /// <param name="after">What was left, over the film; null where nothing was measured.</param>
    /// <param name="end">The film's end, seconds.</param>
    public static IReadOnlyList<Measurement> Of(IReadOnlyList<ShotNoise> shots, NoiseModel? after, double end)
    {
        if (shots.Count == 0)
        {
            return [];
        }

        // Shots count by their length.
        double[] starts = [.. shots.Select(s => s.Start.ToDouble())];
        double[] lengths = [.. starts.Select((s, i) => Math.Max(1e-3, (i + 1 < starts.Length ? starts[i + 1] : end) - s))];
        double whole = lengths.Sum();
        double[] intensities = [.. Enumerable.Range(0, NoiseModel.Points).Select(i => Math.Round((i + 0.5) / NoiseModel.Points, 4))];
        double[] frequencies = [.. Enumerable.Range(0, 9).Select(f => f / 16.0)];
        List<Measurement> curves = [Curve("before", Mean(Deviations))];
        if (after is not null)
        {
            curves.Add(Curve("after", Deviations(after)));
        }

        foreach (bool vertical in (bool[])[false, true])
        {
            string way = vertical ? "down" : "across";
            curves.Add(Spectrum($"{way}, before", Mean(n => Power(n, vertical))));
            if (after is not null)
            {
                curves.Add(Spectrum($"{way}, after", Power(after, vertical)));
            }
        }

        if (shots.Count > 1)
        {
            // A step a shot.
            curves.Add(new Measurement(
                "Noise of each shot", string.Create(CultureInfo.InvariantCulture, $"mean deviation, {shots.Count} shots"), "seconds", "σ in codes of 255",
                [.. starts.SelectMany((s, i) => (double[])[s, s + lengths[i]])], [.. shots.SelectMany(s => (double[])[Round(s.Noise.MeanSigma * Codes), Round(s.Noise.MeanSigma * Codes)])]));
        }

        return curves;

        Measurement Curve(string name, double[] y) => new("Noise by intensity, mean of R, G, B", name, "intensity", "σ in codes of 255", intensities, [.. y.Select(Round)]);
        Measurement Spectrum(string name, double[] y) => new("Grain's power by frequency", name, "cycles a pixel", "codes of 255, squared", frequencies, [.. y.Select(Round)]);

        double[] Mean(Func<NoiseModel, double[]> of)
        {
            double[][] each = [.. shots.Select(s => of(s.Noise))];
            return [.. Enumerable.Range(0, each[0].Length).Select(i => each.Select((y, s) => y[i] * lengths[s]).Sum() / whole)];
        }
    }

    private static double[] Deviations(NoiseModel noise) =>
        [.. Enumerable.Range(0, NoiseModel.Points).Select(i => Enumerable.Range(0, 3).Average(c => noise.Sigma(c, (i + 0.5f) / NoiseModel.Points)) * Codes)];

    // The model's spectrum has a mean power of 1.
    private static double[] Power(NoiseModel noise, bool vertical)
    {
        double variance = Math.Pow(noise.MeanSigma * Codes, 2);
        return [.. noise.Spectrum(vertical).Select(p => Math.Max(0, p) * variance)];
    }

    private static double Round(double value) => Math.Round(value, 4);
}
