using FrameFlow.Media;
using FrameFlow.Motion;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class WarpTests : IDisposable
{
    private readonly NativePool _pool = new(1 << 26);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(37, 21, 3, -2, false)]
    [InlineData(37, 21, 3, -2, true)]
    [InlineData(5, 3, -1, 1, true)]
    [InlineData(1, 1, 7, 9, true)]
    [InlineData(64, 16, 100, -100, true)]
    public void Warp_IntegerShift_IsExactAndReplicatesTheBorder(int width, int height, int shiftX, int shiftY, bool bicubic)
    {
        using FloatImage image = Noise(3, height, width);
        using FloatImage flow = Constant(height, width, shiftX, shiftY);
        using FloatImage result = _pool.RentImage(3, height, width);
        Run(bicubic, image, flow, 1, result);
        for (int c = 0; c < 3; c++)
        {
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++)
                {
                    float expected = image.Channel(c)[(Math.Clamp(y + shiftY, 0, height - 1) * width) + Math.Clamp(x + shiftX, 0, width - 1)];
                    Assert.Equal(expected, result.Channel(c)[(y * width) + x], 1e-6f);
                }
            }
        }
    }

    [Theory]
    [InlineData(true, 8.2e-3)] // Keys' kernel with a = -0.75 (not -0.5) misplaces a slope by up to .047 px: .047 * .25 (2 pi / 24) a direction, and .001 of curvature
    [InlineData(false, 1.2e-2)] // linear interpolation: (2 pi / 24)^2 / 8 a direction
    public void Warp_SubPixelShiftOfSinusoid_IsCloseToTheSinusoid(bool bicubic, double tolerance)
    {
        const int Width = 61;
        const int Height = 47;
        static float Wave(double x, double y) => (float)(0.5 + (0.25 * Math.Sin(2 * Math.PI * x / 24)) + (0.25 * Math.Cos(2 * Math.PI * y / 24)));
        using FloatImage image = _pool.RentImage(1, Height, Width);
        using FloatImage flow = _pool.RentImage(2, Height, Width);
        using FloatImage result = _pool.RentImage(1, Height, Width);
        Random random = new(3);
        for (int i = 0; i < image.PlaneLength; i++)
        {
            image.Values[i] = Wave(i % Width, i / Width);
            flow.Channel(0)[i] = (float)(random.NextDouble() * 8) - 4;
            flow.Channel(1)[i] = (float)(random.NextDouble() * 8) - 4;
        }

        Run(bicubic, image, flow, -0.5f, result);
        for (int y = 4; y < Height - 4; y++)
        {
            for (int x = 4; x < Width - 4; x++)
            {
                int i = (y * Width) + x;
                Assert.Equal(Wave(x - (0.5 * flow.Channel(0)[i]), y - (0.5 * flow.Channel(1)[i])), result.Values[i], tolerance);
            }
        }
    }

    [Fact]
    public void Warp_FlowThatIsNoNumberOrHuge_DoesNotReadOutside()
    {
        using FloatImage image = Noise(1, 9, 17);
        using FloatImage flow = Constant(9, 17, 0, 0);
        using FloatImage result = _pool.RentImage(1, 9, 17);
        flow.Values[3] = float.NaN;
        flow.Values[40] = float.PositiveInfinity;
        flow.Values[80] = -1e30f;
        flow.Values[200] = 1e9f;
        Run(true, image, flow, 1, result);
        Run(false, image, flow, 1, result);
        Assert.Equal(image.Values[0], result.Values[0]);
    }

    [Fact]
    public void Inside_EdgeOfThePicture_Counts()
    {
        using FloatImage flow = Constant(2, 9, 2, 0);
        using FloatImage inside = _pool.RentImage(1, 2, 9);
        Warp.Inside(flow, 1, inside);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 0, 0], inside.Values[..9].ToArray());
        Warp.Inside(flow, -1, inside);
        Assert.Equal([0, 0, 1, 1, 1, 1, 1, 1, 1], inside.Values[9..].ToArray());
    }

    [Theory]
    [InlineData(19, 13)]
    [InlineData(32, 24)]
    public void Bicubic_WithWhatStandsApart_IsTheMeanOfThree(int width, int height)
    {
        using FloatImage image = Noise(3, height, width);
        using FloatImage flow = Noise(2, height, width);
        using FloatImage apart = Noise(4, height, width);
        using FloatImage other = _pool.RentImage(2, height, width);
        using FloatImage look = _pool.RentImage(3, height, width);
        using FloatImage mean = _pool.RentImage(3, height, width);
        for (int i = 0; i < apart.Values.Length; i++)
        {
            apart.Values[i] = 9 * (apart.Values[i] - 0.5f); // out of the picture as well
        }

        float[] expected = new float[mean.Values.Length];
        for (int k = 0; k < 3; k++)
        {
            for (int i = 0; i < other.Values.Length; i++)
            {
                other.Values[i] = (-0.7f * flow.Values[i]) + (k == 0 ? 0 : 0.4f * apart.Values[((k - 1) * other.Values.Length) + i]);
            }

            Warp.Bicubic(image, other, 1, look);
            for (int i = 0; i < expected.Length; i++)
            {
                expected[i] += look.Values[i] / 3;
            }
        }

        Warp.Bicubic(image, flow, -0.7f, mean, apart, 0.4f);
        Assert.All(expected.Zip(mean.Values.ToArray()), p => Assert.Equal(p.First, p.Second, 2e-5f));
    }

    [Theory]
    [InlineData(40, 24)]
    [InlineData(37, 23)]
    public void BicubicInto_Share_DrawsBothTowardsTheLook(int width, int height)
    {
        (int halfHeight, int halfWidth) = (HalfSize.Of(height), HalfSize.Of(width));
        using FloatImage image = Noise(3, height, width);
        using FloatImage flow = Constant(height, width, 2.5f, -1);
        using FloatImage look = _pool.RentImage(3, height, width);
        Warp.Bicubic(image, flow, 1, look);
        using FloatImage halfFlow = Constant(halfHeight, halfWidth, 1.25f, -0.5f);
        using FloatImage share = _pool.RentImage(1, halfHeight, halfWidth);
        for (int i = 0; i < share.PlaneLength; i++)
        {
            // None in the left half, all of it in the right quarter.
            int x = i % halfWidth;
            share.Values[i] = x < halfWidth / 2 ? 0 : x < halfWidth * 3 / 4 ? 0.5f : 1;
        }

        using FloatImage first = Noise(3, height, width);
        using FloatImage second = _pool.RentImage(3, height, width);
        using FloatImage former = _pool.RentImage(3, height, width);
        first.Values.CopyTo(former.Values);
        second.Values.Clear();
        Warp.BicubicInto(image, halfFlow, share, first, second, _pool);
        for (int i = 0; i < first.Values.Length; i++)
        {
            int x = i % width;
            if (x < width / 2 - 3)
            {
                Assert.Equal(former.Values[i], first.Values[i]);
                Assert.Equal(0, second.Values[i]);
            }
            else if (x > (width * 3 / 4) + 3)
            {
                Assert.Equal(look.Values[i], first.Values[i], 1e-4f);
                Assert.Equal(look.Values[i], second.Values[i], 1e-4f);
            }
            else if (x > (width / 2) + 3 && x < (width * 3 / 4) - 3)
            {
                Assert.Equal((look.Values[i] + former.Values[i]) / 2, first.Values[i], 1e-4f);
            }
        }
    }

    [Fact]
    public void Warp_ShapesThatDoNotFit_AreRefused()
    {
        using FloatImage image = Noise(3, 8, 8);
        using FloatImage flow = Constant(8, 9, 0, 0);
        using FloatImage result = _pool.RentImage(3, 8, 8);
        Assert.Throws<ArgumentException>(() => Warp.Bicubic(image, flow, 1, result));
        using FloatImage right = Constant(8, 8, 0, 0);
        Assert.Throws<ArgumentException>(() => Warp.Bicubic(image, right, 1, result, right, 1));
        Assert.Throws<ArgumentException>(() => Warp.Bilinear(image, flow, 1, result));
        Assert.Throws<ArgumentException>(() => Warp.Inside(flow, 1, result));
    }

    private static void Run(bool bicubic, FloatImage image, FloatImage flow, float scale, FloatImage destination)
    {
        if (bicubic)
        {
            Warp.Bicubic(image, flow, scale, destination);
        }
        else
        {
            Warp.Bilinear(image, flow, scale, destination);
        }
    }

    private FloatImage Noise(int channels, int height, int width)
    {
        FloatImage image = _pool.RentImage(channels, height, width);
        Random random = new(7);
        foreach (ref float value in image.Values)
        {
            value = random.NextSingle();
        }

        return image;
    }

    private FloatImage Constant(int height, int width, float x, float y)
    {
        FloatImage flow = _pool.RentImage(2, height, width);
        flow.Channel(0).Fill(x);
        flow.Channel(1).Fill(y);
        return flow;
    }
}
