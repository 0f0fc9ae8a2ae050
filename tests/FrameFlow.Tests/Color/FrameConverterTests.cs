using FrameFlow.Color;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Color;

public sealed class FrameConverterTests
{
    public static TheoryData<string, string?, bool, string?, int, int> Formats()
    {
        TheoryData<string, string?, bool, string?, int, int> data = [];
        foreach (string pixelFormat in PixelFormat.Known.Values.Where(f => !f.IsFloat).Select(f => f.Name))
        {
            foreach ((int width, int height) in new[] { (32, 24), (33, 25), (7, 5), (2, 2), (1, 1), (3, 4), (16, 1) })
            {
                data.Add(pixelFormat, "bt709", false, "left", width, height);
                data.Add(pixelFormat, "smpte170m", true, "center", width, height);
                data.Add(pixelFormat, "bt2020nc", false, "topleft", width, height);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void RoundTrip_AnyCodes_IsTheIdentity(string pixelFormat, string? matrix, bool fullRange, string? location, int width, int height)
    {
        VideoFormat format = new()
        {
            Width = width,
            Height = height,
            PixelFormat = PixelFormat.Known[pixelFormat],
            Color = new ColorDescription { Matrix = matrix, FullRange = fullRange, ChromaLocation = location },
        };
        using NativePool pool = new(1 << 24);
        FramePool frames = new(pool, format);
        using Frame source = frames.Rent(Rational.Zero, 0);
        using Frame back = frames.Rent(Rational.Zero, 0);
        Random random = new(width * 1000 + height);
        if (format.PixelFormat.BitDepth == 8)
        {
            random.NextBytes(source.Bytes);
        }
        else
        {
            for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
            {
                foreach (ref ushort code in source.Plane<ushort>(plane))
                {
                    code = (ushort)random.Next(1 << format.PixelFormat.BitDepth);
                }
            }
        }

        using FloatImage rgb = pool.RentImage(3, height, width);
        FrameConverter converter = new(format);
        converter.ToRgb(source, rgb);
        converter.FromRgb(rgb, back, alphaOf: source);
        Assert.Equal(source.Bytes.ToArray(), back.Bytes.ToArray());
    }

    [Theory]
    [InlineData("bt709", 81, 90, 240, 1.00, 0.0)]
    [InlineData("smpte170m", 81, 90, 240, 1.0, 0.0)]
    public void ToRgb_RedBar_IsRed(string matrix, byte y, byte cb, byte cr, double red, double green)
    {
        // 81/90/240 is 100 % red in BT.601, and close to it in BT.709.
        VideoFormat format = new() { Width = 4, Height = 4, PixelFormat = PixelFormat.Known["yuv420p"], Color = new ColorDescription { Matrix = matrix } };
        using NativePool pool = new(1 << 20);
        using Frame frame = new FramePool(pool, format).Rent(Rational.Zero, 0);
        frame.Plane<byte>(0).Fill(y);
        frame.Plane<byte>(1).Fill(cb);
        frame.Plane<byte>(2).Fill(cr);
        using FloatImage rgb = pool.RentImage(3, 4, 4);
        new FrameConverter(format).ToRgb(frame, rgb);
        double tolerance = matrix == "smpte170m" ? 0.006 : 0.11;
        Assert.InRange(rgb.Channel(0)[5], red - tolerance, red + tolerance);
        Assert.InRange(rgb.Channel(1)[5], green - tolerance, green + tolerance);
        Assert.InRange(rgb.Channel(2)[5], -tolerance, tolerance);
    }

    [Theory]
    [InlineData("gbrpf32le")]
    [InlineData("gbrapf32le")]
    [InlineData("grayf32le")]
    public void RoundTrip_LinearLight_KeepsNegativesHighlightsAndAlpha(string pixelFormat)
    {
        VideoFormat format = new() { Width = 16, Height = 8, PixelFormat = PixelFormat.Known[pixelFormat] };
        using NativePool pool = new(1 << 24);
        using Frame source = new FramePool(pool, format).Rent(Rational.Zero, 0);
        using Frame back = new FramePool(pool, format).Rent(Rational.Zero, 0);
        Random random = new(5);
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            foreach (ref float light in source.Plane<float>(plane))
            {
                // -8 to 2000, most of them small.
                light = (float)(random.NextDouble() < 0.2 ? -8 * random.NextDouble() : Math.Pow(2, -12 + (23 * random.NextDouble())));
            }
        }

        using FloatImage rgb = pool.RentImage(3, 8, 16);
        FrameConverter converter = new(format);
        converter.ToRgb(source, rgb);
        converter.FromRgb(rgb, back, alphaOf: source);
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            for (int i = 0; i < 128; i++)
            {
                // Two powers and a few products in single precision: some 2.4 x 8 ulp; a half has 2^-11.
                float expected = source.Plane<float>(plane)[i];
                Assert.Equal(expected, back.Plane<float>(plane)[i], Math.Abs(expected) * 4e-6);
            }
        }
    }

    [Fact]
    public void ToRgb_LightThatIsNoNumber_IsBlackAndInfiniteIsTheLargestHalf()
    {
        Assert.Equal(0, LinearLight.ToCode(float.NaN));
        Assert.Equal(LinearLight.ToCode(65504), LinearLight.ToCode(float.PositiveInfinity));
        Assert.Equal(1, LinearLight.ToCode(1), 1e-6);
        Assert.Equal(-LinearLight.ToCode(0.2f), LinearLight.ToCode(-0.2f));
    }

    [Theory]
    [InlineData("gbrap10le")]
    [InlineData("yuva444p")]
    [InlineData("gbrapf32le")]
    public void StoreAlpha_OfLoadAlpha_IsTheSame(string pixelFormat)
    {
        VideoFormat format = new() { Width = 8, Height = 4, PixelFormat = PixelFormat.Known[pixelFormat] };
        using NativePool pool = new(1 << 20);
        using Frame source = new FramePool(pool, format).Rent(Rational.Zero, 0);
        using Frame back = new FramePool(pool, format).Rent(Rational.Zero, 0);
        PlaneLayout plane = format.Plane(3);
        for (int i = 0; i < 32; i++)
        {
            switch (plane.BytesPerSample)
            {
                case 1: source.Plane<byte>(3)[i] = (byte)(i * 8); break;
                case 2: source.Plane<ushort>(3)[i] = (ushort)(i * 33); break;
                default: source.Plane<float>(3)[i] = i / 31f; break;
            }
        }

        using FloatImage alpha = pool.RentImage(1, 4, 8);
        FrameConverter converter = new(format);
        converter.LoadAlpha(source, alpha);
        Assert.InRange(alpha.Values[31], 0.96f, 1.001f);
        converter.StoreAlpha(alpha, back);
        Assert.Equal(source.Bytes[(int)plane.Offset..].ToArray(), back.Bytes[(int)plane.Offset..].ToArray());
    }
}
