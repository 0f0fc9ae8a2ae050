namespace FrameFlow.Media;

/// <summary>
/// The presentation times of a source's decoded frames, exact. Where every time lies within one tick of first + n/r for a rational r
/// (gaps allowed), the source is constant-rate at r, its container merely rounded (Matroska to milliseconds, and what was copied from it into another
/// container still is), and the times are first + n/r. So it is where a film's frames stand for two and three fields in turn (soft 3:2 pulldown, as DVDs have it): the film's own rate is
/// meant. Otherwise the times are what the container says.
/// </summary>
public sealed class FrameTimeline
{
    // Null where frame i stands at first + i/r.
    private readonly long[]? _ticks;
    private readonly Rational _timeBase;
    private readonly Rational _firstSeconds;
    private readonly long _roundedTicks = 1;

    private FrameTimeline(Rational first, Rational rate, int count)
    {
        Count = count;
        _timeBase = rate.Inverse;
        _firstSeconds = first;
        ConstantRate = rate;
        LastDuration = rate.Inverse;
    }

    private FrameTimeline(long[] ticks, Rational timeBase, Rational? constantRate, Rational lastDuration)
    {
        Count = ticks.Length;
        _ticks = ticks;
        _timeBase = timeBase;
        _roundedTicks = RoundedTicks(ticks, timeBase);
        _firstSeconds = ticks.Length == 0 ? Rational.Zero : ticks[0] * timeBase;
        ConstantRate = constantRate;
        LastDuration = lastDuration;
    }

    /// <summary>How many frames there are.</summary>
    public int Count { get; }

    /// <summary>Frames a second where the source is constant-rate; null where it is not (VFR).</summary>
    public Rational? ConstantRate { get; }

    /// <summary>
    /// The rate of the even stream that this is, or was before frames were left out of it: every time lies within one tick of first + n/r, and up to
    /// half of the steps span more than one period. Null where there is none. <see cref="ConstantRate"/> is the same where fewer than a quarter do.
    /// </summary>
    public Rational? GridRate => ConstantRate ?? (_ticks is { Length: >= 3 }
        ? EvenRate(_ticks, _timeBase, 1, [], leastStepsPerGap: 2) ?? EvenRate(_ticks, _timeBase, _roundedTicks, [], leastStepsPerGap: 2)
        : null);

    /// <summary>How long the last frame stays, in seconds.</summary>
    public Rational LastDuration { get; }

    /// <summary>The first frame's time in seconds.</summary>
    public Rational First => this[0];

    /// <summary>The container's resolution in seconds.</summary>
    public Rational Tick => _timeBase;

    /// <summary>The most by which a stated time may be off, in seconds: a tick, or a millisecond where all times are whole ones of them apart (copied from Matroska).</summary>
    public Rational Rounding => _timeBase * _roundedTicks;

    /// <summary>Seconds of which the distance of any two frames is a whole multiple.</summary>
    public Rational Unit => ConstantRate?.Inverse ?? _timeBase;

    /// <summary>Whether frame i stands at first + i/rate: constant-rate, and none is missing.</summary>
    public bool IsEven => ConstantRate is { } rate && (Count == 0 || this[Count - 1] - First == (Count - 1) / rate);

    /// <summary>Last start - first start + last duration, in seconds; 0 where there is no frame.</summary>
    public Rational Duration => Count == 0 ? Rational.Zero : this[Count - 1] - this[0] + LastDuration;

    /// <summary>The presentation time of frame <paramref name="index"/> in seconds.</summary>
    public Rational this[int index] => _ticks is null
        ? _firstSeconds + (index * _timeBase)
        : ConstantRate is { } rate
        ? _firstSeconds + (SlotOf(_ticks[index] - _ticks[0], _timeBase, rate) / rate)
        : _ticks[index] * _timeBase;

    /// <summary>The time of frame <paramref name="index"/> as the container states it, in ticks of <see cref="Tick"/>.</summary>
    /// <exception cref="InvalidOperationException">The timeline comes from <see cref="Even"/>, which no container stated.</exception>
    public long TickOf(int index) => _ticks is null ? throw new InvalidOperationException("An even timeline has no container's ticks.") : _ticks[index];

    /// <summary>Puts a timeline together again from what <see cref="TickOf"/>, <see cref="Tick"/>, <see cref="ConstantRate"/> and <see cref="LastDuration"/> said.</summary>
    /// <param name="ticks">The frames' times, strictly increasing, in ticks. Not copied.</param>
    /// <param name="timeBase">Seconds a tick.</param>
    /// <param name="constantRate">The rate, or null for VFR.</param>
    /// <param name="lastDuration">How long the last frame stays, seconds.</param>
    public static FrameTimeline Restore(long[] ticks, Rational timeBase, Rational? constantRate, Rational lastDuration)
    {
        ArgumentNullException.ThrowIfNull(ticks);
        return new FrameTimeline(ticks, timeBase, constantRate, lastDuration);
    }

