using System.Numerics;
using FrameFlow.Media;

namespace FrameFlow.Verification;

/// <summary>
/// The timing contract worked out from a source's own ticks in whole numbers: rate, span, count of output frames, and where each
/// output frame lies among the source's. Written apart from the pipeline's <c>FrameTimeline</c> on purpose; the two must agree.
/// </summary>
internal sealed class ExpectedTimes
{
    // Rates that films and cameras have, by SMPTE and by habit.
    private static readonly Rational[] CommonRates =
        [24, 25, 30, 50, 60, new(24000, 1001), new(30000, 1001), new(60000, 1001), 48, new(48000, 1001), 100, 120, new(120000, 1001), 240, 10, 12, 15, 16, 18, 20];

    private readonly Rational[] _seconds;
    private readonly Rational _reach;

    private ExpectedTimes(Rational[] seconds, Rational? rate, Rational span, Rational reach)
    {
        _seconds = seconds;
        Rate = rate;
        Span = span;
        _reach = reach;
    }

    /// <summary>The even rate, or null.</summary>
    public Rational? Rate { get; }

    /// <summary>D: from the first frame's start to the last frame's end, in seconds.</summary>
    public Rational Span { get; }

    /// <summary>How many source frames there are.</summary>
    public int Count => _seconds.Length;

    /// <summary>The first frame's time in seconds.</summary>
    public Rational First => _seconds[0];

    /// <summary>The last frame's start after the first, in seconds.</summary>
    public Rational LastStart => _seconds[^1] - _seconds[0];

    /// <summary>Works the contract out.</summary>
    /// <param name="ticks">Frame times.</param>
    /// <param name="timeBase">Seconds a tick.</param>
    /// <param name="lastDurationTicks">The last packet's duration, or null.</param>
    /// <param name="statedRates">Rates from the header, tried first.</param>
    /// <param name="end">Where the asked part ends, in seconds of the ticks' clock; null: with the last frame.</param>
    /// <param name="slack">Ticks by which a time may lie beside its even place.</param>
    public static ExpectedTimes From(ReadOnlySpan<long> ticks, Rational timeBase, long? lastDurationTicks, IEnumerable<Rational> statedRates, Rational? end = null, int slack = 1)
    {
        Rational? rate = ticks.Length > 1 ? EvenRate(ticks, timeBase, statedRates, slack) : null;

        // Copied from Matroska into a container of finer ticks, times are as coarse as they were.
        int coarse = CommonTicks(ticks, timeBase, 1000) ?? 1;
        if (rate is null && coarse > slack)
        {
            slack = coarse;
            rate = EvenRate(ticks, timeBase, statedRates, slack);
        }

        bool isPulldown = false;
        if (rate is null && PulldownRate(ticks, timeBase, slack) is { } film)
        {
            (rate, isPulldown) = (film, true);
        }

        Rational[] seconds = new Rational[ticks.Length];
        for (int i = 0; i < ticks.Length; i++)
        {
            seconds[i] = rate is { } r ? (ticks[0] * timeBase) + (Slot(ticks[i] - ticks[0], timeBase, r) / r) : ticks[i] * timeBase;
        }

        // Some writers state one tick where they know nothing; among frames of ten ticks and more that is no duration.
        bool isKnown = lastDurationTicks > 1 || (lastDurationTicks == 1 && (ticks.Length < 2 || ticks[^1] - ticks[0] < 10L * (ticks.Length - 1)));
        Rational last = isKnown ? lastDurationTicks!.Value * timeBase
            : rate is { } even ? even.Inverse
            : ticks.Length > 1 ? MedianStep(ticks) * timeBase
            : statedRates.Select(r => (Rational?)r.Inverse).FirstOrDefault() ?? new Rational(1, 25);
        if (rate is { } exact && Rational.Abs(last - exact.Inverse) <= (timeBase * slack) + (isPulldown ? exact.Inverse / 5 : Rational.Zero))
        {
            last = exact.Inverse;
        }

        if (end is { } limit && limit > seconds[^1])
        {
            last = Rational.Min(last, limit - seconds[^1]);
        }

        return new ExpectedTimes(seconds, rate, seconds[^1] - seconds[0] + last, rate is null ? Rational.Min(timeBase * coarse, new Rational(1, 500)) : Rational.Zero);
    }

    /// <summary>ceil(span slow rate).</summary>
    public long CountAt(Rational rate, Rational slow)
    {
        BigInteger numerator = (BigInteger)Span.Numerator * slow.Numerator * rate.Numerator;
        BigInteger denominator = (BigInteger)Span.Denominator * slow.Denominator * rate.Denominator;
        return (long)((numerator + denominator - 1) / denominator);
    }

    /// <summary>
    /// Where output frame <paramref name="k"/> lies: the source frame at or before it, and the position between that one and the next
    /// in 0..1; exactly 0 where the time is the source frame's own. Call with rising k; <paramref name="from"/> is where to look from.
    /// </summary>
    public (int Index, double Position) Place(long k, Rational rate, Rational slow, int from)
    {
        Rational time = First + (k / (rate * slow));
        int i = Math.Max(0, from);
        while (i + 1 < Count && _seconds[i + 1] <= time + _reach)
        {
            i++;
        }

        if (Rational.Abs(_seconds[i] - time) <= _reach || i + 1 >= Count)
        {
            return (i, 0);
        }

        return (i, ((time - _seconds[i]) / (_seconds[i + 1] - _seconds[i])).ToDouble());
    }

