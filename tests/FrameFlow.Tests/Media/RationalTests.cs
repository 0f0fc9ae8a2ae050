using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Media;

public sealed class RationalTests
{
    [Theory]
    [InlineData("60", 60, 1)]
    [InlineData("60000/1001", 60000, 1001)]
    [InlineData("48/2", 24, 1)]
    [InlineData("23.976", 2997, 125)]
    [InlineData("-1/4", -1, 4)]
    public void TryParse_Ratio_IsReduced(string text, long numerator, long denominator)
    {
        Assert.True(Rational.TryParse(text, out Rational value));
        Assert.Equal(numerator, value.Numerator);
        Assert.Equal(denominator, value.Denominator);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1/0")]
    [InlineData("fast")]
    [InlineData("1e9")]
    [InlineData("NaN")]
    public void TryParse_NoRatio_IsRefused(string text) => Assert.False(Rational.TryParse(text, out _));
}
