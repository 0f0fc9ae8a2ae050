namespace FrameFlow.Diffusion;

/// <summary>Noise levels that a sampler visits.</summary>
public static class NoiseSchedule
{
    /// <summary>
    /// <paramref name="steps"/> levels from <paramref name="start"/> to <paramref name="end"/> in geometric progression, then 0: the spacing that
    /// is even in log sigma, in which DPM-Solver's error is (Lu 2022).
    /// </summary>
    /// <param name="steps">Evaluations of the denoiser, at least 1.</param>
    /// <param name="start">The first sigma, positive.</param>
    /// <param name="end">The last sigma above 0, positive.</param>
    /// <returns>steps + 1 levels, decreasing, the last 0.</returns>
    public static double[] Geometric(int steps, double start, double end)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(start);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(end);
        double[] levels = new double[steps + 1];
        for (int k = 0; k < steps; k++)
        {
            levels[k] = start * Math.Pow(end / start, k / (double)Math.Max(1, steps - 1));
        }

        return levels;
    }
}
