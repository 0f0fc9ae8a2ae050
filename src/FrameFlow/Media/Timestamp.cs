namespace FrameFlow.Media;

/// <summary>A time as a container states it: whole ticks of a time base (seconds a tick).</summary>
/// <param name="Ticks">The count of ticks; may be negative.</param>
/// <param name="TimeBase">Seconds a tick, positive.</param>
public readonly record struct Timestamp(long Ticks, Rational TimeBase) : IComparable<Timestamp>
{
    /// <summary>The time in seconds, exact.</summary>
    public Rational Seconds => Ticks * TimeBase;

    /// <summary>Exact order by time, whatever the two time bases.</summary>
    public static bool operator <(Timestamp a, Timestamp b) => a.CompareTo(b) < 0;

    /// <summary>Exact order by time, whatever the two time bases.</summary>
    public static bool operator >(Timestamp a, Timestamp b) => a.CompareTo(b) > 0;

    /// <summary>Exact order by time, whatever the two time bases.</summary>
    public static bool operator <=(Timestamp a, Timestamp b) => a.CompareTo(b) <= 0;

    /// <summary>Exact order by time, whatever the two time bases.</summary>
    public static bool operator >=(Timestamp a, Timestamp b) => a.CompareTo(b) >= 0;

    /// <summary>The nearest timestamp in another time base; a half tick goes up.</summary>
    public Timestamp Rescale(Rational timeBase) => new((Seconds / timeBase).Round(), timeBase);

    /// <inheritdoc/>
    public int CompareTo(Timestamp other) => Seconds.CompareTo(other.Seconds);
}
