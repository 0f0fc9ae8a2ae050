using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// Backward warping: destination(p) = image(p + scale F(p)), pixel centres at integers, borders replicated. Not clipped to the image's range.
/// </summary>
public static unsafe class Warp
{
    /// <summary>
    /// Keys' cubic convolution (R. Keys 1981, equation 4) with a = -0.75, as OpenCV and PyTorch have it, separable, 4x4 pixels:
    /// k(s) = (a+2)|s|^3 - (a+3)|s|^2 + 1 up to 1, a|s|^3 - 5a|s|^2 + 8a|s| - 4a up to 2.
    /// </summary>
    /// <param name="image">[C,H,W], any units.</param>
    /// <param name="flow">[2,H,W], x then y, px.</param>
    /// <param name="scale">What the flow is multiplied by, for example -t.</param>
    /// <param name="destination">[C,H,W], another tensor than the image; overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Bicubic(FloatImage image, FloatImage flow, float scale, FloatImage destination) => Bicubic(image, flow, scale, destination, null, 0);

    /// <summary>The mean of three look-ups: along the flow, and along what stands twice beside it. Where motion is sure they agree; elsewhere their mean is nearer to the truth than any of them.</summary>
    /// <param name="image">[C,H,W], any units.</param>
    /// <param name="flow">[2,H,W], x then y, px.</param>
    /// <param name="scale">What the flow is multiplied by.</param>
    /// <param name="destination">[C,H,W], another tensor than the image; overwritten.</param>
    /// <param name="apart">[4,H,W], px: two flows' x and y, less the flow's; null: the flow alone counts.</param>
    /// <param name="apartScale">What they are multiplied by.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Bicubic(FloatImage image, FloatImage flow, float scale, FloatImage destination, FloatImage? apart, float apartScale)
    {
        Check(image, flow, destination);
        if (apart is not null && (apart.Channels != 4 || apart.Width != image.Width || apart.Height != image.Height))
        {
            throw new ArgumentException("What stands apart needs [4,H,W].", nameof(apart));
        }

        for (int y = 0; y < image.Height; y++)
        {
            long start = (long)y * image.Width;
            BicubicRow(image, flow.Data + start, flow.PlaneLength, scale, y, destination, apart is null ? null : apart.Data + start, apartScale, null, null);
        }
    }

    /// <summary>Draws two tensors towards one look-up, whose flow and share are given at half size: each becomes itself + share (look-up - itself). Where the share is 0 nothing is looked up.</summary>
    /// <param name="image">[C,H,W], any units.</param>
    /// <param name="halfFlow">[2,h,w] at half size, in px of that size.</param>
    /// <param name="halfShare">[1,h,w] at half size, 0..1.</param>
    /// <param name="first">[C,H,W], another tensor than the image; changed.</param>
    /// <param name="second">[C,H,W], another tensor than the image; changed.</param>
    /// <param name="pool">Scratch.</param>
    internal static void BicubicInto(FloatImage image, FloatImage halfFlow, FloatImage halfShare, FloatImage first, FloatImage second, NativePool pool)
    {
        (int height, int width) = (image.Height, image.Width);
        using FloatImage rows = pool.RentImage(3, 1, width);
        using FloatImage scratch = pool.RentImage(1, 1, halfFlow.Width);
        for (int y = 0; y < height; y++)
        {
            rows.Values.Clear();
            HalfSize.AddEnlargedRow(halfShare.Values, rows.Channel(2), height, y, scratch.Values);
            if (TensorPrimitives.Max<float>(rows.Channel(2)) > 0)
            {
                HalfSize.AddEnlargedRow(halfFlow.Channel(0), rows.Channel(0), height, y, scratch.Values, 2);
                HalfSize.AddEnlargedRow(halfFlow.Channel(1), rows.Channel(1), height, y, scratch.Values, 2);
                BicubicRow(image, rows.Data, width, 1, y, first, null, 0, rows.Data + (2 * width), second);
            }
        }
    }

