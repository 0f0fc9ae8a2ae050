using System.Globalization;
using System.Text.Json.Serialization;

namespace FrameFlow.Media;

/// <summary>
/// An exact ratio of two 64-bit integers, always reduced, denominator positive. Arithmetic goes through
/// <see cref="Int128"/> and throws <see cref="OverflowException"/> where the reduced result does not fit.
/// <c>default</c> is 0/1. Frame rates, time bases and times in seconds are rationals; no double takes part.
/// </summary>
[JsonConverter(typeof(RationalConverter))]
public readonly struct Rational : IEquatable<Rational>, IComparable<Rational>
{
    private readonly long _denominatorMinusOne;

    /// <summary>Creates <paramref name="numerator"/> / <paramref name="denominator"/>, reduced.</summary>
    /// <exception cref="DivideByZeroException">The denominator is 0.</exception>
    /// <exception cref="OverflowException">The reduced value does not fit 64 bits.</exception>
    public Rational(long numerator, long denominator = 1)
        : this((Int128)numerator, denominator)
    {
    }

    private Rational(Int128 numerator, Int128 denominator)
    {
        if (denominator == 0)
        {
            throw new DivideByZeroException("A rational's denominator is 0.");
        }

        if (denominator < 0)
        {
            (numerator, denominator) = (-numerator, -denominator);
        }

        Int128 divisor = GreatestCommonDivisor(Int128.Abs(numerator), denominator);
        Numerator = checked((long)(numerator / divisor));
        _denominatorMinusOne = checked((long)(denominator / divisor)) - 1;
    }

    /// <summary>0/1.</summary>
    public static Rational Zero => default;

    /// <summary>1/1.</summary>
    public static Rational One => new(1);

    /// <summary>The reduced numerator; carries the sign.</summary>
    public long Numerator { get; }

    /// <summary>The reduced denominator, at least 1.</summary>
    public long Denominator => _denominatorMinusOne + 1;

    /// <summary>1 / this.</summary>
    /// <exception cref="DivideByZeroException">This is 0.</exception>
    public Rational Inverse => new(Denominator, (Int128)Numerator);

    /// <summary>The sum.</summary>
    public static Rational operator +(Rational a, Rational b) =>
        new(((Int128)a.Numerator * b.Denominator) + ((Int128)b.Numerator * a.Denominator), (Int128)a.Denominator * b.Denominator);

    /// <summary>The difference.</summary>
    public static Rational operator -(Rational a, Rational b) =>
        new(((Int128)a.Numerator * b.Denominator) - ((Int128)b.Numerator * a.Denominator), (Int128)a.Denominator * b.Denominator);

    /// <summary>The negated value.</summary>
    public static Rational operator -(Rational a) => new(-(Int128)a.Numerator, a.Denominator);

    /// <summary>The product.</summary>
    public static Rational operator *(Rational a, Rational b) =>
        new((Int128)a.Numerator * b.Numerator, (Int128)a.Denominator * b.Denominator);

    /// <summary>The quotient.</summary>
    /// <exception cref="DivideByZeroException"><paramref name="b"/> is 0.</exception>
    public static Rational operator /(Rational a, Rational b) =>
        new((Int128)a.Numerator * b.Denominator, (Int128)a.Denominator * b.Numerator);

    /// <summary>A whole number is a rational.</summary>
    public static implicit operator Rational(long value) => new(value);

    /// <summary>Equality of value (both are reduced).</summary>
    public static bool operator ==(Rational a, Rational b) => a.Equals(b);

    /// <summary>Inequality of value.</summary>
    public static bool operator !=(Rational a, Rational b) => !a.Equals(b);

    /// <summary>Exact order.</summary>
    public static bool operator <(Rational a, Rational b) => a.CompareTo(b) < 0;

    /// <summary>Exact order.</summary>
    public static bool operator >(Rational a, Rational b) => a.CompareTo(b) > 0;

    /// <summary>Exact order.</summary>
    public static bool operator <=(Rational a, Rational b) => a.CompareTo(b) <= 0;

    /// <summary>Exact order.</summary>
    public static bool operator >=(Rational a, Rational b) => a.CompareTo(b) >= 0;

    /// <summary>The absolute value.</summary>
    public static Rational Abs(Rational a) => a.Numerator < 0 ? -a : a;

    /// <summary>The smaller of two.</summary>
    public static Rational Min(Rational a, Rational b) => a <= b ? a : b;

    /// <summary>The larger of two.</summary>
    public static Rational Max(Rational a, Rational b) => a >= b ? a : b;

    /// <summary>The largest whole number that is not above this.</summary>
    public long Floor()
    {
        long quotient = Numerator / Denominator;
        return Numerator % Denominator < 0 ? quotient - 1 : quotient;
    }

    /// <summary>The smallest whole number that is not below this.</summary>
    public long Ceiling()
    {
        long quotient = Numerator / Denominator;
        return Numerator % Denominator > 0 ? quotient + 1 : quotient;
    }

    /// <summary>The nearest whole number; a half goes up.</summary>
    public long Round() => (this + new Rational(1, 2)).Floor();

    /// <summary>The nearest double. For a model's t, for display, never for time arithmetic.</summary>
    public double ToDouble() => (double)Numerator / Denominator;

    /// <summary>
    /// Parses <c>60</c>, <c>60000/1001</c>, <c>60000:1001</c> or a plain decimal such as <c>23.976</c> (taken literally: 23976/1000).
    /// </summary>
    /// <returns>False where the text is none of these, the denominator is 0, or it does not fit 64 bits.</returns>
    public static bool TryParse(string? text, out Rational value)
    {
        value = default;
        if (string.IsNullOrWhiteSpace(text))
        {
            return false;
        }

        ReadOnlySpan<char> span = text.AsSpan().Trim();
        int bar = span.IndexOfAny('/', ':');
        if (bar >= 0)
        {
            if (!long.TryParse(span[..bar], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long numerator)
                || !long.TryParse(span[(bar + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long denominator)
                || denominator == 0 || numerator == long.MinValue || denominator == long.MinValue)
            {
                return false;
            }

            value = new Rational(numerator, denominator);
            return true;
        }

        int point = span.IndexOf('.');
        int decimals = point < 0 ? 0 : span.Length - point - 1;
        if (decimals > 17 || !decimal.TryParse(span, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal parsed))
        {
            return false;
        }

        Int128 scale = 1;
        for (int i = 0; i < decimals; i++)
        {
            scale *= 10;
        }

        decimal whole = parsed * (decimal)(long)scale;
        if (Math.Abs(whole) > long.MaxValue)
        {
            return false;
        }

        value = new Rational((Int128)whole, scale);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(Rational other) =>
        ((Int128)Numerator * other.Denominator).CompareTo((Int128)other.Numerator * Denominator);

    /// <inheritdoc/>
    public bool Equals(Rational other) => Numerator == other.Numerator && _denominatorMinusOne == other._denominatorMinusOne;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Rational other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Numerator, _denominatorMinusOne);

    /// <summary><c>60000/1001</c>, or <c>60</c> where the denominator is 1.</summary>
    public override string ToString() => Denominator == 1
        ? Numerator.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Numerator}/{Denominator}");

    private static Int128 GreatestCommonDivisor(Int128 a, Int128 b)
    {
        while (b != 0)
        {
            (a, b) = (b, a % b);
        }

        return a == 0 ? 1 : a;
    }
}
