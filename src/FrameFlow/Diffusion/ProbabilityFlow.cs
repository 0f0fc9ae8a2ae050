using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>
/// The probability-flow ODE dx/dg = (x - D(x; g))/g (Song 2021) by Heun's method (Karras 2022, algorithm 1): an Euler step, then the mean of
/// both ends' slopes; the last step, to 0, is plain D. Second order; two evaluations a level.
/// </summary>
public static class ProbabilityFlow
{
    /// <summary>Runs.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void Run(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        for (int k = 0; k + 1 < levels.Length; k++)
        {
            double from = levels[k];
            double to = levels[k + 1];
            task.Denoise(from, n => task.Buffer(n, 0));
            for (int n = 0; n < task.Count; n++)
            {
                // Buffer 0: the first slope, (x - D)/from; the state: after Euler.
                Span<float> state = task.States(n);
                Span<float> slope = task.Buffer(n, 0);
                if (to == 0)
                {
                    slope.CopyTo(state);
                    continue;
                }

                TensorPrimitives.Subtract(state, slope, slope);
                TensorPrimitives.Multiply(slope, (float)(1 / from), slope);
                TensorPrimitives.MultiplyAdd(slope, (float)(to - from), state, state);
            }

            if (to == 0)
            {
                continue;
            }

            // x + h (d1 + d2)/2 = (x + h d1) + h (d2 - d1)/2.
            task.Denoise(to, n => task.Buffer(n, 1));
            for (int n = 0; n < task.Count; n++)
            {
                Span<float> state = task.States(n);
                Span<float> second = task.Buffer(n, 1);
                TensorPrimitives.Subtract(state, second, second);
                TensorPrimitives.Multiply(second, (float)(1 / to), second);
                TensorPrimitives.Subtract(second, task.Buffer(n, 0), second);
                TensorPrimitives.MultiplyAdd(second, (float)((to - from) / 2), state, state);
            }
        }
    }
}
