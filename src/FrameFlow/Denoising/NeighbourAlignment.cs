using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Denoising;

/// <summary>
/// Brings a neighbour onto the centre's grid, and says per pixel and channel how far it can be trusted: sqrt(sigma^2 sum w^2 + sigma_align^2), w the
/// weights of the bicubic look-up, sigma_align^2 what a box of the squared difference to the centre exceeds the noise by.
/// The network was trained on the same (models/training/align.py).
/// </summary>
internal static unsafe class NeighbourAlignment
{
    /// <summary>The deviation that stands for infinity: a missing frame, a look-up outside the picture.</summary>
    public const float Unknown = 100;

    /// <summary>Deviation in px of the Gaussian before motion is sought.</summary>
    public const double PreBlur = 1;

    private const int CostRadius = 3;
    private const float NoiseMargin = 1.1f;

    /// <summary>Aligns.</summary>
    /// <param name="centre">[3,H,W], the noisy centre.</param>
    /// <param name="centreSigma">[3,H,W], its noise.</param>
    /// <param name="neighbour">[3,H,W], the noisy neighbour.</param>
    /// <param name="neighbourSigma">[3,H,W], its noise.</param>
    /// <param name="flow">[2,H,W] px: centre(p) ~ neighbour(p + flow(p)).</param>
    /// <param name="warped">[3,H,W]; receives the neighbour on the centre's grid.</param>
    /// <param name="sigma">[3,H,W]; receives its deviation, at most <see cref="Unknown"/>.</param>
    /// <param name="pool">Scratch.</param>
    public static void Align(FloatImage centre, FloatImage centreSigma, FloatImage neighbour, FloatImage neighbourSigma, FloatImage flow, FloatImage warped, FloatImage sigma, NativePool pool)
    {
        int width = centre.Width;
        Warp.Bicubic(neighbour, flow, 1, warped);
        Warp.Bilinear(neighbourSigma, flow, 1, sigma);
        using FloatImage excess = pool.RentImage(1, centre.Height, width);
        using FloatImage scratch = pool.RentImage(1, centre.Height, width);
        Span<float> over = excess.Values;
        Span<float> work = scratch.Values;
        SquaredWeights(flow, scratch);
        TensorPrimitives.Multiply(sigma.Values, sigma.Values, sigma.Values);
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Multiply(sigma.Channel(c), work, sigma.Channel(c));
        }

        // The mean over RGB of the squared difference, less what noise explains; box and sum may change places.
        over.Clear();
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Subtract(warped.Channel(c), centre.Channel(c), work);
            TensorPrimitives.MultiplyAdd(work, work, over, over);
            TensorPrimitives.MultiplyAdd(sigma.Channel(c), -NoiseMargin, over, over);
            TensorPrimitives.Multiply(centreSigma.Channel(c), centreSigma.Channel(c), work);
            TensorPrimitives.MultiplyAdd(work, -NoiseMargin, over, over);
        }

        Filters.Box(excess, CostRadius, pool);
        TensorPrimitives.Multiply(over, 1f / 3, over);
        TensorPrimitives.Max(over, 0, over);
        MarkOutside(flow, excess);
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Add(sigma.Channel(c), over, sigma.Channel(c));
        }

        TensorPrimitives.Sqrt(sigma.Values, sigma.Values);
        TensorPrimitives.Min(sigma.Values, Unknown, sigma.Values);
    }

    // Sum of the squared weights of the 4x4 taps at p + flow(p): what the look-up makes of white noise's variance.
    private static void SquaredWeights(FloatImage flow, FloatImage result)
    {
        int width = flow.Width;
        for (int y = 0; y < flow.Height; y++)
        {
            float* flowX = flow.Data + ((long)y * width);
            float* to = result.Data + ((long)y * width);
            for (int x = 0; x < width; x += 8)
            {
                Lanes.Store(OneWay(Lanes.Load(flowX, x, width)) * OneWay(Lanes.Load(flowX + flow.PlaneLength, x, width)), to, x, width);
            }
        }

        static Vector256<float> OneWay(Vector256<float> place)
        {
            (Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) = Warp.Weights(place - Vector256.Floor(place));
            return (a * a) + (b * b) + (c * c) + (d * d);
        }
    }

    // Half a pixel beyond the border's centres the picture ends; where a flow is no number nothing is known either.
    private static void MarkOutside(FloatImage flow, FloatImage variance)
    {
        int width = flow.Width;
        for (int y = 0; y < flow.Height; y++)
        {
            float* flowX = flow.Data + ((long)y * width);
            float* to = variance.Data + ((long)y * width);
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> px = Lanes.Load(flowX, x, width) + Lanes.From(x);
                Vector256<float> py = Lanes.Load(flowX + flow.PlaneLength, x, width) + Vector256.Create((float)y);
                Vector256<float> inside = Vector256.GreaterThanOrEqual(px, Vector256.Create(-0.5f)) & Vector256.LessThanOrEqual(px, Vector256.Create(width - 0.5f))
                    & Vector256.GreaterThanOrEqual(py, Vector256.Create(-0.5f)) & Vector256.LessThanOrEqual(py, Vector256.Create(flow.Height - 0.5f));
                Lanes.Store(Vector256.ConditionalSelect(inside, Lanes.Load(to, x, width), Vector256.Create(Unknown * Unknown)), to, x, width);
            }
        }
    }
}