    /// <summary>A timeline without gaps: frame i stands at first + i/rate and stays for 1/rate.</summary>
    /// <param name="first">The first frame's time in seconds.</param>
    /// <param name="rate">Frames a second, positive.</param>
    /// <param name="count">How many frames, not negative.</param>
    public static FrameTimeline Even(Rational first, Rational rate, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(rate, Rational.Zero);
        return new FrameTimeline(first, rate, count);
    }

    /// <summary>Builds the timeline.</summary>
    /// <param name="ticks">The decoded frames' times, strictly increasing, in ticks. Not copied.</param>
    /// <param name="timeBase">Seconds a tick.</param>
    /// <param name="lastDuration">The last packet's duration in seconds, or null: then 1/r, else the median step, else one 25th.</param>
    /// <param name="rateHints">Rates that the container states, tried in order before those that the times suggest; others are ignored.</param>
    /// <exception cref="ArgumentException">The ticks do not strictly increase.</exception>
    public static FrameTimeline FromTicks(long[] ticks, Rational timeBase, Rational? lastDuration, params IEnumerable<Rational?> rateHints) => FromTicks(ticks, timeBase, 1, lastDuration, rateHints);

    /// <summary>Builds the timeline of times that are rounded more coarsely than their ticks: fields that a filter put between the source's frames.</summary>
    /// <param name="ticks">As above.</param>
    /// <param name="timeBase">Seconds a tick.</param>
    /// <param name="roundedTicks">Ticks by which a time may stand beside its even place, at least 1.</param>
    /// <param name="lastDuration">As above.</param>
    /// <param name="rateHints">As above.</param>
    /// <exception cref="ArgumentException">The ticks do not strictly increase.</exception>
    public static FrameTimeline FromTicks(long[] ticks, Rational timeBase, long roundedTicks, Rational? lastDuration, IEnumerable<Rational?> rateHints)
    {
        ArgumentNullException.ThrowIfNull(ticks);
        ArgumentNullException.ThrowIfNull(rateHints);
        for (int i = 1; i < ticks.Length; i++)
        {
            if (ticks[i] <= ticks[i - 1])
            {
                throw new ArgumentException($"Frame {i} stands at tick {ticks[i]}, not after {ticks[i - 1]}.", nameof(ticks));
            }
        }

        Rational? rate = null;
        Rational rounding = timeBase;
        Rational?[] hints = [.. rateHints];
        foreach (long rounded in (long[])[roundedTicks, RoundedTicks(ticks, timeBase)])
        {
            if (rate is null && ticks.Length >= 2)
            {
                rounding = timeBase * rounded;
                rate = EvenRate(ticks, timeBase, rounded, hints);
                if (rate is null && FilmRates.Cast<Rational?>().FirstOrDefault(r => FitsPulldown(ticks, timeBase, r!.Value, rounding)) is { } film)
                {
                    rate = film;
                    rounding += film.Inverse / 5; // the last frame's two or three fields
                }
            }
        }

        Rational last = lastDuration is { } stated && stated > Rational.Zero ? stated
            : rate is { } r ? r.Inverse
            : ticks.Length < 2 ? hints.FirstOrDefault(h => h > Rational.Zero)?.Inverse ?? new Rational(1, 25)
            : MedianStep(ticks) * timeBase;

        // A packet's duration is as rounded as its time: within a tick of the frame period it is the frame period.
        if (rate is { } exact && Rational.Abs(last - exact.Inverse) <= rounding)
        {
            last = exact.Inverse;
        }

        return new FrameTimeline(ticks, timeBase, rate, last);
    }

