using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>The noise of one shot.</summary>
/// <param name="Start">The time of its first frame, seconds.</param>
/// <param name="Noise">The noise.</param>
public sealed record ShotNoise(Rational Start, NoiseModel Noise)
{
    /// <summary>The name of the analysis that finds the shots of a film: those who ask for it share one.</summary>
    public const string AnalysisKind = "noise";
}

/// <summary>What denoising did to the noise of a film, measured where it could be: on patches that hold still along the motion.</summary>
public sealed record DenoiseReport
{
    /// <summary>The noise that was left; null where nothing could be measured.</summary>
    public NoiseModel? After { get; init; }

    /// <summary>Mean square difference of a frame and the next along the motion path, over sqrt 2, of the source; code values squared.</summary>
    public double PathVarianceBefore { get; init; }

    /// <summary>The same of the result, on the same patches.</summary>
    public double PathVarianceAfter { get; init; }

    /// <summary>Pairs of frames that were compared.</summary>
    public int Pairs { get; init; }

    /// <summary>What was done to a whole, from what was done to its parts.</summary>
    public static DenoiseReport Of(IReadOnlyList<DenoiseReport> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        int pairs = parts.Sum(p => p.Pairs);
        (NoiseModel, double)[] after = [.. parts.Where(p => p.After is not null && p.Pairs > 0).Select(p => (p.After!, (double)p.Pairs))];
        return new DenoiseReport
        {
            Pairs = pairs,
            PathVarianceBefore = parts.Sum(p => p.Pairs * p.PathVarianceBefore) / Math.Max(1, pairs),
            PathVarianceAfter = parts.Sum(p => p.Pairs * p.PathVarianceAfter) / Math.Max(1, pairs),
            After = after.Length == 0 ? null : NoiseModel.Mean(after),
        };
    }
}
