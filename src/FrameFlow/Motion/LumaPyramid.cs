using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>One scale of a <see cref="LumaPyramid"/>. The pointers are at pixel (0,0); rows are <see cref="Stride"/> floats apart.</summary>
internal readonly unsafe struct PyramidLevel(float* image, float* gradientX, float* gradientY, int width, int height, int stride)
{
    /// <summary>Luma 0..255, with <see cref="LumaPyramid.Border"/> replicated pixels around it.</summary>
    public float* Image => image;

    /// <summary>d/dx by Sobel's operator / 8, without border.</summary>
    public float* GradientX => gradientX;

    /// <summary>d/dy.</summary>
    public float* GradientY => gradientY;

    public int Width => width;

    public int Height => height;

    public int Stride => stride;
}

/// <summary>
/// The luma of one frame at scales 1/2^s, each the average of 2x2 pixels of the one before (the last row or column of an odd size is
/// averaged with itself), and its gradients from the finest searched scale up.
/// </summary>
internal sealed unsafe class LumaPyramid : IDisposable
{
    /// <summary>Replicated pixels around every scale: a patch (8) may stand wholly outside and is read with one pixel more.</summary>
    public const int Border = 16;

    private const int MostScales = 32;

    private readonly PyramidLevel[] _levels = new PyramidLevel[MostScales];
    private NativePool? _pool; // null once disposed
    private Scratch? _scratch;

    private LumaPyramid()
    {
    }

    /// <summary>A scale from finest to coarsest.</summary>
    public PyramidLevel this[int scale] => _levels[scale];

    /// <summary>Builds scales <paramref name="finest"/> to <paramref name="coarsest"/>.</summary>
    /// <param name="rgb">The frame, [3,H,W], 0..1.</param>
    /// <param name="width">Width at scale 0, at least the frame's: the rest replicates its last column.</param>
    /// <param name="height">Height at scale 0, likewise.</param>
    /// <param name="finest">The first scale with gradients.</param>
    /// <param name="coarsest">The last scale.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <returns>The pyramid, which the caller disposes, and forgets then: the object serves again.</returns>
    public static LumaPyramid Build(FloatImage rgb, int width, int height, int finest, int coarsest, NativePool pool)
    {
        int first = Math.Min(finest, 1);
        int rowLength = width + (2 * Border);
        long floats = 2 * Scratch.Rounded(rowLength);
        for (int scale = first; scale <= coarsest; scale++)
        {
            long plane = Scratch.Rounded(PlaneLength(At(width, scale), At(height, scale)));
            floats += (scale >= finest ? 3 : 1) * plane;
        }

        Scratch scratch = Scratch.Rent(pool, floats);
        LumaPyramid pyramid = pool.TakeEnded<LumaPyramid>() ?? new LumaPyramid();
        (pyramid._scratch, pyramid._pool) = (scratch, pool);
        float* above = scratch.Take(rowLength);
        float* below = scratch.Take(rowLength);
        for (int scale = first; scale <= coarsest; scale++)
        {
            int w = At(width, scale);
            int h = At(height, scale);
            int stride = StrideOf(w);
            float* image = Origin(scratch, w, h, stride);
            for (int y = 0; y < h; y++)
            {
                float* row = image + ((long)y * stride);
                if (scale == 0)
                {
                    LumaRow(rgb, y, row, w);
                }
                else if (scale == 1)
                {
                    LumaRow(rgb, 2 * y, above, width + 1);
                    LumaRow(rgb, (2 * y) + 1, below, width + 1);
                    AverageRow(above, below, row, w);
                }
                else
                {
                    PyramidLevel finer = pyramid._levels[scale - 1];
                    float* from = finer.Image + (2L * y * finer.Stride);
                    AverageRow(from, from + ((2 * y) + 1 < finer.Height ? finer.Stride : 0), row, w);
                }
            }

            Replicate(image, w, h, stride);
            float* gradientX = null;
            float* gradientY = null;
            if (scale >= finest)
            {
                gradientX = Origin(scratch, w, h, stride);
                gradientY = Origin(scratch, w, h, stride);
                Sobel(image, gradientX, gradientY, w, h, stride);
            }

            pyramid._levels[scale] = new PyramidLevel(image, gradientX, gradientY, w, h, stride);
        }

        return pyramid;
    }

