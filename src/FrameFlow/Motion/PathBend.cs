using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// What the frames outside a pair tell of the path between: with the velocity before the pair and behind it, motion is taken as evenly accelerated
/// instead of even. Over a pair that spans T periods, whose outer frames stand one period away, the velocities v0 and v1 (px a period, each
/// measured half a period outside) give the acceleration (v1 - v0) / (T + 1); at the time t of (0,1) a point then stands
/// d(t) = -T^2 t (1 - t) (v1 - v0) / (2 (T + 1)) beside the straight line, so both looks move by -d.
/// </summary>
/// <remarks>
/// A hand-held camera trembles, and two velocities then say little of what lies between. How far even acceleration holds shows in V/T - (v0 + v1)/2, which
/// would be 0: with e its square and g that of v1 - v0, d is taken times g / (g + 8 e) (of trembling alone, g is 4 e in the mean: a third).
/// </remarks>
/// <param name="velocity0">v0 on the grid of frame 0, [2,H,W], px a period. Owned from here on.</param>
/// <param name="velocity1">v1 on the grid of frame 1, [2,H,W]. Owned from here on.</param>
/// <param name="periods">T, above 0.</param>
public sealed class PathBend(FloatImage velocity0, FloatImage velocity1, double periods) : IDisposable
{
    /// <summary>Adds to the looks from time t into both frames what they lack.</summary>
    /// <param name="motion">V [2,H,W] of <see cref="IntermediateMotion.At"/>, px.</param>
    /// <param name="t">The time.</param>
    /// <param name="flow0">F_t0 [2,H,W], px.</param>
    /// <param name="flow1">F_t1 [2,H,W], px.</param>
    /// <param name="pool">Scratch.</param>
    public void Apply(FloatImage motion, float t, FloatImage flow0, FloatImage flow1, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(motion);
        ArgumentNullException.ThrowIfNull(flow0);
        ArgumentNullException.ThrowIfNull(flow1);
        using FloatImage change = new(pool, 2, motion.Height, motion.Width);
        using FloatImage before = new(pool, 2, motion.Height, motion.Width);
        Warp.Bilinear(velocity0, motion, -t, before);
        Warp.Bilinear(velocity1, motion, 1 - t, change);
        TensorPrimitives.Subtract(change.Values, before.Values, change.Values);
        Shrink(change, before, motion);
        float factor = (float)(periods * periods * t * (1 - t) / (2 * (periods + 1)));
        TensorPrimitives.MultiplyAdd(change.Values, factor, flow0.Values, flow0.Values);
        TensorPrimitives.MultiplyAdd(change.Values, factor, flow1.Values, flow1.Values);
    }

    private void Shrink(FloatImage change, FloatImage before, FloatImage motion)
    {
        const float Trembling = 8;
        float whole = (float)(1 / periods);
        ReadOnlySpan<float> changeX = change.Channel(0);
        ReadOnlySpan<float> changeY = change.Channel(1);
        for (int i = 0; i < changeX.Length; i++)
        {
            float x = (motion.Channel(0)[i] * whole) - before.Channel(0)[i] - (changeX[i] / 2);
            float y = (motion.Channel(1)[i] * whole) - before.Channel(1)[i] - (changeY[i] / 2);
            float g = (changeX[i] * changeX[i]) + (changeY[i] * changeY[i]);
            float weight = g / (g + (Trembling * ((x * x) + (y * y))) + 1e-9f);
            change.Channel(0)[i] *= weight;
            change.Channel(1)[i] *= weight;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        velocity0.Dispose();
        velocity1.Dispose();
    }
}