    /// <summary>
    /// The first rate that all times fit within one tick; null where none does. A common rate that the header states comes first, then
    /// any common one, then what else the header states (Matroska's may be 19001/317 for 60000/1001), then what the times suggest.
    /// </summary>
    public static Rational? EvenRate(ReadOnlySpan<long> ticks, Rational timeBase, IEnumerable<Rational> statedRates, int slack = 1)
    {
        Rational median = MedianStep(ticks) * timeBase;
        Rational mean = new Rational(ticks[^1] - ticks[0]) * timeBase / (ticks.Length - 1);
        List<Rational> stated = [.. statedRates];
        List<Rational> candidates = [.. stated.Where(CommonRates.Contains), .. CommonRates.Where(r => Rational.Abs(r.Inverse - median) <= timeBase * slack), .. stated,
            median.Inverse, new(mean.Inverse.Round()), new((mean.Inverse * 1001).Round(), 1001)];
        foreach (Rational rate in candidates)
        {
            if (rate > Rational.Zero && (rate.Inverse > timeBase * slack * 2 || rate.Inverse == timeBase) && LiesOnGrid(ticks, timeBase, rate, slack))
            {
                return rate;
            }
        }

        return null;
    }

    /// <summary>How many ticks make a part of a second, where every frame stands a whole number of such parts behind the first; else null.</summary>
    public static int? CommonTicks(ReadOnlySpan<long> ticks, Rational timeBase, int partsPerSecond)
    {
        Rational part = new Rational(1, partsPerSecond) / timeBase;
        bool isCommon = part.Denominator == 1 && part.Numerator <= int.MaxValue;
        foreach (long tick in ticks)
        {
            isCommon = isCommon && (tick - ticks[0]) % part.Numerator == 0;
        }

        return isCommon ? (int)part.Numerator : null;
    }

    /// <summary>
    /// The film's rate where its frames stay for two and three fields by turns (3:2 pulldown by flags, not by pictures); null where they do not. Counted in
    /// fields of 1/60 s or 1001/60000 s: frame k must begin within 1.2 fields of field 2.5 k.
    /// </summary>
    private static Rational? PulldownRate(ReadOnlySpan<long> ticks, Rational timeBase, int slack)
    {
        foreach (Rational fieldRate in (ReadOnlySpan<Rational>)[new(60000, 1001), 60])
        {
            double ticksPerField = 1 / (timeBase.ToDouble() * fieldRate.ToDouble());
            int sameAsBefore = 0;
            double lastStep = 0;
            bool fits = ticks.Length >= 12;
            for (int k = 1; fits && k < ticks.Length; k++)
            {
                double exact = (ticks[k] - ticks[k - 1]) / ticksPerField;
                double step = Math.Round(exact);
                fits = step is 2 or 3 && Math.Abs(exact - step) * ticksPerField <= slack + 1e-6
                    && Math.Abs(((ticks[k] - ticks[0]) / ticksPerField) - (2.5 * k)) <= 1.2 + 1e-9;
                sameAsBefore += step == lastStep ? 1 : 0;
                lastStep = step;
            }

            if (fits && sameAsBefore * 10 <= ticks.Length)
            {
                return fieldRate * 2 / 5;
            }
        }

        return null;
    }

    private static bool LiesOnGrid(ReadOnlySpan<long> ticks, Rational timeBase, Rational rate, int slack)
    {
        // |delta * base - n / rate| <= slack base, all times base.Den * rate.Num
        BigInteger unit = (BigInteger)timeBase.Numerator * rate.Numerator;
        BigInteger slotUnit = (BigInteger)rate.Denominator * timeBase.Denominator;
        long before = -1;
        int gaps = 0;
        foreach (long tick in ticks)
        {
            long slot = Slot(tick - ticks[0], timeBase, rate);
            if (slot <= before || BigInteger.Abs(((tick - ticks[0]) * unit) - (slot * slotUnit)) > unit * slack)
            {
                return false;
            }

            gaps += slot > before + 1 ? 1 : 0;
            before = slot;
        }

        // A gap now and then is a missing frame; gaps everywhere mean that the grid is not the film's.
        return gaps <= ticks.Length / 4;
    }

    private static long Slot(long delta, Rational timeBase, Rational rate)
    {
        BigInteger numerator = (BigInteger)delta * timeBase.Numerator * rate.Numerator * 2;
        BigInteger denominator = (BigInteger)timeBase.Denominator * rate.Denominator;
        return (long)((numerator + denominator) / (2 * denominator));
    }

    private static long MedianStep(ReadOnlySpan<long> ticks)
    {
        long[] steps = new long[ticks.Length - 1];
        for (int i = 0; i < steps.Length; i++)
        {
            steps[i] = ticks[i + 1] - ticks[i];
        }

        Array.Sort(steps);
        return steps[steps.Length / 2];
    }
}
