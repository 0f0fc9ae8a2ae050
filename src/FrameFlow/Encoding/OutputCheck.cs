using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>What the finished file holds, for the report.</summary>
/// <param name="Frames">Video frames (packets that are shown).</param>
/// <param name="FirstTime">The first frame's time on the output's clock, in seconds.</param>
/// <param name="LastTime">The last frame's time, in seconds.</param>
/// <param name="AudioOffset">The first sound's start minus the first frame's time, in seconds; null without sound. Encoder priming is not counted as sound.</param>
/// <param name="SourceAudioOffset">The same of the source (within <c>--start</c> it is that of the part taken, unknown, so null).</param>
/// <param name="SilentTracks">Sound tracks that were planned and have no sample; MP4 and MOV leave such out.</param>
public readonly record struct OutputReport(long Frames, Rational FirstTime, Rational LastTime, Rational? AudioOffset, Rational? SourceAudioOffset, int SilentTracks = 0);

/// <summary>Reads the finished file back and holds it against its plan.</summary>
public static class OutputCheck
{
    /// <summary>Checks the count of frames, strictly increasing times, and every frame's time against the plan's within the container's rounding.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="path">The file, usually <see cref="OutputFile.PartialPath"/>.</param>
    /// <param name="expectedFrames">How many frames it must hold.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="FrameFlowException">The file is not as planned (<see cref="FaultKind.Encode"/>).</exception>
    public static async Task<OutputReport> VerifyAsync(EncodePlan plan, string path, long expectedFrames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        string Fault(string what) => $"The file that {plan.Encoder.Name} wrote is not as planned: {what}; it is not published.";
        if (plan.Container.IsSequence)
        {
            return await SequencePictures.CompareAsync(plan, Decoding.SequencePattern.TryParse(path)!, cancellationToken) is { } wrong
                ? throw new FrameFlowException(FaultKind.Encode, Fault(wrong))
                : new OutputReport(expectedFrames, Rational.Zero, plan.TimeOf(expectedFrames - 1) - plan.TimeOf(0), null, null);
        }

        List<long> times = [];
        Rational timeBase = default;
        Rational? audioStart = null;
        string full = Path.GetFullPath(path);
        string[] arguments = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts,flags:stream=time_base", "-of", "compact=p=1:nk=0", full];
        string? broken = null;
        (int exitCode, string error) = await Tool.ReadLinesAsync(
            "ffprobe",
            arguments,
            line =>
            {
                if (line.StartsWith("packet|", StringComparison.Ordinal))
                {
                    string flags = Field(line, "flags") ?? string.Empty;
                    if (flags.Contains('D', StringComparison.Ordinal))
                    {
                        return;
                    }

                    if (long.TryParse(Field(line, "pts"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long pts))
                    {
                        times.Add(pts);
                    }
                    else
                    {
                        broken = $"packet {times.Count} has no time";
                    }
                }
                else if (line.StartsWith("stream|", StringComparison.Ordinal) && Rational.TryParse(Field(line, "time_base"), out Rational stated))
                {
                    timeBase = stated;
                }
            },
            cancellationToken);

        string tool = $"ffprobe {CommandLine.Join(arguments)}\nexit code {exitCode}\n{error}";
        if (exitCode != 0 || timeBase == Rational.Zero)
        {
            throw new FrameFlowException(FaultKind.Encode, Fault("it cannot be read back")) { ToolOutput = tool };
        }

        // Packets come in the order of decoding.
        times.Sort();
        broken ??= Compare(plan, times, timeBase, expectedFrames);
        if (broken is not null)
        {
            throw new FrameFlowException(FaultKind.Encode, Fault(broken)) { ToolOutput = tool };
        }

        int silent = 0;
        if (plan.Request.IncludeAudio && plan.Request.Source.Streams.Count(s => s.Kind == Decoding.StreamKind.Audio) is > 0 and int tracks)
        {
            ToolResult audio = await Tool.RunAsync("ffprobe", ["-v", "error", "-select_streams", "a", "-show_entries", "stream=index,start_time", "-of", "compact=p=1:nk=0", full], cancellationToken);
            string[] lines = audio.Output.Split('\n');
            audioStart = Rational.TryParse(lines.Select(l => Field(l, "start_time")).FirstOrDefault(v => v is not null), out Rational seconds) ? seconds : null;
            silent = tracks - lines.Select(l => Field(l, "index")).OfType<string>().Distinct().Count();
        }

        Rational first = times.Count == 0 ? Rational.Zero : times[0] * timeBase;
        Rational last = times.Count == 0 ? Rational.Zero : times[^1] * timeBase;
        Rational? sourceStart = plan.Request.Decode.Start > Rational.Zero ? null
            : plan.Request.Source.Streams.FirstOrDefault(s => s.Kind == Decoding.StreamKind.Audio)?.StartTime;
        return new OutputReport(times.Count, first, last, audioStart - first, sourceStart - plan.Request.FirstFrameTime, silent);
    }

    private static string? Compare(EncodePlan plan, List<long> times, Rational timeBase, long expectedFrames)
    {
        if (times.Count != expectedFrames)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it holds {times.Count} frames instead of {expectedFrames}");
        }

        // Rounded to whole ticks at both ends, so one tick at most; as a double's worth of care, exact arithmetic.
        Rational allowed = timeBase;
        for (int k = 1; k < times.Count; k++)
        {
            if (times[k] <= times[k - 1])
            {
                return string.Create(CultureInfo.InvariantCulture, $"frames {k - 1} and {k} have the same time");
            }

            Rational off = ((times[k] - times[0]) * timeBase) - (plan.TimeOf(k) - plan.TimeOf(0));
            if (Rational.Abs(off) > allowed)
            {
                return string.Create(CultureInfo.InvariantCulture, $"frame {k} stands {off.ToDouble():0.000000} s off");
            }
        }

        return null;
    }

    private static string? Field(string line, string name)
    {
        foreach (Range range in line.AsSpan().Split('|'))
        {
            ReadOnlySpan<char> part = line.AsSpan()[range];
            if (part.StartsWith(name, StringComparison.Ordinal) && part.Length > name.Length && part[name.Length] == '=')
            {
                return part[(name.Length + 1)..].ToString();
            }
        }

        return null;
    }
}
