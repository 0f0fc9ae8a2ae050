using FrameFlow.Denoising;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Denoising;

/// <summary>What the training code computed (testdata/golden), the pipeline computes as well.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("light")]
    [InlineData("full")]
    public void Denoise_GoldenWindow_GivesWhatTheTrainingCodeGives(string size)
    {
        string golden = "denoise_" + size;
        using NativePool pool = new(1L << 30);
        using FloatImage frames = GoldenTensor.Read(golden, "frames").ToImage(pool);
        using FloatImage sigma = GoldenTensor.Read(golden, "sigma").ToImage(pool);
        using FloatImage clean = pool.RentImage(3, frames.Height, frames.Width);
        Model model = new ModelCatalog(Repository.Models).Find("denoise-" + size, "denoise");
        VideoFormat format = new() { Width = frames.Width, Height = frames.Height, PixelFormat = PixelFormat.Known["yuv444p"] };
        using NetworkDenoiser denoiser = new(model, ExecutionDevice.Cpu(1), format, 1 << 20, pool);
        denoiser.Denoise(frames, sigma, GoldenTensor.Read(golden, "grain").Values, clean, default);

        // float32 convolutions summed in another order.
        GoldenTensor.Read(golden, "clean").AssertNear(clean.Values, 2e-4);
    }

    [Fact]
    public void Align_GoldenNeighbour_GivesWhatTheTrainingCodeGives()
    {
        const float Sigma = 0.05f;
        using NativePool pool = new(1L << 28);
        using FloatImage centre = GoldenTensor.Read("alignment", "centre").ToImage(pool);
        using FloatImage neighbour = GoldenTensor.Read("alignment", "neighbour").ToImage(pool);
        using FloatImage flow = GoldenTensor.Read("alignment", "flow").ToImage(pool);
        using FloatImage level = pool.RentImage(3, centre.Height, centre.Width);
        using FloatImage warped = pool.RentImage(3, centre.Height, centre.Width);
        using FloatImage found = pool.RentImage(3, centre.Height, centre.Width);
        level.Values.Fill(Sigma);
        NeighbourAlignment.Align(centre, level, neighbour, level, flow, warped, found, pool);
        GoldenTensor.Read("alignment", "warped").AssertNear(warped.Values, 2e-4);
        float[] weights = GoldenTensor.Read("alignment", "squared_weights").Values;
        float[] doubt = GoldenTensor.Read("alignment", "sigma_align").Values;
        for (int i = 0; i < found.Values.Length; i++)
        {
            int p = i % found.PlaneLength;
            double expected = Math.Min(100, Math.Sqrt((Sigma * Sigma * weights[p]) + ((double)doubt[p] * doubt[p])));
            Assert.Equal(expected, found.Values[i], 5e-4);
        }
    }

    [Fact]
    public void Denoise_InTiles_EqualsTheWhole()
    {
        using NativePool pool = new(1L << 32);
        Model model = new ModelCatalog(Repository.Models).Find("denoise-light", "denoise");
        VideoFormat format = new() { Width = 486, Height = 390, PixelFormat = PixelFormat.Known["yuv444p"] };
        using FloatImage frames = pool.RentImage(15, 390, 486);
        using FloatImage sigma = pool.RentImage(15, 390, 486);
        for (int i = 0; i < frames.Values.Length; i++)
        {
            frames.Values[i] = 0.5f + (0.3f * MathF.Sin(i * 0.07f)) + (0.05f * FrameFlow.Diffusion.NoiseField.At(1, 0, 0, i, 0));
            sigma.Values[i] = 0.05f;
        }

        using FloatImage whole = Run(1 << 22);
        using FloatImage tiled = Run(300 * 300);
        double worst = 0;
        for (int i = 0; i < whole.Values.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(whole.Values[i] - tiled.Values[i]));
        }

        Assert.InRange(worst, 0, 1e-4);

        FloatImage Run(long tilePixels)
        {
            using NetworkDenoiser denoiser = new(model, ExecutionDevice.Cpu(1), format, tilePixels, pool);
            FloatImage clean = pool.RentImage(3, 390, 486);
            denoiser.Denoise(frames, sigma, [0, 0, 0, 0], clean, default);
            return clean;
        }
    }
}