    /// <summary>A length at scale 0 as it is at another scale.</summary>
    public static int At(int length, int scale)
    {
        for (int i = 0; i < scale; i++)
        {
            length = (length + 1) / 2;
        }

        return length;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _pool, null) is { } pool)
        {
            _scratch!.Dispose();
            _scratch = null;
            pool.KeepEnded(this);
        }
    }

    private static int StrideOf(int width) => (width + (2 * Border) + 15) & ~15;

    private static long PlaneLength(int width, int height) => (long)StrideOf(width) * (height + (2 * Border));

    private static float* Origin(Scratch scratch, int width, int height, int stride) => scratch.Take(PlaneLength(width, height)) + ((long)Border * stride) + Border;

    /// <summary>Luma by the weights of ITU-R BT.601, times 255, of one row; what lies beyond the frame replicates its last pixels.</summary>
    private static void LumaRow(FloatImage rgb, int y, float* destination, int width)
    {
        float* red = rgb.Data + ((long)Math.Min(y, rgb.Height - 1) * rgb.Width);
        float* green = red + rgb.PlaneLength;
        float* blue = green + rgb.PlaneLength;
        const float RedWeight = 0.299f * 255;
        const float GreenWeight = 0.587f * 255;
        const float BlueWeight = 0.114f * 255;
        int inside = Math.Min(width, rgb.Width);
        int x = 0;
        for (; x <= inside - 8; x += 8)
        {
            Vector256<float> luma = Vector256.Load(red + x) * RedWeight;
            luma = Vector256.FusedMultiplyAdd(Vector256.Load(green + x), Vector256.Create(GreenWeight), luma);
            Vector256.FusedMultiplyAdd(Vector256.Load(blue + x), Vector256.Create(BlueWeight), luma).Store(destination + x);
        }

        for (; x < inside; x++)
        {
            destination[x] = MathF.FusedMultiplyAdd(blue[x], BlueWeight, MathF.FusedMultiplyAdd(green[x], GreenWeight, red[x] * RedWeight));
        }

        for (; x < width; x++)
        {
            destination[x] = destination[x - 1];
        }
    }

    /// <summary>Averages 2x2; both rows hold 2 * width values, the last of an odd size being there twice.</summary>
    private static void AverageRow(float* above, float* below, float* destination, int width)
    {
        int x = 0;
        for (; x <= width - 8; x += 8)
        {
            Vector256<float> left = Vector256.Load(above + (2 * x)) + Vector256.Load(below + (2 * x));
            Vector256<float> right = Vector256.Load(above + (2 * x) + 8) + Vector256.Load(below + (2 * x) + 8);
            (Vector256<float> even, Vector256<float> odd) = Lanes.Deinterleave(left, right);
            ((even + odd) * 0.25f).Store(destination + x);
        }

        for (; x < width; x++)
        {
            destination[x] = (above[2 * x] + below[2 * x] + (above[(2 * x) + 1] + below[(2 * x) + 1])) * 0.25f;
        }
    }

    private static void Replicate(float* image, int width, int height, int stride)
    {
        for (int y = 0; y < height; y++)
        {
            float* row = image + ((long)y * stride);
            new Span<float>(row - Border, Border).Fill(row[0]);
            new Span<float>(row + width, Border).Fill(row[width - 1]);
        }

        ReadOnlySpan<float> top = new(image - Border, width + (2 * Border));
        ReadOnlySpan<float> bottom = new(image + ((long)(height - 1) * stride) - Border, width + (2 * Border));
        for (int y = 1; y <= Border; y++)
        {
            top.CopyTo(new Span<float>(image - ((long)y * stride) - Border, top.Length));
            bottom.CopyTo(new Span<float>(image + ((long)(height - 1 + y) * stride) - Border, top.Length));
        }
    }

    private static void Sobel(float* image, float* gradientX, float* gradientY, int width, int height, int stride)
    {
        Vector256<float> eighth = Vector256.Create(0.125f);
        for (int y = 0; y < height; y++)
        {
            float* middle = image + ((long)y * stride);
            float* above = middle - stride;
            float* below = middle + stride;
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> diagonal = Vector256.Load(below + x + 1) - Vector256.Load(above + x - 1);
                Vector256<float> other = Vector256.Load(above + x + 1) - Vector256.Load(below + x - 1);
                Vector256<float> across = Vector256.Load(middle + x + 1) - Vector256.Load(middle + x - 1);
                Vector256<float> down = Vector256.Load(below + x) - Vector256.Load(above + x);
                ((diagonal + other + across + across) * eighth).Store(gradientX + ((long)y * stride) + x);
                ((diagonal - other + down + down) * eighth).Store(gradientY + ((long)y * stride) + x);
            }
        }
    }
}
