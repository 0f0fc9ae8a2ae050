using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

public sealed class SharpnessMatchTests
{
    [Theory]
    [InlineData("yuv420p")]
    [InlineData("yuv420p10le")]
    public async Task Process_EvenPhases_GivesMadeFramesTheSourcesDetail(string format)
    {
        // Independent noise in every frame: a blend of two has half its energy.
        using NativePool pool = new(1 << 26);
        foreach (bool even in (bool[])[false, true])
        {
            FrameTimeline timeline = Some.Timeline(4);
            InterpolationStage stage = new(new OutputTimeline(timeline, 48, 1), timeline, new BlendInterpolator(), new InterpolationOptions { EvenPhases = even }, pool);
            List<double> detail = [];
            await foreach (Frame frame in stage.ProcessAsync(Noisy(pool, format), default))
            {
                detail.Add(SharpnessMatch.DetailOf(frame, pool));
                frame.Dispose();
            }

            Assert.Equal(8, detail.Count);
            for (int i = 1; i < 6; i += 2)
            {
                double share = detail[i] / ((detail[i - 1] + detail[i + 1]) / 2);
                Assert.InRange(share, even ? 0.97 : 0.45, even ? 1.03 : 0.55);
            }
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public void Sharpen_PictureThatIsCrispEnough_IsLeftAlone()
    {
        using NativePool pool = new(1 << 24);
        using Frame frame = new FramePool(pool, Some.Format).Rent(0, 0);
        Random random = new(1);
        random.NextBytes(frame.Bytes);
        byte[] before = frame.Bytes.ToArray();
        Assert.Equal(0, SharpnessMatch.Sharpen(frame, SharpnessMatch.DetailOf(frame, pool) * 0.9, pool));
        Assert.Equal(before, frame.Bytes.ToArray());
    }

    /// <summary>Far from its neighbours' detail it is brought nearer only as far as is safe.</summary>
    [Fact]
    public void Sharpen_MuchTooSoft_StopsAtTheMostGain()
    {
        using NativePool pool = new(1 << 24);
        using Frame frame = new FramePool(pool, Some.Format).Rent(0, 0);
        frame.Bytes.Fill(100);
        frame.Plane<byte>(0)[40] = 110;
        Assert.Equal(1, SharpnessMatch.Sharpen(frame, 1e6, pool));
    }

    private static async IAsyncEnumerable<Frame> Noisy(NativePool pool, string format)
    {
        VideoFormat picture = new() { Width = 96, Height = 80, PixelFormat = PixelFormat.Known[format] };
        FramePool frames = new(pool, picture);
        Random random = new(3);
        for (int i = 0; i < 4; i++)
        {
            await Task.Yield();
            Frame frame = frames.Rent(new Rational(i, 24), i);
            if (picture.PixelFormat.BytesPerSample == 1)
            {
                Fill(frame.Bytes, 1);
            }
            else
            {
                Fill(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(frame.Bytes), 4);
            }

            yield return frame;
        }

        void Fill<T>(Span<T> samples, int scale)
            where T : unmanaged, System.Numerics.INumber<T>
        {
            foreach (ref T sample in samples)
            {
                sample = T.CreateTruncating(scale * random.Next(80, 150));
            }
        }
    }
}
