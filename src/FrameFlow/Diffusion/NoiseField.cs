namespace FrameFlow.Diffusion;

/// <summary>
/// Standard normal noise as a pure function of (seed, frame, channel, x, y): no state, so tiles, batches, threads and a resumed run
/// all draw the same. A counter is hashed (SplitMix64's finaliser, Steele 2014) and mapped through the inverse normal distribution.
/// </summary>
public static class NoiseField
{
    private const int TableBits = 15;
    private static readonly float[] Quantiles = CreateQuantiles();

    /// <summary>The noise at one place.</summary>
    /// <param name="seed">The user's seed.</param>
    /// <param name="frame">The absolute index of the source frame to which the noise belongs.</param>
    /// <param name="channel">Channel, 0..2.</param>
    /// <param name="x">Column; may lie outside the picture.</param>
    /// <param name="y">Row; may lie outside the picture.</param>
    public static float At(ulong seed, long frame, int channel, int x, int y) => FromHash(Hash(Key(seed, frame, channel), x, y));

    /// <summary>Fills a plane with one channel's noise.</summary>
    /// <param name="plane">H*W values, row by row.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="frame">The absolute index of the source frame.</param>
    /// <param name="channel">Channel, 0..3.</param>
    /// <param name="draw">Which of several independent fields of the same frame; 0 is that of <see cref="At"/>.</param>
    /// <param name="margin">By how many pixels the plane reaches beyond the picture on each side: its first value is at (-margin, -margin).</param>
    public static void Fill(Span<float> plane, int width, ulong seed, long frame, int channel, int draw, int margin = 0)
    {
        ulong key = Key(draw == 0 ? seed : Mix(seed ^ ((ulong)draw * 0xD1342543DE82EF95UL)), frame, channel);
        for (int y = 0; y * width < plane.Length; y++)
        {
            Span<float> row = plane.Slice(y * width, width);
            for (int x = 0; x < row.Length; x++)
            {
                row[x] = FromHash(Hash(key, x - margin, y - margin));
            }
        }
    }

    internal static ulong Key(ulong seed, long frame, int channel) => Mix(seed + (0x9E3779B97F4A7C15UL * (ulong)((frame * 4) + channel + 1)));

    internal static ulong Hash(ulong key, int x, int y) => Mix(key ^ (((ulong)(uint)y << 32) | (uint)x));

    internal static float FromHash(ulong hash) => Quantiles[hash >> (64 - TableBits)];

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    // Mid-point quantiles of N(0,1), scaled to unit variance. Newton on Phi, whose integral is summed by Simpson's rule between quantiles.
    private static float[] CreateQuantiles()
    {
        int count = 1 << TableBits;
        double[] values = new double[count];
        double sum = 0;
        for (int i = count / 2; i < count; i++)
        {
            double p = (i + 0.5) / count;
            double z = i == count / 2 ? 0 : values[i - 1];
            for (int iteration = 0; iteration < 60; iteration++)
            {
                double delta = (Cumulative(z) - p) / (Math.Exp(-0.5 * z * z) / Math.Sqrt(2 * Math.PI));
                z -= Math.Clamp(delta, -0.5, 0.5);
                if (Math.Abs(delta) < 1e-12)
                {
                    break;
                }
            }

            values[i] = z;
            values[count - 1 - i] = -z;
            sum += 2 * z * z;
        }

        double scale = 1 / Math.Sqrt(sum / count);
        return [.. values.Select(v => (float)(v * scale))];
    }

    // Phi(z) for z >= 0 by Marsaglia's series (J. Stat. Softw. 11(4), 2004), exact to double precision in the range of the table.
    private static double Cumulative(double z)
    {
        double term = z;
        double total = z;
        for (int n = 1; n < 300 && Math.Abs(term) > 1e-17; n++)
        {
            term *= z * z / ((2 * n) + 1);
            total += term;
        }

        return 0.5 + (total * Math.Exp((-0.5 * z * z) - 0.91893853320467274178));
    }
}
