using FrameFlow.Verification;
using Xunit;

namespace FrameFlow.Tests.Verification;

public sealed class SourceTimesTests
{
    private const long None = long.MinValue;

    [Theory]
    [InlineData(new long[] { 0, 512, 1024, 1024, 2048, 2560 }, new long[] { 0, 512, 1024, 1536, 2048, 2560 })] // repeated, its place empty
    [InlineData(new long[] { 0, 512, 1024, 1025, 2048, 2560 }, new long[] { 0, 512, 1024, 1536, 2048, 2560 })] // a tick after
    [InlineData(new long[] { 0, 512, 1024, 1024, 1536, 2048 }, new long[] { 0, 512, 1024, 1024, 1536, 2048 })] // repeated, no place
    [InlineData(new long[] { 0, 512, 700, 2048, 2560 }, new long[] { 0, 512, 700, 2048, 2560 })] // early, but a time of its own
    [InlineData(new long[] { 0, 40, 80, None, 160, None, 240 }, new long[] { 0, 40, 80, 120, 160, 200, 240 })]
    [InlineData(new long[] { None, None, 80, 120, 160 }, new long[] { 0, 40, 80, 120, 160 })]
    [InlineData(new long[] { 7 }, new long[] { 7 })]
    [InlineData(new long[] { None }, new long[] { 0 })]
    public void Mend_BrokenTimes_StandInTheirPlaces(long[] stated, long[] expected)
    {
        long?[] ticks = [.. stated.Select(t => t == None ? (long?)null : t)];
        SourceTimes.Mend(ticks);

        Assert.Equal(expected.Cast<long?>(), ticks);
    }
}
