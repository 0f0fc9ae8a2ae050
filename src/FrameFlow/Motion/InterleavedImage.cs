using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// A picture whose channels lie side by side (4 floats a pixel: R, G, B, 0; or 2: x, y), its last column and row twice, so that one vector
/// load brings what a bilinear look-up needs of a row. Several times faster than gathering from planes.
/// </summary>
internal readonly unsafe struct InterleavedImage
{
    private readonly float* _pixels;
    private readonly int _width;
    private readonly int _height;

    /// <summary>Copies a tensor [3,H,W] (to 4 floats a pixel) or [2,H,W] (to 2).</summary>
    public InterleavedImage(FloatImage image, Scratch scratch)
    {
        _width = image.Width;
        _height = image.Height;
        int depth = image.Channels == 2 ? 2 : 4;
        int rowLength = (_width + 1) * depth;
        _pixels = scratch.Take(Length(image));
        for (int y = 0; y < _height; y++)
        {
            float* to = _pixels + ((long)y * rowLength);
            float* from = image.Data + ((long)y * _width);
            if (depth == 2)
            {
                CopyPairs(from, from + image.PlaneLength, to, _width);
            }
            else
            {
                CopyQuads(from, from + image.PlaneLength, from + (2L * image.PlaneLength), to, _width);
            }

            for (int i = 0; i < depth; i++)
            {
                to[rowLength - depth + i] = to[rowLength - (2 * depth) + i];
            }
        }

        float* last = _pixels + ((long)(_height - 1) * rowLength);
        new ReadOnlySpan<float>(last, rowLength).CopyTo(new Span<float>(last + rowLength, rowLength));
    }

    /// <summary>Floats of scratch that a tensor's copy takes.</summary>
    public static long Length(FloatImage image) => Scratch.Rounded((image.Width + 1L) * (image.Height + 1L) * (image.Channels == 2 ? 2 : 4));

    /// <summary>Floats of work space that a look-up takes. Handed in, because a method with a stack allocation is not inlined.</summary>
    public const int WorkLength = 48;

    /// <summary>The eight bilinear look-ups of a tensor [2,H,W] at positions in pixels, borders replicated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<float> X, Vector256<float> Y) ReadPairs(Vector256<float> x, Vector256<float> y, float* work)
    {
        int* places = (int*)work;
        Locate(x, y, places, out Vector256<float> fx, out Vector256<float> fy);
        long below = 2L * (_width + 1);
        Vector256<float> a = Rows(_pixels + (2L * places[0]), _pixels + (2L * places[4]), below, Vector256.Shuffle(fy, Vector256.Create(0, 0, 0, 0, 4, 4, 4, 4)));
        Vector256<float> b = Rows(_pixels + (2L * places[1]), _pixels + (2L * places[5]), below, Vector256.Shuffle(fy, Vector256.Create(1, 1, 1, 1, 5, 5, 5, 5)));
        Vector256<float> c = Rows(_pixels + (2L * places[2]), _pixels + (2L * places[6]), below, Vector256.Shuffle(fy, Vector256.Create(2, 2, 2, 2, 6, 6, 6, 6)));
        Vector256<float> d = Rows(_pixels + (2L * places[3]), _pixels + (2L * places[7]), below, Vector256.Shuffle(fy, Vector256.Create(3, 3, 3, 3, 7, 7, 7, 7)));
        (Vector256<float> leftX, Vector256<float> leftY, Vector256<float> rightX, Vector256<float> rightY) = Lanes.Transpose(a, b, c, d);
        return (Vector256.FusedMultiplyAdd(fx, rightX - leftX, leftX), Vector256.FusedMultiplyAdd(fx, rightY - leftY, leftY));

        // Left x, y and right x, y of two pixels, between two rows.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<float> Rows(float* first, float* second, long below, Vector256<float> fraction)
        {
            Vector256<float> upper = Vector256.Create(Vector128.Load(first), Vector128.Load(second));
            Vector256<float> lower = Vector256.Create(Vector128.Load(first + below), Vector128.Load(second + below));
            return Vector256.FusedMultiplyAdd(fraction, lower - upper, upper);
        }
    }

    /// <summary>Sums over R, G, B of |this - other| of eight bilinear look-ups in each of two tensors [3,H,W], borders replicated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Difference(Vector256<float> x, Vector256<float> y, in InterleavedImage other, Vector256<float> otherX, Vector256<float> otherY, float* work)
    {
        int* places = (int*)work;
        float* fractions = work + 16;
        Locate(x, y, places, out Vector256<float> fx0, out Vector256<float> fy0);
        other.Locate(otherX, otherY, places + 8, out Vector256<float> fx1, out Vector256<float> fy1);
        fx0.Store(fractions);
        fy0.Store(fractions + 8);
        fx1.Store(fractions + 16);
        fy1.Store(fractions + 24);
        long below = 4L * (_width + 1);
        float* first = _pixels;
        float* second = other._pixels;
        (Vector256<float> r, Vector256<float> g, Vector256<float> b, _) = Lanes.Transpose(
            Two(first, second, below, places, fractions), Two(first, second, below, places + 1, fractions + 1),
            Two(first, second, below, places + 2, fractions + 2), Two(first, second, below, places + 3, fractions + 3));
        return r + g + b;

        // Pixels i and i + 4, for the transposition.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<float> Two(float* first, float* second, long below, int* places, float* fractions) => Vector256.Abs(Vector256.Create(
            One(first + (4L * places[0]), below, fractions) - One(second + (4L * places[8]), below, fractions + 16),
            One(first + (4L * places[4]), below, fractions + 4) - One(second + (4L * places[12]), below, fractions + 20)));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector128<float> One(float* corner, long below, float* fractions)
        {
            Vector256<float> upper = Vector256.Load(corner);
            Vector256<float> pair = Vector256.FusedMultiplyAdd(Vector256.Create(fractions[8]), Vector256.Load(corner + below) - upper, upper);
            Vector128<float> left = pair.GetLower();
            return Vector128.FusedMultiplyAdd(Vector128.Create(fractions[0]), pair.GetUpper() - left, left);
        }
    }

    private static void CopyPairs(float* first, float* second, float* to, int width)
    {
        int x = 0;
        for (; x <= width - 8; x += 8)
        {
            (Vector256<float> a, Vector256<float> b) = Lanes.Interleave(Vector256.Load(first + x), Vector256.Load(second + x));
            a.Store(to + (2 * x));
            b.Store(to + (2 * x) + 8);
        }

        for (; x < width; x++)
        {
            to[2 * x] = first[x];
            to[(2 * x) + 1] = second[x];
        }
    }

    private static void CopyQuads(float* red, float* green, float* blue, float* to, int width)
    {
        int x = 0;
        for (; x <= width - 8; x += 8)
        {
            (Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) = Lanes.Transpose(
                Vector256.Load(red + x), Vector256.Load(green + x), Vector256.Load(blue + x), Vector256<float>.Zero);
            float* at = to + (4 * x);
            a.GetLower().Store(at);
            b.GetLower().Store(at + 4);
            c.GetLower().Store(at + 8);
            d.GetLower().Store(at + 12);
            a.GetUpper().Store(at + 16);
            b.GetUpper().Store(at + 20);
            c.GetUpper().Store(at + 24);
            d.GetUpper().Store(at + 28);
        }

        for (; x < width; x++)
        {
            Vector128.Create(red[x], green[x], blue[x], 0).Store(to + (4 * x));
        }
    }

    /// <summary>The pixel at the upper left of each position; positions outside (and no numbers) go to the border.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Locate(Vector256<float> x, Vector256<float> y, int* places, out Vector256<float> fractionX, out Vector256<float> fractionY)
    {
        x = Vector256.MaxNative(Vector256.MinNative(x, Vector256.Create(_width - 1f)), Vector256<float>.Zero);
        y = Vector256.MaxNative(Vector256.MinNative(y, Vector256.Create(_height - 1f)), Vector256<float>.Zero);
        Vector256<float> left = Vector256.Floor(x);
        Vector256<float> top = Vector256.Floor(y);
        fractionX = x - left;
        fractionY = y - top;
        ((Vector256.ConvertToInt32Native(top) * (_width + 1)) + Vector256.ConvertToInt32Native(left)).Store(places);
    }
}
