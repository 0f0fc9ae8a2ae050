using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.SceneCuts;
using FrameFlow.Tests.Pipeline;
using Xunit;

namespace FrameFlow.Tests.SceneCuts;

public sealed class SceneCutStageTests : FrameStageContract
{
    private static readonly VideoFormat Format = new() { Width = 192, Height = 144, PixelFormat = PixelFormat.Known["yuv420p10le"] };

    internal override IFrameStage CreateStage(NativePool pool, int frames) => new SceneCutStage(new SceneCutOptions());

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_TwoScenesThatMove_MarksTheFirstFrameOfTheSecond() =>
        Assert.Equal([6], await CutsAsync(12, i => (i < 6 ? 1 : 2, i * 3, 0)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Process_Flash_IsNoCut(int length) =>
        Assert.Empty(await CutsAsync(12, i => (1, i, i >= 5 && i < 5 + length ? 700 : 0)));

    [Fact]
    public async Task Process_FastPan_IsNoCut() =>
        Assert.Empty(await CutsAsync(12, i => (1, i * 6, 0)));

    [Fact]
    public async Task Process_CutsThreeFramesApart_MarksBoth() =>
        Assert.Equal([5, 8], await CutsAsync(14, i => (i < 5 ? 1 : i < 8 ? 2 : 3, 0, 0)));

    private static async Task<List<long>> CutsAsync(int count, Func<int, (int Scene, int Shift, int Light)> film)
    {
        using NativePool pool = new(1 << 26);
        List<long> cuts = [];
        SceneCutStage stage = new(new SceneCutOptions());
        await foreach (Frame frame in stage.ProcessAsync(Frames(pool, count, film), default))
        {
            if (frame.IsSceneStart)
            {
                cuts.Add(frame.SourceIndex);
            }

            frame.Dispose();
        }

        Assert.Equal(cuts.Count, stage.Cuts.Count);
        Assert.Equal(0, pool.LiveBlocks);
        return cuts;
    }

    // Each scene is a sum of waves of its own; it shifts sideways and is lit from 0 to all white.
    private static async IAsyncEnumerable<Frame> Frames(NativePool pool, int count, Func<int, (int Scene, int Shift, int Light)> film)
    {
        FramePool frames = new(pool, Format);
        for (int index = 0; index < count; index++)
        {
            await Task.Yield();
            Frame frame = frames.Rent(new Rational(index, 24), index);
            Span<ushort> luma = frame.Plane<ushort>(0);
            (int scene, int shift, int light) = film(index);
            Random random = new(scene);
            (double Fx, double Fy, double Phase)[] waves = [.. Enumerable.Range(0, 12).Select(_ => (random.NextDouble() * 0.25, random.NextDouble() * 0.25, random.NextDouble() * 6))];
            for (int i = 0; i < luma.Length; i++)
            {
                double x = (i % Format.Width) + shift;
                double y = i / Format.Width;
                double value = 300 + waves.Sum(w => 30 * Math.Sin((w.Fx * x) + (w.Fy * y) + w.Phase));
                luma[i] = (ushort)Math.Clamp(value + light, 0, 1023);
            }

            yield return frame;
        }
    }
}
