using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair.Steadying;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair.Steadying;

public sealed class DeflickerStageTests : FrameStageContract
{
    private static readonly FrameRange All = new(0, long.MaxValue);

    internal override IFrameStage CreateStage(NativePool pool, int frames) => new DeflickerStage(new DenseInverseSearch(), Some.Format, pool, All);

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_FlickerOnAFade_TheFlickerGoesTheFadeStays()
    {
        const int Count = 30;
        using NativePool pool = new(1L << 29);
        double Fade(int i) => 1 - (0.3 * i / Count);
        double Flicker(int i) => Fade(i) * (1 + (0.05 * Math.Sin(2.4 * i)) + (0.03 * Math.Sin((5.1 * i) + 1)));
        List<double> wanted = await MeansAsync(TexturedFilm.Frames(pool, Count, i => (1.3 * i, 0), gain: Fade));
        List<double> before = await MeansAsync(TexturedFilm.Frames(pool, Count, i => (1.3 * i, 0), gain: Flicker));
        DeflickerStage stage = new(new DenseInverseSearch(), TexturedFilm.Format, pool, All);
        List<double> after = await MeansAsync(stage.ProcessAsync(TexturedFilm.Frames(pool, Count, i => (1.3 * i, 0), gain: Flicker), default));

        // Of the middle: a shot's ends have one side to go by.
        IEnumerable<int> middle = Enumerable.Range(SteadyingStage.Reach, Count - (2 * SteadyingStage.Reach));
        double left = Math.Sqrt(middle.Average(i => Math.Pow(after[i] - wanted[i], 2)));
        double was = Math.Sqrt(middle.Average(i => Math.Pow(before[i] - wanted[i], 2)));
        Assert.True(left < 0.25 * was, $"{left} of {was}");
        Assert.True(stage.ChangedFrames > Count / 2);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_SteadyLight_LeavesTheFramesAsTheyAre()
    {
        using NativePool pool = new(1L << 29);
        DeflickerStage stage = new(new DenseInverseSearch(), TexturedFilm.Format, pool, All);
        _ = await MeansAsync(stage.ProcessAsync(TexturedFilm.Frames(pool, 20, _ => (0, 0)), default));
        Assert.Equal(0, stage.ChangedFrames);
    }

    /// <summary>A lamp that goes on in the shot, and a cut to a darker one: neither is flicker.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(10)]
    public async Task Process_LightGoesOn_IsNoFlicker(int cutAt)
    {
        using NativePool pool = new(1L << 29);
        double Lamp(int i) => i < 10 ? 0.6 : 1;
        DeflickerStage stage = new(new DenseInverseSearch(), TexturedFilm.Format, pool, All);
        List<double> before = await MeansAsync(TexturedFilm.Frames(pool, 20, _ => (0, 0), cutAt: cutAt, gain: Lamp));
        List<double> after = await MeansAsync(stage.ProcessAsync(TexturedFilm.Frames(pool, 20, _ => (0, 0), cutAt: cutAt, gain: Lamp), default));
        for (int i = 0; i < before.Count; i++)
        {
            Assert.InRange(after[i] - before[i], -1, 1);
        }
    }

    private static async Task<List<double>> MeansAsync(IAsyncEnumerable<Frame> frames) => [.. (await TexturedFilm.LumaAsync(frames)).Select(l => l.Average(v => v - 16.0))];
}
