using FrameFlow.Interpolation;
using FrameFlow.Media;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Interpolation;

public sealed class OutputTimelineTests
{
    private static readonly Rational[] Rates = [60, new(60000, 1001), 24, new(24000, 1001), 50, 120, new(7, 3), 1000];
    private static readonly Rational[] TimeBases = [new(1, 1000), new(1, 90000), new(1, 600), new(1, 30), new(1001, 30000)];

    [Theory]
    [InlineData("24000/1001", 48, "60000/1001", 120)]
    [InlineData("24000/1001", 48, "60", 121)]
    [InlineData("24", 48, "60", 120)]
    [InlineData("25", 38, "50", 76)]
    [InlineData("25", 38, "60", 92)]
    [InlineData("30000/1001", 30, "60", 61)]
    [InlineData("60", 60, "24", 24)]
    [InlineData("24", 1, "60", 3)]
    [InlineData("60", 1, "24", 1)]
    public void Count_ConstantRates_IsTheCeilingOfDurationTimesRate(string source, int frames, string target, long expected)
    {
        Assert.True(Rational.TryParse(source, out Rational rate) & Rational.TryParse(target, out Rational output));
        FrameTimeline timeline = FrameTimeline.FromTicks([.. Enumerable.Range(0, frames).Select(i => (long)i)], rate.Inverse, null, rate);
        Assert.Equal(expected, new OutputTimeline(timeline, output, 1).Count);
    }

    [Fact]
    public void At_AnyVariableRate_IsMonotoneCoversAndLiesBetweenItsFrames() => Prop.ForAll(
        (from steps in Gen.Choose(1, 60).ListOf(25)
         from timeBase in Gen.Elements(TimeBases)
         from rate in Gen.Elements(Rates)
         from slow in Gen.Elements(new Rational(1), new Rational(5, 2), new Rational(1, 3))
         from start in Gen.Choose(-100, 100)
         select (steps, timeBase, rate, slow, start)).ToArbitrary(),
        film =>
        {
            long tick = film.start;
            FrameTimeline source = FrameTimeline.FromTicks([tick, .. film.steps.Select(s => tick += s)], film.timeBase, null);
            OutputTimeline output = new(source, film.rate, film.slow);
            Rational stretched = source.Duration * film.slow;
            bool count = (output.Count - 1) / film.rate < stretched && output.Count / film.rate >= stretched;
            bool good = count && output.At(0) == new OutputPosition(0, 0, 0) && output.TimeOf(0) == source.First;
            int left = 0;
            for (long k = 0; good && k < output.Count; k++)
            {
                OutputPosition at = output.At(k);
                Rational time = source.First + (k / film.rate / film.slow);
                good = at.Left >= left
                    && output.TimeOf(k) == source.First + (k / film.rate)
                    && (at.IsSource
                        ? source.IsAt(at.Left, time) || at.Left == source.Count - 1 || source[at.Left + 1] - source[at.Left] > OutputTimeline.LongestBridge
                        : at.Right == at.Left + 1 && at.Position is > 0 and < 1 && source[at.Left] < time && time < source[at.Right]);
                left = at.Left;
            }

            return good;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void At_SameRate_IsTheSourceFrameForFrame()
    {
        foreach (Rational rate in Rates)
        {
            FrameTimeline source = FrameTimeline.FromTicks([.. Enumerable.Range(0, 100).Select(i => (i / rate * 90000).Floor())], new Rational(1, 90000), null, rate);
            OutputTimeline output = new(source, rate, 1);
            Assert.Equal(100, output.Count);
            for (int k = 0; k < 100; k++)
            {
                Assert.Equal(new OutputPosition(k, k, 0), output.At(k));
            }
        }
    }

    [Fact]
    public void At_LongGap_HoldsTheFrameBeforeIt()
    {
        FrameTimeline source = FrameTimeline.FromTicks([0, 1, 2, 62, 63], new Rational(1, 60), null, new Rational(60));
        OutputTimeline output = new(source, 120, 1);
        Assert.Equal(new OutputPosition(2, 2, 0), output.At(60));
        Assert.Equal(new OutputPosition(3, 3, 0), output.At(124));
        Assert.Equal(128, output.Count);
    }

    [Theory]
    [InlineData("60", "60", false)]
    [InlineData("59.94", "60000/1001", false)]
    [InlineData("23.976", "24000/1001", false)]
    [InlineData("12.5", "25/2", false)]
    [InlineData("x2", "2", true)]
    [InlineData("x2.5", "5/2", true)]
    public void TargetRate_WhatPeopleWrite_IsWhatTheyMean(string text, string expected, bool isMultiple)
    {
        Assert.True(TargetRate.TryParse(text, out TargetRate rate));
        Assert.Equal(expected, rate.Value.ToString());
        Assert.Equal(isMultiple, rate.IsMultiple);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("1/0")]
    [InlineData("fast")]
    [InlineData("1e9")]
    [InlineData("1000000000")]
    [InlineData("x")]
    [InlineData("x0")]
    public void TargetRate_NoRate_IsRefused(string text) => Assert.False(TargetRate.TryParse(text, out _));
}
