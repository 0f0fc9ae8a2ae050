using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Repair;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair;

public sealed class NeighbourGrainTests : IDisposable
{
    private readonly NativePool _pool = new(1 << 28);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.5f)]
    public void Add_AnAverageOfTwoFrames_GetsTheirGrainBack(float rho)
    {
        const float Sigma = 6f / 255;
        using MovingScene scene = MovingScene.Create(_pool, 320, 240);
        using FloatImage first = Pictures.Noisy(scene.Frame0, _ => Sigma, rho, 3, 0, _pool, toEightBits: false);
        using FloatImage second = Pictures.Noisy(scene.Frame0, _ => Sigma, rho, 3, 1, _pool, toEightBits: false);
        using FloatImage still = _pool.RentImage(2, 240, 320);
        using FloatImage made = _pool.RentImage(3, 240, 320);
        System.Numerics.Tensors.TensorPrimitives.Add(first.Values, second.Values, made.Values);
        System.Numerics.Tensors.TensorPrimitives.Multiply(made.Values, 0.5f, made.Values);
        NoiseEstimator noise = new(1f / 255);
        using (MotionField motion = Still())
        {
            noise.AddPair(first, second, motion, _pool);
        }

        NeighbourGrain grain = new(noise.Solve()!, NeighbourGrain.Energy(first, _pool), 7, _pool);
        Assert.Equal(Sigma * Math.Sqrt(0.5), Deviation(made), Sigma * 0.03);
        Assert.True(grain.Add(made, 5));
        Assert.Equal(Sigma, Deviation(made), Sigma * 0.1);
        Assert.Equal(rho, LagOne(made), 0.1);

        double Deviation(FloatImage picture) => Math.Sqrt(Product(picture, 0));
        double LagOne(FloatImage picture) => Product(picture, 1) / Product(picture, 0);
        double Product(FloatImage picture, int lag)
        {
            ReadOnlySpan<float> a = picture.Channel(1);
            ReadOnlySpan<float> b = scene.Frame0.Channel(1);
            double sum = 0;
            for (int i = 0; i + lag < a.Length; i++)
            {
                sum += (a[i] - b[i]) * (a[i + lag] - b[i + lag]);
            }

            return sum / a.Length;
        }
    }

    [Fact]
    public void Add_AFrameThatLacksNothing_IsLeftAlone()
    {
        using MovingScene scene = MovingScene.Create(_pool, 320, 240);
        using FloatImage noisy = Pictures.Noisy(scene.Frame0, _ => 6f / 255, 0, 3, 0, _pool, toEightBits: false);
        NeighbourGrain grain = new(NoiseModel.Flat(6f / 255), NeighbourGrain.Energy(noisy, _pool), 7, _pool);
        float[] before = noisy.Values.ToArray();
        Assert.False(grain.Add(noisy, 5));
        Assert.Equal(before, noisy.Values.ToArray());
    }

    private MotionField Still()
    {
        FloatImage there = _pool.RentImage(2, 240, 320);
        FloatImage back = _pool.RentImage(2, 240, 320);
        there.Values.Clear();
        back.Values.Clear();
        return MotionField.Of(there, back, _pool);
    }
}
