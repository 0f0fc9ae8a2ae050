using System.Diagnostics;
using System.Globalization;
using FrameFlow.Jobs;
using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Dashboard;

/// <summary>Pictures of a film before and after, at a few places of it.</summary>
internal static class SampleFrames
{
    /// <summary>How many places there are.</summary>
    public const int Count = 5;

    /// <summary>One picture, as JPEG.</summary>
    /// <param name="record">The film.</param>
    /// <param name="place">Which place, 0 to <see cref="Count"/> - 1, evenly over the film.</param>
    /// <param name="isAfter">The result's, not the original's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends ffmpeg.</param>
    /// <returns>The picture; null where that place is not done yet, or the film cannot be read.</returns>
    public static async Task<byte[]?> TakeAsync(JobRecord record, int place, bool isAfter, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!isAfter)
        {
            return await DurationAsync(record.Input, cancellationToken) is { } length ? await GrabAsync(record.Input, length * (place + 0.5) / Count, cancellationToken) : null;
        }

        if (record.State == JobState.Done)
        {
            return await DurationAsync(record.Output, cancellationToken) is { } length ? await GrabAsync(record.Output, length * (place + 0.5) / Count, cancellationToken) : null;
        }

        // Of a film that is being made: from the segment that holds the place, if that is done.
        WorkFolder work = WorkFolder.For(record.Output, time);
        JournalState state = await work.Journal.ReadAsync(cancellationToken);
        long frame = (long)(record.Frames * (place + 0.5) / Count);
        SegmentDone? done = state.Segments.Values.FirstOrDefault(s => frame >= s.Frames.First && frame < s.Frames.End);
        if (done is null || await DurationAsync(work.SegmentPath(done.Index), cancellationToken) is not { } part)
        {
            return null;
        }

        return await GrabAsync(work.SegmentPath(done.Index), part * (frame - done.Frames.First) / done.Frames.Count, cancellationToken);
    }

    private static async Task<double?> DurationAsync(string path, CancellationToken cancellationToken)
    {
        byte[]? text = File.Exists(path) ? await RunAsync("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", "file:" + path], cancellationToken) : null;
        return text is not null && double.TryParse(System.Text.Encoding.UTF8.GetString(text), CultureInfo.InvariantCulture, out double seconds) ? seconds : null;
    }

    private static Task<byte[]?> GrabAsync(string path, double seconds, CancellationToken cancellationToken) => RunAsync(
        "ffmpeg",
        [
            "-v", "error", "-nostdin", "-threads", "1", "-ss", seconds.ToString("0.000", CultureInfo.InvariantCulture), "-i", "file:" + path, "-map", "0:v:0", "-frames:v", "1",
            "-vf", "scale=w='min(1280,iw*sar)':h=-2,setsar=1", "-q:v", "3", "-f", "mjpeg", "-",
        ],
        cancellationToken);

    private static async Task<byte[]?> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        using Process process = new() { StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.Start();
        try
        {
            using MemoryStream output = new();
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.StandardOutput.BaseStream.CopyToAsync(output, cancellationToken);
            _ = await errors;
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 && output.Length > 0 ? output.ToArray() : null;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
