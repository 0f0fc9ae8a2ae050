using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>Evaluates a denoiser: writes D(z; sigma) = E[u | z = u + sigma n].</summary>
/// <param name="state">z, any shape.</param>
/// <param name="sigma">The noise level, positive.</param>
/// <param name="clean">Receives D, of the same shape.</param>
public delegate void Denoise(ReadOnlySpan<float> state, double sigma, Span<float> clean);

/// <summary>
/// DPM-Solver++ 2M (Lu 2022, algorithm 2) for the variance-exploding probability-flow ODE, data prediction: with h = ln(sigma/sigma+),
/// rho = h_prev/h, D~ = (1 + 1/(2 rho)) D - D_prev/(2 rho), z+ = (sigma+/sigma) z + (1 - sigma+/sigma) D~. The first step has no
/// D_prev and is first order (DDIM); the last goes to sigma 0 and is D itself.
/// </summary>
public static class DpmSolver
{
    /// <summary>Solves from the first level to the last.</summary>
    /// <param name="state">z at the first level; holds the sample afterwards.</param>
    /// <param name="scratch">Two buffers' worth: at least twice the state's length.</param>
    /// <param name="sigmas">Decreasing levels, the last 0.</param>
    /// <param name="denoise">The denoiser.</param>
    public static void Solve(Span<float> state, Span<float> scratch, ReadOnlySpan<double> sigmas, Denoise denoise)
    {
        ArgumentNullException.ThrowIfNull(denoise);
        Span<float> clean = scratch[..state.Length];
        Span<float> before = scratch.Slice(state.Length, state.Length);
        double stepBefore = 0;
        for (int k = 0; k + 1 < sigmas.Length; k++)
        {
            double sigma = sigmas[k];
            double next = sigmas[k + 1];
            denoise(state, sigma, clean);
            if (next == 0)
            {
                clean.CopyTo(state);
                return;
            }

            double step = Math.Log(sigma / next);
            float keep = (float)(next / sigma);

            // D~ = D + c (D - D_prev), c = 1/(2 rho) = h/(2 h_prev): "before" becomes D~.
            if (k == 0)
            {
                clean.CopyTo(before);
            }
            else
            {
                float c = (float)(step / (2 * stepBefore));
                TensorPrimitives.Subtract(clean, before, before);
                TensorPrimitives.MultiplyAdd(before, c, clean, before);
            }

            TensorPrimitives.Multiply(state, keep, state);
            TensorPrimitives.MultiplyAdd(before, 1 - keep, state, state);
            Span<float> swap = before;
            before = clean;
            clean = swap;
            stepBefore = step;
        }
    }
}
