using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>
/// DDPM's ancestral sampling (Ho 2020, algorithm 2) in the variance-exploding form, the posterior of x_g+ given x_g and x = D:
/// x+ = D + (g+/g)^2 (x - D) + g+ sqrt(1 - (g+/g)^2) sigma z. First order.
/// </summary>
public static class Ddpm
{
    /// <summary>Runs.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void Run(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        for (int k = 0; k + 1 < levels.Length; k++)
        {
            double ratio = levels[k + 1] / levels[k];
            task.Denoise(levels[k], n => task.Buffer(n, 0));
            for (int n = 0; n < task.Count; n++)
            {
                Span<float> state = task.States(n);
                TensorPrimitives.Lerp(task.Buffer(n, 0), state, (float)(ratio * ratio), state);
                Injection.Add(task, n, k, (float)(levels[k + 1] * Math.Sqrt(1 - (ratio * ratio))), 1);
            }
        }
    }
}
