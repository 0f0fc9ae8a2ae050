namespace FrameFlow.Diffusion;

/// <summary>Noise levels that a sampler visits.</summary>
public static class NoiseSchedule
{
    /// <summary>
    /// <paramref name="steps"/> levels from <paramref name="start"/>, even in theta = atan(sigma) (the angle of the variance-preserving
    /// state cos(theta) u + sin(theta) n), then 0: sigma_k = tan(atan(start) (1 - k/steps)). Few steps keep more of a Gaussian's variance
    /// so than with levels even in log sigma: .73 in 2 steps of DPM++ 2M, .90 in 3, .97 in 4.
    /// </summary>
    /// <param name="steps">Evaluations of the denoiser, at least 1.</param>
    /// <param name="start">The first sigma, positive.</param>
    /// <returns>steps + 1 levels, decreasing, the last 0.</returns>
    public static double[] EvenInAngle(int steps, double start)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(start);
        double[] levels = new double[steps + 1];
        for (int k = 0; k < steps; k++)
        {
            levels[k] = Math.Tan(Math.Atan(start) * (1 - (k / (double)steps)));
        }

        return levels;
    }
}
