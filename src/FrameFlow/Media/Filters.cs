using System.Numerics.Tensors;

namespace FrameFlow.Media;

/// <summary>Separable filters of tensors [C,H,W], borders replicated.</summary>
internal static class Filters
{
    /// <summary>Mean over (2r + 1)^2 pixels.</summary>
    /// <param name="image">Filtered in place.</param>
    /// <param name="radius">r, at least 1.</param>
    /// <param name="pool">Scratch.</param>
    public static void Box(FloatImage image, int radius, NativePool pool)
    {
        Span<float> taps = stackalloc float[(2 * radius) + 1];
        taps.Fill(1f / taps.Length);
        Separable(image, taps, pool);
    }

    /// <summary>Gaussian of a deviation in pixels, cut at three deviations and normalised.</summary>
    /// <param name="image">Filtered in place.</param>
    /// <param name="deviation">Positive.</param>
    /// <param name="pool">Scratch.</param>
    public static void Gaussian(FloatImage image, double deviation, NativePool pool)
    {
        int radius = (int)Math.Ceiling(3 * deviation);
        Span<float> taps = stackalloc float[(2 * radius) + 1];
        for (int i = 0; i < taps.Length; i++)
        {
            taps[i] = (float)Math.Exp(-(i - radius) * (i - radius) / (2 * deviation * deviation));
        }

        TensorPrimitives.Divide(taps, TensorPrimitives.Sum<float>(taps), taps);
        Separable(image, taps, pool);
    }

    private static void Separable(FloatImage image, ReadOnlySpan<float> taps, NativePool pool)
    {
        int radius = taps.Length / 2;
        int width = image.Width;
        int height = image.Height;
        using FloatImage across = pool.RentImage(1, height, width);
        using FloatImage wide = pool.RentImage(1, 1, width + (2 * radius));
        for (int c = 0; c < image.Channels; c++)
        {
            Span<float> plane = image.Channel(c);
            Span<float> middle = across.Values;
            Span<float> row = wide.Values;
            for (int y = 0; y < height; y++)
            {
                Span<float> from = plane.Slice(y * width, width);
                row[..radius].Fill(from[0]);
                from.CopyTo(row[radius..]);
                row[(radius + width)..].Fill(from[^1]);
                Span<float> to = middle.Slice(y * width, width);
                TensorPrimitives.Multiply(row[..width], taps[0], to);
                for (int i = 1; i < taps.Length; i++)
                {
                    TensorPrimitives.MultiplyAdd(row.Slice(i, width), taps[i], to, to);
                }
            }

            for (int y = 0; y < height; y++)
            {
                Span<float> to = plane.Slice(y * width, width);
                to.Clear();
                for (int i = 0; i < taps.Length; i++)
                {
                    TensorPrimitives.MultiplyAdd(middle.Slice(Math.Clamp(y + i - radius, 0, height - 1) * width, width), taps[i], to, to);
                }
            }
        }
    }
}
