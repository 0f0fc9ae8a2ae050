using FrameFlow.Denoising;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Denoising;

public sealed class GrainFieldTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.3, 0.5)]
    [InlineData(0.6, 0)]
    public void Fill_AnyCorrelation_HasItAndUnitVariance(double rho, double chroma)
    {
        using NativePool pool = new(1 << 26);
        float[] correlation = new float[49];
        for (int i = 0; i < 49; i++)
        {
            // A Gaussian blur's: what film scans come near to; it has a spectrum without negative parts.
            int dx = (i % 7) - 3, dy = (i / 7) - 3;
            correlation[i] = rho == 0 ? (i == 24 ? 1 : 0) : (float)Math.Pow(rho, (dx * dx) + (dy * dy));
        }

        NoiseModel model = new([.. Enumerable.Range(0, 3).Select(_ => new float[NoiseModel.Points])], correlation, (float)chroma, NoiseEvidence.Given);
        const int Side = 256;
        float[] noise = new float[3 * Side * Side];
        model.Grain.Fill(noise, Side, 5, 2, 0, pool);
        Assert.InRange(Mean(0, 0, 0, 0), 0.96, 1.04);
        Assert.InRange(Mean(0, 0, 1, 0), rho - 0.04, rho + 0.04);
        Assert.InRange(Mean(0, 0, 0, 1), rho - 0.04, rho + 0.04);
        Assert.InRange(Mean(0, 0, 1, 1), (rho * rho) - 0.05, (rho * rho) + 0.05);
        Assert.InRange(Mean(0, 2, 0, 0), chroma - 0.04, chroma + 0.04);

        float[] again = new float[noise.Length];
        model.Grain.Fill(again, Side, 5, 2, 0, pool);
        Assert.Equal(noise, again);
        model.Grain.Fill(again, Side, 5, 3, 0, pool);
        Assert.NotEqual(noise, again);

        double Mean(int first, int second, int dx, int dy)
        {
            double sum = 0;
            int count = 0;
            for (int y = 0; y < Side - dy; y++)
            {
                for (int x = 0; x < Side - dx; x++)
                {
                    sum += noise[(first * Side * Side) + (y * Side) + x] * noise[(second * Side * Side) + ((y + dy) * Side) + x + dx];
                    count++;
                }
            }

            return sum / count;
        }
    }
}
