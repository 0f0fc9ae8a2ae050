using System.Numerics.Tensors;
using FrameFlow.Denoising;
using FrameFlow.Media;

namespace FrameFlow.Repair;

/// <summary>
/// Gives a rebuilt picture the grain that its neighbours have. What is made between two frames is an average of both, and smoother than either: of the
/// neighbours' variance sigma^2(u) the part 1 - e/e0 is missing, e and e0 the mean square of diagonal differences on the quietest patches of the
/// picture and of the neighbours. That part is added as noise of the neighbours' spectrum. Immutable but for scratch.
/// </summary>
/// <param name="noise">The neighbours' noise.</param>
/// <param name="energy">e0, of all neighbours together, code values squared.</param>
/// <param name="seed">The seed.</param>
/// <param name="memory">Working memory; not owned.</param>
internal sealed class NeighbourGrain(NoiseModel noise, double energy, ulong seed, NativePool memory)
{
    private const int Patch = 16;
    private const int QuietShare = 4; // a quarter of the patches

    // Of the fields that the denoiser draws none has this number.
    private const int Draw = 0x5EED;

    /// <summary>Adds what is missing.</summary>
    /// <param name="picture">[3,H,W], code values.</param>
    /// <param name="place">The frame's place, which with the seed decides the grain.</param>
    /// <returns>Whether anything was added.</returns>
    public bool Add(FloatImage picture, long place)
    {
        double missing = energy <= 0 ? 0 : 1 - (Energy(picture, memory) / energy);
        if (missing <= 0.01 || noise.MeanSigma <= 0)
        {
            return false;
        }

        using FloatImage sigma = NoiseAnalysis.Calm(picture, memory);
        noise.Fill(sigma, sigma);
        using FloatImage grain = memory.RentImage(3, picture.Height, picture.Width);
        noise.Grain.Fill(grain.Values, picture.Width, seed, place, Draw, memory);
        TensorPrimitives.Multiply(sigma.Values, (float)Math.Sqrt(missing), sigma.Values);
        TensorPrimitives.MultiplyAdd(grain.Values, sigma.Values, picture.Values, picture.Values);
        return true;
    }

    /// <summary>Mean square of (a - b - c + d)/2 of neighbouring pixels, in green, on the quarter of the patches that are quietest but for grain.</summary>
    public static double Energy(FloatImage picture, NativePool memory)
    {
        using FloatImage calm = NoiseAnalysis.Calm(picture, memory);
        int columns = picture.Width / Patch;
        int rows = picture.Height / Patch;
        (double Busy, double Energy)[] patches = new (double, double)[columns * rows];
        for (int i = 0; i < patches.Length; i++)
        {
            int left = i % columns * Patch;
            int top = i / columns * Patch;
            patches[i] = (Diagonals(calm, left, top), Diagonals(picture, left, top));
        }

        Array.Sort(patches, static (a, b) => a.Busy.CompareTo(b.Busy));
        int count = Math.Min(patches.Length, Math.Max(4, patches.Length / QuietShare));
        return count == 0 ? 0 : patches.Take(count).Average(p => p.Energy);
    }

    private static double Diagonals(FloatImage picture, int left, int top)
    {
        ReadOnlySpan<float> plane = picture.Channel(1);
        int width = picture.Width;
        double sum = 0;
        for (int y = top; y < top + Patch - 1; y++)
        {
            for (int at = (y * width) + left; at < (y * width) + left + Patch - 1; at++)
            {
                float d = plane[at] - plane[at + 1] - plane[at + width] + plane[at + width + 1];
                sum += d * d;
            }
        }

        return sum / (4 * (Patch - 1) * (Patch - 1));
    }
}