    /// <summary>
    /// The last frame that starts at or before <paramref name="time"/>; -1 where all start later. Where the source is not constant-rate, a
    /// frame that starts within the container's rounding after it, and nearer than the one before, counts as started.
    /// </summary>
    public int IndexAt(Rational time)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (this[middle] <= time)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        bool nextIsMeant = ConstantRate is null && low < Count && this[low] - time <= Reach
            && (low == 0 || this[low] - time < time - this[low - 1]);
        return nextIsMeant ? low : low - 1;
    }

    /// <summary>Whether <paramref name="time"/> is frame <paramref name="index"/>'s own: exactly, or within a tick where times are as rounded as the container's.</summary>
    public bool IsAt(int index, Rational time) => ConstantRate is null
        ? Rational.Abs(this[index] - time) <= Reach
        : this[index] == time;

    // Never so much that a coarse time base (1/25) swallows real positions between frames.
    private Rational Reach => Rational.Min(Rounding, new Rational(1, 500));

    // A millisecond's where all times are whole milliseconds apart, though ticks are finer; else 1.
    private static long RoundedTicks(long[] ticks, Rational timeBase)
    {
        Rational aMillisecond = new Rational(1, 1000) / timeBase;
        return aMillisecond.Denominator == 1 && ticks.All(t => (t - ticks[0]) % aMillisecond.Numerator == 0) ? aMillisecond.Numerator : 1;
    }

    private static Rational? EvenRate(long[] ticks, Rational timeBase, long roundedTicks, IEnumerable<Rational?> hints, int leastStepsPerGap = 4) =>
        Candidates(ticks, timeBase, roundedTicks, hints).Cast<Rational?>().FirstOrDefault(r => Fits(ticks, timeBase, r!.Value, leastStepsPerGap, roundedTicks));

    private static IEnumerable<Rational> Candidates(long[] ticks, Rational timeBase, long roundedTicks, IEnumerable<Rational?> hints)
    {
        // A stated rate that is a standard one comes first: over few frames the average that a reader computes fits as well (19001/317 for
        // 60000/1001 in Matroska). Other stated rates come after the standard ones.
        HashSet<Rational> seen = [];
        Rational?[] stated = [.. hints];
        foreach (Rational? hint in stated)
        {
            if (hint is { } rate && StandardRates.Contains(rate) && seen.Add(rate))
            {
                yield return rate;
            }
        }

        Rational median = MedianStep(ticks) * timeBase;
        foreach (Rational rate in StandardRates)
        {
            if (Rational.Abs(rate.Inverse - median) <= timeBase * roundedTicks && seen.Add(rate))
            {
                yield return rate;
            }
        }

        foreach (Rational? hint in stated)
        {
            if (hint is { } rate && rate > Rational.Zero && seen.Add(rate))
            {
                yield return rate;
            }
        }

        if (seen.Add(median.Inverse))
        {
            yield return median.Inverse;
        }

        // An even rate whose period is no whole number of ticks shows in the mean over the whole length, if no frame is missing.
        Rational mean = (ticks[^1] - ticks[0]) * timeBase / (ticks.Length - 1);
        foreach (long denominator in (long[])[1, 1001])
        {
            Rational rounded = new((mean.Inverse * denominator).Round(), denominator);
            if (rounded > Rational.Zero && seen.Add(rounded))
            {
                yield return rounded;
            }
        }
    }

    // SMPTE ST 2036 and common camera and film rates.
    private static readonly Rational[] StandardRates =
    [
        new(24000, 1001), 24, 25, new(30000, 1001), 30, 48, new(48000, 1001), 50, new(60000, 1001), 60, 100, new(120000, 1001), 120,
        12, 15, 16, 18, 20, 10, 240,
    ];

    private static readonly Rational[] FilmRates = [new(24000, 1001), 24];

    // Steps of two and three fields, mostly in turn, that never leave the film's even times by so much that a frame would be another one's. A field is
    // 2/5 of a frame. Edits break the turn now and then.
    private static bool FitsPulldown(long[] ticks, Rational timeBase, Rational rate, Rational rounding)
    {
        const int FewestFrames = 12;
        if (ticks.Length < FewestFrames)
        {
            return false;
        }

        Rational field = rate.Inverse * new Rational(2, 5);
        Rational most = field * new Rational(6, 5);
        int breaks = 0;
        long before = 0;
        for (int i = 1; i < ticks.Length; i++)
        {
            Rational step = (ticks[i] - ticks[i - 1]) * timeBase;
            long fields = (step / field).Round();
            if (fields is not (2 or 3) || Rational.Abs(step - (fields * field)) > rounding
                || Rational.Abs(((ticks[i] - ticks[0]) * timeBase) - (i / rate)) > most)
            {
                return false;
            }

            breaks += fields == before ? 1 : 0;
            before = fields;
        }

        return breaks * 10 <= ticks.Length;
    }

    // "Within one tick" of the grid: |tick time - n/r| <= one tick (or as many as times are rounded to), n the nearest slot, strictly increasing.
    private static bool Fits(long[] ticks, Rational timeBase, Rational rate, int leastStepsPerGap, long roundedTicks)
    {
        // A grid finer than two ticks would fit anything.
        if (rate.Inverse <= timeBase * roundedTicks * 2 && rate.Inverse != timeBase)
        {
            return false;
        }

        // In whole numbers, since a film has some hundred thousand frames: |delta tb - n/r| <= tb, times r, with tb r = slots / parts.
        Int128 slots = (Int128)timeBase.Numerator * rate.Numerator;
        Int128 parts = (Int128)timeBase.Denominator * rate.Denominator;
        long previous = -1;
        long gaps = 0;
        for (int i = 0; i < ticks.Length; i++)
        {
            long delta = ticks[i] - ticks[0];
            long slot = (long)(((2 * delta * slots) + parts) / (2 * parts));
            if (slot <= previous || Int128.Abs((delta * slots) - (slot * parts)) > slots * roundedTicks)
            {
                return false;
            }

            gaps += slot - previous > 1 ? 1 : 0;
            previous = slot;
        }

        // "Gaps allowed" means missing frames now and then; a grid on which every other step is a gap says nothing.
        return gaps * leastStepsPerGap <= ticks.Length;
    }

    private static long SlotOf(long deltaTicks, Rational timeBase, Rational rate) => (deltaTicks * timeBase * rate).Round();

    private static long MedianStep(long[] ticks)
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
