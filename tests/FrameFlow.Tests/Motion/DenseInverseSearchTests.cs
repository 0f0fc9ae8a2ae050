using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class DenseInverseSearchTests : IDisposable
{
    private readonly NativePool _pool = new(1L << 30);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(1.0, 0.0, 3.3, -1.7, 0.05)]
    [InlineData(1.0, 0.0, 18.5, 7.25, 0.07)]
    [InlineData(1.04, 0.0, 0.0, 0.0, 0.09)]
    [InlineData(1.0, 2.5, 0.0, 0.0, 0.1)]
    [InlineData(0.97, -2.0, 4.0, 3.0, 0.11)]
    public void Estimate_MovingTexture_FindsTheMotion(double zoom, double degrees, double x, double y, double bound)
    {
        using MovingScene scene = MovingScene.Create(_pool, 250, 181, zoom, degrees, (x, y));
        using MotionField field = new DenseInverseSearch().Estimate(scene.Frame0, scene.Frame1, _pool);
        double error = scene.EndPointError(field.Forward);
        TestContext.Current.SendDiagnosticMessage("zoom {0}, {1} degrees, {2} {3} px: end-point error {4:F4} px", zoom, degrees, x, y, error);
        Assert.InRange(error, 0, bound);
    }

    [Theory]
    [InlineData(0, 0.2)]
    [InlineData(1, 0.27)]
    [InlineData(2, 0.6)]
    public void Estimate_DiscBeforeBackground_FindsBothMotions(int finestScale, double bound)
    {
        // What the disc uncovers has no match: an average over the frame forgives that, and the blur of the edges.
        using MovingScene scene = MovingScene.Create(_pool, 320, 240, 1.02, 1, (2, 1), 60, (-6.5, 3.25));
        using MotionField field = new DenseInverseSearch(new DenseInverseSearchOptions { FinestScale = finestScale }).Estimate(scene.Frame0, scene.Frame1, _pool);
        double error = scene.EndPointError(field.Forward);
        TestContext.Current.SendDiagnosticMessage("disc, finest scale {0}: end-point error {1:F4} px", finestScale, error);
        Assert.InRange(error, 0, bound);
    }

    [Fact]
    public void Estimate_SwappedFrames_SwapsTheFlows()
    {
        using MovingScene scene = MovingScene.Create(_pool, 100, 70, shift: (2, 1));
        DenseInverseSearch search = new();
        using MotionField there = search.Estimate(scene.Frame0, scene.Frame1, _pool);
        using MotionField back = search.Estimate(scene.Frame1, scene.Frame0, _pool);
        Assert.True(there.Forward.Values.SequenceEqual(back.Backward.Values));
        Assert.True(there.Backward.Values.SequenceEqual(back.Forward.Values));
    }

    [Fact]
    public void Estimate_IdenticalFrames_FindsNoMotion()
    {
        using MovingScene scene = MovingScene.Create(_pool, 131, 77);
        using MotionField field = new DenseInverseSearch().Estimate(scene.Frame0, scene.Frame0, _pool);
        foreach (float value in field.Forward.Values)
        {
            Assert.Equal(0, value, 1e-3f);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(16, 16)]
    [InlineData(17, 33)]
    [InlineData(3, 200)]
    [InlineData(201, 15)]
    public void Estimate_SmallAndOddSizes_GiveFiniteFlow(int width, int height)
    {
        using MovingScene scene = MovingScene.Create(_pool, width, height, shift: (1, 0));
        for (int finestScale = 0; finestScale <= 2; finestScale++)
        {
            using MotionField field = new DenseInverseSearch(new DenseInverseSearchOptions { FinestScale = finestScale }).Estimate(scene.Frame0, scene.Frame1, _pool);
            Assert.Equal((width, height), (field.Width, field.Height));
            foreach (float value in field.Forward.Values)
            {
                Assert.True(float.IsFinite(value));
            }
        }
    }

    [Fact]
    public void Estimate_FlatFrames_FindsNoMotion()
    {
        using FloatImage flat = _pool.RentImage(3, 40, 50);
        flat.Values.Fill(0.25f);
        using MotionField field = new DenseInverseSearch().Estimate(flat, flat, _pool);
        Assert.Equal(-1, field.Forward.Values.IndexOfAnyExcept(0f, -0f));
    }

    [Fact]
    public void Estimate_FrameWithValuesThatAreNoNumbers_DoesNotReadOutside()
    {
        using MovingScene scene = MovingScene.Create(_pool, 90, 60, shift: (2, 1));
        scene.Frame1.Values[90 * 30] = float.NaN;
        scene.Frame1.Values[90 * 40] = float.PositiveInfinity;
        scene.Frame0.Values[90 * 50] = -1e30f;
        using MotionField field = new DenseInverseSearch().Estimate(scene.Frame0, scene.Frame1, _pool);
        IntermediateMotion.At(field, scene.Frame0, scene.Frame1, 0.5f, _pool).Dispose();
        Assert.Equal(90, field.Inconsistency0.Width);
    }

    [Fact]
    public async Task Estimate_SeveralAtOnce_GivesTheSameBits()
    {
        using MovingScene scene = MovingScene.Create(_pool, 150, 90, 1.01, 1, (5, 2), 20, (-3, 0));
        DenseInverseSearch search = new();
        using MotionField expected = search.Estimate(scene.Frame0, scene.Frame1, _pool);
        MotionField[] fields = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => search.Estimate(scene.Frame0, scene.Frame1, _pool))));
        foreach (MotionField field in fields)
        {
            Assert.True(field.Forward.Values.SequenceEqual(expected.Forward.Values));
            Assert.True(field.Backward.Values.SequenceEqual(expected.Backward.Values));
            field.Dispose();
        }
    }

    [Fact]
    public void Estimate_LargeFrame_IsSearchedOneScaleCoarser()
    {
        using MovingScene scene = MovingScene.Create(_pool, 200, 120, shift: (4, 2));
        using MotionField halved = new DenseInverseSearch(new DenseInverseSearchOptions { HalveFrom = 120 }).Estimate(scene.Frame0, scene.Frame1, _pool);
        using MotionField coarser = new DenseInverseSearch(new DenseInverseSearchOptions { FinestScale = 2 }).Estimate(scene.Frame0, scene.Frame1, _pool);
        using MotionField whole = new DenseInverseSearch(new DenseInverseSearchOptions { HalveFrom = 121 }).Estimate(scene.Frame0, scene.Frame1, _pool);
        Assert.True(halved.Forward.Values.SequenceEqual(coarser.Forward.Values));
        Assert.False(halved.Forward.Values.SequenceEqual(whole.Forward.Values));
        Assert.InRange(scene.EndPointError(halved.Forward), 0, 0.3);
    }

    [Fact]
    public void Estimate_SteadyState_ReservesNothingMore()
    {
        using MovingScene scene = MovingScene.Create(_pool, 200, 120, shift: (4, 2));
        DenseInverseSearch search = new();
        search.Estimate(scene.Frame0, scene.Frame1, _pool).Dispose();
        long reserved = _pool.ReservedBytes;
        long before = GC.GetAllocatedBytesForCurrentThread();
        search.Estimate(scene.Frame0, scene.Frame1, _pool).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8192); // a few small objects, whatever the frame's size
        Assert.Equal(reserved, _pool.ReservedBytes);
    }

    [Fact]
    public void Estimate_PoolTooSmall_FailsWithoutLeak()
    {
        using MovingScene scene = MovingScene.Create(_pool, 200, 120);
        using NativePool small = new(1 << 20);
        Assert.Equal(FaultKind.Usage, Assert.Throws<FrameFlowException>(() => new DenseInverseSearch().Estimate(scene.Frame0, scene.Frame1, small)).Kind);
        Assert.Equal(0, small.LiveBlocks);
    }

    [Fact]
    public void Estimate_ShapesThatDiffer_AreRefused()
    {
        using FloatImage a = _pool.RentImage(3, 8, 8);
        using FloatImage b = _pool.RentImage(3, 8, 9);
        Assert.Throws<ArgumentException>(() => new DenseInverseSearch().Estimate(a, b, _pool));
    }

    [Fact]
    public void Options_OutOfRange_AreAllListed()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => new DenseInverseSearch(new DenseInverseSearchOptions { PatchStride = 9, StepScale = float.NaN, FinestScale = 2, CoarsestScale = 1 }));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.Contains("PatchStride is 9, allowed is 1 to 7", fault.Message, StringComparison.Ordinal);
        Assert.Contains("StepScale is NaN", fault.Message, StringComparison.Ordinal);
        Assert.Contains("CoarsestScale is 1", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("DescentIterations", fault.Message, StringComparison.Ordinal);
    }
}
