using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

public sealed class InterpolationStageTests : FrameStageContract
{
    internal override IFrameStage CreateStage(NativePool pool, int frames) => Create(pool, frames, new BlendInterpolator(), 60, 2);

    internal override long ExpectedFrames(int frames) => new Rational(frames * 60, 24).Ceiling();

    [Fact]
    public async Task Process_TwentyFourToSixty_RealFramesStandInPlace()
    {
        using NativePool pool = new(1 << 24);
        List<(bool Generated, byte Value)> seen = await RunAsync(pool, Create(pool, 6, new BlendInterpolator(), 60, 3), Some.Frames(pool, 6));

        // Every fifth output is every second source frame; between them the blend goes evenly (5 codes a frame, 2 a step).
        Assert.Equal(15, seen.Count);
        Assert.Equal(new byte[] { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 25, 25 }, seen.Select(s => s.Value));
        Assert.Equal([0, 5, 10, 13, 14], Enumerable.Range(0, 15).Where(i => !seen[i].Generated));
    }

    [Fact]
    public async Task Process_SceneCut_HoldsTheOldSceneUntilTheNewOne()
    {
        using NativePool pool = new(1 << 24);
        List<(bool Generated, byte Value)> seen = await RunAsync(pool, Create(pool, 4, new BlendInterpolator(), 60, 1), WithCutAt(pool, 2));

        // Frames at 0, 2.5, 5, 7.5 sixtieths: between the second and the third nothing is mixed.
        Assert.Equal(new byte[] { 0, 2, 4, 5, 5, 10, 12, 14, 15, 15 }, seen.Select(s => s.Value));
    }

    [Fact]
    public async Task Process_SixtyToTwentyFour_TakesSourceFramesWhereTheyCoincide()
    {
        using NativePool pool = new(1 << 24);
        FrameTimeline timeline = Some.Timeline(11, 60);
        InterpolationStage stage = new(new OutputTimeline(timeline, 24, 1), timeline, new BlendInterpolator(), new InterpolationOptions(), pool);
        List<(bool Generated, byte Value)> seen = await RunAsync(pool, stage, Some.Frames(pool, 11));

        // Outputs at 0, 2.5, 5, 7.5, 10 source frames.
        Assert.Equal([false, true, false, true, false], seen.Select(s => s.Generated));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Process_ModelThrows_FaultComesThroughAndNothingLeaks()
    {
        using NativePool pool = new(1 << 24);
        FrameFlowException fault = new(FaultKind.Device, "the device is gone");
        InterpolationStage stage = Create(pool, 10, new FaultyInterpolator(fault), 60, 2);
        FrameFlowException seen = await Assert.ThrowsAsync<FrameFlowException>(() => RunAsync(pool, stage, Some.Frames(pool, 10)));
        Assert.Same(fault, seen);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Process_ModelExpectsShreds_TheNearerSourceFrameStands(bool fallBack)
    {
        using NativePool pool = new(1 << 24);
        FrameTimeline timeline = Some.Timeline(4);
        InterpolationStage stage = new(new OutputTimeline(timeline, 60, 1), timeline, new DoubtfulInterpolator(), new InterpolationOptions { FallBack = fallBack }, pool);
        List<(bool Generated, byte Value)> seen = await RunAsync(pool, stage, Some.Frames(pool, 4));

        // Frames at 0, 2.5, 5, 7.5 sixtieths, of values 0, 5, 10, 15; what is made is 99, and not trusted between the second and the third.
        byte[] made = [0, 99, 99, 99, 99, 10, 99, 99, 15, 15];
        byte[] shown = [0, 99, 99, 5, 10, 10, 99, 99, 15, 15];
        Assert.Equal(fallBack ? shown : made, seen.Select(s => s.Value));
        Assert.Equal(fallBack ? 2 : 0, stage.FellBackFrames);
        Assert.Equal(fallBack ? 4 : 6, stage.GeneratedFrames);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Process_RepeatedFrame_StandsWithoutTheModel(bool bypassStatic)
    {
        using NativePool pool = new(1 << 24);
        FrameTimeline timeline = Some.Timeline(4);
        InterpolationOptions options = new() { BypassStatic = bypassStatic, FallBack = false };
        InterpolationStage stage = new(new OutputTimeline(timeline, 60, 1), timeline, new DoubtfulInterpolator(), options, pool);
        List<(bool Generated, byte Value)> seen = await RunAsync(pool, stage, WithRepeatOf(pool, 1));

        // Frames at 0, 2.5, 5, 7.5 sixtieths, of values 0, 5, 5, 15; what is made is 99.
        byte[] made = [0, 99, 99, 99, 99, 5, 99, 99, 15, 15];
        byte[] shown = [0, 99, 99, 5, 5, 5, 99, 99, 15, 15];
        Assert.Equal(bypassStatic ? shown : made, seen.Select(s => s.Value));
        Assert.Equal(bypassStatic ? 2 : 0, stage.BypassedFrames);
        Assert.Equal(bypassStatic ? 4 : 6, stage.GeneratedFrames);
        Assert.Equal(0, pool.LiveBlocks);
    }

    private static InterpolationStage Create(NativePool pool, int frames, IFrameInterpolator interpolator, Rational rate, int workers)
    {
        FrameTimeline timeline = Some.Timeline(frames);
        return new InterpolationStage(new OutputTimeline(timeline, rate, 1), timeline, interpolator, new InterpolationOptions { Workers = workers }, pool);
    }

    private static async Task<List<(bool Generated, byte Value)>> RunAsync(NativePool pool, InterpolationStage stage, IAsyncEnumerable<Frame> frames)
    {
        List<(bool, byte)> seen = [];
        await foreach (Frame frame in stage.ProcessAsync(frames, default))
        {
            seen.Add((frame.Work.HasFlag(FrameWork.Interpolated), frame.Bytes[0]));
            frame.Dispose();
        }

        return seen;
    }

    private static async IAsyncEnumerable<Frame> WithCutAt(NativePool pool, int index)
    {
        await foreach (Frame frame in Some.Frames(pool, 4))
        {
            frame.IsSceneStart = frame.SourceIndex == index;
            yield return frame;
        }
    }

    private static async IAsyncEnumerable<Frame> WithRepeatOf(NativePool pool, int index)
    {
        await foreach (Frame frame in Some.Frames(pool, 4))
        {
            if (frame.SourceIndex == index + 1)
            {
                frame.Bytes.Fill((byte)(index * 5));
            }

            yield return frame;
        }
    }

    private sealed class DoubtfulInterpolator : IFrameInterpolator
    {
        public string Name => "doubtful";

        public void Interpolate(Frame left, Frame right, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
        {
            foreach (InterpolationRequest request in requests)
            {
                request.Target.Bytes.Fill(99);
                request.Target.ExpectedError = left.SourceIndex == 1 ? 0.2f : 0.05f;
            }
        }

        public void Dispose()
        {
        }
    }

    private sealed class FaultyInterpolator(Exception fault) : IFrameInterpolator
    {
        public string Name => "faulty";

        public void Interpolate(Frame left, Frame right, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
        {
            if (left.SourceIndex == 4)
            {
                throw fault;
            }
        }

        public void Dispose()
        {
        }
    }
}
