using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <content>What the packets tell without decoding the film.</content>
public static partial class SourceScanner
{
    // Three stretches of as many frames: enough to know fields from whole frames, and no more for a longer film.
    private const int Stretches = 3;
    private const int StretchFrames = 16;

    // Every packet holds one picture that is shown; their containers here state every packet's time.
    private static readonly HashSet<string> PictureAPacket = ["h264", "hevc", "vp9", "av1", "prores", "dnxhd", "ffv1", "mjpeg", "png", "rawvideo", "v210"];

    /// <summary>
    /// Concludes what a scan would find from the packets' times and from a few stretches that are decoded, for a small part of what <see cref="ScanAsync"/> costs. It can be done for a whole film in MP4,
    /// MOV or Matroska whose codec keeps a picture a packet, whose packets are in order, and whose stretches decode without complaint to just the frames that the packets state, plainly whole ones.
    /// </summary>
    /// <param name="info">What <see cref="MediaProbe"/> found.</param>
    /// <param name="options">The same options go to <see cref="FrameSource"/>, which proves the conclusion.</param>
    /// <param name="cancellationToken">Ends ffmpeg and ffprobe.</param>
    /// <returns>The scan, <see cref="SourceScan.IsConcluded"/>; null where only decoding the film can tell.</returns>
    public static async Task<SourceScan?> ConcludeAsync(MediaInfo info, DecodeOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(options);
        if (info.Video is not { Video: { Width: > 0, Height: > 0, FieldOrder: "progressive" or "unknown" } video } stream || video.SourcePixelFormat == "unknown"
            || info.Sequence is not null || options.Start > Rational.Zero || options.Duration is not null || !DecodePlan.IsIndexed(info) || !PictureAPacket.Contains(stream.Codec)
            || await ReadPacketsAsync(info, stream, cancellationToken) is not { } packets)
        {
            return null;
        }

        WorkingFormat working = await WorkingFormat.ChooseAsync(info.Path, video, cancellationToken);
        (int First, int End)[] stretches = ChooseStretches(packets);
        FieldStatistics?[] told = await Task.WhenAll(stretches.Select(s => TryStretchAsync(info, stream, options, working, packets.Ticks[s.First..s.End], cancellationToken)));
        long whole = told.Sum(f => f?.Progressive ?? 0);

        // Where anything moves, fields show; where all stands still, nothing is known.
        if (told.Contains(null) || whole == 0 || told.Sum(f => f!.TopFirst + f.BottomFirst) * 8 > whole)
        {
            return null;
        }

        DecodePlan plan = new(info, stream, options);
        FrameTimeline timeline = Timeline(packets.Ticks, stream.TimeBase, Meaningful(packets.LastDuration, packets.Ticks) * stream.TimeBase, plan, video.AverageRate, video.BaseRate);
        return IsPulledDown(timeline, packets.Ticks, stream.TimeBase) ? null : new SourceScan
        {
            IsConcluded = true,
            Timeline = timeline,
            Format = working.Format,
            Conversion = working.Conversion,
            RawPixelFormat = working.RawName,
            Notes = [.. info.Notes, .. working.Note is { } note ? (string[])[note] : []],
        };
    }

    // Ticks and key frames in order of time; null where a packet has no time, is left out by an edit list or is damaged, or where times are such as the scan would mend.
    private static async Task<Packets?> ReadPacketsAsync(MediaInfo info, StreamInfo stream, CancellationToken cancellationToken)
    {
        List<(long Tick, long Duration, bool IsKey)> packets = [];
        bool isPlain = true;
        await ExternalTool.RunAsync(
            "ffprobe",
            ["-v", "error", "-select_streams", stream.Index.ToString(CultureInfo.InvariantCulture), "-show_entries", "packet=pts,duration,flags", "-of", "csv=p=0", "file:" + info.Path],
            reader => ExternalTool.ReadLinesAsync(reader, line =>
            {
                string[] parts = line.Split(',');
                isPlain &= parts.Length >= 3 && parts[2].AsSpan(1).Trim('_').IsEmpty;
                if (isPlain &= long.TryParse(parts[0], CultureInfo.InvariantCulture, out long tick))
                {
                    packets.Add((tick, long.TryParse(parts[1], CultureInfo.InvariantCulture, out long duration) ? duration : 0, parts[2].StartsWith('K')));
                }
            }),
            _ => isPlain = false,
            cancellationToken);
        if (!isPlain || packets.Count == 0)
        {
            return null;
        }

        packets.Sort(static (a, b) => a.Tick.CompareTo(b.Tick));
        long[] ticks = [.. packets.Select(p => p.Tick)];
        long step = TypicalStep(ticks);
        return ticks.Zip(ticks.Skip(1), static (a, b) => b - a).Any(s => s * 16 <= step) ? null
            : new Packets(ticks, [.. Enumerable.Range(0, ticks.Length).Where(i => packets[i].IsKey)], packets[^1].Duration > 0 ? packets[^1].Duration : null);
    }

    // From the beginning, and from the key frames nearest to a third and two thirds; all of a short film. None where key frames are too rare to look at more than the beginning.
    private static (int First, int End)[] ChooseStretches(Packets packets)
    {
        int count = packets.Ticks.Length;
        if (count <= Stretches * StretchFrames)
        {
            return [(0, count)];
        }

        int[] starts = [0, .. Enumerable.Range(1, Stretches - 1).Select(i => packets.Keys.Where(k => k > 0).DefaultIfEmpty(0).MinBy(k => Math.Abs(k - ((long)count * i / Stretches))))];
        return starts.Distinct().Count() < Math.Min(Stretches, count / (8 * StretchFrames)) ? [] : [.. starts.Distinct().Select(s => (s, Math.Min(s + StretchFrames, count)))];
    }

    // What idet says of frames that decode just as stated; null where they do not.
    private static async Task<FieldStatistics?> TryStretchAsync(MediaInfo info, StreamInfo stream, DecodeOptions options, WorkingFormat working, long[] stated, CancellationToken cancellationToken)
    {
        // One thread a stretch: frame threads would decode ahead of its end.
        DecodePlan plan = new(info, stream, options with { Threads = 1 }, stated[0], stated[^1] + 1);
        FieldStatistics fields = new();
        Pass pass = new(plan, stream);
        int exitCode = await RunAsync(plan, options, FieldsOf(plan, working, "idet=prog_thres=1.1"), line => fields.Add(line), pass, cancellationToken);
        if (pass.Ticks.Count > 0)
        {
            pass.Finish(exitCode);
        }

        return pass.Ticks.SequenceEqual(stated) && pass is { Damage.Count: 0, Untimed: 0, FlaggedInterlaced: 0, FirstOtherTick: null } && pass.TimeBase == stream.TimeBase ? fields : null;
    }

    private sealed record Packets(long[] Ticks, int[] Keys, long? LastDuration);
}
