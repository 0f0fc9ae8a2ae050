using System.Numerics.Tensors;

namespace FrameFlow.Diffusion;

/// <summary>The noise step that the stochastic samplers share.</summary>
internal static class Injection
{
    /// <summary>state += amount sigma(p) z, z the task's correlated noise.</summary>
    /// <param name="task">The items.</param>
    /// <param name="item">The item.</param>
    /// <param name="draw">Which draw.</param>
    /// <param name="amount">The deviation in units of sigma(p); nothing is drawn for 0.</param>
    /// <param name="buffer">The scratch buffer that is overwritten.</param>
    public static void Add(SamplingTask task, int item, int draw, float amount, int buffer)
    {
        if (amount == 0)
        {
            return;
        }

        Span<float> noise = task.Buffer(item, buffer);
        task.Noise(item, draw, noise);
        TensorPrimitives.Multiply(noise, task.Sigmas(item), noise);
        Span<float> state = task.States(item);
        TensorPrimitives.MultiplyAdd(noise, amount, state, state);
    }

    /// <summary>state += amount(p) sigma(p) z: as <see cref="Add"/>, the amount differing from value to value.</summary>
    public static void AddBy(SamplingTask task, int item, int draw, ReadOnlySpan<float> amounts, int buffer)
    {
        Span<float> noise = task.Buffer(item, buffer);
        task.Noise(item, draw, noise);
        TensorPrimitives.Multiply(noise, task.Sigmas(item), noise);
        Span<float> state = task.States(item);
        TensorPrimitives.MultiplyAdd(noise, amounts, state, state);
    }
}
