using System.Diagnostics;
using System.Globalization;
using FrameFlow.Color;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using FrameFlow.Reporting;

namespace FrameFlow.Jobs;

/// <summary>Takes pictures for the report out of the finished film and out of its source: both as they lie in the files, whoever made them when.</summary>
/// <param name="info">The source.</param>
/// <param name="scan">What it holds.</param>
/// <param name="decode">How it is read.</param>
/// <param name="plan">How the film was encoded.</param>
/// <param name="memory">Where frames come from; not owned.</param>
internal sealed class StillPictures(MediaInfo info, SourceScan scan, DecodeOptions decode, EncodePlan plan, NativePool memory)
{
    private readonly int _rotation = (((info.Video?.Video?.Rotation ?? 0) % 360) + 360) % 360;

    /// <summary>One frame before and after.</summary>
    /// <param name="entry">The frame.</param>
    /// <param name="why">Why it is shown.</param>
    /// <param name="film">The film's file.</param>
    /// <param name="firstTime">The time of its first frame in that file, seconds.</param>
    /// <param name="cancellationToken">Ends the decoding.</param>
    /// <returns>The pair; null where either cannot be had as planned: a report without a picture is better than no film.</returns>
    public async Task<ReportStill?> TakeAsync(LedgerEntry entry, string why, string film, Rational firstTime, CancellationToken cancellationToken)
    {
        try
        {
            if (entry.Source[0] >= scan.Timeline.Count)
            {
                return null;
            }

            using Frame? before = await FromSourceAsync(entry.Source[0], cancellationToken);
            using Frame? after = await FromFilmAsync(entry.Frame, film, firstTime, cancellationToken);
            if (before is null || after is null)
            {
                return null;
            }

            // What the container cannot show turned was turned in the pixels.
            byte[] left = ToJpeg(before, _rotation, out int width, out int height);
            byte[] right = ToJpeg(after, plan.HeaderRotation == _rotation ? _rotation : 0, out int otherWidth, out int otherHeight);
            return (width, height) == (otherWidth, otherHeight) ? new ReportStill(entry, why, left, right, width, height) : null;
        }
        catch (FrameFlowException)
        {
            return null;
        }
    }

    private async Task<Frame?> FromSourceAsync(long index, CancellationToken cancellationToken)
    {
        FrameSource source = new(info, scan, decode, new FramePool(memory, scan.Format), new FrameRange(index, index + 1), mayStartInside: true);
        Frame? found = null;
        await foreach (Frame frame in source.ReadAsync(cancellationToken))
        {
            if (found is null && frame.SourceIndex == index)
            {
                found = frame;
            }
            else
            {
                frame.Dispose();
            }
        }

        return found;
    }

    private async Task<Frame?> FromFilmAsync(long index, string film, Rational firstTime, CancellationToken cancellationToken)
    {
        // From half a frame before on, the first that comes.
        Rational time = firstTime + plan.TimeOf(index) - plan.TimeOf(0);
        Rational from = index == 0 ? Rational.Zero : time - ((plan.TimeOf(index) - plan.TimeOf(index - 1)) / 2);
        bool isTurned = plan.HeaderRotation != _rotation && _rotation is 90 or 270;
        VideoFormat format = isTurned
            ? scan.Format with { Width = scan.Format.Height, Height = scan.Format.Width, SampleAspect = scan.Format.SampleAspect.Inverse }
            : scan.Format;
        SequencePattern? sequence = SequencePattern.TryParse(film);
        IReadOnlyList<long> numbers = sequence?.FindNumbers() ?? [];
        if (sequence is not null && index >= numbers.Count)
        {
            return null;
        }

        string picture = sequence is null ? film : sequence.PathOf(numbers[(int)index]);
        string[] seek = index == 0 || sequence is not null ? [] : ["-seek_timestamp", "1", "-ss", from.ToDouble().ToString("0.000000", CultureInfo.InvariantCulture)];
        ProcessStartInfo start = new(
            "ffmpeg",
            ["-v", "error", "-nostdin", "-threads", "1", "-noautorotate", .. seek, "-i", "file:" + picture, "-map", "0:v:0", "-frames:v", "1", "-pix_fmt", scan.RawPixelFormat, "-f", "rawvideo", "-"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Frame frame = new FramePool(memory, format).Rent(plan.TimeOf(index), index);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            byte[] bytes = new byte[format.FrameBytes];
            int length = await process.StandardOutput.BaseStream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
            bool isMore = await process.StandardOutput.BaseStream.ReadAsync(new byte[1], cancellationToken) > 0;
            _ = await errors;
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0 || length != bytes.Length || isMore)
            {
                frame.Dispose();
                return null;
            }

            bytes.CopyTo(frame.Bytes);
            return frame;
        }
        catch
        {
            frame.Dispose();
            throw;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private byte[] ToJpeg(Frame frame, int rotation, out int width, out int height)
    {
        using FloatImage rgb = memory.RentImage(3, frame.Format.Height, frame.Format.Width);
        new FrameConverter(frame.Format).ToRgb(frame, rgb);
        return StillPicture.ToJpeg(rgb, rotation, frame.Format.SampleAspect, out width, out height);
    }
}
