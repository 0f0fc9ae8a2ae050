using FrameFlow.Media;
using FrameFlow.Motion;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class UncoveredTests : IDisposable
{
    private const int Width = 96;
    private const int Height = 48;
    private const int Speed = 8; // px a frame, to the right
    private const int Top = 12;
    private const int Side = 24;
    private const int LeftAt0 = 32;

    private readonly NativePool _pool = new(1 << 26);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Fact]
    public void Apply_SquareBeforeAWall_TheWallBesideItComesFromTheFrameThatShowsIt()
    {
        (double before, double after) = ErrorsBeside(0.5f, LeftAt0, LeftAt0 + Side + 4);
        Assert.InRange(after, 0, 0.65 * before); // the one that knows counts half
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.9f)]
    public void Apply_NearAFrame_ThatFrameIsKept(float t)
    {
        using FloatImage rgb0 = Scene(0);
        using FloatImage rgb1 = Scene(1);
        (FloatImage look0, FloatImage look1) = Looks(rgb0, rgb1, t);
        using (look0)
        using (look1)
        {
            using FloatImage near = Copy(t < 0.5f ? look0 : look1);
            Apply(rgb0, rgb1, t, look0, look1);
            float most = 0;
            for (int i = 0; i < near.Values.Length; i++)
            {
                most = Math.Max(most, Math.Abs((t < 0.5f ? look0 : look1).Values[i] - near.Values[i]));
            }

            // Of what the other frame shows alone a tenth of its weight is left.
            Assert.InRange(most, 0, 0.2f);
        }
    }

    [Fact]
    public void Apply_WhereBothFramesAgree_NothingChanges()
    {
        using FloatImage rgb0 = Scene(0);
        using FloatImage rgb1 = Scene(1);
        (FloatImage look0, FloatImage look1) = Looks(rgb0, rgb1, 0.5f);
        using (look0)
        using (look1)
        {
            using FloatImage former = Copy(look0);
            Apply(rgb0, rgb1, 0.5f, look0, look1);
            for (int y = 0; y < Height; y++)
            {
                for (int x = 0; x < Width; x++)
                {
                    // Far from the square, and in its middle.
                    if (y is < Top - 6 or >= Top + Side + 6 || x is < LeftAt0 - 8 or >= LeftAt0 + Side + 16 || (x is >= LeftAt0 + 12 and < LeftAt0 + Side - 4 && y is >= Top + 6 and < Top + Side - 6))
                    {
                        Assert.Equal(former.Channel(0)[(y * Width) + x], look0.Channel(0)[(y * Width) + x]);
                    }
                }
            }
        }
    }

    [Fact]
    public void Apply_NeighbourWhoseMotionIsUnsure_IsNotAsked()
    {
        using FloatImage rgb0 = Scene(0);
        using FloatImage rgb1 = Scene(1);
        (FloatImage look0, FloatImage look1) = Looks(rgb0, rgb1, 0.5f);
        using (look0)
        using (look1)
        {
            using FloatImage former = Copy(look0);
            Apply(rgb0, rgb1, 0.5f, look0, look1, wild: 200);
            Assert.All(former.Values.ToArray().Zip(look0.Values.ToArray()), p => Assert.Equal(p.First, p.Second, 1e-4f));
        }
    }

    [Theory]
    [InlineData(1, 0.4f)]
    [InlineData(0.5, 0.4f)]
    [InlineData(1, 0.75f)]
    public void Apply_AcceleratedGround_LooksWhereItWas(double h0, float t)
    {
        // x(s) in px at the frames -h0, 0, 1. A strip is hidden in frame 1, as its way back says; what is behind frame 1 is not known.
        static double X(double s) => (5 * s) + (2 * s * s);
        using MotionField before = Halved(Constant((float)(X(0) - X(-h0))), Constant((float)(X(-h0) - X(0))));
        FloatImage back = Constant((float)(X(0) - X(1)));
        for (int y = 0; y < Height; y++)
        {
            back.Channel(0).Slice((y * Width) + 52, 8).Fill(40);
        }

        using MotionField pair = Halved(Constant((float)(X(1) - X(0))), back);
        using MotionField after = Halved(Constant(0), Constant(300));
        using MotionAround around = MotionAround.Find(before, pair, after, h0, 1, _pool);

        // Pictures that tell their place.
        using FloatImage rgb = _pool.RentImage(3, Height, Width);
        using FloatImage look0 = _pool.RentImage(3, Height, Width);
        using FloatImage look1 = _pool.RentImage(3, Height, Width);
        look0.Values.Clear();
        look1.Values.Fill(1);
        for (int i = 0; i < rgb.Values.Length; i++)
        {
            rgb.Values[i] = i % Width / (float)Width;
        }

        around.Uncovered.Apply(rgb, rgb, t, look0, look1, _pool);
        int seen = 0;
        for (int i = 0; i < Width; i++)
        {
            int at = (Height / 2 * Width) + i;
            float share = 1 - (look1.Values[at] - look0.Values[at]);
            if (share > 0.1f)
            {
                Assert.Equal(X(0) - X(t), (look0.Values[at] / share * Width) - i, 0.15);
                seen++;
            }
        }

        Assert.InRange(seen, 4, 20);
    }

    // Mean error of the mean look beside the square's way, up to where it stands in frame 1, before and after.
    private (double Before, double After) ErrorsBeside(float t, int from, int to)
    {
        using FloatImage rgb0 = Scene(0);
        using FloatImage rgb1 = Scene(1);
        using FloatImage truth = Scene(t);
        (FloatImage look0, FloatImage look1) = Looks(rgb0, rgb1, t);
        using (look0)
        using (look1)
        {
            double before = Error();
            Apply(rgb0, rgb1, t, look0, look1);
            return (before, Error());

            double Error()
            {
                double sum = 0;
                int way = (int)(Speed * t);
                for (int y = Top + 4; y < Top + Side - 4; y++)
                {
                    for (int x = 0; x < way; x++)
                    {
                        foreach (int at in (int[])[(y * Width) + from + x, (y * Width) + to + x])
                        {
                            sum += Math.Abs(((look0.Channel(0)[at] + look1.Channel(0)[at]) / 2) - truth.Channel(0)[at]);
                        }
                    }
                }

                return sum;
            }
        }
    }

    private void Apply(FloatImage rgb0, FloatImage rgb1, float t, FloatImage look0, FloatImage look1, float wild = 0)
    {
        using MotionField before = Field(-1, wild);
        using MotionField pair = Field(0, 0);
        using MotionField after = Field(1, wild);
        using MotionAround around = MotionAround.Find(before, pair, after, 1, 1, _pool);
        around.Uncovered.Apply(rgb0, rgb1, t, look0, look1, _pool);
    }

    // The true motion between the frames at s and s + 1, at half size; `wild` sets the two directions at odds.
    private MotionField Field(int s, float wild)
    {
        FloatImage forward = Constant(wild);
        FloatImage backward = Constant(0);
        for (int y = Top; y < Top + Side; y++)
        {
            forward.Channel(0).Slice((y * Width) + LeftAt0 + (s * Speed), Side).Fill(Speed + wild);
            backward.Channel(0).Slice((y * Width) + LeftAt0 + ((s + 1) * Speed), Side).Fill(-Speed);
        }

        return Halved(forward, backward);
    }

    // What is fetched along the true motion of what is in front at t.
    private (FloatImage Look0, FloatImage Look1) Looks(FloatImage rgb0, FloatImage rgb1, float t)
    {
        using FloatImage motion = Constant(0);
        for (int y = Top; y < Top + Side; y++)
        {
            motion.Channel(0).Slice((y * Width) + LeftAt0 + (int)MathF.Round(Speed * t), Side).Fill(Speed);
        }

        FloatImage look0 = _pool.RentImage(3, Height, Width);
        FloatImage look1 = _pool.RentImage(3, Height, Width);
        Warp.Bicubic(rgb0, motion, -t, look0);
        Warp.Bicubic(rgb1, motion, 1 - t, look1);
        return (look0, look1);
    }

    // A wall with a pattern, before it a bright square.
    private FloatImage Scene(float s)
    {
        FloatImage rgb = _pool.RentImage(3, Height, Width);
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i < rgb.PlaneLength; i++)
            {
                int x = i % Width;
                int y = i / Width;
                bool isSquare = y is >= Top and < Top + Side && x >= LeftAt0 + (Speed * s) && x < LeftAt0 + (Speed * s) + Side;
                rgb.Channel(c)[i] = isSquare ? 0.9f : 0.3f + (0.1f * MathF.Sin((0.7f * x) + (0.3f * y)));
            }
        }

        return rgb;
    }

    private FloatImage Copy(FloatImage image)
    {
        FloatImage copy = _pool.RentImage(image.Channels, image.Height, image.Width);
        image.Values.CopyTo(copy.Values);
        return copy;
    }

    private MotionField Halved(FloatImage forward, FloatImage backward)
    {
        using MotionField field = MotionField.Of(forward, backward, _pool);
        return field.Halved(_pool);
    }

    private FloatImage Constant(float x)
    {
        FloatImage flow = _pool.RentImage(2, Height, Width);
        flow.Channel(0).Fill(x);
        flow.Channel(1).Clear();
        return flow;
    }
}
