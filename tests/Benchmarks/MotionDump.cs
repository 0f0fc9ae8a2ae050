using System.Globalization;
using System.Runtime.InteropServices;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Benchmarks;

/// <summary>Writes the motion that the product finds, for <c>compare dis</c> to hold against the true one: <c>--motion FOLDER</c>.</summary>
internal static class MotionDump
{
    /// <summary>For every NAME.WIDTHxHEIGHT.pair (two pictures of RGB bytes, one behind the other) writes NAME.flow beside it: float32, x of the whole picture and then y, px, from the first to the second.</summary>
    public static void Run(string folder)
    {
        using NativePool memory = new(1L << 30);
        foreach (string file in Directory.EnumerateFiles(folder, "*.pair"))
        {
            string[] name = Path.GetFileName(file).Split('.');
            int[] size = [.. name[1].Split('x').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
            byte[] bytes = File.ReadAllBytes(file);
            using FloatImage first = Picture(memory, bytes.AsSpan(0, bytes.Length / 2), size[0], size[1]);
            using FloatImage second = Picture(memory, bytes.AsSpan(bytes.Length / 2), size[0], size[1]);
            using MotionField motion = new DenseInverseSearch(DenseInverseSearchOptions.ForInterpolation(size[0], size[1])).Estimate(first, second, memory);
            File.WriteAllBytes(Path.Combine(folder, name[0] + ".flow"), MemoryMarshal.AsBytes(motion.Forward.Values));
        }
    }

    /// <summary>RGB bytes as a picture [3,H,W] of 0..1, which the caller disposes.</summary>
    internal static FloatImage Picture(NativePool memory, ReadOnlySpan<byte> rgb, int width, int height)
    {
        FloatImage picture = memory.RentImage(3, height, width);
        for (int c = 0; c < 3; c++)
        {
            Span<float> plane = picture.Channel(c);
            for (int i = 0; i < plane.Length; i++)
            {
                plane[i] = rgb[(3 * i) + c] / 255f;
            }
        }

        return picture;
    }
}
