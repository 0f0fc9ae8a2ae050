using FrameFlow.Media;

namespace FrameFlow.Tests.Repair;

/// <summary>A made film of one texture that slides: drawn from a formula, so exact at any place, with a little noise.</summary>
internal static class TexturedFilm
{
    public static VideoFormat Format { get; } = new() { Width = 160, Height = 128, PixelFormat = PixelFormat.Known["yuv420p"] };

    /// <summary>Luma of the texture at a place, codes.</summary>
    public static double Texture(double x, double y) =>
        118 + (22 * Math.Sin((0.21 * x) + (2 * Math.Sin(0.06 * y)))) + (20 * Math.Sin((0.17 * y) + (0.05 * x))) + (10 * Math.Sin((0.55 * x) + (0.4 * y))) + (6 * Math.Sin((0.9 * y) - (0.3 * x)));

    /// <summary>Frames at 24 fps.</summary>
    /// <param name="pool">Lends them.</param>
    /// <param name="count">How many.</param>
    /// <param name="place">Where the texture's origin lies in a frame.</param>
    /// <param name="edit">Changes a frame's luma (160 x 128) once it is drawn.</param>
    /// <param name="cutAt">The frame that starts a scene: another part of the texture.</param>
    /// <param name="gain">A frame's light.</param>
    /// <param name="index">What the first frame's noise is counted from.</param>
    public static async IAsyncEnumerable<Frame> Frames(NativePool pool, int count, Func<int, (double X, double Y)> place, Action<int, byte[]>? edit = null, int cutAt = -1, Func<int, double>? gain = null, int index = 0)
    {
        FramePool frames = new(pool, Format);
        byte[] luma = new byte[Format.Width * Format.Height];
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            Draw(i + index, place(i), cutAt >= 0 && i >= cutAt ? 5000 : 0, gain?.Invoke(i) ?? 1, luma);
            edit?.Invoke(i, luma);
            Frame frame = frames.Rent(new Rational(i, 24), i);
            frame.Bytes.Fill(128);
            luma.CopyTo(frame.Plane<byte>(0));
            frame.IsSceneStart = i == cutAt;
            yield return frame;
        }
    }

    /// <summary>The luma of all frames, which it disposes.</summary>
    public static async Task<List<byte[]>> LumaAsync(IAsyncEnumerable<Frame> frames)
    {
        List<byte[]> all = [];
        await foreach (Frame frame in frames)
        {
            all.Add(frame.Plane<byte>(0).ToArray());
            frame.Dispose();
        }

        return all;
    }

    /// <summary>The luma of one frame.</summary>
    public static void Draw(int index, (double X, double Y) place, double other, double gain, byte[] luma)
    {
        for (int p = 0; p < luma.Length; p++)
        {
            double noise = 0.7 * FrameFlow.Diffusion.NoiseField.At(5, index, 0, p % Format.Width, p / Format.Width);
            double value = 16 + (gain * (Texture((p % Format.Width) - place.X + other, (p / Format.Width) - place.Y + other) - 16));
            luma[p] = (byte)Math.Clamp(Math.Round(value + noise), 16, 235);
        }
    }
}
