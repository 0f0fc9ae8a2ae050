using FrameFlow.Media;
using FrameFlow.Repair;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair;

public sealed class RebuildPlanTests
{
    [Fact]
    public void Create_MissingTimes_AreAddedAndNothingElse()
    {
        // An image sequence whose numbers 3, 4 and 8 are missing.
        RebuildPlan plan = RebuildPlan.Create(At(0, 1, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14), true, FrameSelection.None);
        Assert.Equal(3, plan.Added);
        Assert.Equal(15, plan.Output.Count);
        Assert.True(plan.Output.IsEven);
        Assert.Equal(Enumerable.Range(0, 15).Select(i => new Rational(i, 24)), Enumerable.Range(0, 15).Select(i => plan.Output[i]));
        Assert.Equal([0L, 1, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15], Enumerable.Range(0, 13).Select(i => plan.PlaceOf(i)));
        Assert.Equal([0L, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11], Enumerable.Range(0, 15).Select(i => plan.FrameAt(i)));
    }

    [Fact]
    public void Create_EveryOtherStepAGap_IsStillTheGridItWasDroppedFrom()
    {
        // Too many gaps to call the stream constant-rate; the times are those of 24 fps all the same.
        FrameTimeline holed = At(0, 1, 3, 4, 6, 7, 8, 10, 11, 13);
        Assert.Null(holed.ConstantRate);
        RebuildPlan plan = RebuildPlan.Create(holed, true, FrameSelection.None);
        Assert.Equal(4, plan.Added);
        Assert.Equal(14, plan.Output.Count);
    }

    [Fact]
    public void Create_TimesOnNoGrid_AreLeftAsTheyAre()
    {
        FrameTimeline uneven = FrameTimeline.FromTicks([0, 31, 70, 99, 140, 163, 201], new Rational(1, 1000), null);
        RebuildPlan plan = RebuildPlan.Create(uneven, true, FrameSelection.None);
        Assert.True(plan.IsEmpty);
        Assert.Same(uneven, plan.Output);
    }

    [Fact]
    public void Create_GapsOff_KeepsTheTimes()
    {
        FrameTimeline holed = At(0, 1, 2, 5, 6, 7, 8, 9);
        Assert.Same(holed, RebuildPlan.Create(holed, false, FrameSelection.None).Output);
    }

    [Theory]
    [InlineData("12", "frame 12, but what is read has 12, counted from 0 to 11")]
    [InlineData("3,9-40", "frame 12, but what is read has 12")]
    [InlineData("0-11", "all 12 frames")]
    public void Create_FramesThatCannotBe_AreRefused(string frames, string words)
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => RebuildPlan.Create(Some.Timeline(12), true, Selected(frames)));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InputFor_APart_ReachesTheAnchorsAndTheFramesBesideThem()
    {
        RebuildPlan plan = RebuildPlan.Create(Some.Timeline(40), true, Selected("10-14,20"));
        Assert.Equal(new FrameRange(8, 17), plan.InputFor(new FrameRange(12, 13)));
        Assert.Equal(new FrameRange(8, 17), plan.InputFor(new FrameRange(10, 15)));
        Assert.Equal(new FrameRange(2, 8), plan.InputFor(new FrameRange(3, 7)));
        Assert.Equal(new FrameRange(0, 40), plan.InputFor(new FrameRange(0, 40)));

        // One good frame between two holes is the anchor of both, and no other stands beside it.
        RebuildPlan near = RebuildPlan.Create(Some.Timeline(40), true, Selected("10,12"));
        Assert.Equal(new FrameRange(8, 12), near.InputFor(new FrameRange(10, 11)));
    }

    [Fact]
    public void InputFor_APartThatEndsInAGap_ReachesBeyondIt()
    {
        RebuildPlan plan = RebuildPlan.Create(At(0, 1, 2, 3, 8, 9, 10, 11, 12), true, FrameSelection.None);
        Assert.Equal(new FrameRange(2, 6), plan.InputFor(new FrameRange(3, 6)));
        Assert.Equal(new FrameRange(2, 6), plan.InputFor(new FrameRange(5, 7)));
    }

    internal static FrameTimeline At(params long[] ticks) => FrameTimeline.FromTicks(ticks, new Rational(1, 24), null, new Rational(24));

    internal static FrameSelection Selected(string frames) => FrameSelection.TryParse(frames, out FrameSelection selection, out string? fault)
        ? selection
        : throw new ArgumentException(fault, nameof(frames));
}
