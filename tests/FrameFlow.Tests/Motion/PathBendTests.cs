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
    [InlineData(2, 0.5f)]
    [InlineData(4, 0.25f)]
    [InlineData(16, 0.8f)]
    public void Apply_EvenAcceleration_FindsThePlace(int periods, float t)
    {
        // x(s) = 3 s + s^2 / 8 in px over periods s; frames at -1, 0, T and T + 1.
        double X(double s) => (3 * s) + (s * s / 8);
        float whole = (float)X(periods);
        using FloatImage motion = Constant(whole);
        using FloatImage flow0 = Constant(-t * whole);
        using FloatImage flow1 = Constant((1 - t) * whole);
        using PathBend bend = new(Constant((float)(X(0) - X(-1))), Constant((float)(X(periods + 1) - X(periods))), periods);
        bend.Apply(motion, t, flow0, flow1, _pool);
        double place = X(t * periods);
        Assert.Equal(X(0) - place, flow0.Channel(0)[20], 1e-3);
        Assert.Equal(X(periods) - place, flow1.Channel(0)[20], 1e-3);
        Assert.Equal(0, flow0.Channel(1)[20], 1e-6);
    }

    private FloatImage Constant(float x)
    {
        FloatImage flow = new(_pool, 2, 6, 8);
        flow.Channel(0).Fill(x);
        flow.Channel(1).Clear();
        return flow;
    }
}
