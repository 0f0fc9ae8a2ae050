using FrameFlow.Diffusion;
using Xunit;

namespace FrameFlow.Tests.Diffusion;

public sealed class NoiseFieldTests
{
    [Fact]
    public void At_ManyPlaces_IsStandardNormalAndUncorrelated()
    {
        const int Side = 512;
        double sum = 0, square = 0, fourth = 0, across = 0, next = 0, channels = 0;
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                double n = NoiseField.At(3, 17, 0, x, y);
                sum += n;
                square += n * n;
                fourth += n * n * n * n;
                across += n * NoiseField.At(3, 17, 0, x + 1, y);
                next += n * NoiseField.At(3, 18, 0, x, y);
                channels += n * NoiseField.At(3, 17, 1, x, y);
            }
        }

        // Standard errors at 2^18 samples: mean .002, variance .0028, fourth moment .019, correlation .002; five of them.
        double count = Side * Side;
        Assert.InRange(sum / count, -0.01, 0.01);
        Assert.InRange(square / count, 0.986, 1.014);
        Assert.InRange(fourth / count, 2.9, 3.1);
        Assert.InRange(across / count, -0.01, 0.01);
        Assert.InRange(next / count, -0.01, 0.01);
        Assert.InRange(channels / count, -0.01, 0.01);
    }

    [Fact]
    public void At_SamePlace_IsTheSameAndASeedChangesIt()
    {
        Assert.Equal(NoiseField.At(1, 2, 0, -3, 4), NoiseField.At(1, 2, 0, -3, 4));
        Assert.NotEqual(NoiseField.At(1, 2, 0, -3, 4), NoiseField.At(2, 2, 0, -3, 4));
    }
}