    // One row: flow, apart and share (null: all of it) begin at it; flow's and apart's planes follow one another at a distance.
    private static void BicubicRow(
        FloatImage image, float* flow, long plane, float scale, int y, FloatImage destination, float* apart, float apartScale, float* share, FloatImage? second)
    {
        int width = image.Width;
        int height = image.Height;
        int looks = apart is null ? 1 : 3;
        float part = 1f / looks;
        long start = (long)y * width;
        Vector256<float> factor = Vector256.Create(scale);
        Vector256<int> one = Vector256<int>.One;
        Vector256<int> lastColumn = Vector256.Create(width - 3);
        Vector256<int> lastRow = Vector256.Create(height - 3);
        float* sums = stackalloc float[32];
        float* down = stackalloc float[32];
        int* columns = stackalloc int[8];
        int* rows = stackalloc int[8];
        int* corners = stackalloc int[8];
        for (int x = 0; x < width; x += 8)
        {
            Vector256<float> shares = share is null ? Vector256<float>.One : Lanes.Load(share, x, width);
            if (shares == Vector256<float>.Zero)
            {
                continue;
            }

            Vector256<float> alongX = Vector256.FusedMultiplyAdd(Lanes.Load(flow, x, width), factor, Lanes.From(x));
            Vector256<float> alongY = Vector256.FusedMultiplyAdd(Lanes.Load(flow + plane, x, width), factor, Vector256.Create((float)y));
            for (int look = 0; look < looks; look++)
            {
                Vector256<float> px = alongX;
                Vector256<float> py = alongY;
                if (look > 0)
                {
                    float* beside = apart + (((2 * look) - 2) * plane);
                    px = Vector256.FusedMultiplyAdd(Lanes.Load(beside, x, width), Vector256.Create(apartScale), px);
                    py = Vector256.FusedMultiplyAdd(Lanes.Load(beside + plane, x, width), Vector256.Create(apartScale), py);
                }

                // From two pixels outside on every tap reads the border: going further changes nothing, and integers do not overflow.
                px = Vector256.MaxNative(Vector256.MinNative(px, Vector256.Create(width + 2f)), Vector256.Create(-3f));
                py = Vector256.MaxNative(Vector256.MinNative(py, Vector256.Create(height + 2f)), Vector256.Create(-3f));
                Vector256<float> left = Vector256.Floor(px);
                Vector256<float> top = Vector256.Floor(py);
                (Vector256<float> x0, Vector256<float> x1, Vector256<float> x2, Vector256<float> x3) = Weights(px - left);
                (Vector256<float> y0, Vector256<float> y1, Vector256<float> y2, Vector256<float> y3) = Weights(py - top);
                Vector256<int> column = Vector256.ConvertToInt32Native(left);
                Vector256<int> row = Vector256.ConvertToInt32Native(top);
                y0.Store(down);
                y1.Store(down + 8);
                y2.Store(down + 16);
                y3.Store(down + 24);
                bool interior = Vector256.GreaterThanOrEqualAll(column, one) && Vector256.GreaterThanOrEqualAll(row, one)
                    && Vector256.LessThanOrEqualAll(column, lastColumn) && Vector256.LessThanOrEqualAll(row, lastRow);
                column.Store(columns);
                row.Store(rows);
                ((row * width) + column - Vector256.Create(width + 1)).Store(corners);
                for (int channel = 0; channel < image.Channels; channel++)
                {
                    // Pixels 0-3 go to the lower halves and 4-7 to the upper ones, for the transposition.
                    float* from = image.Data + ((long)channel * image.PlaneLength);
                    if (interior)
                    {
                        for (int i = 0; i < 4; i++)
                        {
                            Column(from + corners[i], width, down + i).Store(sums + (8 * i));
                            Column(from + corners[i + 4], width, down + i + 4).Store(sums + (8 * i) + 4);
                        }
                    }
                    else
                    {
                        for (int i = 0; i < 8; i++)
                        {
                            EdgeColumn(from, width, height, columns[i], rows[i], down + i).Store(sums + (8 * (i & 3)) + (i & 4));
                        }
                    }

                    (Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) = Lanes.Transpose(
                        Vector256.Load(sums), Vector256.Load(sums + 8), Vector256.Load(sums + 16), Vector256.Load(sums + 24));
                    Vector256<float> value = Vector256.FusedMultiplyAdd(a, x0, Vector256.FusedMultiplyAdd(b, x1, Vector256.FusedMultiplyAdd(c, x2, d * x3)));
                    float* to = destination.Data + ((long)channel * destination.PlaneLength) + start;
                    if (second is not null)
                    {
                        float* also = second.Data + ((long)channel * second.PlaneLength) + start;
                        Draw(to, x, width, value, shares);
                        Draw(also, x, width, value, shares);
                    }
                    else
                    {
                        Lanes.Store(looks == 1 ? value : look == 0 ? value * part : Vector256.FusedMultiplyAdd(value, Vector256.Create(part), Lanes.Load(to, x, width)), to, x, width);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Draw(float* row, int x, int width, Vector256<float> towards, Vector256<float> share)
    {
        Vector256<float> here = Lanes.Load(row, x, width);
        Lanes.Store(Vector256.FusedMultiplyAdd(towards - here, share, here), row, x, width);
    }

    /// <summary>Bilinear interpolation of 2x2 pixels.</summary>
    /// <param name="image">[C,H,W], any units.</param>
    /// <param name="flow">[2,H,W], x then y, px.</param>
    /// <param name="scale">What the flow is multiplied by.</param>
    /// <param name="destination">[C,H,W], another tensor than the image; overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Bilinear(FloatImage image, FloatImage flow, float scale, FloatImage destination)
    {
        Check(image, flow, destination);
        int width = image.Width;
        float* flowX = flow.Data;
        float* flowY = flowX + flow.PlaneLength;
        Vector256<float> factor = Vector256.Create(scale);
        for (int y = 0; y < image.Height; y++)
        {
            long start = (long)y * width;
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> px = Vector256.FusedMultiplyAdd(Lanes.Load(flowX + start, x, width), factor, Lanes.From(x));
                Vector256<float> py = Vector256.FusedMultiplyAdd(Lanes.Load(flowY + start, x, width), factor, Vector256.Create((float)y));
                BilinearTaps taps = new(px, py, width, image.Height);
                for (int channel = 0; channel < image.Channels; channel++)
                {
                    Lanes.Store(taps.Read(image.Data + ((long)channel * image.PlaneLength)), destination.Data + ((long)channel * destination.PlaneLength) + start, x, width);
                }
            }
        }
    }

    /// <summary>Says where a warp stays in the picture: 1 where p + scale F(p) lies in [0, W-1] x [0, H-1], else 0.</summary>
    /// <param name="flow">[2,H,W], x then y, px.</param>
    /// <param name="scale">What the flow is multiplied by.</param>
    /// <param name="destination">[1,H,W]; overwritten.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void Inside(FloatImage flow, float scale, FloatImage destination)
    {
        ArgumentNullException.ThrowIfNull(flow);
        ArgumentNullException.ThrowIfNull(destination);
        if (flow.Channels != 2 || destination.Channels != 1 || destination.Width != flow.Width || destination.Height != flow.Height)
        {
            throw new ArgumentException("A flow [2,H,W] and a destination [1,H,W] are needed.");
        }

        int width = flow.Width;
        for (int y = 0; y < flow.Height; y++)
        {
            float* flowX = flow.Data + ((long)y * width);
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> px = (Lanes.Load(flowX, x, width) * scale) + Lanes.From(x);
                Vector256<float> py = (Lanes.Load(flowX + flow.PlaneLength, x, width) * scale) + Vector256.Create((float)y);
                Lanes.Store(Inside(px, py, width, flow.Height), destination.Data + ((long)y * width), x, width);
            }
        }
    }

    /// <summary>1 in the lanes whose position lies in the picture.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Inside(Vector256<float> x, Vector256<float> y, int width, int height)
    {
        Vector256<float> inside = Vector256.GreaterThanOrEqual(x, Vector256<float>.Zero) & Vector256.LessThanOrEqual(x, Vector256.Create(width - 1f))
            & Vector256.GreaterThanOrEqual(y, Vector256<float>.Zero) & Vector256.LessThanOrEqual(y, Vector256.Create(height - 1f));
        return Vector256<float>.One & inside;
    }

    private static void Check(FloatImage image, FloatImage flow, FloatImage destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(flow);
        ArgumentNullException.ThrowIfNull(destination);
        if (flow.Channels != 2 || destination.Channels != image.Channels || flow.Width != image.Width || flow.Height != image.Height
            || destination.Width != image.Width || destination.Height != image.Height || ReferenceEquals(image, destination))
        {
            throw new ArgumentException("An image and a destination [C,H,W] that are not the same, and a flow [2,H,W], are needed.");
        }
    }

    /// <summary>Keys' weights of the taps at -1, 0, 1, 2 for a fraction f in [0, 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector256<float> W0, Vector256<float> W1, Vector256<float> W2, Vector256<float> W3) Weights(Vector256<float> f)
    {
        const float A = -0.75f;
        Vector256<float> g = Vector256<float>.One - f;
        return (Outer(f), Inner(f), Inner(g), Outer(g));

        // k(1 + s) = a s (s - 1)^2; k(s) = ((a + 2) s - (a + 3)) s^2 + 1.
        static Vector256<float> Outer(Vector256<float> s) => s * (s - Vector256<float>.One) * (s - Vector256<float>.One) * A;
        static Vector256<float> Inner(Vector256<float> s) => Vector256.FusedMultiplyAdd(Vector256.FusedMultiplyAdd(s, Vector256.Create(A + 2), Vector256.Create(-(A + 3))), s * s, Vector256<float>.One);
    }

    /// <summary>The four column sums of 4x4 pixels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Column(float* corner, long stride, float* down)
    {
        Vector128<float> sum = Vector128.Load(corner) * down[0];
        sum = Vector128.FusedMultiplyAdd(Vector128.Load(corner + stride), Vector128.Create(down[8]), sum);
        sum = Vector128.FusedMultiplyAdd(Vector128.Load(corner + (2 * stride)), Vector128.Create(down[16]), sum);
        return Vector128.FusedMultiplyAdd(Vector128.Load(corner + (3 * stride)), Vector128.Create(down[24]), sum);
    }

    /// <summary><see cref="Column"/> with replicated borders.</summary>
    private static Vector128<float> EdgeColumn(float* plane, int width, int height, int column, int row, float* down)
    {
        int c0 = Math.Clamp(column - 1, 0, width - 1);
        int c1 = Math.Clamp(column, 0, width - 1);
        int c2 = Math.Clamp(column + 1, 0, width - 1);
        int c3 = Math.Clamp(column + 2, 0, width - 1);
        Vector128<float> sum = Vector128<float>.Zero;
        for (int i = 0; i < 4; i++)
        {
            float* from = plane + ((long)Math.Clamp(row + i - 1, 0, height - 1) * width);
            sum = Vector128.FusedMultiplyAdd(Vector128.Create(from[c0], from[c1], from[c2], from[c3]), Vector128.Create(down[8 * i]), sum);
        }

        return sum;
    }
}
