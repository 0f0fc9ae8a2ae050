namespace FrameFlow.Color;

/// <summary>
/// Doubles and halves chroma along one axis by filter pairs that are biorthogonal, so that down(up(c)) = c to rounding, borders and odd
/// lengths included: LeGall 5/3 (up [1 2 1]/2, down [-1 2 6 2 -1]/8) where the chroma sample lies on an even luma sample, and the
/// biorthogonal spline 3.1 (up [1 3 3 1]/4, down [-1 3 3 -1]/4) where it lies between two (Cohen, Daubechies, Feauveau 1992).
/// </summary>
internal static class ChromaResampler
{
    // Down where the chroma sample lies on a luma sample, and between two.
    private static readonly float[] Cosited = [-0.125f, 0.25f, 0.75f, 0.25f, -0.125f];
    private static readonly float[] Centered = [-0.25f, 0.75f, 0.75f, -0.25f];

    /// <summary>
    /// Writes output row or column <paramref name="index"/> of the doubled signal as a weighted sum of at most two inputs.
    /// </summary>
    /// <returns>The two input indices, clamped, and the weight of the second (the first has the rest).</returns>
    public static (int First, int Second, float SecondWeight) Up(int index, int inputLength, bool cosited)
    {
        int i = index >> 1;
        bool odd = (index & 1) != 0;
        if (cosited)
        {
            return odd ? (i, Math.Min(i + 1, inputLength - 1), 0.5f) : (i, i, 0f);
        }

        return odd ? (i, Math.Min(i + 1, inputLength - 1), 0.25f) : (i, Math.Max(i - 1, 0), 0.25f);
    }

    /// <summary>
    /// Writes the taps of halved sample <paramref name="index"/>: indices into the doubled signal and weights. The mirror at each
    /// border is the one that <see cref="Up"/> implies.
    /// </summary>
    /// <param name="index">The output sample.</param>
    /// <param name="fullLength">The length of the doubled signal, 2n or 2n-1.</param>
    /// <param name="cosited">Where the chroma sample lies.</param>
    /// <param name="indices">At least 5 long.</param>
    /// <param name="weights">At least 5 long.</param>
    /// <returns>How many taps were written.</returns>
    public static int Down(int index, int fullLength, bool cosited, Span<int> indices, Span<float> weights)
    {
        int half = (fullLength + 1) / 2;
        bool odd = (fullLength & 1) != 0;
        int center = 2 * index;
        if (fullLength <= 2)
        {
            // One chroma sample: up() repeats it.
            indices[0] = 0;
            weights[0] = 1;
            return 1;
        }

        if (cosited)
        {
            for (int k = 0; k < 5; k++)
            {
                indices[k] = MirrorCosited(center + k - 2, fullLength);
                weights[k] = Cosited[k];
            }

            return 5;
        }

        if (odd && index == half - 1)
        {
            // The last luma sample stands alone: y = 3/4 c[n-1] + 1/4 c[n-2], and c[n-2] is [-1 3 3 -1]/4 of the four before and at it.
            // c[n-1] = 4/3 y - 1/3 c[n-2].
            for (int k = 0; k < 4; k++)
            {
                indices[k] = MirrorCentered(center - 3 + k, fullLength);
                weights[k] = Centered[k] * (-1f / 3f);
            }

            indices[4] = fullLength - 1;
            weights[4] = 4f / 3f;
            return 5;
        }

        for (int k = 0; k < 4; k++)
        {
            indices[k] = MirrorCentered(center + k - 1, fullLength);
            weights[k] = Centered[k];
        }

        return 4;
    }

    // Left: whole-sample mirror about 0. Right: an even length ends in a repeated sample (half-sample mirror), an odd one on a chroma sample.
    private static int MirrorCosited(int i, int length)
    {
        if (i < 0)
        {
            i = -i;
        }

        if (i >= length)
        {
            i = (length & 1) != 0 ? (2 * (length - 1)) - i : length - 1;
        }

        return Math.Clamp(i, 0, length - 1);
    }

    private static int MirrorCentered(int i, int length) => Math.Clamp(i < 0 ? -1 - i : i >= length ? (2 * length) - 1 - i : i, 0, length - 1);
}
