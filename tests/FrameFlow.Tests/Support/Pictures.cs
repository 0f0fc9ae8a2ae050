using FrameFlow.Diffusion;
using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Tests.Support;

/// <summary>Pictures as tensors, and noise of known law on them.</summary>
internal static class Pictures
{
    /// <summary>[3,H,W] RGB 0..1 of a picture file; the caller disposes it.</summary>
    public static FloatImage Read(string path, NativePool pool)
    {
        using Mat picture = Cv2.ImRead(path, ImreadModes.Color);
        FloatImage image = pool.RentImage(3, picture.Height, picture.Width);
        for (int i = 0; i < image.PlaneLength; i++)
        {
            Vec3b pixel = picture.At<Vec3b>(i / picture.Width, i % picture.Width);
            image.Channel(0)[i] = pixel.Item2 / 255f;
            image.Channel(1)[i] = pixel.Item1 / 255f;
            image.Channel(2)[i] = pixel.Item0 / 255f;
        }

        return image;
    }

    /// <summary>
    /// A copy with noise of deviation <paramref name="sigma"/>(u), correlated as rho^(|dx| + |dy|) by recursions along both axes, rounded and
    /// clipped to 8 bits if asked for. The caller disposes it.
    /// </summary>
    public static FloatImage Noisy(FloatImage clean, Func<float, float> sigma, float rho, ulong seed, int frame, NativePool pool, bool toEightBits = true)
    {
        FloatImage noisy = pool.RentImage(clean.Channels, clean.Height, clean.Width);
        float[] noise = new float[clean.PlaneLength];
        float fresh = MathF.Sqrt(1 - (rho * rho));
        for (int c = 0; c < clean.Channels; c++)
        {
            NoiseField.Fill(noise, clean.Width, seed, frame, c, 0);
            for (int i = 0; i < noise.Length; i++)
            {
                noise[i] = i % clean.Width == 0 ? noise[i] : (rho * noise[i - 1]) + (fresh * noise[i]);
            }

            for (int i = clean.Width; i < noise.Length; i++)
            {
                noise[i] = (rho * noise[i - clean.Width]) + (fresh * noise[i]);
            }

            for (int i = 0; i < noise.Length; i++)
            {
                float value = clean.Channel(c)[i] + (sigma(clean.Channel(c)[i]) * noise[i]);
                noisy.Channel(c)[i] = toEightBits ? Math.Clamp(MathF.Round(value * 255), 0, 255) / 255 : value;
            }
        }

        return noisy;
    }
}
