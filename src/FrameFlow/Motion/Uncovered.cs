using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// What one frame of a pair shows alone, because it is covered in the other, uncovered there only, or outside of it. No motion between the two fetches that from both, so it comes from the one that
/// shows it, along its own motion in the pair beside, in which it is seen twice: with w that motion away from the frame in units of the pair's interval, D the second divided difference
/// of <see cref="PathBend"/>, and s how far the time is from the frame, the look from p goes to o = s w(p + s w) - s (s + h) D(p).
/// </summary>
/// <remarks>
/// The look counts with the weight 2 (1 - s) n exp(-m s / 2) min(1, e / 16): n, between 0 and 1, is the inconsistency in px of the pair's own motion where it looks, less 1/4 (what both show has
/// next to none), m that of the pair beside, px over the pair's interval (what is carried on errs by as much), e how far the looks along the pair's own motion differ (8-bit code values; where
/// they agree something is in front). What both frames give together weighs 1. All of it is found at half size, 3x3 cells averaged.
/// </remarks>
public readonly record struct Uncovered : IDisposable
{
    private const int MeanRadius = 1; // cells of 2x2 px
    private const float PixelsAHalf = 2; // px of the frame in one at half size
    private const float Consistent = 0.25f; // px
    private const float Disagreement = 16f / 255; // code values

    private readonly PathBend _bend;
    private readonly Side _left;
    private readonly Side _right;

    private Uncovered(PathBend bend, Side left, Side right) => (_bend, _left, _right) = (bend, left, right);

    /// <summary>Finds what is needed at any time.</summary>
    /// <param name="bend">The pair's paths; not owned, and needed as long as this.</param>
    /// <param name="before">The motion between the frame before and frame 0, at half size.</param>
    /// <param name="pair">The motion of the pair, at half size.</param>
    /// <param name="after">The motion between frame 1 and the one behind it, at half size.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <returns>What was found; the caller disposes it.</returns>
    public static Uncovered Find(PathBend bend, MotionField before, MotionField pair, MotionField after, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(pair);
        ArgumentNullException.ThrowIfNull(after);
        Side left = new(before.Backward, before.Inconsistency1, pair.Inconsistency0, bend.Before, pool);
        try
        {
            return new Uncovered(bend, left, new Side(after.Forward, after.Inconsistency0, pair.Inconsistency1, bend.After, pool));
        }
        catch
        {
            left.Dispose();
            throw;
        }
    }

    /// <summary>Puts into what was looked up from both frames what one of them shows alone.</summary>
    /// <param name="rgb0">Frame 0, [3,H,W], RGB code values 0..1.</param>
    /// <param name="rgb1">Frame 1, [3,H,W].</param>
    /// <param name="t">The time, 0 &lt; t &lt; 1.</param>
    /// <param name="look0">What was looked up from frame 0 for the frame at t, [3,H,W]; changed.</param>
    /// <param name="look1">What was looked up from frame 1, [3,H,W]; changed.</param>
    /// <param name="pool">Scratch.</param>
    public void Apply(FloatImage rgb0, FloatImage rgb1, float t, FloatImage look0, FloatImage look1, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(rgb0);
        ArgumentNullException.ThrowIfNull(rgb1);
        ArgumentNullException.ThrowIfNull(look0);
        ArgumentNullException.ThrowIfNull(look1);
        using FloatImage disagreement = pool.RentImage(1, HalfSize.Of(look0.Height), HalfSize.Of(look0.Width));
        using FloatImage offset0 = pool.RentImage(2, disagreement.Height, disagreement.Width);
        using FloatImage offset1 = pool.RentImage(2, disagreement.Height, disagreement.Width);
        using FloatImage weight0 = pool.RentImage(1, disagreement.Height, disagreement.Width);
        using FloatImage weight1 = pool.RentImage(1, disagreement.Height, disagreement.Width);
        Disagree(look0, look1, disagreement, pool);
        _left.Look(t, _bend.Difference0, disagreement, offset0, weight0, pool);
        _right.Look(1 - t, _bend.Difference1, disagreement, offset1, weight1, pool);

        // One after the other: first L / (1 + L) of the left, then R / (1 + L + R) of the right.
        Span<float> left = weight0.Values;
        Span<float> right = weight1.Values;
        Span<float> all = disagreement.Values;
        TensorPrimitives.Add(left, 1, all);
        TensorPrimitives.Divide(left, all, left);
        TensorPrimitives.Add(all, right, all);
        TensorPrimitives.Divide(right, all, right);
        Put(rgb0, offset0, weight0, look0, look1, pool);
        Put(rgb1, offset1, weight1, look0, look1, pool);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Dispose();
        _right.Dispose();
    }

    // Mean over RGB of |look0 - look1|, at half size, as a share of what counts in full.
    private static void Disagree(FloatImage look0, FloatImage look1, FloatImage sum, NativePool pool)
    {
        (int height, int width) = (look0.Height, look0.Width);
        using FloatImage two = pool.RentImage(1, 2, width);
        using FloatImage row = pool.RentImage(1, 1, sum.Width);
        sum.Values.Clear();
        for (int y = 0; y < sum.Height; y++)
        {
            Span<float> total = sum.Values.Slice(y * sum.Width, sum.Width);
            int rows = Math.Min(2, height - (2 * y));
            Span<float> difference = two.Values[..(rows * width)];
            for (int c = 0; c < look0.Channels; c++)
            {
                TensorPrimitives.Subtract(look0.Channel(c).Slice(2 * y * width, rows * width), look1.Channel(c).Slice(2 * y * width, rows * width), difference);
                TensorPrimitives.Abs(difference, difference);
                HalfSize.Reduce(difference, width, rows, row.Values, 1 / (look0.Channels * Disagreement));
                TensorPrimitives.Add(total, row.Values, total);
            }
        }

        Filters.Box(sum, MeanRadius, pool);
        TensorPrimitives.Min(sum.Values, 1, sum.Values);
    }

    private static void Put(FloatImage rgb, FloatImage offset, FloatImage weight, FloatImage look0, FloatImage look1, NativePool pool)
    {
        Filters.Box(weight, MeanRadius, pool);
        Warp.BicubicInto(rgb, offset, weight, look0, look1, pool);
    }

    // One frame of the pair and the pair beside it.
    private readonly struct Side : IDisposable
    {
        private const int Hidden = 0; // the share of a place that the other frame does not show
        private const int Doubt = 1; // px that the motion away may err by, over the pair's interval

        private readonly FloatImage _away; // [2,h,w], half px over the pair's interval
        private readonly FloatImage _marks; // [2,h,w]: Hidden, Doubt
        private readonly double _distance;

        public Side(FloatImage away, FloatImage awayInconsistency, FloatImage pairInconsistency, double distance, NativePool pool)
        {
            _distance = distance;
            _away = pool.RentImage(2, away.Height, away.Width);
            try
            {
                _marks = pool.RentImage(2, away.Height, away.Width);
            }
            catch
            {
                _away.Dispose();
                throw;
            }

            TensorPrimitives.Multiply(away.Values, (float)(1 / distance), _away.Values);
            TensorPrimitives.Multiply(pairInconsistency.Values, PixelsAHalf, _marks.Channel(Hidden));
            TensorPrimitives.Subtract(_marks.Channel(Hidden), Consistent, _marks.Channel(Hidden));
            TensorPrimitives.Max(_marks.Channel(Hidden), 0, _marks.Channel(Hidden));
            TensorPrimitives.Min(_marks.Channel(Hidden), 1, _marks.Channel(Hidden));
            TensorPrimitives.Multiply(awayInconsistency.Values, (float)(PixelsAHalf / distance), _marks.Channel(Doubt));
        }

        // Where to look from the time s away (half px), and with what weight.
        public void Look(float s, FloatImage difference, FloatImage disagreement, FloatImage offset, FloatImage weight, NativePool pool)
        {
            int height = _away.Height;
            int width = _away.Width;
            using FloatImage marks = pool.RentImage(2, height, width);
            Warp.Bilinear(_away, _away, s, marks);
            Warp.Bilinear(_away, marks, s, offset);

            // D stands at a quarter of the size, in px.
            TensorPrimitives.Multiply(offset.Values, s, offset.Values);
            using FloatImage quarter = HalfSize.Of(offset, 0.5f, pool);
            using FloatImage bent = pool.RentImage(2, quarter.Height, quarter.Width);
            Warp.Bilinear(difference, quarter, 1, bent);
            using FloatImage row = pool.RentImage(1, 1, quarter.Width);
            for (int c = 0; c < 2; c++)
            {
                HalfSize.AddEnlarged(bent.Channel(c), offset.Channel(c), width, height, row.Values, (float)(-s * (s + _distance) / PixelsAHalf));
            }

            Warp.Bilinear(_marks, offset, 1, marks);
            Warp.Inside(offset, 1, weight);
            Span<float> doubt = marks.Channel(Doubt);
            TensorPrimitives.Multiply(doubt, -s / 2, doubt);
            TensorPrimitives.Exp(doubt, doubt);
            TensorPrimitives.Multiply(weight.Values, doubt, weight.Values);
            TensorPrimitives.Multiply(weight.Values, marks.Channel(Hidden), weight.Values);
            TensorPrimitives.Multiply(weight.Values, disagreement.Values, weight.Values);
            TensorPrimitives.Multiply(weight.Values, 2 * (1 - s), weight.Values);
        }

        public void Dispose()
        {
            _away.Dispose();
            _marks.Dispose();
        }
    }
}
