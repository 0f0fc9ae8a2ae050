using FrameFlow.Color;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Color;

public sealed class FrameConverterTests
{
    public static TheoryData<string, string?, bool, string?, int, int> Formats()
    {
        TheoryData<string, string?, bool, string?, int, int> data = [];
        foreach (string pixelFormat in PixelFormat.Known.Keys)
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
            for (int plane = 0; plane < 3; plane++)
            {
                foreach (ref ushort code in source.Plane<ushort>(plane))
                {
                    code = (ushort)random.Next(1024);
                }
            }
        }

        using FloatImage rgb = new(pool, 3, height, width);
        FrameConverter converter = new(format);
        converter.ToRgb(source, rgb);
        converter.FromRgb(rgb, back);
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
        using FloatImage rgb = new(pool, 3, 4, 4);
        new FrameConverter(format).ToRgb(frame, rgb);
        double tolerance = matrix == "smpte170m" ? 0.006 : 0.11;
        Assert.InRange(rgb.Channel(0)[5], red - tolerance, red + tolerance);
        Assert.InRange(rgb.Channel(1)[5], green - tolerance, green + tolerance);
        Assert.InRange(rgb.Channel(2)[5], -tolerance, tolerance);
    }
}
