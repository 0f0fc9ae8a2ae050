using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// The motion at a time between two frames, from the motion of the pair: at every pixel p of the frame at t one linear motion V(p) across
/// the interval 0 -> 1, so that F_t0 = -t V and F_t1 = (1-t) V. models/training/motion.py computes the same; testdata/golden/motion holds
/// what both must give.
/// </summary>
/// <remarks>
/// Candidates for V(p): (a) the fixed point of V = F01(p - t V) from V = F01(p), (b) that of V = -F10(p + (1-t) V) from V = -F10(p),
/// (c) their mean, (d) F01(p), (e) -F10(p). The cost of each is the mean over R, G, B of |I0(p - t V) - I1(p + (1-t) V)|, and a penalty where
/// a look-up leaves the picture, averaged over a 7x7 box. The choice is the mean of the candidates with weights exp(-(cost - least cost) / T1).
/// V is the mean of the choices in a 13x13 box, each weighing exp(-least cost / T2): motion that fetches the same from both frames is
/// carried into places where no candidate does (normalised convolution, Knutsson and Westin 1993), and the search's noise is averaged out.
/// Frames whose shorter side has 1080 px or more are judged at half size: their motion was searched at a quarter (<see cref="DenseInverseSearchOptions.HalveFrom"/>).
/// </remarks>
public static unsafe class IntermediateMotion
{
    private const int FixedPointIterations = 4;
    private const int Candidates = 5;
    private const int CostRadius = 3; // 7 px
    private const int MeanRadius = 6; // 13 px
    private const float ChoiceTemperature = 1.5f / 255; // T1, code values
    private const float ConfidenceTemperature = 6f / 255; // T2, code values
    private const float LeastConfidence = 1e-6f; // so that something counts where nothing fits
    private const int Sums = 3; // of the choices' x and y, weighed, and of their weights
    private const float OutsidePenalty = 10f / 255; // code values
    private const float InconsistencyLimit = 8f; // px
    private const int HalveFrom = 1080; // px of the shorter side
    private const int Ring = 16; // rows kept: 13, rounded up to a power of two

    /// <summary>Finds V.</summary>
    /// <param name="field">The pair's motion.</param>
    /// <param name="rgb0">Frame 0, [3,H,W], RGB code values 0..1.</param>
    /// <param name="rgb1">Frame 1, [3,H,W].</param>
    /// <param name="t">The time, between 0 (frame 0) and 1 (frame 1), both excluded.</param>
    /// <param name="pool">Where the result comes from.</param>
    /// <param name="apart">[4,H,W] or null: receives (a) - V and (b) - V, x and y each, px. Null where <see cref="IsHalved"/>.</param>
    /// <returns>V [2,H,W], x then y, px from frame 0 to frame 1; the caller owns and disposes it.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">t is not in (0, 1).</exception>
    public static FloatImage At(MotionField field, FloatImage rgb0, FloatImage rgb1, float t, NativePool pool, FloatImage? apart = null)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(rgb0);
        ArgumentNullException.ThrowIfNull(rgb1);
        ArgumentNullException.ThrowIfNull(pool);
        if (!(t > 0 && t < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(t), t, "The time must lie between the frames, 0 < t < 1.");
        }

        if (rgb0.Channels != 3 || rgb1.Channels != 3 || rgb0.Width != field.Width || rgb0.Height != field.Height || rgb1.Width != field.Width || rgb1.Height != field.Height)
        {
            throw new ArgumentException("Two frames [3,H,W] of the motion's size are needed.");
        }

        if (apart is not null && (apart.Channels != 4 || apart.Width != field.Width || apart.Height != field.Height || IsHalved(field.Width, field.Height)))
        {
            throw new ArgumentException("What stands apart needs [4,H,W] of the motion's size, below 1080 lines.", nameof(apart));
        }

        if (IsHalved(field.Width, field.Height))
        {
            return AtHalfSize(field, rgb0, rgb1, t, pool);
        }

        FloatImage v = AtFullSize(field, rgb0, rgb1, t, pool, apart);
        for (int c = 0; c < apart?.Channels; c++)
        {
            TensorPrimitives.Subtract(apart.Channel(c), v.Channel(c % 2), apart.Channel(c));
        }

