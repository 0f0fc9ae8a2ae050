using FrameFlow.Diffusion;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>
/// Noise that moves with the picture and has no history: n_t(p) = cos(pi t/2) h(k, p + F_t0) + sin(pi t/2) h(k+1, p + F_t1), h the
/// <see cref="NoiseField"/> of the source frames k and k+1, looked up at the nearest pixel (bilinear look-ups would shrink the variance).
/// </summary>
internal static class CoherentNoise
{
    /// <summary>Fills a tensor [3,H,W] with unit-variance noise.</summary>
    /// <param name="noise">Receives the noise.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="sourceIndex">k, absolute.</param>
    /// <param name="position">t in (0,1).</param>
    /// <param name="flow0">F_t0 [2,H,W] in pixels.</param>
    /// <param name="flow1">F_t1 [2,H,W] in pixels.</param>
    public static unsafe void Fill(FloatImage noise, ulong seed, long sourceIndex, double position, FloatImage flow0, FloatImage flow1)
    {
        float weight0 = (float)Math.Cos(Math.PI / 2 * position);
        float weight1 = (float)Math.Sin(Math.PI / 2 * position);
        int width = noise.Width;
        int plane = noise.PlaneLength;
        for (int c = 0; c < 3; c++)
        {
            ulong key0 = NoiseField.Key(seed, sourceIndex, c);
            ulong key1 = NoiseField.Key(seed, sourceIndex + 1, c);
            float* to = noise.Data + ((long)c * plane);
            for (int i = 0; i < plane; i++)
            {
                int x = i % width;
                int y = i / width;
                float a = NoiseField.FromHash(NoiseField.Hash(key0, Near(x + flow0.Data[i]), Near(y + flow0.Data[plane + i])));
                float b = NoiseField.FromHash(NoiseField.Hash(key1, Near(x + flow1.Data[i]), Near(y + flow1.Data[plane + i])));
                to[i] = (weight0 * a) + (weight1 * b);
            }
        }
    }

    private static int Near(float value) => (int)MathF.Floor(value + 0.5f);
}
