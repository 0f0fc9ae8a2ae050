using FrameFlow.Motion;
using Xunit;

namespace FrameFlow.Tests.Motion;

public sealed class HalfSizeTests
{
    [Theory]
    [InlineData(8, 6)]
    [InlineData(9, 7)]
    [InlineData(1, 5)]
    [InlineData(2, 1)]
    public void ReduceAndAddEnlarged_Constant_StaysAndIsScaled(int width, int height)
    {
        float[] full = [.. Enumerable.Repeat(0.25f, width * height)];
        float[] half = new float[HalfSize.Of(width) * HalfSize.Of(height)];
        HalfSize.Reduce(full, width, height, half, 2);
        Assert.All(half, v => Assert.Equal(0.5f, v, 6));
        HalfSize.AddEnlarged(half, full, width, height, new float[HalfSize.Of(width)], 3);
        Assert.All(full, v => Assert.Equal(1.75f, v, 6));
    }

    [Fact]
    public void ReduceAndAddEnlarged_Ramp_ComesBackInside()
    {
        const int Width = 14;
        const int Height = 10;
        float[] full = [.. Enumerable.Range(0, Width * Height).Select(i => (i % Width) + (3f * (i / Width)))];
        float[] half = new float[HalfSize.Of(Width) * HalfSize.Of(Height)];
        HalfSize.Reduce(full, Width, Height, half);
        float[] back = new float[full.Length];
        HalfSize.AddEnlarged(half, back, Width, Height, new float[HalfSize.Of(Width)]);
        for (int i = 0; i < full.Length; i++)
        {
            bool isInside = i % Width is > 0 and < Width - 1 && i / Width is > 0 and < Height - 1;
            Assert.True(!isInside || Math.Abs(full[i] - back[i]) < 1e-4, $"{i}: {back[i]} instead of {full[i]}");
        }
    }
}
