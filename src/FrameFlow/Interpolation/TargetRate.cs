using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>The output's frame rate as it was asked for: a rate, or a multiple of the source's.</summary>
/// <param name="Value">Frames a second, or the factor; positive.</param>
/// <param name="IsMultiple">Whether <paramref name="Value"/> multiplies the source's rate.</param>
public readonly record struct TargetRate(Rational Value, bool IsMultiple)
{
    /// <summary>The highest rate that is taken for meant, frames a second; also the largest factor.</summary>
    public const int Highest = 1000;

    /// <summary>Parses <c>60</c>, <c>60000/1001</c>, <c>59.94</c> (read as 60000/1001, as is meant) or <c>x2</c>.</summary>
    /// <returns>False where the text is none of these or not above 0 and at most <see cref="Highest"/>.</returns>
    public static bool TryParse(string? text, out TargetRate rate)
    {
        rate = default;
        bool isMultiple = text is ['x' or 'X', ..];
        if (!Rational.TryParse(isMultiple ? text![1..] : text, out Rational value) || value <= Rational.Zero || value > Highest)
        {
            return false;
        }

        // 23.976, 29.97, 59.94 ... are how people write n*1000/1001.
        if (!isMultiple && text!.Contains('.', StringComparison.Ordinal))
        {
            long whole = value.Ceiling();
            Rational ntsc = new(whole * 1000, 1001);
            if (Rational.Abs(ntsc - value) < new Rational(1, 100))
            {
                value = ntsc;
            }
        }

        rate = new(value, isMultiple);
        return true;
    }

    /// <summary>The rate for a source.</summary>
    public Rational For(FrameTimeline source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!IsMultiple)
        {
            return Value;
        }

        // A VFR source's rate is its mean; the multiple is of what a second holds.
        Rational rate = source.ConstantRate ?? (source.Duration > Rational.Zero ? source.Count / source.Duration : 1);
        return rate * Value;
    }
}
