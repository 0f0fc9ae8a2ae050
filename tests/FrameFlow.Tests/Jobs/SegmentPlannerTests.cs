using FrameFlow.Jobs;
using FrameFlow.Media;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Jobs;

public sealed class SegmentPlannerTests
{
    private static readonly Arbitrary<(int Frames, int Target, long[] Cuts)> Films =
        (from frames in Gen.Choose(1, 3000)
         from target in Gen.Choose(1, 400)
         from cuts in Gen.Choose(0, 3200).ListOf()
         select (frames, target, cuts.Distinct().Order().Select(c => (long)c).ToArray())).ToArbitrary();

    [Fact]
    public void Plan_AnyFilm_CoversEveryFrameOnce() => Prop.ForAll(Films, film =>
    {
        IReadOnlyList<FrameRange> segments = SegmentPlanner.Plan(film.Frames, film.Target, film.Cuts);
        return segments[0].First == 0 && segments[^1].End == film.Frames
            && segments.All(s => s.Count > 0) && segments.Zip(segments.Skip(1)).All(p => p.First.End == p.Second.First);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Plan_AnyFilm_KeepsSegmentsNearTheTarget() => Prop.ForAll(Films, film =>
    {
        IReadOnlyList<FrameRange> segments = SegmentPlanner.Plan(film.Frames, film.Target, film.Cuts);
        return segments.All(s => s.Count <= film.Target + ((film.Target + 1) / 2))
            && segments.SkipLast(1).All(s => s.Count >= (film.Target + 1) / 2);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Plan_AnyFilm_CutsAwayFromSceneStartsOnlyWhereNoneIsNear() => Prop.ForAll(Films, film =>
    {
        IReadOnlyList<FrameRange> segments = SegmentPlanner.Plan(film.Frames, film.Target, film.Cuts);
        int half = film.Target / 2;
        return segments.SkipLast(1).All(s => film.Cuts.Contains(s.End)
            || !film.Cuts.Any(c => c >= s.First + ((film.Target + 1) / 2) && c <= s.First + film.Target + half && c < film.Frames));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Plan_CutNearTheTarget_EndsThere() =>
        Assert.Equal([new(0, 90), new(90, 200), new(200, 300)], SegmentPlanner.Plan(300, 100, [20, 90, 135, 200]));
}
