using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Benchmarks;

/// <summary>
/// Answers frames with what the interpolation's networks are shown of the one between, for models/training/make_cache.py: <c>--windows MODELS</c>. Standard input holds, again and again, a line
/// "WIDTH HEIGHT T ALONE" and four pictures in a row of RGB bytes, of which T stands between the middle two (ALONE 1: nothing is asked of the others); standard output gets 16 planes of halves for each:
/// the synthesis network's looks and motion.
/// </summary>
internal static class TrainingWindows
{
    /// <summary>Answers until the input ends.</summary>
    /// <param name="models">The folder of models; those of <c>light</c> run, whatever their weights.</param>
    public static void Run(string models)
    {
        Model model = new ModelCatalog(models).Find("light", "interpolate");
        using Stream input = Console.OpenStandardInput();
        using Stream output = Console.OpenStandardOutput();
        while (Line(input) is { } line)
        {
            string[] words = line.Split(' ');
            (int width, int height) = (int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
            using NativePool memory = new(1L << 30);
            FloatImage[] frames = new FloatImage[4];
            byte[] bytes = new byte[3 * width * height];
            for (int i = 0; i < frames.Length; i++)
            {
                input.ReadExactly(bytes);
                frames[i] = MotionDump.Picture(memory, bytes, width, height);
            }

            Half[] planes = Planes(model, frames, double.Parse(words[2], CultureInfo.InvariantCulture), words[3] == "1", memory);
            output.Write(MemoryMarshal.AsBytes(planes.AsSpan()));
            output.Flush();
            foreach (FloatImage frame in frames)
            {
                frame.Dispose();
            }
        }
    }

    private static Half[] Planes(Model model, FloatImage[] frames, double t, bool alone, NativePool memory)
    {
        (int height, int width) = (frames[0].Height, frames[0].Width);
        List<Half> planes = [];
        VideoFormat format = new() { Width = width, Height = height, PixelFormat = PixelFormat.Known["gbrp"] };
        DenseInverseSearch search = new(DenseInverseSearchOptions.ForInterpolation(width, height));
        using ResidualDiffusionInterpolator interpolator = new(model, ExecutionDevice.Cpu(1), search, format, new InterpolationOptions { HalvesNetworks = false }, memory)
        {
            Shown = seen => planes.AddRange(seen.ToArray().Select(v => (Half)v)),
        };
        using MotionField pair = search.Estimate(frames[1], frames[2], memory);
        using MotionAround? around = alone ? null : Around();
        interpolator.Interpolate(frames[1], frames[2], pair, 1, _ => (t, around), (_, _, _, _) => { }, (_, _, _) => { }, CancellationToken.None);
        return [.. planes];

        MotionAround Around()
        {
            using MotionField before = search.Estimate(frames[0], frames[1], memory);
            using MotionField after = search.Estimate(frames[2], frames[3], memory);
            using MotionField halfBefore = before.Halved(memory);
            using MotionField half = pair.Halved(memory);
            using MotionField halfAfter = after.Halved(memory);
            return MotionAround.Find(halfBefore, half, halfAfter, 1, 1, memory);
        }
    }

    private static string? Line(Stream input)
    {
        StringBuilder line = new();
        for (int character; (character = input.ReadByte()) != '\n';)
        {
            if (character < 0)
            {
                return null;
            }

            line.Append((char)character);
        }

        return line.ToString();
    }
}
