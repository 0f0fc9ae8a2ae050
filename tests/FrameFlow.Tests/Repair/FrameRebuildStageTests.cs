using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair;
using FrameFlow.SceneCuts;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair;

public sealed class FrameRebuildStageTests : FrameStageContract
{
    internal override IFrameStage CreateStage(NativePool pool, int frames) =>
        Create(pool, RebuildPlan.Create(Some.Timeline(frames), true, RebuildPlanTests.Selected(frames > 15 ? "0,3,7-15,auto" : "auto")), Some.Format);

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_NamedFrames_AreMadeInPlaceFromThoseAround()
    {
        List<Seen> seen = await RunFlatAsync(Some.Timeline(20), "3,5-7,6-8", Enumerable.Range(0, 20));
        Assert.Equal(20, seen.Count);
        Assert.Equal([3, 5, 6, 7, 8], seen.Where(s => s.Work.HasFlag(FrameWork.Rebuilt)).Select(s => (int)s.Source));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (byte)(i * 5)), seen.Select(s => s.First)); // values run evenly, so a blend gives the lost ones
        Assert.Equal([0.5, 0.2, 0.4, 0.6, 0.8], seen.Where(s => s.Position > 0).Select(s => Math.Round(s.Position, 6)));
    }

    [Fact]
    public async Task Process_MissingTimes_GrowByExactlyThese()
    {
        int[] present = [0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 15];
        List<Seen> seen = await RunFlatAsync(RebuildPlanTests.At([.. present.Select(i => (long)i)]), "", present);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => new Rational(i, 24)), seen.Select(s => s.Time));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (byte)(i * 5)), seen.Select(s => s.First));
        Assert.Equal([3, 4, 5, 9], Enumerable.Range(0, 16).Where(i => seen[i].Work.HasFlag(FrameWork.Rebuilt)));

        // A frame in a gap stands right of the source frame that it says.
        Assert.Equal([0L, 1, 2, 2, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11], seen.Select(s => s.Source));
    }

    [Fact]
    public async Task Process_FilmsEnds_AreCarriedOnThenHeld()
    {
        using Film film = new();
        Counted counted = await film.RunAsync(Enumerable.Range(0, 12).Select(i => (0, 2.0 * i)), "0-3,9-11", new BlendInterpolator());
        Assert.Equal((0, 4, 3), (counted.Rebuilt, counted.Extrapolated, counted.Held));
        Assert.Equal([FrameWork.Held, FrameWork.Held, FrameWork.Rebuilt, FrameWork.Rebuilt], counted.Frames[..4].Select(f => f.Work & (FrameWork.Held | FrameWork.Rebuilt)));
        Assert.Equal([FrameWork.Rebuilt, FrameWork.Rebuilt, FrameWork.Held], counted.Frames[9..].Select(f => f.Work & (FrameWork.Held | FrameWork.Rebuilt)));

        // The texture slides by 2 px a frame: what is carried on is nearer to the truth than the frame that it comes from.
        foreach (int at in (int[])[2, 3, 9, 10])
        {
            int anchor = at < 6 ? 4 : 8;
            double made = Film.Distance(counted.Frames[at].Luma, 0, 2.0 * at);
            double held = Film.Distance(counted.Frames[anchor].Luma, 0, 2.0 * at);
            Assert.True(made < 0.35 * held, $"frame {at}: {made} against {held}");
        }

        Assert.Single(counted.Told, t => t.Contains("nothing stands before", StringComparison.Ordinal));
        Assert.Single(counted.Told, t => t.Contains("nothing stands behind", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    public async Task Process_ACutInTheHole_IsFoundAndNothingIsMixed(int first)
    {
        // Scene 0 up to frame 5, scene 1 from 6 on; named frames 2..5 + something show which side they belong to.
        using Film film = new();
        List<(int Scene, double Shift)> shots = [.. Enumerable.Range(0, 16).Select(i => (i < 7 ? 0 : 1, 2.0 * i))];
        int end = first == 2 ? 10 : 12;
        string named = first == 2 ? "3-9" : "5-12";
        Counted counted = await film.RunAsync(shots, named, new BlendInterpolator());
        Assert.Equal(0, counted.Rebuilt);
        Assert.True(counted.Extrapolated > 0 && counted.Held > 0);
        Assert.Equal([7], Enumerable.Range(0, 16).Where(i => counted.Frames[i].IsSceneStart));
        for (int i = 0; i < 16; i++)
        {
            (int scene, double shift) = shots[i];
            Assert.True(Film.Distance(counted.Frames[i].Luma, scene, shift) < Film.Distance(counted.Frames[i].Luma, 1 - scene, shift), $"frame {i} of {first}..{end}");
        }
    }

    [Theory]
    [InlineData("auto", true)]
    [InlineData("black", true)]
    [InlineData("corrupt", false)]
    public async Task Process_BlackFrames_AreFoundBetweenPicturesOfOneScene(string frames, bool found)
    {
        using Film film = new();
        List<(int, double)> shots = [.. Enumerable.Range(0, 40).Select(i => (i is 12 or 20 or 21 or 22 ? Film.Black : 0, 2.0 * i))];
        Counted counted = await film.RunAsync(shots, frames, new FlowInterpolator(new DenseInverseSearch(), Film.Format, film.Pool));
        Assert.Equal(found ? [12, 20, 21, 22] : [], counted.Indices(FrameWork.Rebuilt));
        Assert.DoesNotContain(counted.Frames, f => f.IsSceneStart && found);
    }

    [Fact]
    public async Task Process_BlackTitleFadeOrCut_IsContent()
    {
        using Film film = new();

        // Black for longer than a fault lasts; then a dip to black through darker frames; then black between two scenes; black at the end.
        List<(int Scene, double Shift)> shots =
        [
            .. Enumerable.Range(0, 10).Select(i => (0, 2.0 * i)),
            .. Enumerable.Repeat((Film.Black, 0.0), FaultFinder.LongestRun + 4),
            .. Enumerable.Range(0, 12).Select(i => (0, 2.0 * i)),
            .. Enumerable.Range(1, 5).Select(i => (Film.Dimmed + i, 2.0 * i)),
            (Film.Black, 0), (Film.Black, 0),
            .. Enumerable.Range(1, 5).Select(i => (Film.Dimmed + 6 - i, 2.0 * i)),
            .. Enumerable.Range(0, 6).Select(i => (0, 2.0 * i)),
            (Film.Black, 0), (Film.Black, 0),
            .. Enumerable.Range(0, 8).Select(i => (1, 2.0 * i)),
            (Film.Black, 0),
        ];
        Counted counted = await film.RunAsync(shots, "auto", new BlendInterpolator());
        Assert.Equal((0, 0, 0), (counted.Rebuilt, counted.Extrapolated, counted.Held));

        // The first is said: whoever knows better names the frames. The fade, the cut and the end are nobody's fault.
        Assert.StartsWith("Black or frozen for more than 16 frames from 0.417 s (frame 10)", Assert.Single(counted.Told), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Process_FrozenForLong_IsLeftAndSaidOnceOverTheParts()
    {
        using Film film = new();
        List<(int, double)> shots = [.. Enumerable.Range(0, 60).Select(i => (0, 4.0 * (i < 15 ? i : i < 40 ? 14 : i - 25)))];
        List<string> told = [];
        for (int first = 0; first < 60; first += 20)
        {
            Counted counted = await film.RunAsync(shots, "frozen", new BlendInterpolator(), part: new FrameRange(first, first + 20));
            Assert.Equal(0, counted.Rebuilt);
            told.AddRange(counted.Told);
        }

        Assert.Contains("(frame 15)", Assert.Single(told), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Process_Garbage_IsFoundAndAFlashIsNot()
    {
        using Film film = new();
        List<(int, double)> shots = [.. Enumerable.Range(0, 60).Select(i => (i is 10 or 11 ? 7 + i : i is 30 ? Film.White : i < 45 ? 0 : 1, 2.0 * i))];
        Counted counted = await film.RunAsync(shots, "auto", new BlendInterpolator());
        Assert.Equal([10, 11], counted.Indices(FrameWork.Rebuilt));
    }

    [Fact]
    public async Task Process_DamageThatTheDecoderReports_IsFoundUpToTheFrameThatPutsItRight()
    {
        // From frame 20 a corner shows what it should not, until the key frame at 27; the decoder complained of 19 to 22.
        using Film film = new();
        List<(int, double)> shots = [.. Enumerable.Range(0, 50).Select(i => (0, 2.0 * i))];
        (Rational, Rational)[] damaged = [(new Rational(19, 24), new Rational(22, 24))];
        Assert.Empty((await film.RunAsync(shots, "auto", new BlendInterpolator(), spoiltCorner: new FrameRange(20, 27))).Indices(FrameWork.Rebuilt));
        Assert.Empty((await film.RunAsync(shots, "auto", new BlendInterpolator(), damaged: damaged)).Indices(FrameWork.Rebuilt));
        Counted counted = await film.RunAsync(shots, "auto", new BlendInterpolator(), damaged: damaged, spoiltCorner: new FrameRange(20, 27));
        Assert.Equal([20, 21, 22, 23, 24, 25, 26], counted.Indices(FrameWork.Rebuilt));
    }

    [Theory]
    [InlineData("auto", false, 0)]
    [InlineData("frozen", false, 3)]
    [InlineData("", true, 4)]
    public async Task Process_RepeatedFrames_AreMadeAnewOnlyWhenAsked(string frames, bool duplicates, int expected)
    {
        // One repeat at 8, three at 20; from 30 on the picture stands still, which is content.
        using Film film = new();
        double[] shifts = [.. Enumerable.Range(0, 40).Select(i => i == 8 ? 7 : i is > 20 and <= 23 ? 20 : Math.Min(i, 30)).Select(i => 3.0 * i)];
        Counted counted = await film.RunAsync(shifts.Select(s => (0, s)), frames, new FlowInterpolator(new DenseInverseSearch(), Film.Format, film.Pool), duplicates);
        Assert.Equal(expected, counted.Rebuilt);
        Assert.Equal(expected switch { 0 => [], 3 => [21, 22, 23], _ => [8, 21, 22, 23] }, counted.Indices(FrameWork.Rebuilt));
    }

    [Fact]
    public async Task Process_TooLongAHole_IsHeldFromBothSides()
    {
        int last = RebuildPlan.LongestHole + 10;
        List<Seen> seen = await RunFlatAsync(Some.Timeline(last + 5), $"5-{last}", Enumerable.Range(0, last + 5).Select(i => i % 50));
        Assert.All(seen[5..(last + 1)], s => Assert.True(s.Work.HasFlag(FrameWork.Held)));
        Assert.Equal(seen[4].First, seen[5].First);
        Assert.Equal(seen[last + 1].First, seen[last].First);
        Assert.Equal(2, seen[4..(last + 2)].Select(s => s.First).Distinct().Count());
    }

    [Theory]
    [InlineData("4,9-20,33-34", false)]
    [InlineData("4,9-20,auto,frozen", true)]
    public async Task Process_InParts_GivesTheFramesOfTheWhole(string frames, bool duplicates)
    {
        using Film film = new();
        List<(int, double)> shots = [.. Enumerable.Range(0, 130).Select(i => (i is 28 or 29 or 70 ? Film.Black : i < 100 ? 0 : 1, 2.0 * (i == 50 ? 49 : i)))];
        IFrameInterpolator interpolator = new FlowInterpolator(new DenseInverseSearch(), Film.Format, film.Pool);
        Counted whole = await film.RunAsync(shots, frames, interpolator, duplicates);
        List<byte[]> parts = [];
        foreach (FrameRange part in (FrameRange[])[new(0, 12), new(12, 18), new(18, 29), new(29, 71), new(71, 130)])
        {
            parts.AddRange((await film.RunAsync(shots, frames, interpolator, duplicates, part)).Frames.Select(f => f.Luma));
        }

        Assert.Equal(130, parts.Count);
        for (int i = 0; i < 130; i++)
        {
            Assert.True(whole.Frames[i].Luma.AsSpan().SequenceEqual(parts[i]), $"frame {i}");
        }
    }

    [Fact]
    public async Task Process_MoreFramesThanAtOnce_TakesTheMiddleFirst()
    {
        List<Seen> seen = await RunFlatAsync(Some.Timeline(30), "5-19", Enumerable.Range(0, 30));
        Assert.Equal(15, seen.Count(s => s.Work.HasFlag(FrameWork.Rebuilt)));

        // Blends of blends may be a code off.
        Assert.All(Enumerable.Range(0, 30), i => Assert.InRange(seen[i].First - (i * 5), -1, 1));
    }

    private static FrameRebuildStage Create(NativePool pool, RebuildPlan plan, VideoFormat format) =>
        new(plan, new BlendInterpolator(), new DenseInverseSearch(), format, new RebuildOptions { FindCuts = false }, pool);

    // Frames filled with five times a number each.
    private static async Task<List<Seen>> RunFlatAsync(FrameTimeline times, string frames, IEnumerable<int> numbers)
    {
        using NativePool pool = new(1 << 26);
        RebuildPlan plan = RebuildPlan.Create(times, true, RebuildPlanTests.Selected(frames));
        List<Seen> seen = [];
        await foreach (Frame frame in Create(pool, plan, Some.Format).ProcessAsync(Frames(), default))
        {
            seen.Add(new Seen(frame.Time, frame.SourceIndex, frame.Work, frame.Position, frame.Bytes[0]));
            frame.Dispose();
        }

        Assert.Equal(0, pool.LiveBlocks);
        return seen;

        async IAsyncEnumerable<Frame> Frames()
        {
            FramePool lent = new(pool, Some.Format);
            int i = 0;
            foreach (int number in numbers)
            {
                await Task.Yield();
                Frame frame = lent.Rent(times[i], i);
                frame.Bytes.Fill((byte)(number * 5));
                i++;
                yield return frame;
            }
        }
    }

    private sealed record Seen(Rational Time, long Source, FrameWork Work, double Position, byte First);

    private sealed record Made(FrameWork Work, bool IsSceneStart, byte[] Luma);

    private sealed record Counted(int Rebuilt, int Extrapolated, int Held, List<Made> Frames, List<string> Told)
    {
        public IEnumerable<int> Indices(FrameWork work) => Enumerable.Range(0, Frames.Count).Where(i => Frames[i].Work.HasFlag(work));
    }

    /// <summary>A drawn film: textures that slide, by scene.</summary>
    private sealed class Film : IDisposable
    {
        public const int Black = -1;
        public const int White = -2;
        public const int Dimmed = 1000;

        public static VideoFormat Format { get; } = new() { Width = 192, Height = 144, PixelFormat = PixelFormat.Known["yuv420p"] };

        public NativePool Pool { get; } = new(1 << 28);

        public void Dispose()
        {
            Assert.Equal(0, Pool.LiveBlocks);
            Pool.Dispose();
        }

        /// <summary>Root mean square distance of a luma plane from the truth, away from the borders.</summary>
        public static double Distance(byte[] luma, int scene, double shift)
        {
            double sum = 0;
            int count = 0;
            for (int y = 24; y < Format.Height - 24; y++)
            {
                for (int x = 24; x < Format.Width - 24; x++)
                {
                    double d = luma[(y * Format.Width) + x] - Value(scene, x + shift, y);
                    sum += d * d;
                    count++;
                }
            }

            return Math.Sqrt(sum / count);
        }

        /// <summary>Runs the stage behind the one that finds cuts, as a job does.</summary>
        public async Task<Counted> RunAsync(IEnumerable<(int Scene, double Shift)> shots, string frames, IFrameInterpolator interpolator, bool duplicates = false, FrameRange? part = null, (Rational, Rational)[]? damaged = null, FrameRange? spoiltCorner = null)
        {
            (int Scene, double Shift)[] all = [.. shots];
            FrameSelection selection = RebuildPlanTests.Selected(frames);
            RebuildPlan plan = RebuildPlan.Create(Some.Timeline(all.Length), true, duplicates ? selection.With(FrameFaults.Repeated) : selection);
            FrameRange inputs = plan.InputFor(part ?? new FrameRange(0, all.Length));
            List<string> told = [];
            FrameRebuildStage stage = new(plan, interpolator, new DenseInverseSearch(), Format, new RebuildOptions { Grain = false, Damaged = damaged ?? [] }, Pool, part, tell: told.Add);
            List<Made> made = [];

            // Cuts are found on the whole film, as for segments.
            SceneCutStage cuts = new(new SceneCutOptions());
            await foreach (Frame frame in stage.ProcessAsync(Part(cuts.ProcessAsync(Draw(), default)), default))
            {
                made.Add(new Made(frame.Work, frame.IsSceneStart, frame.Plane<byte>(0).ToArray()));
                frame.Dispose();
            }

            return new Counted((int)stage.RebuiltFrames, (int)stage.ExtrapolatedFrames, (int)stage.HeldOutputs, made, told);

            async IAsyncEnumerable<Frame> Part(IAsyncEnumerable<Frame> film)
            {
                await foreach (Frame frame in film)
                {
                    if (frame.SourceIndex < inputs.First || frame.SourceIndex >= inputs.End)
                    {
                        frame.Dispose();
                        continue;
                    }

                    yield return frame;
                }
            }

            async IAsyncEnumerable<Frame> Draw()
            {
                FramePool lent = new(Pool, Format);
                for (int i = 0; i < all.Length; i++)
                {
                    await Task.Yield();
                    Frame frame = lent.Rent(new Rational(i, 24), i);
                    frame.Bytes.Fill(128);
                    Span<byte> luma = frame.Plane<byte>(0);
                    for (int p = 0; p < luma.Length; p++)
                    {
                        bool isSpoilt = i >= spoiltCorner?.First && i < spoiltCorner?.End && p % Format.Width < 48 && p / Format.Width < 36;
                        luma[p] = (byte)Math.Round(Value(isSpoilt ? 3 : all[i].Scene, (p % Format.Width) + all[i].Shift, p / Format.Width));
                    }

                    yield return frame;
                }
            }
        }

        private static double Value(int scene, double x, double y)
        {
            switch (scene)
            {
                case Black:
                    return 16;
                case White:
                    return 235;
                case > Dimmed:
                    return 16 + ((Value(0, x, y) - 16) * (Dimmed + 6 - scene) / 6);
                default:
                    double a = 0.07 + (0.011 * (scene % 5));
                    double b = 0.05 + (0.017 * (scene % 3));
                    return 120 + (45 * Math.Sin((a * x) + (2 * Math.Sin((b * y) + scene)))) + (35 * Math.Sin((0.13 * y) + (0.04 * x) + (3 * scene))) + (12 * Math.Sin((0.41 * x) + (0.33 * y) + scene));
            }
        }
    }
}
