using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>DDIM (Song 2021, equation 12 with eta = 0) in the variance-exploding form: x+ = D + (g+/g)(x - D). First order.</summary>
public static class Ddim
{
    /// <summary>Runs.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void Run(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        for (int k = 0; k + 1 < levels.Length; k++)
        {
            task.Denoise(levels[k], n => task.Buffer(n, 0));
            float keep = (float)(levels[k + 1] / levels[k]);
            for (int n = 0; n < task.Count; n++)
            {
                Span<float> state = task.States(n);
                TensorPrimitives.Lerp(task.Buffer(n, 0), state, keep, state);
            }
        }
    }
}
