using FrameFlow.Media;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Media;

public sealed class FrameTimelineTests
{
    private static readonly Rational[] Rates = [new(24000, 1001), 24, 25, new(30000, 1001), 30, 50, new(60000, 1001), 60, 15];
    private static readonly Rational[] TimeBases = [new(1, 1000), new(1, 90000), new(1, 600), new(1, 12800), new(1, 15360)];

    [Fact]
    public void FromTicks_AnyRateRoundedByAnyContainer_IsRecoveredExactly() => Prop.ForAll(
        (from rate in Gen.Elements(Rates)
         from timeBase in Gen.Elements(TimeBases)
         from count in Gen.Choose(2, 400)
         from start in Gen.Choose(-5000, 50000)
         from floor in Gen.Elements(true, false)
         select (rate, timeBase, count, start, floor)).ToArbitrary(),
        film =>
        {
            long[] ticks = [.. Enumerable.Range(0, film.count).Select(i => Tick(film.start + (i / film.rate / film.timeBase), film.floor))];
            FrameTimeline timeline = FrameTimeline.FromTicks(ticks, film.timeBase, null, film.rate);
            return timeline.ConstantRate == film.rate
                && timeline.Duration == film.count / film.rate
                && Enumerable.Range(0, film.count).All(i => timeline[i] - timeline.First == i / film.rate);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(16)] // as ffmpeg copies Matroska into MP4
    [InlineData(90)]
    public void FromTicks_MillisecondsInFinerTicks_AreAsRoundedAsInMatroska(int ticksAMillisecond)
    {
        Rational timeBase = new(1, 1000L * ticksAMillisecond);
        foreach (Rational rate in Rates)
        {
            long[] milliseconds = [.. Enumerable.Range(0, 200).Select(i => Tick(21 + (i / rate * 1000), floor: false))];
            FrameTimeline timeline = FrameTimeline.FromTicks([.. milliseconds.Select(t => t * ticksAMillisecond)], timeBase, null);
            Assert.Equal(rate, timeline.ConstantRate);
            Assert.Equal(200 / rate, timeline.Duration);
        }

        // At a variable rate, an output frame within a millisecond of a source frame is that one.
        FrameTimeline uneven = FrameTimeline.FromTicks([.. ((long[])[0, 31, 50, 99, 140, 163, 201]).Select(t => t * ticksAMillisecond)], timeBase, null);
        Assert.Null(uneven.ConstantRate);
        Assert.True(uneven.IsAt(2, new Rational(507, 10000)));
        Assert.False(uneven.IsAt(2, new Rational(52, 1000)));
    }

    [Fact]
    public void FromTicks_GapInAnEvenRate_StaysConstantRate()
    {
        long[] slots = [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14];
        FrameTimeline timeline = FrameTimeline.FromTicks([.. slots.Select(s => (s * 1000) / 24)], new Rational(1, 1000), null, new Rational(24));
        Assert.Equal(new Rational(24), timeline.ConstantRate);
        Assert.Equal(new Rational(9, 24), timeline[5] - timeline.First);
        Assert.Equal(new Rational(15, 24), timeline.Duration);
    }

    [Fact]
    public void FromTicks_PulldownByFlags_IsTheFilmsRate() => Prop.ForAll(
        (from fieldRate in Gen.Elements(new Rational(60000, 1001), new Rational(60))
         from timeBase in Gen.Elements(new Rational(1, 1000), new Rational(1, 90000), new Rational(1001, 60000))
         from phase in Gen.Choose(0, 1)
         from count in Gen.Choose(12, 300)
         select (fieldRate, timeBase, phase, count)).ToArbitrary(),
        film =>
        {
            long[] ticks = [.. Enumerable.Range(0, film.count).Select(i => (((5 * i) + film.phase) / 2 / film.fieldRate / film.timeBase).Round())];
            Rational rate = film.fieldRate * 2 / 5;
            FrameTimeline timeline = FrameTimeline.FromTicks(ticks, film.timeBase, 3 / film.fieldRate, film.fieldRate);

            // Milliseconds do not tell 60 from 60000/1001 over so few fields; either way the frames are even.
            return timeline.IsEven && timeline.ConstantRate is { } found && Rational.Abs((rate / found) - 1) < new Rational(1, 900) && (film.timeBase > new Rational(1, 2000) || found == rate)
                && timeline.Duration == film.count / found;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void FromTicks_PulldownInPartsOnly_KeepsItsTimes()
    {
        // Twelve film frames of two and three fields, then video of two fields each: no one rate is meant.
        long[] fields = [.. Enumerable.Range(0, 12).Select(i => (long)(5 * i / 2)), .. Enumerable.Range(0, 12).Select(i => 30L + (2 * i))];
        Assert.Null(FrameTimeline.FromTicks(fields, new Rational(1001, 60000), null, new Rational(60000, 1001)).ConstantRate);
    }

    [Fact]
    public void FromTicks_IrregularTimes_AreKeptAsTheyAre()
    {
        long[] ticks = [0, 33, 100, 133, 266, 300, 333, 466];
        FrameTimeline timeline = FrameTimeline.FromTicks(ticks, new Rational(1, 997), new Rational(40, 997), new Rational(25));
        Assert.Null(timeline.ConstantRate);
        Assert.Equal(new Rational(266, 997), timeline[4]);
        Assert.Equal(new Rational(506, 997), timeline.Duration);
    }

    [Fact]
    public void IndexAt_AnyTimes_FindsTheFrameThatStands() => Prop.ForAll(
        (from steps in Gen.Choose(20, 4000).ListOf(30)
         from at in Gen.Choose(0, 150000)
         select (steps, at)).ToArbitrary(),
        film =>
        {
            long time = 0;
            long[] ticks = [0, .. film.steps.Select(s => time += s)];
            FrameTimeline timeline = FrameTimeline.FromTicks(ticks, new Rational(1, 90001), null);
            Rational seconds = new(film.at, 90001);
            int expected = Array.FindLastIndex(ticks, t => t <= film.at + 1);
            return timeline.ConstantRate is not null || timeline.IndexAt(seconds) == expected;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void FromTicks_TimesThatDoNotRise_AreRefused() =>
        Assert.Throws<ArgumentException>(() => FrameTimeline.FromTicks([0, 2, 2], new Rational(1, 25), null));

    private static long Tick(Rational value, bool floor) => floor ? value.Floor() : value.Round();

    [Fact]
    public void Even_AnyStart_StandsAtFirstPlusIndexOverRate()
    {
        FrameTimeline timeline = FrameTimeline.Even(new Rational(1, 3), new Rational(60000, 1001), 100_000);
        Assert.Equal(new Rational(1, 3) + new Rational(99_999L * 1001, 60000), timeline[99_999]);
        Assert.Equal(new Rational(100_000L * 1001, 60000), timeline.Duration);
        Assert.Equal(new Rational(60000, 1001), timeline.ConstantRate);
        Assert.Equal(41, timeline.IndexAt(timeline[41]));
    }
}
