using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace FrameFlow.Tests.Support;

/// <summary>What one frame of a made film shows: the scene at <paramref name="Time"/>, or a mix with the scene at <paramref name="Other"/>.</summary>
/// <param name="Time">Scene time in seconds.</param>
/// <param name="Other">A second scene time.</param>
/// <param name="Mix">The second's weight, 0..1.</param>
internal readonly record struct Shot(double Time, double Other = 0, double Mix = 0);

/// <summary>
/// Films whose content is known exactly: a texture that slides and a disc that crosses it, drawn for any moment. So a "correct" 60 fps
/// version of a 24 fps film can be drawn, not interpolated, and faults can be seeded by editing a list of shots.
/// </summary>
internal static class FootageFilm
{
    public const int Width = 160;
    public const int Height = 90;

    // The same moments are shown again and again; drawing them takes longer than coding them.
    private static readonly ConcurrentDictionary<Shot, byte[]> Drawn = new();

    /// <summary>Encodes shots at an even rate.</summary>
    /// <param name="path">The file; its ending chooses the container.</param>
    /// <param name="shots">The frames, in order.</param>
    /// <param name="rate">Frames a second as ffmpeg takes it, for example <c>24000/1001</c>.</param>
    /// <param name="audioSeconds">Length of a tone; 0 for none.</param>
    /// <param name="audioDelay">Seconds by which the tone is moved.</param>
    /// <param name="filter">An ffmpeg video filter, for example to take frames away.</param>
    /// <param name="encoder">Encoder arguments.</param>
    public static async Task WriteAsync(string path, IEnumerable<Shot> shots, string rate, double audioSeconds = 0, double audioDelay = 0,
        string? filter = null, string encoder = "-c:v libx264 -preset veryfast -crf 20")
    {
        List<string> arguments = ["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", $"{Width}x{Height}", "-framerate", rate, "-i", "pipe:0"];
        if (audioSeconds > 0)
        {
            arguments.AddRange(["-itsoffset", audioDelay.ToString(CultureInfo.InvariantCulture), "-f", "lavfi", "-i",
                string.Create(CultureInfo.InvariantCulture, $"sine=f=440:d={audioSeconds}:r=48000"), "-map", "0:v", "-map", "1:a", "-c:a", "aac"]);
        }

        arguments.AddRange(["-vf", (filter is null ? "" : filter + ",") + "format=yuv420p", "-fps_mode", "passthrough", .. encoder.Split(' '), path]);
        ProcessStartInfo start = new("ffmpeg") { RedirectStandardInput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        foreach (Shot shot in shots)
        {
            await process.StandardInput.BaseStream.WriteAsync(Drawn.GetOrAdd(shot, Draw));
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(await errors);
        }
    }

    private static byte[] Draw(Shot shot)
    {
        byte[] picture = new byte[Width * Height];
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                double value = Scene(x, y, shot.Time);
                picture[(y * Width) + x] = (byte)Math.Clamp(shot.Mix == 0 ? value : value + (shot.Mix * (Scene(x, y, shot.Other) - value)), 16, 235);
            }
        }

        return picture;
    }

    // A slide of 40 and 15 px/s under a disc of 120 px/s: 1 to 5 px a frame at 24 fps.
    private static double Scene(double x, double y, double time)
    {
        double discX = x - 10 - (120 * time % 140);
        double discY = y - 40 - (20 * Math.Sin(4 * time));
        if ((discX * discX) + (discY * discY) < 200)
        {
            return 200 + (20 * Math.Sin(discX));
        }

        double u = x + (40 * time);
        double v = y + (15 * time);
        return 110 + (40 * Math.Sin((u * 0.21) + (3 * Math.Sin(v * 0.05)))) + (30 * Math.Sin((v * 0.27) + (u * 0.06))) + (15 * Math.Sin((u * 0.9) + (v * 0.7)));
    }
}
