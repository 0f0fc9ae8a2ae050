using System.Numerics.Tensors;
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

    // Keys' kernel, as Warp.Bicubic has it.
    private const float Keys = -0.75f;

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
        int length = centre.PlaneLength;
        Warp.Bicubic(neighbour, flow, 1, warped);
        Warp.Bilinear(neighbourSigma, flow, 1, sigma);
        using FloatImage excess = new(pool, 1, centre.Height, width);
        using FloatImage scratch = new(pool, 1, centre.Height, width);
        Span<float> over = excess.Values;
        Span<float> work = scratch.Values;
        SquaredWeights(flow, work);
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
        for (int i = 0; i < length; i++)
        {
            float x = (i % width) + flow.Data[i];
            float y = (i / width) + flow.Data[length + i];
            if (!(x >= -0.5f && x <= width - 0.5f && y >= -0.5f && y <= centre.Height - 0.5f))
            {
                over[i] = Unknown * Unknown;
            }
        }

        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Add(sigma.Channel(c), over, sigma.Channel(c));
        }

        TensorPrimitives.Sqrt(sigma.Values, sigma.Values);
        TensorPrimitives.Min(sigma.Values, Unknown, sigma.Values);
    }

    // Sum of the squared weights of the 4x4 taps at p + flow(p): what the look-up makes of white noise's variance.
    private static void SquaredWeights(FloatImage flow, Span<float> result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = OneWay(flow.Data[i]) * OneWay(flow.Data[result.Length + i]);
        }

        static float OneWay(float place)
        {
            float f = place - MathF.Floor(place);
            float a = Far(1 + f);
            float b = Near(f);
            float c = Near(1 - f);
            float d = Far(2 - f);
            return (a * a) + (b * b) + (c * c) + (d * d);
        }

        static float Near(float d) => ((((Keys + 2) * d) - (Keys + 3)) * d * d) + 1;

        static float Far(float d) => (((((Keys * d) - (5 * Keys)) * d) + (8 * Keys)) * d) - (4 * Keys);
    }
}
