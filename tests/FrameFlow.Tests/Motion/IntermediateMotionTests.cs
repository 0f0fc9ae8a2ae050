using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class IntermediateMotionTests : IDisposable
{
    private readonly NativePool _pool = new(1 << 28);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(64, 48, 0.25f)]
    [InlineData(7, 5, 0.5f)]
    [InlineData(1, 1, 0.9f)]
    [InlineData(1101, 1081, 0.25f)]
    public void At_ConstantMotion_IsThatMotion(int width, int height, float t)
    {
        using MovingScene scene = MovingScene.Create(_pool, width, height, shift: (3, -2));
        using MotionField field = Constant(width, height, 3, -2);
        using FloatImage motion = IntermediateMotion.At(field, scene.Frame0, scene.Frame1, t, _pool);
        foreach (float value in motion.Channel(0))
        {
            Assert.Equal(3, value, 1e-5f);
        }

        foreach (float value in motion.Channel(1))
        {
            Assert.Equal(-2, value, 1e-5f);
        }
    }

    [Fact]
    public void At_OneDirectionWrong_FollowsTheOther()
    {
        using MovingScene scene = MovingScene.Create(_pool, 96, 80, shift: (3, -2));
        FloatImage forward = _pool.RentImage(2, 80, 96);
        FloatImage backward = _pool.RentImage(2, 80, 96);
        forward.Values.Fill(9);
        backward.Channel(0).Fill(-3);
        backward.Channel(1).Fill(2);
        using MotionField field = MotionField.Of(forward, backward, _pool);
        using FloatImage motion = IntermediateMotion.At(field, scene.Frame0, scene.Frame1, 0.5f, _pool);
        for (int y = 20; y < 60; y++)
        {
            Assert.Equal(3, motion.Channel(0)[(y * 96) + 48], 0.05f);
            Assert.Equal(-2, motion.Channel(1)[(y * 96) + 48], 0.05f);
        }
    }

    /// <summary>In the middle of the spot the fixed points swing between right and wrong and end wrong: every candidate is 9 px off or more.</summary>
    [Fact]
    public void At_SpotOfWrongMotion_TakesTheMotionAround()
    {
        using MovingScene scene = MovingScene.Create(_pool, 96, 80, shift: (3, -2));
        using MotionField field = Constant(96, 80, 3, -2);
        for (int y = 37; y < 43; y++)
        {
            for (int x = 45; x < 51; x++)
            {
                int at = (y * 96) + x;
                field.Forward.Channel(0)[at] = -6;
                field.Forward.Channel(1)[at] = 7;
                field.Backward.Channel(0)[at] = 8;
                field.Backward.Channel(1)[at] = 5;
            }
        }

        using FloatImage motion = IntermediateMotion.At(field, scene.Frame0, scene.Frame1, 0.5f, _pool);
        Assert.Equal(3, motion.Channel(0)[(40 * 96) + 48], 1f);
        Assert.Equal(-2, motion.Channel(1)[(40 * 96) + 48], 1f);
    }

    /// <summary>Noise even in -1..1 px has a deviation of .58 px; means of 169 places bring it down, neighbours being alike notwithstanding.</summary>
    [Fact]
    public void At_NoisyMotion_AveragesTheNoiseOut()
    {
        using MovingScene scene = MovingScene.Create(_pool, 96, 80, shift: (3, -2));
        using MotionField field = Constant(96, 80, 3, -2);
        Random random = new(5);
        foreach (FloatImage flow in new[] { field.Forward, field.Backward })
        {
            for (int i = 0; i < flow.Values.Length; i++)
            {
                flow.Values[i] += (2 * random.NextSingle()) - 1;
            }
        }

        using FloatImage motion = IntermediateMotion.At(field, scene.Frame0, scene.Frame1, 0.5f, _pool);
        double squares = 0;
        for (int i = 0; i < motion.PlaneLength; i++)
        {
            squares += Math.Pow(motion.Channel(0)[i] - 3, 2) + Math.Pow(motion.Channel(1)[i] + 2, 2);
        }

        Assert.InRange(Math.Sqrt(squares / (2 * motion.PlaneLength)), 0, 0.1);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    [InlineData(float.NaN)]
    public void At_TimeNotBetweenTheFrames_IsRefused(float t)
    {
        using FloatImage frame = _pool.RentImage(3, 4, 4);
        using MotionField field = Constant(4, 4, 0, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => IntermediateMotion.At(field, frame, frame, t, _pool));
    }

    [Fact]
    public void Inconsistency_DirectionsThatDisagree_IsTheirDistanceAndSaturates()
    {
        FloatImage forward = _pool.RentImage(2, 10, 20);
        FloatImage backward = _pool.RentImage(2, 10, 20);
        forward.Channel(0).Fill(3);
        forward.Channel(1).Clear();
        backward.Channel(0).Clear();
        backward.Channel(1).Fill(4);
        using MotionField field = MotionField.Of(forward, backward, _pool);
        Assert.Equal(5, field.Inconsistency0.Values[57], 1e-6f);
        Assert.Equal(5, field.Inconsistency1.Values[57], 1e-6f);
        Assert.Same(field.Inconsistency0, field.Inconsistency0);
        using FloatImage at0 = _pool.RentImage(1, 10, 20);
        using FloatImage at1 = _pool.RentImage(1, 10, 20);
        IntermediateMotion.InconsistencyAt(field, field.Forward, 0.5f, at0, at1);
        Assert.Equal(5f / 8, at0.Values[57], 1e-6f);
        field.Inconsistency1.Values.Fill(100);
        IntermediateMotion.InconsistencyAt(field, field.Forward, 0.5f, at0, at1);
        Assert.Equal(1, at1.Values[57]);
    }

    [Fact]
    public void Dispose_FieldWithInconsistencies_GivesEverythingBackOnce()
    {
        MotionField field = Constant(9, 9, 1, 1);
        _ = field.Inconsistency0;
        field.Dispose();
        field.Dispose();
        Assert.Equal(0, _pool.LiveBlocks);
        Assert.Throws<ObjectDisposedException>(() => field.Inconsistency1);
    }

    /// <summary>
    /// The tensors that models/training/export.py wrote from motion.py. PyTorch scales coordinates to -1..1 and back, in single precision:
    /// positions differ by some 1e-5 px, hence the tolerances, which goldens.json states.
    /// </summary>
    [Fact]
    public void At_GoldenPair_AgreesWithTheTrainingCode()
    {
        FloatImage Golden(string name) => GoldenTensor.Read("motion", name).ToImage(_pool);
        using FloatImage frame0 = Golden("frame0");
        using FloatImage frame1 = Golden("frame1");
        using FloatImage time = Golden("t");
        float t = time.Values[0];
        using MotionField field = MotionField.Of(Golden("f01"), Golden("f10"), _pool);
        using FloatImage apart = _pool.RentImage(4, field.Height, field.Width);
        using FloatImage motion = IntermediateMotion.At(field, frame0, frame1, t, _pool, apart);
        Compare("v", motion, 1e-3f);
        Compare("apart", apart, 2e-3f);
        Compare("inc0", field.Inconsistency0, 2e-4f);
        Compare("inc1", field.Inconsistency1, 2e-4f);

        // From here on the golden V, so that its tolerance is not counted twice.
        using FloatImage golden = Golden("v");
        using FloatImage one = _pool.RentImage(1, golden.Height, golden.Width);
        using FloatImage two = _pool.RentImage(1, golden.Height, golden.Width);
        using FloatImage warped = _pool.RentImage(3, golden.Height, golden.Width);
        Warp.Bicubic(frame0, golden, -t, warped);
        Compare("w0", warped, 2e-4f);
        Warp.Bicubic(frame1, golden, 1 - t, warped);
        Compare("w1", warped, 2e-4f);
        IntermediateMotion.InconsistencyAt(field, golden, t, one, two);
        Compare("inc_t0", one, 2e-4f);
        Compare("inc_t1", two, 2e-4f);
        Warp.Inside(golden, -t, one);
        Compare("valid0", one, 0);
        Warp.Inside(golden, 1 - t, one);
        Compare("valid1", one, 0);

        void Compare(string name, FloatImage actual, float tolerance)
        {
            using FloatImage expected = Golden(name);
            float worst = 0;
            for (int i = 0; i < expected.Values.Length; i++)
            {
                worst = Math.Max(worst, Math.Abs(expected.Values[i] - actual.Values[i]));
            }

            TestContext.Current.SendDiagnosticMessage("{0}: worst difference {1}", name, worst);
            Assert.True(worst <= tolerance, $"{name} differs by {worst}, allowed is {tolerance}.");
        }
    }

    private MotionField Constant(int width, int height, float x, float y)
    {
        FloatImage forward = _pool.RentImage(2, height, width);
        FloatImage backward = _pool.RentImage(2, height, width);
        forward.Channel(0).Fill(x);
        forward.Channel(1).Fill(y);
        backward.Channel(0).Fill(-x);
        backward.Channel(1).Fill(-y);
        return MotionField.Of(forward, backward, _pool);
    }
}
