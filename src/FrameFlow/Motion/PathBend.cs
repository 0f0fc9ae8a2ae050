using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// What the frames outside a pair tell of the path between: positions at four times, -h0, 0, 1 and 1 + h1 in units of the pair's interval, and through them a cubic
/// instead of a straight line. With the second divided differences D0 of the first three and D1 of the last three, a point stands at the time t of (0,1)
/// d(t) = -t (1 - t) (D0 (1 + h1 - t) + D1 (t + h0)) / (1 + h0 + h1) beside the line (Newton's form; half way and evenly spaced: the weights -1, 9, 9, -1 over 16),
/// so both looks move by -d. What the two frames themselves show says nothing of this: looks moved alike fetch the same from both.
/// </summary>
/// <remarks>
/// D0 and D1 are means over about 20 px, each place weighing exp(-|inconsistency|) of its two flows, px, and none where nothing is consistent; kept at a quarter of the
/// size. Over a wide hole a cubic follows what trembles instead of what moves. How far the middle is even acceleration shows in D0 - D1, which then is 0: with S = (D0 + D1) / 2,
/// d is taken times S^2 / (S^2 + k (D0 - D1)^2), k from 0 for neighbours (cubic is best there) to 1/2 over many periods.
/// Where something begins or ends to move at once, a cubic runs out of the pair, backwards. So the speed at its ends, V + d'(0) and V + d'(1), does not turn against V,
/// but by the part of the acceleration that D0 and D1 agree on; where it would, d is shrunk.
/// </remarks>
public readonly record struct PathBend : IDisposable
{
    private const float PixelsAHalf = 2; // px of the frame in one at half size
    private const float PixelsACell = 4; // px of the frame in one at a quarter of the size
    private const int MeanRadius = 2; // cells of 4x4 px
    private const float LeastConfidence = 1e-3f; // added to the mean confidence, so that what nobody knows is straight
    private const float Trembling = 0.5f;

    private PathBend(FloatImage difference0, FloatImage difference1, double before, double after) => (Difference0, Difference1, Before, After) = (difference0, difference1, before, after);

    /// <summary>D0 [2,h,w] on frame 0's grid at a quarter of the size, px.</summary>
    internal FloatImage Difference0 { get; }

    /// <summary>D1 [2,h,w] on frame 1's grid at a quarter of the size, px.</summary>
    internal FloatImage Difference1 { get; }

    /// <summary>h0.</summary>
    internal double Before { get; }

    /// <summary>h1.</summary>
    internal double After { get; }

    /// <summary>Finds D0 and D1 from three successive pairs of frames, whose motion at half size is enough (<see cref="MotionField.Halved"/>).</summary>
    /// <param name="before">The motion between the frame before and frame 0, at half size.</param>
    /// <param name="pair">The motion of the pair, at half size.</param>
    /// <param name="after">The motion between frame 1 and the one behind it, at half size.</param>
    /// <param name="h0">How far the frame before stands from frame 0, in units of the pair's interval, above 0.</param>
    /// <param name="h1">How far frame 1 stands from the one behind it.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <returns>The bend, which the caller disposes.</returns>
    public static PathBend Find(MotionField before, MotionField pair, MotionField after, double h0, double h1, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(pair);
        ArgumentNullException.ThrowIfNull(after);
        FloatImage first = Difference(pair.Forward, pair.Inconsistency0, before.Backward, before.Inconsistency1, h0, pool);
        try
        {
            return new PathBend(first, Difference(pair.Backward, pair.Inconsistency1, after.Forward, after.Inconsistency0, h1, pool), h0, h1);
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

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
        using FloatImage half = HalfSize.Of(motion, 0.5f, pool);
        using FloatImage quarter = HalfSize.Of(half, 0.5f, pool);
        using FloatImage first = pool.RentImage(2, quarter.Height, quarter.Width);
        using FloatImage second = pool.RentImage(2, quarter.Height, quarter.Width);
        Warp.Bilinear(Difference0, quarter, -t, first);
        Warp.Bilinear(Difference1, quarter, 1 - t, second);
        Combine(first, second, quarter, t);
        HalfSize.Enlarge(first, half, 1, pool);
        using FloatImage row = pool.RentImage(1, 1, half.Width);
        for (int c = 0; c < 2; c++)
        {
            HalfSize.AddEnlarged(half.Channel(c), flow0.Channel(c), flow0.Width, flow0.Height, row.Values);
            HalfSize.AddEnlarged(half.Channel(c), flow1.Channel(c), flow1.Width, flow1.Height, row.Values);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Difference0.Dispose();
        Difference1.Dispose();
    }

    // [x(-h), x(0), x(1)] in px from what leads from 0 to 1 and to -h at half size: (there + back / h) / (1 + h), at a quarter of the size.
    private static FloatImage Difference(FloatImage there, FloatImage thereInconsistency, FloatImage back, FloatImage backInconsistency, double h, NativePool pool)
    {
        using FloatImage weighed = pool.RentImage(3, there.Height, there.Width);
        Span<float> confidence = weighed.Channel(2);
        TensorPrimitives.Add(thereInconsistency.Values, backInconsistency.Values, confidence);
        TensorPrimitives.Multiply(confidence, -PixelsAHalf, confidence);
        TensorPrimitives.Exp(confidence, confidence);
        for (int c = 0; c < 2; c++)
        {
            Span<float> plane = weighed.Channel(c);
            TensorPrimitives.Multiply(back.Channel(c), (float)(1 / h), plane);
            TensorPrimitives.Add(plane, there.Channel(c), plane);
            TensorPrimitives.Multiply(plane, confidence, plane);
        }

        using FloatImage cells = HalfSize.Of(weighed, 1, pool);
        Filters.Box(cells, MeanRadius, pool);
        FloatImage result = pool.RentImage(2, cells.Height, cells.Width);
        Span<float> scale = cells.Channel(2);
        TensorPrimitives.Add(scale, LeastConfidence, scale);
        TensorPrimitives.Multiply(scale, (float)(1 + h) / PixelsAHalf, scale);
        for (int c = 0; c < 2; c++)
        {
            TensorPrimitives.Divide(cells.Channel(c), scale, result.Channel(c));
        }

        return result;
    }

    // -d(t) into first. The nearer the outer frames, in units of the pair's interval, the less they tell of it.
    private void Combine(FloatImage first, FloatImage second, FloatImage motion, float t)
    {
        float scale = 1 / (float)(1 + Before + After);
        (float first0, float first1) = (scale * (float)(1 + After), scale * (float)Before);
        (float second0, float second1) = (scale * (float)After, scale * (float)(1 + Before));
        float trembling = Trembling * Math.Clamp(1 - (float)((Before + After) / 2), 0, 1);
        Span<float> firstX = first.Channel(0);
        Span<float> firstY = first.Channel(1);
        ReadOnlySpan<float> secondX = second.Channel(0);
        ReadOnlySpan<float> secondY = second.Channel(1);
        ReadOnlySpan<float> motionX = motion.Channel(0);
        ReadOnlySpan<float> motionY = motion.Channel(1);
        for (int i = 0; i < firstX.Length; i++)
        {
            (float x0, float y0, float x1, float y1) = (firstX[i], firstY[i], secondX[i], secondY[i]);
            float s = Square(x0 + x1, y0 + y1) / 4;
            float weight = s / (s + (trembling * Square(x0 - x1, y0 - y1)) + 1e-12f);

            // -d'(0) and d'(1), and the greater of their shares against V.
            (float u0, float v0) = ((first0 * x0) + (first1 * x1), (first0 * y0) + (first1 * y1));
            (float u1, float v1) = ((second0 * x0) + (second1 * x1), (second0 * y0) + (second1 * y1));
            (float x, float y) = (PixelsACell * motionX[i], PixelsACell * motionY[i]);
            float speed = MathF.Sqrt(Square(x, y));
            float against = Math.Max((u0 * x) + (v0 * y), -((u1 * x) + (v1 * y))) / (speed + 1e-6f);
            float agreed = Math.Max(0, (x0 * x1) + (y0 * y1)) / MathF.Sqrt(Math.Max(Square(x0, y0), Square(x1, y1)) + 1e-12f);
            weight *= t * (1 - t) * Math.Min(1, (speed + agreed) / Math.Max(against, 1e-6f));
            firstX[i] = weight * (((1 - t) * u0) + (t * u1));
            firstY[i] = weight * (((1 - t) * v0) + (t * v1));
        }

        static float Square(float x, float y) => (x * x) + (y * y);
    }
}
