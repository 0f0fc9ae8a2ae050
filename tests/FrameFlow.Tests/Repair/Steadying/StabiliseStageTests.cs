using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair.Steadying;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair.Steadying;

public sealed class StabiliseStageTests : FrameStageContract
{
    private static readonly FrameRange All = new(0, long.MaxValue);

    internal override IFrameStage CreateStage(NativePool pool, int frames) => new StabiliseStage(new DenseInverseSearch(), Some.Format, pool, All);

    internal override long ExpectedFrames(int frames) => frames;

    /// <summary>A pan with weave of known sub-pixel shifts: what is left against the pan alone is a fraction of the weave.</summary>
    [Fact]
    public async Task Process_WeaveOnAPan_TheWeaveGoesThePanStays()
    {
        const int Count = 30;
        using NativePool pool = new(1L << 29);
        (double X, double Y) Pan(int i) => (0.8 * i, 0.3 * i);
        (double X, double Y) Weave(int i) => (Pan(i).X + (0.7 * Math.Sin(2.1 * i)), Pan(i).Y + (0.5 * Math.Sin((2.9 * i) + 1)));
        List<byte[]> wanted = await TexturedFilm.LumaAsync(TexturedFilm.Frames(pool, Count, Pan));
        List<byte[]> before = await TexturedFilm.LumaAsync(TexturedFilm.Frames(pool, Count, Weave));
        StabiliseStage stage = new(new DenseInverseSearch(), TexturedFilm.Format, pool, All);
        List<byte[]> after = await TexturedFilm.LumaAsync(stage.ProcessAsync(TexturedFilm.Frames(pool, Count, Weave), default));
        IEnumerable<int> middle = Enumerable.Range(SteadyingStage.Reach, Count - (2 * SteadyingStage.Reach));
        double left = middle.Average(i => Error(after[i], wanted[i]));
        double was = middle.Average(i => Error(before[i], wanted[i]));

        // Squared, so a quarter of the shift; noise of .7 codes in both frames is 1 of it.
        Assert.True(left - 1 < 0.12 * was, $"{left} of {was}");
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_StillOrEvenlyMoving_StaysAsItIs()
    {
        using NativePool pool = new(1L << 29);
        StabiliseStage stage = new(new DenseInverseSearch(), TexturedFilm.Format, pool, All);
        List<byte[]> before = await TexturedFilm.LumaAsync(TexturedFilm.Frames(pool, 20, i => (i, 0)));
        List<byte[]> after = await TexturedFilm.LumaAsync(stage.ProcessAsync(TexturedFilm.Frames(pool, 20, i => (i, 0)), default));
        for (int i = 0; i < before.Count; i++)
        {
            Assert.True(Error(before[i], after[i]) < 2);
        }
    }

    // Mean square difference away from the borders.
    private static double Error(byte[] a, byte[] b)
    {
        double sum = 0;
        int count = 0;
        int width = TexturedFilm.Format.Width;
        for (int p = 0; p < a.Length; p++)
        {
            if (p % width is > 8 && p % width < width - 8 && p / width is > 8 && p / width < TexturedFilm.Format.Height - 8)
            {
                sum += (a[p] - b[p]) * (a[p] - b[p]);
                count++;
            }
        }

        return sum / count;
    }
}
