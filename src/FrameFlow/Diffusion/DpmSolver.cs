using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>One item of a batch as a flat buffer.</summary>
/// <param name="item">The item's index.</param>
public delegate Span<float> BatchBuffer(int item);

/// <summary>Evaluates a denoiser for the whole batch: D(z; sigma) = E[u | z = u + sigma n] of the states that the solver was given.</summary>
/// <param name="sigma">The noise level, positive.</param>
/// <param name="clean">Where D of each item goes.</param>
public delegate void Denoise(double sigma, BatchBuffer clean);

/// <summary>
/// DPM-Solver++ 2M (Lu 2022, algorithm 2) for the variance-exploding probability-flow ODE, data prediction: with h = ln(sigma/sigma+),
/// rho = h_prev/h, D~ = (1 + 1/(2 rho)) D - D_prev/(2 rho), z+ = (sigma+/sigma) z + (1 - sigma+/sigma) D~. The first step has no
/// D_prev and is first order (DDIM); the last goes to sigma 0 and is D itself.
/// </summary>
public static class DpmSolver
{
    /// <summary>Runs as one of <see cref="SamplerCatalog.All"/>.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void Run(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        Solve(task.Count, task.States, task.Scratch, levels, task.Denoise);
    }

    /// <summary>Solves from the first level to the last, all items of a batch side by side.</summary>
    /// <param name="count">Items of the batch.</param>
    /// <param name="states">z of each item at the first level; hold the samples afterwards.</param>
    /// <param name="scratch">For each item a buffer at least twice as long as its state.</param>
    /// <param name="sigmas">Decreasing levels, the last 0.</param>
    /// <param name="denoise">The denoiser.</param>
    public static void Solve(int count, BatchBuffer states, BatchBuffer scratch, ReadOnlySpan<double> sigmas, Denoise denoise)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(scratch);
        ArgumentNullException.ThrowIfNull(denoise);
        double stepBefore = 0;
        for (int k = 0; k + 1 < sigmas.Length; k++)
        {
            // D and D_prev change places from step to step.
            int half = k & 1;
            denoise(sigmas[k], n => Half(n, half));
            double step = Math.Log(sigmas[k] / sigmas[k + 1]);
            for (int n = 0; n < count; n++)
            {
                Span<float> state = states(n);
                Span<float> clean = Half(n, half);
                if (sigmas[k + 1] == 0)
                {
                    clean.CopyTo(state);
                    continue;
                }

                float keep = (float)(sigmas[k + 1] / sigmas[k]);
                TensorPrimitives.Multiply(state, keep, state);
                TensorPrimitives.MultiplyAdd(clean, 1 - keep, state, state);
                if (k > 0)
                {
                    // D~ - D = c (D - D_prev), c = 1/(2 rho) = h/(2 h_prev).
                    Span<float> before = Half(n, 1 - half);
                    TensorPrimitives.Subtract(clean, before, before);
                    TensorPrimitives.MultiplyAdd(before, (1 - keep) * (float)(step / (2 * stepBefore)), state, state);
                }
            }

            stepBefore = step;
        }

        Span<float> Half(int n, int which) => scratch(n).Slice(which * states(n).Length, states(n).Length);
    }
}
