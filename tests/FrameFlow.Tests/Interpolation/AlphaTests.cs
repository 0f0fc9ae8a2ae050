using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

/// <summary>Alpha moves with the picture.</summary>
public sealed class AlphaTests
{
    [Theory]
    [InlineData("gbrap")]
    [InlineData("gbrap16le")]
    [InlineData("gbrapf32le")]
    public void Flow_MovingPicture_CarriesItsAlphaAlong(string pixelFormat)
    {
        const int Width = 128, Height = 96, Shift = 8;
        VideoFormat format = new() { Width = Width, Height = Height, PixelFormat = PixelFormat.Known[pixelFormat], Color = new ColorDescription { FullRange = true } };
        using NativePool pool = new(1 << 28);
        using MovingScene scene = MovingScene.Create(pool, Width, Height, shift: (Shift, 0));
        using Frame left = Make(scene.Frame0, 0);
        using Frame right = Make(scene.Frame1, Shift);
        using Frame made = new FramePool(pool, format).Rent(new Rational(1, 2), 0);
        using FlowInterpolator interpolator = new(new DenseInverseSearch(), format, pool);
        interpolator.Interpolate(left, right, [new InterpolationRequest(0.5, made)], default);

        // Half way: the wave of alpha has gone half of the shift. Away from the borders, where what is fetched lies outside.
        using FloatImage alpha = pool.RentImage(1, Height, Width);
        new FrameFlow.Color.FrameConverter(format).LoadAlpha(made, alpha);
        double worst = 0;
        for (int x = 16; x < Width - 16; x++)
        {
            worst = Math.Max(worst, Math.Abs(alpha.Values[(48 * Width) + x] - Wave(x, Shift / 2)));
        }

        Assert.True(worst < 0.04, $"alpha is off by {worst}");

        Frame Make(FloatImage rgb, int shift)
        {
            Frame frame = new FramePool(pool, format).Rent(new Rational(shift, Shift), shift == 0 ? 0 : 1);
            using FloatImage alpha = pool.RentImage(1, Height, Width);
            for (int i = 0; i < alpha.PlaneLength; i++)
            {
                alpha.Values[i] = Wave(i % Width, shift);
            }

            FrameFlow.Color.FrameConverter converter = new(format);
            converter.FromRgb(rgb, frame);
            converter.StoreAlpha(alpha, frame);
            return frame;
        }

        static float Wave(int x, int shift) => 0.5f + (0.4f * MathF.Sin((x - shift) * 0.15f));
    }

    [Theory]
    [InlineData("yuva420p")]
    [InlineData("yuva422p10le")]
    [InlineData("gbrap16le")]
    [InlineData("gray16le")]
    [InlineData("gbrapf32le")]
    public void Blend_EveryPlane_IsMixedAlike(string pixelFormat)
    {
        VideoFormat format = new() { Width = 8, Height = 4, PixelFormat = PixelFormat.Known[pixelFormat] };
        using NativePool pool = new(1 << 20);
        FramePool frames = new(pool, format);
        using Frame left = frames.Rent(0, 0);
        using Frame right = frames.Rent(1, 1);
        using Frame made = frames.Rent(new Rational(1, 4), 0);
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            Set(left, plane, 0);
            Set(right, plane, 40 * (plane + 1));
        }

        new BlendInterpolator().Interpolate(left, right, [new InterpolationRequest(0.25, made)], default);
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            double seen = format.PixelFormat.BytesPerSample switch { 1 => made.Plane<byte>(plane)[5], 2 => made.Plane<ushort>(plane)[5], _ => made.Plane<float>(plane)[5] };
            Assert.Equal(10 * (plane + 1), seen, 1e-5);
        }

        static void Set(Frame frame, int plane, int value)
        {
            switch (frame.Format.PixelFormat.BytesPerSample)
            {
                case 1: frame.Plane<byte>(plane).Fill((byte)value); break;
                case 2: frame.Plane<ushort>(plane).Fill((ushort)value); break;
                default: frame.Plane<float>(plane).Fill(value); break;
            }
        }
    }
}
