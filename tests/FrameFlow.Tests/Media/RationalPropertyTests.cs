using FrameFlow.Media;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Media;

public sealed class RationalPropertyTests
{
    private static readonly Arbitrary<(Rational A, Rational B)> Pairs =
        (from a in Gen.Choose(-1_000_000, 1_000_000)
         from b in Gen.Choose(1, 1_000_000)
         from c in Gen.Choose(-1_000_000, 1_000_000)
         from d in Gen.Choose(1, 1_000_000)
         select (new Rational(a, b), new Rational(c, d))).ToArbitrary();

    [Fact]
    public void Arithmetic_AnyValues_IsThatOfAField() => Prop.ForAll(
        Pairs,
        p => p.A + p.B - p.B == p.A
            && (p.A * p.B == p.B * p.A)
            && (p.B == Rational.Zero || p.A / p.B * p.B == p.A)
            && -(-p.A) == p.A
            && (p.A < p.B) == (p.B - p.A > Rational.Zero)).QuickCheckThrowOnFailure();

    [Fact]
    public void Rounding_AnyValue_BracketsIt() => Prop.ForAll(
        Pairs,
        p => p.A.Floor() <= p.A && p.A < p.A.Floor() + 1
            && p.A.Ceiling() >= p.A && p.A > p.A.Ceiling() - 1
            && Rational.Abs(p.A.Round() - p.A) <= new Rational(1, 2)).QuickCheckThrowOnFailure();

    [Fact]
    public void ToString_AnyValue_ParsesBack() => Prop.ForAll(
        Pairs,
        p => Rational.TryParse(p.A.ToString(), out Rational back) && back == p.A).QuickCheckThrowOnFailure();

    [Fact]
    public void Product_TooLarge_Throws() =>
        Assert.Throws<OverflowException>(() => new Rational(long.MaxValue) * new Rational(3, 2));
}