        return v;
    }

    /// <summary>Whether motion at t is found at half size: then nothing stands apart.</summary>
    /// <param name="width">The frames' width, px.</param>
    /// <param name="height">Their height, px.</param>
    public static bool IsHalved(int width, int height) => Math.Min(width, height) >= HalveFrom;

    private static FloatImage AtHalfSize(MotionField field, FloatImage rgb0, FloatImage rgb1, float t, NativePool pool)
    {
        using FloatImage half0 = HalfSize.Of(rgb0, 1, pool);
        using FloatImage half1 = HalfSize.Of(rgb1, 1, pool);
        using MotionField halfField = field.Halved(pool);
        using FloatImage half = AtFullSize(halfField, half0, half1, t, pool);
        FloatImage result = pool.RentImage(2, field.Height, field.Width);
        HalfSize.Enlarge(half, result, 2, pool);
        return result;
    }

    private static FloatImage AtFullSize(MotionField field, FloatImage rgb0, FloatImage rgb1, float t, NativePool pool, FloatImage? candidates = null)
    {
        int width = field.Width;
        int height = field.Height;
        int stride = ((width + 7) & ~7) + 32;
        FloatImage result = pool.RentImage(2, height, width);
        try
        {
            // Rows are handled as they come: costs of the last rows, averaged across, and the candidates (a) and (b) wait in rings,
            // and so do the choices, weighed and averaged across.
            using Scratch scratch = Scratch.Rent(pool, Scratch.Rounded((long)Ring * Candidates * stride) + Scratch.Rounded(4L * Ring * stride) + Scratch.Rounded((long)Ring * Sums * stride)
                + Scratch.Rounded(stride) + Scratch.Rounded((long)Candidates * stride)
                + InterleavedImage.Length(rgb0) + InterleavedImage.Length(rgb1) + (2 * InterleavedImage.Length(field.Forward)));
            Pair pair = new(new InterleavedImage(rgb0, scratch), new InterleavedImage(rgb1, scratch), new InterleavedImage(field.Forward, scratch), new InterleavedImage(field.Backward, scratch));
            float* costs = scratch.Take((long)Ring * Candidates * stride);
            float* carried = scratch.Take(4L * Ring * stride);
            float* choices = scratch.Take((long)Ring * Sums * stride);
            float* line = scratch.Take(stride) + 16;
            float* means = scratch.Take((long)Candidates * stride);
            for (int y = 0; y < height + CostRadius + MeanRadius; y++)
            {
                if (y < height)
                {
                    float* row = costs + ((long)(y % Ring) * Candidates * stride);
                    float* kept = carried + (4L * (y % Ring) * stride);
                    CandidateRow(field, pair, t, y, kept, row, stride);
                    for (int c = 0; c < candidates?.Channels; c++)
                    {
                        new ReadOnlySpan<float>(kept + (c * stride), width).CopyTo(candidates.Channel(c)[(y * width)..]);
                    }
                    BoxAcross(row, Candidates, stride, CostRadius, line, width);
                }

                int chosen = y - CostRadius;
                if (chosen >= 0 && chosen < height)
                {
                    float* row = choices + ((long)(chosen % Ring) * Sums * stride);
                    BoxDown(costs, means, chosen, height, CostRadius, (long)Candidates * stride);
                    ChooseRow(field, chosen, carried + (4L * (chosen % Ring) * stride), means, stride, row);
                    BoxAcross(row, Sums, stride, MeanRadius, line, width);
                }

                int done = chosen - MeanRadius;
                if (done >= 0)
                {
                    BoxDown(choices, means, done, height, MeanRadius, (long)Sums * stride);
                    DivideRow(means, stride, done, result);
                }
            }

            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>
    /// How far the two directions disagree where V leads: min(|F01(q) + F10(q + F01(q))|, 8) / 8 at q = p - t V(p) of frame 0, and likewise
    /// on frame 1 at p + (1-t) V(p), bilinear.
    /// </summary>
    /// <param name="field">The pair's motion.</param>
    /// <param name="motion">V [2,H,W], px.</param>
    /// <param name="t">The time of V.</param>
    /// <param name="inconsistency0">[1,H,W]; overwritten with 0..1.</param>
    /// <param name="inconsistency1">[1,H,W]; overwritten with 0..1.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void InconsistencyAt(MotionField field, FloatImage motion, float t, FloatImage inconsistency0, FloatImage inconsistency1)
    {
        ArgumentNullException.ThrowIfNull(field);
        Warp.Bilinear(field.Inconsistency0, motion, -t, inconsistency0);
        Warp.Bilinear(field.Inconsistency1, motion, 1 - t, inconsistency1);
        Saturate(inconsistency0);
        Saturate(inconsistency1);

        static void Saturate(FloatImage image)
        {
            Span<float> values = image.Values;
            TensorPrimitives.Min(values, InconsistencyLimit, values);
            TensorPrimitives.Divide(values, InconsistencyLimit, values);
        }
    }

    /// <summary>One row of the candidates (a) and (b) (x, y, x, y: four lines) and of the raw costs of all five.</summary>
    private static void CandidateRow(MotionField field, in Pair pair, float t, int y, float* carried, float* costs, int stride)
    {
        int width = field.Width;
        int height = field.Height;
        float* forward = field.Forward.Data;
        float* backward = field.Backward.Data;
        long plane = field.Forward.PlaneLength;
        long start = (long)y * width;
        float* work = stackalloc float[InterleavedImage.WorkLength];
        Vector256<float> row = Vector256.Create((float)y);
        Vector256<float> to0 = Vector256.Create(-t);
        Vector256<float> to1 = Vector256.Create(1 - t);
        for (int x = 0; x < width; x += 8)
        {
            Vector256<float> column = Lanes.From(x);
            Vector256<float> forwardX = Lanes.Load(forward + start, x, width);
            Vector256<float> forwardY = Lanes.Load(forward + plane + start, x, width);
            Vector256<float> backwardX = -Lanes.Load(backward + start, x, width);
            Vector256<float> backwardY = -Lanes.Load(backward + plane + start, x, width);
            Vector256<float> ax = forwardX;
            Vector256<float> ay = forwardY;
            Vector256<float> bx = backwardX;
            Vector256<float> by = backwardY;
            for (int i = 0; i < FixedPointIterations; i++)
            {
                (ax, ay) = pair.Forward.ReadPairs(Vector256.FusedMultiplyAdd(to0, ax, column), Vector256.FusedMultiplyAdd(to0, ay, row), work);
                (bx, by) = pair.Backward.ReadPairs(Vector256.FusedMultiplyAdd(to1, bx, column), Vector256.FusedMultiplyAdd(to1, by, row), work);
                bx = -bx;
                by = -by;
            }

            ax.Store(carried + x);
            ay.Store(carried + stride + x);
            bx.Store(carried + (2 * stride) + x);
            by.Store(carried + (3 * stride) + x);
            Cost(pair, width, height, column, row, ax, ay, to0, to1, work).Store(costs + x);
            Cost(pair, width, height, column, row, bx, by, to0, to1, work).Store(costs + stride + x);
            Cost(pair, width, height, column, row, (ax + bx) * 0.5f, (ay + by) * 0.5f, to0, to1, work).Store(costs + (2 * stride) + x);
            Cost(pair, width, height, column, row, forwardX, forwardY, to0, to1, work).Store(costs + (3 * stride) + x);
            Cost(pair, width, height, column, row, backwardX, backwardY, to0, to1, work).Store(costs + (4 * stride) + x);
        }
    }

    private static Vector256<float> Cost(in Pair pair, int width, int height, Vector256<float> column, Vector256<float> row, Vector256<float> vx, Vector256<float> vy, Vector256<float> to0, Vector256<float> to1, float* work)
    {
        Vector256<float> x0 = column + (to0 * vx);
        Vector256<float> y0 = row + (to0 * vy);
        Vector256<float> x1 = column + (to1 * vx);
        Vector256<float> y1 = row + (to1 * vy);
        Vector256<float> sum = pair.Frame0.Difference(x0, y0, pair.Frame1, x1, y1, work);
        Vector256<float> inside = Vector256.Min(Warp.Inside(x0, y0, width, height), Warp.Inside(x1, y1, width, height));
        return Vector256.FusedMultiplyAdd(sum, Vector256.Create(1f / 3), (Vector256<float>.One - inside) * OutsidePenalty);
    }

    /// <summary>The sum over 2 radius + 1 px of each of some rows, their ends replicated, in place. <paramref name="line"/> has 16 floats before it and 8 after width.</summary>
    private static void BoxAcross(float* row, int count, int stride, int radius, float* line, int width)
    {
        for (int i = 0; i < count; i++, row += stride)
        {
            new ReadOnlySpan<float>(row, width).CopyTo(new Span<float>(line, width));
            new Span<float>(line - radius, radius).Fill(row[0]);
            new Span<float>(line + width, radius).Fill(row[width - 1]);
            for (int x = 0; x < width; x += 8)
            {
                float* at = line + x - radius;
                Vector256<float> sum = Vector256.Load(at);
                for (int k = 1; k <= 2 * radius; k++)
                {
                    sum += Vector256.Load(at + k);
                }

                sum.Store(row + x);
            }
        }
    }

    /// <summary>The mean over 2 radius + 1 rows of sums over as many px, the first and the last row replicated.</summary>
    private static void BoxDown(float* ring, float* means, int y, int height, int radius, long length)
    {
        float** rows = stackalloc float*[(2 * radius) + 1];
        for (int i = 0; i <= 2 * radius; i++)
        {
            rows[i] = ring + (Math.Clamp(y + i - radius, 0, height - 1) % Ring * length);
        }

        float scale = 1f / ((2 * radius + 1) * (2 * radius + 1));
        for (long x = 0; x < length; x += 8)
        {
            Vector256<float> sum = Vector256.Load(rows[0] + x);
            for (int i = 1; i <= 2 * radius; i++)
            {
                sum += Vector256.Load(rows[i] + x);
            }

            (sum * scale).Store(means + x);
        }
    }

    /// <summary>One row of the choices: confidence times x, confidence times y, confidence, a line each.</summary>
    private static void ChooseRow(MotionField field, int y, float* carried, float* means, int stride, float* choices)
    {
        int width = field.Width;
        long start = (long)y * width;
        long plane = field.Forward.PlaneLength;
        for (int x = 0; x < width; x += 8)
        {
            Vector256<float> a = Vector256.Load(means + x);
            Vector256<float> b = Vector256.Load(means + stride + x);
            Vector256<float> c = Vector256.Load(means + (2 * stride) + x);
            Vector256<float> d = Vector256.Load(means + (3 * stride) + x);
            Vector256<float> e = Vector256.Load(means + (4 * stride) + x);
            Vector256<float> least = Vector256.Min(Vector256.Min(Vector256.Min(a, b), Vector256.Min(c, d)), e);
            a = Weight(a, least);
            b = Weight(b, least);
            c = Weight(c, least);
            d = Weight(d, least);
            e = Weight(e, least);
            Vector256<float> confidence = Vector256.Exp(least * (-1 / ConfidenceTemperature)) + Vector256.Create(LeastConfidence);
            Vector256<float> scale = confidence / (a + b + c + d + e);

            // (c) is the mean of (a) and (b): half of its weight goes to each.
            a = Vector256.FusedMultiplyAdd(c, Vector256.Create(0.5f), a);
            b = Vector256.FusedMultiplyAdd(c, Vector256.Create(0.5f), b);
            for (int axis = 0; axis < 2; axis++)
            {
                Vector256<float> sum = a * Vector256.Load(carried + (axis * stride) + x);
                sum = Vector256.FusedMultiplyAdd(b, Vector256.Load(carried + ((2 + axis) * stride) + x), sum);
                sum = Vector256.FusedMultiplyAdd(d, Lanes.Load(field.Forward.Data + (axis * plane) + start, x, width), sum);
                sum -= e * Lanes.Load(field.Backward.Data + (axis * plane) + start, x, width);
                (sum * scale).Store(choices + (axis * stride) + x);
            }

            confidence.Store(choices + (2 * stride) + x);
        }
    }

    private static void DivideRow(float* means, int stride, int y, FloatImage result)
    {
        int width = result.Width;
        for (int x = 0; x < width; x += 8)
        {
            Vector256<float> scale = Vector256<float>.One / Vector256.Load(means + (2 * stride) + x);
            for (int axis = 0; axis < 2; axis++)
            {
                Lanes.Store(Vector256.Load(means + (axis * stride) + x) * scale, result.Data + ((long)axis * result.PlaneLength) + ((long)y * width), x, width);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Weight(Vector256<float> cost, Vector256<float> least) => Vector256.Exp((least - cost) * (1 / ChoiceTemperature));

    /// <summary>What the look-ups read.</summary>
    private readonly record struct Pair(InterleavedImage Frame0, InterleavedImage Frame1, InterleavedImage Forward, InterleavedImage Backward);
}
