using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>Planes at half size and back. A plane of odd size keeps its last row or column alone. Pixel centres: half pixel i stands between full pixels 2i and 2i + 1.</summary>
internal static class HalfSize
{
    /// <summary>The length of a side at half size.</summary>
    public static int Of(int side) => (side + 1) / 2;

    /// <summary>A tensor at half size, times a factor (a flow's is a half).</summary>
    /// <param name="full">[C,H,W].</param>
    /// <param name="factor">The factor.</param>
    /// <param name="pool">Where the result comes from; the caller disposes it.</param>
    public static FloatImage Of(FloatImage full, float factor, NativePool pool)
    {
        FloatImage half = pool.RentImage(full.Channels, Of(full.Height), Of(full.Width));
        for (int c = 0; c < full.Channels; c++)
        {
            Reduce(full.Channel(c), full.Width, full.Height, half.Channel(c), factor);
        }

        return half;
    }

    /// <summary>A tensor enlarged bilinearly, times a factor (a flow's is 2).</summary>
    /// <param name="half">[C,h,w] at half size.</param>
    /// <param name="full">[C,H,W]; overwritten.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="pool">Scratch.</param>
    public static void Enlarge(FloatImage half, FloatImage full, float factor, NativePool pool)
    {
        using FloatImage row = pool.RentImage(1, 1, half.Width);
        full.Values.Clear();
        for (int c = 0; c < full.Channels; c++)
        {
            AddEnlarged(half.Channel(c), full.Channel(c), full.Width, full.Height, row.Values, factor);
        }
    }

    /// <summary>Means over 2x2 pixels, times a factor.</summary>
    /// <param name="full">A plane of <paramref name="width"/> x <paramref name="height"/>.</param>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="half">Receives the plane at half size.</param>
    /// <param name="factor">The factor.</param>
    public static void Reduce(ReadOnlySpan<float> full, int width, int height, Span<float> half, float factor = 1)
    {
        int halfWidth = Of(width);
        float quarter = 0.25f * factor;
        for (int y = 0; y < Of(height); y++)
        {
            ReadOnlySpan<float> above = full.Slice(2 * y * width, width);
            ReadOnlySpan<float> below = full.Slice(Math.Min((2 * y) + 1, height - 1) * width, width);
            Span<float> row = half.Slice(y * halfWidth, halfWidth);
            for (int x = 0; x < width / 2; x++)
            {
                row[x] = quarter * (above[2 * x] + above[(2 * x) + 1] + below[2 * x] + below[(2 * x) + 1]);
            }

            if (width % 2 == 1)
            {
                row[^1] = 2 * quarter * (above[^1] + below[^1]);
            }
        }
    }

    /// <summary>Adds a plane at half size, enlarged bilinearly, times a factor.</summary>
    /// <param name="half">The plane at half size.</param>
    /// <param name="full">The plane of <paramref name="width"/> x <paramref name="height"/> that it is added to.</param>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="row">Scratch, at least the width of the half.</param>
    /// <param name="factor">The factor.</param>
    public static void AddEnlarged(ReadOnlySpan<float> half, Span<float> full, int width, int height, Span<float> row, float factor = 1)
    {
        for (int y = 0; y < height; y++)
        {
            AddEnlargedRow(half, full.Slice(y * width, width), height, y, row, factor);
        }
    }

    /// <summary>Adds one row of a plane at half size, enlarged bilinearly, times a factor.</summary>
    /// <param name="half">The plane at half size.</param>
    /// <param name="full">The row that it is added to.</param>
    /// <param name="height">The height of the full plane.</param>
    /// <param name="y">The row's place in it.</param>
    /// <param name="row">Scratch, at least the width of the half.</param>
    /// <param name="factor">The factor.</param>
    public static void AddEnlargedRow(ReadOnlySpan<float> half, Span<float> full, int height, int y, Span<float> row, float factor = 1)
    {
        int width = full.Length;
        int halfWidth = Of(width);
        int near = y / 2;
        int far = y % 2 == 0 ? Math.Max(near - 1, 0) : Math.Min(near + 1, Of(height) - 1);
        row = row[..halfWidth];
        TensorPrimitives.Multiply(half.Slice(near * halfWidth, halfWidth), 0.75f * factor, row);
        TensorPrimitives.MultiplyAdd(half.Slice(far * halfWidth, halfWidth), 0.25f * factor, row, row);
        float before = row[0];
        for (int x = 0; x < width / 2; x++)
        {
            float here = row[x];
            full[2 * x] += (0.75f * here) + (0.25f * before);
            full[(2 * x) + 1] += (0.75f * here) + (0.25f * row[Math.Min(x + 1, halfWidth - 1)]);
            before = here;
        }

        if (width % 2 == 1)
        {
            full[^1] += (0.75f * row[^1]) + (0.25f * before);
        }
    }
}
