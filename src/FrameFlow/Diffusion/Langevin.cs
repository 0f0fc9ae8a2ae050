using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>
/// Annealed Langevin dynamics (Song and Ermon 2019, algorithm 1): at each level x += a score + sqrt(2 a) sigma z with score = (D - x)/s^2,
/// s = g sigma, then D. As it stands it forgets y and draws from the law of x; with y's own score (y - x)/(sigma^2 - s^2) it draws from
/// the law of x_g given y. With noise of covariance sigma^2 Sigma the steps are preconditioned by Sigma, which cancels in both scores.
/// </summary>
public static class Langevin
{
    // The part of the local variance s^2 (1 - g^2), the harmonic sum of both scores' variances, that one step goes. Below 2 it is stable.
    private const double StepOfVariance = 0.4;

    // One step of a = c s^2 a level cannot follow the law of x alone as fast as the levels fall: it takes several.
    private const int PriorStepsPerLevel = 4;

    /// <summary>Draws from the posterior of x given y: one step a level.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void RunPosterior(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);

        // At g = 1 the state is y and stays so. From there the law of x_g given y widens by (g^2 - g+^2) sigma^2: the step that brings it along.
        for (int k = 1; k + 1 < levels.Length; k++)
        {
            double g = levels[k];
            double widening = ((levels[k - 1] * levels[k - 1]) - (g * g)) / (2 * g * g);
            double local = 1 - (g * g);
            Step(task, g, Math.Clamp(widening, StepOfVariance * local, local), k, true);
        }

        Finish(task, levels[^2]);
    }

    /// <summary>Draws from the law of x, the observation being no more than where it starts.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, decreasing from 1, the last 0.</param>
    public static void RunPrior(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        for (int k = 1; k + 1 < levels.Length; k++)
        {
            for (int i = 0; i < PriorStepsPerLevel; i++)
            {
                Step(task, levels[k], StepOfVariance, (k * PriorStepsPerLevel) + i, false);
            }
        }

        Finish(task, levels[^2]);
    }

    /// <summary>One step of length a = <paramref name="step"/> s^2 at a level: x += step (D - x) [+ step g^2/(1 - g^2) (y - x)] + sqrt(2 step) s z.</summary>
    internal static void Step(SamplingTask task, double g, double step, int draw, bool givenObservation)
    {
        task.Denoise(g, n => task.Buffer(n, 0));
        float towardsObservation = givenObservation ? (float)(step * g * g / (1 - (g * g))) : 0;
        for (int n = 0; n < task.Count; n++)
        {
            Span<float> state = task.States(n);
            Span<float> move = task.Buffer(n, 0);
            TensorPrimitives.Subtract(move, state, move);
            if (givenObservation)
            {
                Span<float> pull = task.Buffer(n, 1);
                TensorPrimitives.Subtract(task.Observations(n), state, pull);
                TensorPrimitives.Multiply(pull, towardsObservation, pull);
                TensorPrimitives.MultiplyAdd(move, (float)step, pull, move);
                TensorPrimitives.Add(state, move, state);
            }
            else
            {
                TensorPrimitives.MultiplyAdd(move, (float)step, state, state);
            }

            Injection.Add(task, n, draw, (float)(Math.Sqrt(2 * step) * g), 1);
        }
    }

    private static void Finish(SamplingTask task, double g) => PosteriorMean.Run(task, [g]);
}
