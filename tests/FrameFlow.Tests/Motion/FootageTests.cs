using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using OpenCvSharp;
using Xunit;

namespace FrameFlow.Tests.Motion;

/// <summary>Interpolation at t = 1/2 of real triplets whose middle is known, by motion alone.</summary>
public sealed class FootageTests
{
    private const float OutsideWeight = 1e-3f; // as peers.py: a look-up outside counts next to nothing, but two of them average

    /// <summary>Measured 28.475 and 28.623 dB on the 48 triplets; OpenCV's MEDIUM preset reaches 28.22 in peers.py, blending 22.7.</summary>
    [Fact]
    public void Interpolate_RealTriplets_ReachesTheMeasuredFidelity()
    {
        string[] triplets = Directory.GetDirectories(Repository.SharedFootage("triplets"));
        Assert.Equal(48, triplets.Length); // the floors are those of 48 triplets
        DenseInverseSearch search = new();
        List<double> averaged = [];
        List<double> carried = [];
        using NativePool pool = new(1L << 30);
        foreach (string triplet in triplets.Order(StringComparer.Ordinal))
        {
            using FloatImage frame0 = Read(Path.Combine(triplet, "0.png"), pool);
            using FloatImage truth = Read(Path.Combine(triplet, "1.png"), pool);
            using FloatImage frame1 = Read(Path.Combine(triplet, "2.png"), pool);
            using MotionField field = search.Estimate(frame0, frame1, pool);

            // F_t0 = -(1-t)t F01 + t^2 F10 = -(F01 - F10)/4, F_t1 = -F_t0.
            using FloatImage mean = pool.RentImage(2, field.Height, field.Width);
            for (int i = 0; i < mean.Values.Length; i++)
            {
                mean.Values[i] = (field.Forward.Values[i] - field.Backward.Values[i]) / 2;
            }

            averaged.Add(Psnr(frame0, frame1, mean, truth, pool));
            using FloatImage motion = IntermediateMotion.At(field, frame0, frame1, 0.5f, pool);
            carried.Add(Psnr(frame0, frame1, motion, truth, pool));
        }

        TestContext.Current.SendDiagnosticMessage("flows averaged {0:F3} dB, motion carried to t {1:F3} dB", averaged.Average(), carried.Average());
        Assert.InRange(averaged.Average(), 28.42, 40);
        Assert.InRange(carried.Average(), 28.57, 40);
        Assert.Equal(0, pool.LiveBlocks);
    }

    private static double Psnr(FloatImage frame0, FloatImage frame1, FloatImage motion, FloatImage truth, NativePool pool)
    {
        using FloatImage warped0 = pool.RentImage(3, truth.Height, truth.Width);
        using FloatImage warped1 = pool.RentImage(3, truth.Height, truth.Width);
        using FloatImage valid0 = pool.RentImage(1, truth.Height, truth.Width);
        using FloatImage valid1 = pool.RentImage(1, truth.Height, truth.Width);
        Warp.Bicubic(frame0, motion, -0.5f, warped0);
        Warp.Bicubic(frame1, motion, 0.5f, warped1);
        Warp.Inside(motion, -0.5f, valid0);
        Warp.Inside(motion, 0.5f, valid1);
        double sum = 0;
        for (int i = 0; i < truth.Values.Length; i++)
        {
            float weight0 = valid0.Values[i % truth.PlaneLength] + OutsideWeight;
            float weight1 = valid1.Values[i % truth.PlaneLength] + OutsideWeight;
            float value = ((warped0.Values[i] * weight0) + (warped1.Values[i] * weight1)) / (weight0 + weight1);
            double error = Math.Clamp(MathF.Round(value * 255), 0, 255) - (truth.Values[i] * 255);
            sum += error * error;
        }

        return sum == 0 ? 100 : 10 * Math.Log10(255.0 * 255 * truth.Values.Length / sum);
    }

    private static FloatImage Read(string path, NativePool pool)
    {
        using Mat picture = Cv2.ImRead(path, ImreadModes.Color);
        int width = picture.Width;
        int height = picture.Height;
        FloatImage image = pool.RentImage(3, height, width);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                Vec3b pixel = picture.At<Vec3b>(y, x);
                int i = (y * width) + x;
                image.Channel(0)[i] = pixel.Item2 / 255f;
                image.Channel(1)[i] = pixel.Item1 / 255f;
                image.Channel(2)[i] = pixel.Item0 / 255f;
            }
        }

        return image;
    }
}
