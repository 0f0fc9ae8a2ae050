using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>Puts encoded segments together, packet by packet, and adds what comes from the source: nothing is encoded again.</summary>
public static class SegmentJoin
{
    /// <summary>Writes the output's partial file. Check it with <see cref="OutputCheck"/> before it is published.</summary>
    /// <param name="plan">The plan of the whole output.</param>
    /// <param name="folder">Where the segments lie.</param>
    /// <param name="segments">Each segment's name, of letters, digits and <c>-.</c> alone (of a sequence its folder's), and its output frames, in order, without a gap.</param>
    /// <param name="output">Where it writes; stays the caller's to dispose.</param>
    /// <param name="cancellationToken">Ends ffmpeg.</param>
    /// <exception cref="FrameFlowException">The disk or ffmpeg refuses.</exception>
    /// <exception cref="ArgumentException">The segments are not those of the plan.</exception>
    public static async Task RunAsync(EncodePlan plan, string folder, IReadOnlyList<(string Name, FrameRange Frames)> segments, OutputFile output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(segments);
        ArgumentNullException.ThrowIfNull(output);
        long next = 0;
        List<string> lines = ["ffconcat version 1.0"];
        foreach ((string name, FrameRange frames) in segments)
        {
            if (frames.First != next || frames.Count <= 0)
            {
                throw new ArgumentException($"A segment begins at frame {frames.First} instead of {next}.", nameof(segments));
            }

            // The concat demuxer counts in microseconds. Each length is the difference of two rounded times, so that no error adds up.
            next = frames.End;
            Rational length = Micros(frames.End / plan.Request.FrameRate) - Micros(frames.First / plan.Request.FrameRate);
            lines.Add($"file {name}");
            lines.Add($"duration {EncodePlan.Decimal(length)}");
        }

        if (next != plan.FrameCount)
        {
            throw new ArgumentException($"The segments hold {next} frames, the plan {plan.FrameCount}.", nameof(segments));
        }

        if (plan.Container.IsSequence)
        {
            try
            {
                await Task.Run(() => SequencePictures.Join(segments.Select(s => Path.Combine(folder, s.Name)), Path.GetDirectoryName(output.PartialPath)!, cancellationToken), cancellationToken);
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Refused(output, e);
            }
        }

        // The list and what it names are given relative to the folder: the demuxer reads a path as a URL, in which ? and # have a meaning.
        const string ListName = "join.ffconcat";
        string list = Path.Combine(folder, ListName);
        try
        {
            await File.WriteAllLinesAsync(list, lines, cancellationToken);
            List<string> arguments = ["-hide_banner", "-nostats", "-nostdin", "-loglevel", "warning", "-y"];
            if (plan.VideoShift > Rational.Zero)
            {
                arguments.AddRange(["-itsoffset", EncodePlan.Decimal(plan.VideoShift)]);
            }

            arguments.AddRange(["-f", "concat", "-i", ListName]);
            if (plan.SourceArguments is { } source)
            {
                arguments.AddRange([.. source, "-i", Path.GetFullPath(plan.Request.Source.Path)]);
            }

            arguments.AddRange([.. plan.JoinArguments, output.PartialPath]);
            ToolResult result = await Tool.RunAsync("ffmpeg", arguments, cancellationToken, folder);
            if (result.ExitCode != 0 || EncodeFaults.IsCutOff(result.Error))
            {
                throw EncodeFaults.OfStorage(result.Error, output.Path, result.Describe(), null)
                    ?? new FrameFlowException(FaultKind.Encode, string.Create(CultureInfo.InvariantCulture, $"The {segments.Count} segments of '{output.Path}' could not be joined ({EncodeFaults.Reason(result.Error, null)}); run 'frameflow resume', or begin anew with --restart.")) { ToolOutput = result.Describe() };
            }

            if (plan.HeaderRotation != 0)
            {
                TrackRotation.Write(output.PartialPath, plan.HeaderRotation);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw Refused(output, e);
        }
    }

    private static FrameFlowException Refused(OutputFile output, Exception cause) =>
        new(FaultKind.Storage, $"'{output.Path}' could not be written ({cause.Message.ReplaceLineEndings(" ")}); give another folder, or mend its permissions.", cause);

    private static Rational Micros(Rational seconds) => new((seconds * 1_000_000).Round(), 1_000_000);
}
