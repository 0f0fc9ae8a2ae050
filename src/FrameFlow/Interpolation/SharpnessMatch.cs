using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>
/// Gives made frames the fine detail of the given ones: at 24 -> 60 one frame in five or in ten is the source's and crisper than those between, which shows as a
/// pulse of 12 Hz. A frame's detail is the energy of what H = 1 - [1 2 1]'[1 2 1]/16 leaves of its luma; a made frame x becomes x + g Hx with the g that brings its
/// energy to that of its neighbours, weighed by nearness. What is sharper already is left alone. Of RGB green stands for luma, and all three are given its g.
/// </summary>
internal static class SharpnessMatch
{
    // Beyond this the ringing is worse than the pulse.
    private const double MostGain = 1;

    /// <summary>The mean square of H over the first plane, in squared code values.</summary>
    public static double DetailOf(Frame frame, NativePool memory)
    {
        using FloatImage planes = memory.RentImage(3, frame.Format.Height, frame.Format.Width);
        Load(frame, 0, planes.Channel(0));
        HighPass(planes.Channel(0), planes.Channel(1), planes.Channel(2), planes.Width);
        return TensorPrimitives.SumOfSquares<float>(planes.Channel(1)) / (double)planes.PlaneLength;
    }

    /// <summary>Sharpens a frame to a given detail.</summary>
    /// <param name="frame">Its first plane is overwritten; of RGB all three.</param>
    /// <param name="detail">As <see cref="DetailOf"/> tells it.</param>
    /// <param name="memory">Working memory.</param>
    /// <returns>g; 0 where nothing was done.</returns>
    public static double Sharpen(Frame frame, double detail, NativePool memory)
    {
        using FloatImage planes = memory.RentImage(4, frame.Format.Height, frame.Format.Width);
        Span<float> x = planes.Channel(0), h = planes.Channel(1), hh = planes.Channel(2), scratch = planes.Channel(3);
        Load(frame, 0, x);
        HighPass(x, h, scratch, planes.Width);
        HighPass(h, hh, scratch, planes.Width);

        // |H(x + g Hx)|^2 = a + 2 b g + c g^2.
        double a = TensorPrimitives.SumOfSquares<float>(h), b = TensorPrimitives.Dot<float>(h, hh), c = TensorPrimitives.SumOfSquares<float>(hh);
        double missing = (detail * planes.PlaneLength) - a;
        if (missing <= 0 || c <= 0)
        {
            return 0;
        }

        double gain = Math.Min(MostGain, (Math.Sqrt((b * b) + (c * missing)) - b) / c);
        for (int plane = 0; plane < (frame.Format.PixelFormat.Model == ColorModel.Rgb ? 3 : 1); plane++)
        {
            if (plane > 0)
            {
                Load(frame, plane, x);
                HighPass(x, h, scratch, planes.Width);
            }

            TensorPrimitives.MultiplyAdd(h, (float)gain, x, x);
            Store(x, frame, plane);
        }

        return gain;
    }

    private static void Load(Frame frame, int plane, Span<float> luma)
    {
        switch (frame.Format.PixelFormat.BytesPerSample)
        {
            case 1:
                TensorPrimitives.ConvertTruncating<byte, float>(frame.Plane<byte>(plane), luma);
                break;
            case 2:
                TensorPrimitives.ConvertTruncating<ushort, float>(frame.Plane<ushort>(plane), luma);
                break;
            default:
                frame.Plane<float>(plane).CopyTo(luma);
                break;
        }
    }

    private static void Store(Span<float> luma, Frame frame, int plane)
    {
        if (frame.Format.PixelFormat.IsFloat)
        {
            luma.CopyTo(frame.Plane<float>(plane));
            return;
        }

        TensorPrimitives.Max(luma, 0f, luma);
        TensorPrimitives.Min(luma, frame.Format.PixelFormat.MaxCode, luma);
        TensorPrimitives.Round<float>(luma, luma);
        if (frame.Format.PixelFormat.BytesPerSample == 1)
        {
            TensorPrimitives.ConvertTruncating<float, byte>(luma, frame.Plane<byte>(plane));
        }
        else
        {
            TensorPrimitives.ConvertTruncating<float, ushort>(luma, frame.Plane<ushort>(plane));
        }
    }

    /// <summary>H of a plane of rows of <paramref name="width"/>; the border's samples repeat. <paramref name="scratch"/> is of its length.</summary>
    public static void HighPass(ReadOnlySpan<float> from, Span<float> to, Span<float> scratch, int width)
    {
        int height = from.Length / width;
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<float> above = from.Slice(Math.Max(0, y - 1) * width, width), row = from.Slice(y * width, width), below = from.Slice(Math.Min(height - 1, y + 1) * width, width);
            Span<float> sum = scratch.Slice(y * width, width);
            TensorPrimitives.Add(above, below, sum);
            TensorPrimitives.MultiplyAdd(row, 2f, sum, sum);
        }

        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<float> sum = scratch.Slice(y * width, width);
            ReadOnlySpan<float> row = from.Slice(y * width, width);
            Span<float> high = to.Slice(y * width, width);
            if (width < 3)
            {
                high.Clear();
                continue;
            }

            TensorPrimitives.Add(sum[..^2], sum[2..], high[1..^1]);
            TensorPrimitives.MultiplyAdd(sum[1..^1], 2f, high[1..^1], high[1..^1]);
            high[0] = (3 * sum[0]) + sum[1];
            high[^1] = (3 * sum[^1]) + sum[^2];
            TensorPrimitives.Multiply(high, -1f / 16, high);
            TensorPrimitives.Add(high, row, high);
        }
    }
}
