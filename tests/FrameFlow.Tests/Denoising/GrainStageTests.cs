using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Denoising;

public sealed class GrainStageTests : FrameStageContract
{
    private static readonly VideoFormat Format = new() { Width = 96, Height = 80, PixelFormat = PixelFormat.Known["yuv444p10le"] };

    internal override IFrameStage CreateStage(NativePool pool, int frames) => new GrainStage([new ShotNoise(0, NoiseModel.Flat(0.02f))], Some.Format, 1, 7, 2, pool);

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_GreyFrames_GetWhatWasMeasured()
    {
        // Sigma 8/255, correlated as film grain is, half of it.
        const float Rho = 0.4f;
        float[] correlation = new float[49];
        (correlation[24], correlation[23], correlation[25], correlation[17], correlation[31]) = (1, Rho, Rho, Rho, Rho);
        NoiseModel grain = new([.. Enumerable.Range(0, 3).Select(_ => Enumerable.Repeat(8f / 255, NoiseModel.Points).ToArray())], correlation, 1, NoiseEvidence.Temporal);
        double[][] planes = [.. (await GrainAsync([new ShotNoise(0, grain)], 0.5, 3, [0, new Rational(1, 24)])).Select(f => f.Select(v => (v - 502.0) / 876).ToArray())];
        double[] first = planes[0];
        double variance = first.Average(v => v * v);
        Assert.InRange(Math.Sqrt(variance) * 255, 4 * 0.95, 4 * 1.05);
        double neighbours = Enumerable.Range(0, first.Length - 1).Where(i => (i + 1) % Format.Width != 0).Average(i => first[i] * first[i + 1]) / variance;
        Assert.InRange(neighbours, Rho - 0.06, Rho + 0.06);

        // Fresh in every frame.
        Assert.InRange(first.Zip(planes[1], (a, b) => a * b).Average() / variance, -0.05, 0.05);
    }

    [Fact]
    public async Task Process_SameTimeAndSeed_GivesTheSameHoweverTheFilmIsCut()
    {
        ShotNoise[] shots = [new(0, NoiseModel.Flat(0.01f)), new(new Rational(2, 24), NoiseModel.Flat(0.03f))];
        ushort[][] whole = await GrainAsync(shots, 1, 3, [0, new(1, 24), new(2, 24), new(3, 24)]);
        ushort[][] part = await GrainAsync(shots, 1, 3, [new(2, 24), new(3, 24)]);
        Assert.Equal(whole[2..], part);
        Assert.NotEqual(whole[3], (await GrainAsync(shots, 1, 4, [new(3, 24)]))[0]);

        // The second shot's grain is three times as strong.
        double[] deviations = [.. whole.Select(f => Math.Sqrt(f.Average(v => (v - 502.0) * (v - 502))))];
        Assert.InRange(deviations[2] / deviations[1], 2.8, 3.2);
    }

    [Fact]
    public async Task Process_NoAmount_HandsTheFramesOnAsTheyAre()
    {
        Assert.All((await GrainAsync([new ShotNoise(0, NoiseModel.Flat(0.1f))], 0, 3, [0]))[0], v => Assert.Equal(502, v));
    }

    // The luma of grey frames after the stage; asserts marks and memory.
    private static async Task<ushort[][]> GrainAsync(IReadOnlyList<ShotNoise> shots, double amount, ulong seed, IReadOnlyList<Rational> times)
    {
        using NativePool pool = new(1 << 26);
        List<ushort[]> found = [];
        await foreach (Frame frame in new GrainStage(shots, Format, amount, seed, 2, pool).ProcessAsync(GreyAsync(), TestContext.Current.CancellationToken))
        {
            using (frame)
            {
                Assert.Equal(times[found.Count], frame.Time);
                Assert.Equal(amount > 0 ? FrameWork.Grained | FrameWork.Denoised : FrameWork.Denoised, frame.Work);
                found.Add(frame.Plane<ushort>(0).ToArray());
            }
        }

        Assert.Equal(0, pool.LiveBlocks);
        return [.. found];

        async IAsyncEnumerable<Frame> GreyAsync()
        {
            await Task.Yield();
            foreach (Rational time in times)
            {
                Frame frame = new FramePool(pool, Format).Rent(time, 0);
                frame.Work = FrameWork.Denoised;
                frame.Plane<ushort>(0).Fill(502);
                frame.Plane<ushort>(1).Fill(512);
                frame.Plane<ushort>(2).Fill(512);
                yield return frame;
            }
        }
    }
}
