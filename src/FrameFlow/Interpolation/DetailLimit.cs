using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>
/// Lets a sample add detail only as far as the source has it: where the residual is large and unsure, a draw of it is noise, not texture. Around every pixel (17x17 px) the energy of H
/// (<see cref="SharpnessMatch"/>) that the picture without detail falls short of the two look-ups' mean is the room; the deviation from the mean is scaled to fill it at most.
/// models/training/interpolate.py computes the same (`limit`).
/// </summary>
internal static class DetailLimit
{
    private const int Radius = 8; // px
    private const float Least = 1e-9f; // squared code values: below this a deviation is none

    /// <summary>Scales a deviation to lambda min(1, sqrt(room / (lambda^2 energy))).</summary>
    /// <param name="condition">[16,H,W]: base RGB, look-ups w0 RGB and w1 RGB first, code values.</param>
    /// <param name="scale">s [1,H,W], code values.</param>
    /// <param name="mean">E[u] [3,H,W].</param>
    /// <param name="deviation">u - E[u] [3,H,W]; overwritten.</param>
    /// <param name="lambda">The most that is taken, 0..1.</param>
    /// <param name="memory">Working memory.</param>
    public static void Apply(FloatImage condition, FloatImage scale, FloatImage mean, FloatImage deviation, float lambda, NativePool memory)
    {
        using FloatImage energies = memory.RentImage(2, deviation.Height, deviation.Width);
        using FloatImage work = memory.RentImage(3, deviation.Height, deviation.Width);
        energies.Values.Clear();
        Span<float> room = energies.Channel(0), energy = energies.Channel(1), plane = work.Channel(0);
        for (int c = 0; c < 3; c++)
        {
            AddEnergy(condition.Channel(3 + c), 1f / 6, room);
            AddEnergy(condition.Channel(6 + c), 1f / 6, room);
            TensorPrimitives.MultiplyAdd(scale.Values, mean.Channel(c), condition.Channel(c), plane);
            AddEnergy(plane, -1f / 3, room);
            TensorPrimitives.Multiply(scale.Values, deviation.Channel(c), plane);
            AddEnergy(plane, 1f / 3, energy);
        }

        Filters.Box(energies, Radius, memory);
        TensorPrimitives.Max(room, 0f, room);
        TensorPrimitives.Add(energy, Least, energy);
        TensorPrimitives.Divide(room, energy, room);
        TensorPrimitives.Sqrt(room, room);
        TensorPrimitives.Min(room, lambda, room);
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Multiply(deviation.Channel(c), room, deviation.Channel(c));
        }

        void AddEnergy(ReadOnlySpan<float> from, float weight, Span<float> sum)
        {
            Span<float> high = work.Channel(1), scratch = work.Channel(2);
            SharpnessMatch.HighPass(from, high, scratch, work.Width);
            TensorPrimitives.Multiply(high, high, high);
            TensorPrimitives.MultiplyAdd(high, weight, sum, sum);
        }
    }
}
