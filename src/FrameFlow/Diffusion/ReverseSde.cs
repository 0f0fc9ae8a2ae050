namespace FrameFlow.Diffusion;

/// <summary>
/// The reverse-time SDEs of Song 2021 by Euler-Maruyama steps (the predictor, their "reverse diffusion"), each followed by a Langevin
/// step at the new level (the corrector, algorithms 2 and 3) that knows y, so that the law of x_g given y is kept. The last step is plain D.
/// </summary>
public static class ReverseSde
{
    // a = 2 r^2 s^2 with the signal-to-noise ratio r = 0.16 of Song 2021, table 5, where |score| = |z|/s.
    private const double CorrectorStep = 2 * 0.16 * 0.16;

    /// <summary>Variance-exploding: x+ = x + (g^2 - g+^2)/g^2 (D - x) + sqrt(g^2 - g+^2) sigma z.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void RunExploding(SamplingTask task, ReadOnlySpan<double> levels)
    {
        Run(task, levels, static (task, item, from, to) =>
        {
            double gone = (from * from) - (to * to);
            Span<float> state = task.States(item);
            System.Numerics.Tensors.TensorPrimitives.Lerp(state, task.Buffer(item, 0), (float)(gone / (from * from)), state);
            return Math.Sqrt(gone);
        });
    }

    /// <summary>
    /// Variance-preserving, of v = (x - m)/(d sqrt(1 + s^2)), s = g sigma/d, alpha-bar = 1/(1 + s^2), with b = ln((1 + s^2)/(1 + s+^2)):
    /// v+ = v + b v/2 + b score + sqrt(b) z, score = (sqrt(alpha-bar) D' - v)/(1 - alpha-bar).
    /// </summary>
    /// <param name="task">The items; m and d are its mean and deviation.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void RunPreserving(SamplingTask task, ReadOnlySpan<double> levels)
    {
        Run(task, levels, static (task, item, from, to) =>
        {
            Span<float> state = task.States(item);
            Span<float> clean = task.Buffer(item, 0);
            ReadOnlySpan<float> sigma = task.Sigmas(item);
            float unit = (float)(1 / task.Deviation);
            float mean = (float)task.Mean;
            for (int i = 0; i < state.Length; i++)
            {
                // In x itself: with w = 1 + s^2, x+ - m = sqrt(w+/w) [(1 + b/2)(x - m) + b w/s^2 (D - x) + ...], since 1 - alpha-bar = s^2/w.
                float s = (float)from * sigma[i] * unit;
                float next = (float)to * sigma[i] * unit;
                if (s == 0)
                {
                    clean[i] = 0;
                    continue;
                }

                float w = 1 + (s * s);
                float wNext = 1 + (next * next);
                float b = MathF.Log(w / wNext);
                float x = state[i];
                state[i] = mean + (MathF.Sqrt(wNext / w) * (((1 + (b / 2)) * (x - mean)) + (b * w / (s * s) * (clean[i] - x))));

                // The noise sqrt(b w+) d z, in units of sigma, for the caller: the clean picture is not needed any more.
                clean[i] = MathF.Sqrt(b * wNext) / (sigma[i] * unit);
            }

            return null;
        });
    }

    private static void Run(SamplingTask task, ReadOnlySpan<double> levels, Func<SamplingTask, int, double, double, double?> predict)
    {
        ArgumentNullException.ThrowIfNull(task);
        for (int k = 0; k + 2 < levels.Length; k++)
        {
            task.Denoise(levels[k], n => task.Buffer(n, 0));
            for (int n = 0; n < task.Count; n++)
            {
                if (predict(task, n, levels[k], levels[k + 1]) is { } amount)
                {
                    Injection.Add(task, n, 2 * k, (float)amount, 1);
                }
                else
                {
                    Injection.AddBy(task, n, 2 * k, task.Buffer(n, 0), 1);
                }
            }

            double g = levels[k + 1];
            Langevin.Step(task, g, CorrectorStep * (1 - (g * g)), (2 * k) + 1, true);
        }

        PosteriorMean.Run(task, [levels[^2]]);
    }
}
