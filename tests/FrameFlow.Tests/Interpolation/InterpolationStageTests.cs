using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
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

    [Fact]
    public async Task Process_Neighbours_AreOfTheSameShotOnly()
    {
        // A cut before frame 3: the pairs 0-1, 1-2, 3-4, 4-5, each with those beside it of its own shot.
        Assert.Equal([(0, false, true), (1, true, false), (3, false, true), (4, true, false)], await PairsAsync(new InterpolationOptions(), cut: 3));
    }

    [Fact]
    public async Task Process_PathsStraight_NoNeighbourIsShown()
    {
        Assert.Equal(Enumerable.Range(0, 5).Select(i => (i, false, false)), await PairsAsync(new InterpolationOptions { AsksNeighbours = false }, cut: null));
    }

    [Fact]
    public async Task Process_AcceleratedMotion_FollowsThePathAndPartsAgree()
    {
        using NativePool pool = new(1 << 28);
        double bent = await ErrorAsync(pool, new InterpolationOptions { Workers = 2 }, out List<byte[]> whole);
        double straight = await ErrorAsync(pool, new InterpolationOptions { AsksNeighbours = false }, out _);
        Assert.InRange(bent, 0, straight * 0.7); // 3.4 and 5.9 codes

        // Made in two parts, each from its own frames and one more on either side.
        for (int first = 0; first < whole.Count; first += 6)
        {
            List<byte[]> part = [];
            FrameRange outputs = new(first, Math.Min(first + 6, whole.Count));
            FrameRange inputs = Outputs.SourceFor(outputs).Widen(InterpolationStage.ReachOf(new InterpolationOptions()), MovingFrames);
            await RunMovingAsync(pool, new InterpolationOptions(), part, outputs, inputs);
            Assert.Equal(whole[(int)outputs.First..(int)outputs.End], part);
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    // The pairs of six frames that an interpolator is shown at twice the rate, each by its left frame, and whether with neighbours.
    private static async Task<List<(int Left, bool HasBefore, bool HasAfter)>> PairsAsync(InterpolationOptions options, int? cut)
    {
        using NativePool pool = new(1 << 24);
        FrameTimeline timeline = Some.Timeline(6);
        NeighbourRecorder seen = new();
        InterpolationStage stage = new(new OutputTimeline(timeline, 48, 1), timeline, seen, options, pool);
        await RunAsync(pool, stage, cut is { } index ? WithCutAt(pool, index, 6) : Some.Frames(pool, 6));
        Assert.Equal(0, pool.LiveBlocks);
        return seen.Pairs;
    }

    private const int MovingFrames = 6;

    private static FrameTimeline MovingTimes { get; } = Some.Timeline(MovingFrames);

    private static OutputTimeline Outputs { get; } = new(MovingTimes, 48, 1);

    private static VideoFormat MovingFormat { get; } = new() { Width = 160, Height = 96, PixelFormat = PixelFormat.Known["gray"] };

    // Root mean square distance from the truth of the frames made between the second and the last but one.
    private static Task<double> ErrorAsync(NativePool pool, InterpolationOptions options, out List<byte[]> frames)
    {
        List<byte[]> seen = frames = [];
        return MeasureAsync();

        async Task<double> MeasureAsync()
        {
            await RunMovingAsync(pool, options, seen, null, new FrameRange(0, MovingFrames));
            double sum = 0;
            int count = 0;
            for (int k = 3; k <= 7; k += 2)
            {
                byte[] truth = new byte[seen[k].Length];
                DrawMoving(truth, k / 2.0);
                for (int i = 0; i < truth.Length; i++)
                {
                    int x = i % MovingFormat.Width;
                    if (x is >= 40 and < 120)
                    {
                        sum += Math.Pow(truth[i] - seen[k][i], 2);
                        count++;
                    }
                }
            }

            return Math.Sqrt(sum / count);
        }
    }

    private static async Task RunMovingAsync(NativePool pool, InterpolationOptions options, List<byte[]> seen, FrameRange? outputs, FrameRange inputs)
    {
        using FlowInterpolator interpolator = new(new DenseInverseSearch(), MovingFormat, pool);
        InterpolationStage stage = new(Outputs, MovingTimes, interpolator, options, pool, outputs);
        await foreach (Frame frame in stage.ProcessAsync(MovingAsync(pool, inputs), default))
        {
            seen.Add(frame.Bytes.ToArray());
            frame.Dispose();
        }
    }

    private static async IAsyncEnumerable<Frame> MovingAsync(NativePool pool, FrameRange inputs)
    {
        FramePool frames = new(pool, MovingFormat);
        for (int i = (int)inputs.First; i < inputs.End; i++)
        {
            await Task.Yield();
            Frame frame = frames.Rent(new Rational(i, 24), i);
            DrawMoving(frame.Bytes, i);
            yield return frame;
        }
    }

    // A texture that slows down, turns and speeds up again.
    private static void DrawMoving(Span<byte> luma, double time)
    {
        double shift = 2 * (time - 2.5) * (time - 2.5);
        for (int i = 0; i < luma.Length; i++)
        {
            (double x, double y) = ((i % MovingFormat.Width) + shift, i / MovingFormat.Width);
            luma[i] = (byte)(128 + (40 * Math.Sin((0.31 * x) + (0.2 * y))) + (30 * Math.Sin((0.13 * x) - (0.37 * y))) + (20 * Math.Sin((0.53 * x) + (0.11 * y))));
        }
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

    private static async IAsyncEnumerable<Frame> WithCutAt(NativePool pool, int index, int count = 4)
    {
        await foreach (Frame frame in Some.Frames(pool, count))
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

    private sealed class NeighbourRecorder : IFrameInterpolator
    {
        public List<(int Left, bool HasBefore, bool HasAfter)> Pairs { get; } = [];

        public string Name => "recorder";

        public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
        {
            Assert.Equal(1 / 24.0, pair.Pair.Seconds, 1e-9);
            Assert.Equal(pair.Pair.Left.Frame.SourceIndex + 1, pair.Pair.Right.Frame.SourceIndex);
            Pairs.Add(((int)pair.Pair.Left.Frame.SourceIndex, pair.Before is not null, pair.After is not null));
        }

        public void Dispose()
        {
        }
    }

    private sealed class DoubtfulInterpolator : IFrameInterpolator
    {
        public string Name => "doubtful";

        public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
        {
            foreach (InterpolationRequest request in requests)
            {
                request.Target.Bytes.Fill(99);
                request.Target.ExpectedError = pair.Pair.Left.Frame.SourceIndex == 1 ? 0.2f : 0.05f;
            }
        }

        public void Dispose()
        {
        }
    }

    private sealed class FaultyInterpolator(Exception fault) : IFrameInterpolator
    {
        public string Name => "faulty";

        public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
        {
            if (pair.Pair.Left.Frame.SourceIndex == 4)
            {
                throw fault;
            }
        }

        public void Dispose()
        {
        }
    }
}
