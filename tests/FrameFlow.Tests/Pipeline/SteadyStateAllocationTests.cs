using FrameFlow.Benchmarking;
using FrameFlow.Denoising;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.SceneCuts;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

/// <summary>
/// Counts the whole process's allocations, so nothing may run beside it. What the runtime does meanwhile (a thread more, code compiled anew) only adds to
/// them: of three counts the least is the frame path's.
/// </summary>
[CollectionDefinition(nameof(SteadyStateAllocationTests), DisableParallelization = true)]
[Collection(nameof(SteadyStateAllocationTests))]
public sealed class SteadyStateAllocationTests : IDisposable
{
    // Bytes a frame: less than the smallest object, 24. What the test runner itself allocates meanwhile comes to some.
    private const int Nothing = 16;

    private const int Count = 1600;

    // Networks run too long for so many frames, and the test runner's share is more of a few: still less than two objects.
    private const int NextToNothing = 40;
    private const int FewCount = 400;

    private const int Counts = 3;

    private readonly NativePool _pool = new(1L << 30);
    private readonly VideoFormat _format = new() { Width = 96, Height = 64, PixelFormat = PixelFormat.Known["yuv420p"] };

    public void Dispose() => _pool.Dispose();

    [Fact]
    public Task Pipeline_NoStage_AllocatesNothing() => AssertBytesAsync(Nothing, () => [], Count);

    [Fact]
    public Task Cuts_AllocateNothing() => AssertBytesAsync(Nothing, () => [new SceneCutStage(new SceneCutOptions())], Count);

    [Theory]
    [InlineData("hold")]
    [InlineData("blend")]
    public async Task Interpolation_WithoutModel_AllocatesNothing(string method)
    {
        FrameTimeline times = Some.Timeline(Count);
        OutputTimeline outputs = new(times, 60, 1);
        InterpolationOptions options = new() { Workers = 2 };
        using IFrameInterpolator interpolator = method == "hold" ? new HoldInterpolator() : new BlendInterpolator();
        await AssertBytesAsync(Nothing, () => [new InterpolationStage(outputs, times, interpolator, options, _pool)], outputs.Count);
    }

    [Fact]
    public async Task Interpolation_WithModel_AllocatesNothing()
    {
        FrameTimeline times = Some.Timeline(FewCount);
        OutputTimeline outputs = new(times, 60, 1);
        InterpolationOptions options = new() { Workers = 2 };
        Model model = new ModelCatalog(Repository.Models).Find("light", "interpolate");
        using ResidualDiffusionInterpolator interpolator = ResidualDiffusionInterpolator.Create(model, ExecutionDevice.Cpu(1), _format, options, _pool);
        await AssertBytesAsync(NextToNothing, () => [new InterpolationStage(outputs, times, interpolator, options, _pool)], outputs.Count, FewCount);
    }

    [Fact]
    public async Task Denoising_AllocatesNothing()
    {
        DenoiseOptions options = new() { Workers = 2 };
        Model model = new ModelCatalog(Repository.Models).Find("denoise-light", "denoise");
        using NetworkDenoiser denoiser = new(model, ExecutionDevice.Cpu(1), _format, options.TilePixels, _pool);
        await AssertBytesAsync(NextToNothing, () => [new DenoiseStage(denoiser, new DenseInverseSearch(), [new ShotNoise(0, NoiseModel.Flat(5f / 255))], _format, options, _pool)], FewCount, FewCount);
    }

    private async Task AssertBytesAsync(double most, Func<IReadOnlyList<IFrameStage>> stages, long outputs, int count = Count)
    {
        double least = double.PositiveInfinity;
        for (int i = 0; i < Counts && least > most; i++)
        {
            least = Math.Min(least, await BytesAFrameAsync(stages(), outputs, count));
        }

        Assert.InRange(least, 0, most);
    }

    private async Task<double> BytesAFrameAsync(IReadOnlyList<IFrameStage> stages, long outputs, int count)
    {
        // A dozen different pictures, again and again, so that the film costs no memory.
        FramePool frames = new(_pool, _format);
        List<Frame> pictures = [];
        for (int i = 0; i < 12; i++)
        {
            Frame frame = frames.Rent(Rational.Zero, 0);
            for (int at = 0; at < frame.Bytes.Length; at++)
            {
                frame.Bytes[at] = (byte)(100 + (80 * Math.Sin((at % 96 / 7.0) + (at / 96 / 5.0) + (i * 0.3))));
            }

            pictures.Add(frame);
        }

        try
        {
            AllocationSink sink = new(new DiscardingSink(), outputs);
            await VideoPipeline.Build(new Film(_format, pictures, count), stages, sink, channelCapacity: 3, _pool.LimitBytes).RunAsync(TestContext.Current.CancellationToken);
            Assert.Equal(outputs, sink.Frames);
            return sink.BytesPerFrame;
        }
        finally
        {
            pictures.ForEach(p => p.Dispose());
        }
    }

    private sealed class Film(VideoFormat format, IReadOnlyList<Frame> pictures, int count) : IFrameSource
    {
        public VideoFormat Format => format;

        public int HeldFrames => 0;

        public async IAsyncEnumerable<Frame> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            for (int i = 0; i < count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Frame frame = pictures[i % pictures.Count].Share();
                frame.Time = new Rational(i, 24);
                frame.SourceIndex = i;
                yield return frame;
            }
        }
    }
}
