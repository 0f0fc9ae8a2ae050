using FrameFlow.Media;
using FrameFlow.Verification;
using Xunit;

namespace FrameFlow.Tests.Verification;

public sealed class ExpectedTimesTests
{
    public static TheoryData<string, string> RatesAndBases
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string rate in (string[])["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "90000/1501", "29"])
            {
                foreach (string timeBase in (string[])["1/1000", "1/12800", "1/90000", "1/15360"])
                {
                    data.Add(rate, timeBase);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(RatesAndBases))]
    public void From_RoundedEvenTimes_FindsTheSpanExactly(string rateText, string timeBaseText)
    {
        Rational rate = Parse(rateText);
        Rational timeBase = Parse(timeBaseText);
        ExpectedTimes times = ExpectedTimes.From(Ticks(200, rate, timeBase, _ => true), timeBase, null, [rate]);

        Assert.Equal(rate, times.Rate);
        Assert.Equal(200 / rate, times.Span);
        Assert.Equal((200 / rate * 60).Ceiling(), times.CountAt(60, Rational.One));
    }

    [Theory]
    [MemberData(nameof(RatesAndBases))]
    public void From_AnyPattern_AgreesWithThePipelinesTimeline(string rateText, string timeBaseText)
    {
        // Two workings-out of one contract, written apart: where they differ, one of them is wrong.
        Rational rate = Parse(rateText);
        Rational timeBase = Parse(timeBaseText);
        foreach (int modulus in (int[])[2, 3, 4, 7, 11, 21])
        {
            AssertAgree(Ticks(150, rate, timeBase, n => n * 31 % modulus != 1), timeBase, rate);
        }
    }

    [Theory]
    [InlineData("24000/1001", 16)]
    [InlineData("24", 90)]
    [InlineData("60000/1001", 90)]
    [InlineData("29", 16)]
    public void From_MillisecondsInFinerTicks_AgreesWithThePipelinesTimeline(string rateText, int ticksAMillisecond)
    {
        Rational rate = Parse(rateText);
        foreach (int modulus in (int[])[2, 3, 7, 1000])
        {
            long[] ticks = [.. Ticks(150, rate, new Rational(1, 1000), n => n * 31 % modulus != 1).Select(t => t * ticksAMillisecond)];
            AssertAgree(ticks, new Rational(1, 1000L * ticksAMillisecond), rate);
        }
    }

    [Fact]
    public void EvenRate_MatroskaStatesAnOddRate_TheCommonOneIsTaken()
    {
        long[] ticks = Ticks(90, new Rational(60000, 1001), new Rational(1, 1000), _ => true);

        Assert.Equal(new Rational(60000, 1001), ExpectedTimes.EvenRate(ticks, new Rational(1, 1000), [new Rational(19001, 317)]));
    }

    [Theory]
    [InlineData(1L, 33)]
    [InlineData(50L, 50)]
    public void From_LastDurationOfOneTick_CountsAsUnknown(long stated, int milliseconds)
    {
        ExpectedTimes times = ExpectedTimes.From([0, 33, 80, 113, 180, 213], new Rational(1, 1000), stated, []);

        Assert.Null(times.Rate);
        Assert.Equal(new Rational(213 + milliseconds, 1000), times.Span);
    }

    [Fact]
    public void Place_SlowMotion_StretchesTheSource()
    {
        ExpectedTimes times = ExpectedTimes.From([0, 1, 2], new Rational(1, 25), null, [25]);

        Assert.Equal((0, 0.4), times.Place(1, 25, new Rational(5, 2), 0));
        Assert.Equal((2, 0), times.Place(5, 25, new Rational(5, 2), 0));
    }

    private static void AssertAgree(long[] ticks, Rational timeBase, Rational rate)
    {
        ExpectedTimes expected = ExpectedTimes.From(ticks, timeBase, null, [rate]);
        FrameTimeline timeline = FrameTimeline.FromTicks(ticks, timeBase, null, rate);

        Assert.Equal(timeline.ConstantRate, expected.Rate);
        Assert.Equal(timeline.Duration, expected.Span);
        int index = 0;
        for (long k = 0; k < expected.CountAt(60, Rational.One); k++)
        {
            (index, double position) = expected.Place(k, 60, Rational.One, index);
            Rational time = timeline.First + new Rational(k, 60);
            Assert.True(timeline.IndexAt(time) == index, "index");
            Assert.True((timeline.IsAt(index, time) || index == timeline.Count - 1) == (position == 0), "position");
        }
    }

    private static Rational Parse(string text)
    {
        Assert.True(Rational.TryParse(text, out Rational value));
        return value;
    }

    private static long[] Ticks(int count, Rational rate, Rational timeBase, Func<int, bool> keep) =>
        [.. Enumerable.Range(0, count).Where(keep).Select(n => (n / rate / timeBase).Round())];

    /// <summary>Fourteen frames and a part of one: milliseconds' rounding of the last frame's start does not lengthen the part.</summary>
    [Fact]
    public void From_PartThatEndsWithinAFrame_EndsWhereItWasAsked()
    {
        long[] ticks = [.. Enumerable.Range(0, 15).Select(k => (k * 1000L + 12) / 24)];
        ExpectedTimes times = ExpectedTimes.From(ticks, new Rational(1, 1000), 42, [24], new Rational(3, 5));
        Assert.Equal(new Rational(3, 5), times.Span);
        Assert.Equal(36, times.CountAt(60, 1));
    }
}
