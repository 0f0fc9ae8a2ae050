using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Inference;

/// <summary>Memory that runs out in the middle of a picture.</summary>
public sealed class TiledGraphTests
{
    /// <summary>Which run finds no memory: the first of all, one in the middle of the synthesis, one of the residual, and several in a row.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(6, 2)]
    public void Run_MemoryRunsOut_GoesOnInSmallerPiecesAndLosesNothing(int from, int times)
    {
        List<string> said = [];
        float[][] undisturbed = Interpolate(new FailingDevice(_ => false), _ => { });
        float[][] disturbed = Interpolate(new FailingDevice(run => run >= from && run < from + times, isOutOfMemory: true), said.Add);
        Assert.Equal(times, said.Count);
        Assert.All(said, s => Assert.StartsWith("Memory ran out: ", s, StringComparison.Ordinal));
        Assert.Equal(undisturbed.Length, disturbed.Length);
        for (int i = 0; i < undisturbed.Length; i++)
        {
            double worst = undisturbed[i].Zip(disturbed[i], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(worst < 1e-4, $"frame {i} differs by {worst}"); // as tiled differs from whole: sums in another order
        }
    }

    [Fact]
    public void Run_MemoryNeverSuffices_IsAFaultThatSaysSo()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => Interpolate(new FailingDevice(_ => true, isOutOfMemory: true), _ => { }));
        Assert.True(fault.IsOutOfMemory);
        Assert.DoesNotContain('\n', fault.Message);
    }

    // Three frames in batches of two, in several tiles.
    private static float[][] Interpolate(FailingDevice failing, Action<string> tell)
    {
        const int Width = 486;
        const int Height = 390;
        using NativePool pool = new(1L << 32);
        using FloatImage rgb0 = pool.RentImage(3, Height, Width);
        using FloatImage rgb1 = pool.RentImage(3, Height, Width);
        for (int i = 0; i < rgb0.Values.Length; i++)
        {
            rgb0.Values[i] = 0.5f + (0.2f * MathF.Sin(i * 0.031f)) + (0.2f * MathF.Sin(i / Width * 0.11f));
            rgb1.Values[i] = 0.5f + (0.2f * MathF.Sin((i + 3) * 0.031f)) + (0.2f * MathF.Sin(i / Width * 0.11f));
        }

        ExecutionDevice device = new DeviceSelection("webgpu", DeviceLossPolicy.Stop, [], tell) { Open = failing.Open }.For(1, inTurns: true);
        DenseInverseSearch motions = new();
        InterpolationOptions options = new() { Batch = 2, TilePixels = 330 * 330 };
        VideoFormat format = new() { Width = Width, Height = Height, PixelFormat = PixelFormat.Known["yuv444p"] };
        List<float[]> made = [];
        using (ResidualDiffusionInterpolator interpolator = new(new ModelCatalog(Repository.Models).Find("light", "interpolate"), device, motions, format, options, pool))
        using (MotionField motion = motions.Estimate(rgb0, rgb1, pool))
        {
            interpolator.Interpolate(rgb0, rgb1, motion, 3, i => ((i + 1) / 4.0, null), (_, _, _, _) => { }, (_, picture, _) => made.Add(picture.Values.ToArray()), TestContext.Current.CancellationToken);
        }

        rgb0.Dispose();
        rgb1.Dispose();
        Assert.Equal(0, pool.LiveBlocks);
        return [.. made];
    }
}
