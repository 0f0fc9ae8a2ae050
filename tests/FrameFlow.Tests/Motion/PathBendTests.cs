using FrameFlow.Media;
using FrameFlow.Motion;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class PathBendTests : IDisposable
{
    private readonly NativePool _pool = new(1 << 24);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(1, 1, 0.5f)]
    [InlineData(1, 1, 0.2f)]
    [InlineData(0.5, 2, 0.8f)] // uneven times
    public void Apply_CubicPath_FindsThePlace(double h0, double h1, float t)
    {
        // x(s) in px; frames at -h0, 0, 1 and 1 + h1.
        static double X(double s) => (7 * s) + (3 * s * s) - (1.5 * s * s * s);
        (double found0, double found1) = Looks(X, h0, h1, t);
        Assert.Equal(X(0) - X(t), found0, 1e-3);
        Assert.Equal(X(1) - X(t), found1, 1e-3);
    }

    [Theory]
    [InlineData(2, 0.5f)]
    [InlineData(4, 0.25f)]
    [InlineData(16, 0.8f)]
    public void Apply_EvenAccelerationOverAHole_FindsThePlace(int periods, float t)
    {
        // x(s) = 3 s + s^2 / 8 in px over periods s; frames at -1, 0, T and T + 1.
        double X(double s) => (3 * s * periods) + (s * s * periods * periods / 8);
        (double found0, double found1) = Looks(X, 1.0 / periods, 1.0 / periods, t);
        Assert.Equal(X(0) - X(t), found0, 0.02);
        Assert.Equal(X(1) - X(t), found1, 0.02);
    }

    [Fact]
    public void Apply_TremblingOverAHole_StaysNearTheLine()
    {
        // Every frame stands elsewhere, by no rule: over a wide hole the outer two tell nothing of the path.
        (double found0, _) = Looks(s => s switch { < 0 => 4, 0 => -4, 1 => 4, > 1 => -4, _ => 0 }, 1 / 8.0, 1 / 8.0, 0.5f);
        Assert.InRange(found0, -4.1, -3.9); // half of 8
    }

    [Theory]
    [InlineData(4, 60)] // the camera is swung round at once
    [InlineData(60, 4)] // ... and was
    public void Apply_StartOrStopAtOnce_StaysInThePair(double before, double after)
    {
        double X(double s) => s < 0 ? before * s : s > 1 ? 4 + (after * (s - 1)) : 4 * s;
        foreach (float t in (float[])[0.1f, 0.4f, 0.6f, 0.9f])
        {
            (double look0, double look1) = Looks(X, 1, 1, t);
            Assert.InRange(-look0, 0, 4);
            Assert.InRange(look1, 0, 4);
        }
    }

    [Fact]
    public void Apply_InconsistentPlaces_DoNotCount()
    {
        // The left half moves evenly; in the right half nothing is consistent, and what the flows say is wild.
        using MotionField before = Motion(5, 0, 40);
        using MotionField pair = Motion(5, 0, -30);
        using MotionField after = Motion(5, 0, 60);
        using PathBend bend = PathBend.Find(before, pair, after, 1, 1, _pool);
        (FloatImage motion, FloatImage flow0, FloatImage flow1) = (Constant(5), Constant(0), Constant(0));
        using (motion)
        using (flow0)
        using (flow1)
        {
            bend.Apply(motion, 0.5f, flow0, flow1, _pool);
            Assert.All(flow0.Values.ToArray(), d => Assert.InRange(d, -0.2f, 0.2f));
        }
    }

    // The looks at t into both frames of something that stands at x(s).
    private (double Look0, double Look1) Looks(Func<double, double> x, double h0, double h1, float t)
    {
        using MotionField before = Motion((float)(x(0) - x(-h0)));
        using MotionField pair = Motion((float)(x(1) - x(0)));
        using MotionField after = Motion((float)(x(1 + h1) - x(1)));
        using PathBend bend = PathBend.Find(before, pair, after, h0, h1, _pool);
        float whole = (float)(x(1) - x(0));
        using FloatImage motion = Constant(whole);
        using FloatImage flow0 = Constant(-t * whole);
        using FloatImage flow1 = Constant((1 - t) * whole);
        bend.Apply(motion, t, flow0, flow1, _pool);
        Assert.Equal(0, flow0.Channel(1)[20], 1e-6);
        return (flow0.Channel(0)[20], flow1.Channel(0)[20]);
    }

    // Motion by x everywhere; with `wild` in px, the right half of the one direction says that and the other nothing.
    private MotionField Motion(float x, float y = 0, float? wild = null)
    {
        FloatImage forward = Constant(x, y);
        for (int i = 0; wild is not null && i < forward.PlaneLength; i++)
        {
            forward.Channel(0)[i] = i % forward.Width >= forward.Width / 2 ? wild.Value : x;
        }

        using MotionField field = MotionField.Of(forward, Constant(-x, -y), _pool);
        return field.Halved(_pool);
    }

    private FloatImage Constant(float x, float y = 0)
    {
        FloatImage flow = _pool.RentImage(2, 22, 46);
        flow.Channel(0).Fill(x);
        flow.Channel(1).Fill(y);
        return flow;
    }
}
