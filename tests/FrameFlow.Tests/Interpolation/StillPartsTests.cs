using FrameFlow.Color;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

public sealed class StillPartsTests : IDisposable
{
    private readonly NativePool _pool = new(1L << 31);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData("yuv420p")]
    [InlineData("yuv422p10le")]
    [InlineData("yuva444p")]
    [InlineData("gbrp")]
    public void Find_OneSampleDiffers_AllIsStillButWhatIsNear(string pixelFormat)
    {
        VideoFormat format = new() { Width = 470, Height = 330, PixelFormat = PixelFormat.Known[pixelFormat] };
        FramePool frames = new(_pool, format);
        using Frame left = frames.Rent(Rational.Zero, 0);
        using Frame right = frames.Rent(Rational.Zero, 1);
        for (int i = 0; i < left.Bytes.Length; i++)
        {
            left.Bytes[i] = (byte)(i * 31);
        }

        left.Bytes.CopyTo(right.Bytes);
        StillParts still = new();
        still.Find(left, right);
        Assert.Equal((15 * 11, 0), (still.Count, still.Changing.Width));

        // The last plane's sample that lies at luma pixel 400, 200: cell 12, 6 of 15 x 11, and two more on each side.
        int last = format.PixelFormat.PlaneCount - 1;
        PlaneLayout plane = format.Plane(last);
        int x = 400 * plane.Width / format.Width;
        int y = 200 * plane.Height / format.Height;
        right.Bytes[(int)plane.Offset + (y * plane.Stride) + (x * plane.BytesPerSample)] ^= 1;
        still.Find(left, right);
        Assert.Equal(new PictureRegion(320, 128, 470 - 320, 160), still.Changing);
        Assert.Equal((15 * 11) - (5 * 5), still.Count);

        using Frame made = frames.Rent(Rational.Zero, 0);
        made.Bytes.Clear();
        still.Restore(left, made);
        PlaneLayout luma = format.Plane(0);
        for (int row = 0; row < luma.Height; row++)
        {
            for (int column = 0; column < luma.Width; column++)
            {
                bool isNear = column >= 320 && row is >= 128 and < 288;
                int at = (row * luma.Stride) + (column * luma.BytesPerSample);
                Assert.True(made.Bytes[at] == (isNear ? 0 : left.Bytes[at]), $"{column}, {row}");
            }
        }
    }

    /// <summary>A disc moves over a textured background that stands: away from it the source stands, as near to the networks' answer as a code is, and near it nothing is lost.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void Interpolate_PartThatStands_IsTheSourcesAndWithinACodeOfTheNetworks(bool halved, int batch)
    {
        VideoFormat format = new() { Width = 640, Height = 480, PixelFormat = PixelFormat.Known["yuv444p"] };
        FrameConverter converter = new(format);
        FramePool frames = new(_pool, format);
        using MovingScene scene = MovingScene.Create(_pool, format.Width, format.Height, disc: 22, discShift: (9, 4));
        using Frame left = frames.Rent(Rational.Zero, 0);
        using Frame right = frames.Rent(Rational.One, 1);
        converter.FromRgb(scene.Frame0, left);
        converter.FromRgb(scene.Frame1, right);
        StillParts still = new();
        still.Find(left, right);
        Assert.InRange(still.Changing.Width * still.Changing.Height, 1, format.Width * format.Height / 3);

        byte[][] asked = Make(bypassStatic: false);
        byte[][] bypassed = Make(bypassStatic: true);
        for (int i = 0; i < asked.Length; i++)
        {
            int worst = asked[i].Zip(bypassed[i], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(worst <= 1, $"frame {i} differs by {worst} codes");
        }

        // All that is not near the disc is the source's own.
        for (int at = 0; at < format.Width * still.Changing.Y; at++)
        {
            Assert.Equal(left.Bytes[at], bypassed[0][at]);
        }

        byte[][] Make(bool bypassStatic)
        {
            InterpolationOptions options = new() { BypassStatic = bypassStatic, HalvesNetworks = halved, Batch = batch };
            using ResidualDiffusionInterpolator interpolator = new(
                new ModelCatalog(Repository.Models).Find("light", "interpolate"), ExecutionDevice.Cpu(1), new DenseInverseSearch(), format, options, _pool);
            InterpolationRequest[] requests = [.. new[] { 0.4, 0.8 }.Select(t => new InterpolationRequest(t, frames.Rent(Rational.Zero, 0)))];
            interpolator.Interpolate(left, right, requests, TestContext.Current.CancellationToken);
            byte[][] made = [.. requests.Select(r => r.Target.Bytes.ToArray())];
            foreach (InterpolationRequest request in requests)
            {
                request.Target.Dispose();
            }

            return made;
        }
    }
}
