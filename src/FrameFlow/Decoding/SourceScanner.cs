using System.Globalization;
using System.Text.RegularExpressions;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// Decodes the source once without keeping a picture, to learn which frames really decode, when they stand, and what their fields are.
/// Where the content must be deinterlaced, a second pass finds the times of the frames behind the filters.
/// </summary>
public static partial class SourceScanner
{
    /// <summary>Scans the video stream of <paramref name="info"/>.</summary>
    /// <param name="info">What <see cref="MediaProbe"/> found.</param>
    /// <param name="options">Which part is wanted; the same options go to <see cref="FrameSource"/>.</param>
    /// <param name="cancellationToken">Ends ffmpeg.</param>
    /// <exception cref="FrameFlowException">No frame decodes (<see cref="FaultKind.Decode"/>) or none lies in the wanted part (<see cref="FaultKind.Usage"/>).</exception>
    public static async Task<SourceScan> ScanAsync(MediaInfo info, DecodeOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(options);
        StreamInfo stream = info.Video ?? throw InputFaults.NoVideo(info.Path, info.Streams);
        VideoDescription video = stream.Video!;
        if (video.Width < 1 || video.Height < 1 || video.SourcePixelFormat == "unknown")
        {
            throw new FrameFlowException(FaultKind.Decode, $"Input '{info.Path}' has a video stream ({stream.Codec}) whose picture size and format ffmpeg cannot tell; copy or record it again, or install an ffmpeg with that decoder.");
        }

        DecodePlan plan = new(info, stream, options);
        WorkingFormat working = await WorkingFormat.ChooseAsync(info.Path, video, cancellationToken);

        FieldStatistics fields = new();
        Pass plain = new(plan, stream);
        string chain = info.Sequence is null
            ? FieldsOf(plan, working)
            : DecodePlan.Chain("showinfo=checksum=0", plan.Trim)!;
        int exitCode = await RunAsync(plan, options, chain, line => fields.Add(line), plain, cancellationToken);
        if (plain.Ticks.Count == 0)
        {
            throw NothingDecodes(info, stream, options, plain);
        }

        plain.Finish(exitCode);
        if (info.Sequence is { } sequence)
        {
            return OfSequence(info, sequence, plan, plain, working);
        }

        List<string> notes = [.. info.Notes];
        if (working.Note is { } note)
        {
            notes.Add(note);
        }

        bool isFlagged = video.FieldOrder is "tt" or "bb" or "tb" or "bt" || plain.FlaggedInterlaced * 2 > plain.Ticks.Count;
        FieldContent content = fields.Decide(isFlagged, video.BaseRate ?? video.AverageRate);
        if (content is FieldContent.InterlacedTopFirst or FieldContent.InterlacedBottomFirst && !await IsReallyInterlacedAsync(plan, video, content, cancellationToken))
        {
            content = FieldContent.Progressive;
        }

        string? filters = content == FieldContent.Progressive || !options.Deinterlace ? null : FiltersFor(content, fields);
        NoteFields(notes, content, isFlagged, filters, video, fields, working);
        if (plain.Sizes > 1)
        {
            notes.Add($"The picture changes its size on the way; all is scaled to the first, {video.Width}x{video.Height}.");
        }

        (List<long> ticks, List<int> dropped) = Increasing(plain, notes, plain.Damage, plan.End);
        Rational? last = await LastDurationAsync(info, stream, ticks, cancellationToken);
        FrameTimeline timeline = Timeline([.. ticks], plain.TimeBase, last, plan, video.AverageRate, video.BaseRate);
        if (IsPulledDown(timeline, ticks, plain.TimeBase))
        {
            notes.Add($"The frames stay for two and three fields by turns (3:2 pulldown by flags); they are the film's own, and taken to stand evenly, at {timeline.ConstantRate} fps.");
        }

        List<DamagedStretch> damage = plain.Damage;
        if (filters is not null)
        {
            Pass filtered = new(plan, stream) { CountsAll = true };
            string filteredChain = DecodePlan.Chain(plan.Trim, working.Conversion, filters, "showinfo=checksum=0")!;
            await RunAsync(plan, options, filteredChain, static _ => { }, filtered, cancellationToken);
            if (filtered.Ticks.Count == 0)
            {
                throw NothingDecodes(info, stream, options, filtered);
            }

            (timeline, dropped) = content == FieldContent.Telecined
                ? (AfterPulldownRemoval(timeline, filtered.Ticks.Count, plain.TimeBase, plan), [])
                : AfterBob(filtered, timeline.Rounding, last, plan, video, notes);
        }

        return new SourceScan
        {
            Timeline = timeline,
            Format = working.Format,
            Content = content,
            Filters = filters,
            Conversion = working.Conversion,
            RawPixelFormat = working.RawName,
            DroppedFrames = dropped,
            Damage = damage,
            Notes = notes,
        };
    }

    // Pictures are whole frames that stand where their numbers say, so neither fields nor times are guessed. What is missing is damage of the source.
    private static SourceScan OfSequence(MediaInfo info, ImageSequence sequence, DecodePlan plan, Pass pass, WorkingFormat working)
    {
        if (pass.FirstOtherTick is { } other)
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{info.Path}' mixes pictures: '{sequence.Pattern.NameOf(sequence.Numbers[0] + other)}' has another size or pixel format than those before it; name one kind by its own pattern.");
        }

        Rational tick = sequence.Rate.Inverse;
        HashSet<long> decoded = [.. pass.Ticks];
        List<DamagedStretch> damage = [.. pass.Damage.Select(d => d with { What = $"{d.What} (about '{sequence.Pattern.NameOf(sequence.Numbers[0] + (d.Start * sequence.Rate).Round())}')" })];
        List<(long First, long Last)> lost = [];
        foreach (long number in sequence.Numbers.Where(n => plan.Contains(n - sequence.Numbers[0]) && !decoded.Contains(n - sequence.Numbers[0])))
        {
            if (lost.Count > 0 && lost[^1].Last == number - 1)
            {
                lost[^1] = (lost[^1].First, number);
            }
            else
            {
                lost.Add((number, number));
            }
        }

        foreach ((long first, long last) in lost)
        {
            // Their own complaint is one of those between the two frames beside them.
            Rational start = (first - sequence.Numbers[0]) * tick;
            string reason = pass.Damage.FirstOrDefault(d => d.Start <= start && d.End >= start)?.What ?? "no reason given";
            damage.RemoveAll(d => d.Start <= start && d.End >= start);
            string which = $"'{sequence.Pattern.NameOf(first)}' " + (first == last ? "does" : string.Create(CultureInfo.InvariantCulture, $"to '{sequence.Pattern.NameOf(last)}' ({last - first + 1} pictures) do"));
            damage.Add(new DamagedStretch(start, (last + 1 - sequence.Numbers[0]) * tick, $"{which} not decode ({reason})"));
        }

        foreach ((long first, long last) in sequence.Missing)
        {
            if (plan.Contains(first - sequence.Numbers[0]) || plan.Contains(last - sequence.Numbers[0]))
            {
                string which = first == last ? $"number {first} is" : string.Create(CultureInfo.InvariantCulture, $"numbers {first} to {last} ({last - first + 1} pictures) are");
                damage.Add(new DamagedStretch((first - sequence.Numbers[0]) * tick, (last + 1 - sequence.Numbers[0]) * tick, which + " missing"));
            }
        }

        damage.Sort(static (a, b) => a.Start.CompareTo(b.Start));
        return new SourceScan
        {
            Timeline = FrameTimeline.Restore([.. pass.Ticks], tick, sequence.Rate, tick),
            Format = working.Format,
            Conversion = working.Conversion,
            RawPixelFormat = working.RawName,
            Damage = damage,
            Notes =
            [
                .. info.Notes,
                .. working.Note is { } note ? (string[])[note] : [],
                .. working.Format.PixelFormat.IsFloat ? (string[])["Linear light is worked on through sRGB's curve, continued below 0 and above 1, and comes back linear: nothing is clipped."] : [],
            ],
        };
    }

    private static string FieldsOf(DecodePlan plan, WorkingFormat working, string judge = "idet") => DecodePlan.Chain("showinfo=checksum=0", plan.Trim, working.Conversion, judge, "metadata=mode=print:file=-")!;

    private static bool IsPulledDown(FrameTimeline timeline, IReadOnlyList<long> ticks, Rational timeBase) =>
        timeline.ConstantRate is not null && Enumerable.Range(0, Math.Min(12, timeline.Count)).Any(i => Rational.Abs((ticks[i] * timeBase) - timeline[i]) > timeline.Rounding * 2);

    private static Task<int> RunAsync(DecodePlan plan, DecodeOptions options, string chain, Action<string> onLine, Pass pass, CancellationToken cancellationToken) =>
        ExternalTool.RunAsync(
            "ffmpeg",
            ["-hide_banner", "-nostats", "-nostdin", "-loglevel", "repeat+level+info", .. plan.InputOptions, "-i", plan.Input, .. plan.OutputOptions, "-vf", chain, "-f", "null", "-"],
            reader => ExternalTool.ReadLinesAsync(reader, onLine),
            pass.Add,
            cancellationToken);

    private static async Task<bool> IsReallyInterlacedAsync(DecodePlan plan, VideoDescription video, FieldContent content, CancellationToken cancellationToken)
    {
        // Columns may be thinned out, rows may not.
        int width = Math.Min(video.Width, 480);
        int height = video.Height;
        FieldComparison comparison = new(width, height, content == FieldContent.InterlacedTopFirst);
        string chain = DecodePlan.Chain(plan.Trim, FormattableString.Invariant($"format=gray,scale=w={width}:h={height}:flags=neighbor"))!;
        await ExternalTool.RunAsync(
            "ffmpeg",
            ["-hide_banner", "-nostats", "-nostdin", "-v", "quiet", .. plan.InputOptions, "-i", plan.Input, .. plan.OutputOptions, "-vf", chain, "-pix_fmt", "gray", "-f", "rawvideo", "-"],
            async reader =>
            {
                using Stream stream = reader.BaseStream;
                byte[][] frames = [new byte[width * height], new byte[width * height], new byte[width * height]];
                for (int i = 0; !comparison.IsDone; i++)
                {
                    if (await stream.ReadAtLeastAsync(frames[i % 3], width * height, throwOnEndOfStream: false, cancellationToken) < width * height)
                    {
                        break;
                    }

                    if (i >= 2)
                    {
                        comparison.Add(frames[(i - 2) % 3], frames[(i - 1) % 3], frames[i % 3]);
                    }
                }
            },
            static _ => { },
            cancellationToken);
        return comparison.IsInterlaced != false;
    }

    // bwdif makes a frame of every field: interlaced video holds that many moments. fieldmatch rejoins the fields of one film frame, bwdif
    // mends what stays combed (edits), decimate takes the doubled frame out of every five. The order comes from the content: flags lie.
    private static string FiltersFor(FieldContent content, FieldStatistics fields)
    {
        string order = fields.TopFirst >= fields.BottomFirst ? "tff" : "bff";
        return content == FieldContent.Telecined
            ? $"fieldmatch=order={order}:combmatch=full,bwdif=mode=send_frame:parity={order}:deint=interlaced,decimate"
            : $"bwdif=mode=send_field:parity={order}:deint=all";
    }

    private static void NoteFields(List<string> notes, FieldContent content, bool isFlagged, string? filters, VideoDescription video, FieldStatistics fields, WorkingFormat working)
    {
        string what = content switch
        {
            FieldContent.InterlacedTopFirst => "interlaced, top field first",
            FieldContent.InterlacedBottomFirst => "interlaced, bottom field first",
            _ => "film with 3:2 pulldown",
        };
        if (content == FieldContent.Progressive)
        {
            if (isFlagged)
            {
                notes.Add(fields.Progressive > 0
                    ? "The stream is flagged interlaced, but its pictures are whole frames; the flag is not believed."
                    : "The stream is flagged interlaced, but nothing moves enough to tell; its pictures are taken as whole frames.");
            }

            return;
        }

        if (!isFlagged)
        {
            notes.Add($"The stream is flagged progressive, but its pictures are {what}; the pictures are believed.");
        }
        else if (content != FieldContent.Telecined && video.FieldOrder is "tt" or "bb" && video.FieldOrder == "tt" != (content == FieldContent.InterlacedTopFirst))
        {
            notes.Add($"The stream's field order is flagged {video.FieldOrder}, but its pictures are {what}; the pictures are believed.");
        }

        long told = fields.TopFirst + fields.BottomFirst + fields.Progressive;
        if (content != FieldContent.Telecined && fields.Progressive * 5 > told)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{fields.Progressive * 100 / told} % of the pictures that can be told are whole frames; all are treated alike."));
        }

        notes.Add(filters is null ? $"The pictures are {what}; they are taken as they are, as asked, and combing will stay."
            : content == FieldContent.Telecined ? $"The pictures are {what}; the film's own frames are restored (fieldmatch, decimate)."
            : $"The pictures are {what}; each field becomes a frame (bwdif), so the rate doubles.");
        if (content == FieldContent.Telecined && filters is not null && working.Format.PixelFormat.BitDepth > 8)
        {
            notes.Add("fieldmatch works in 8 bits: the restored frames hold 8 bits in a 10-bit format; --deinterlace off keeps the depth.");
        }
    }

    // Broken writers give a frame the time of the one before (or the tick after it) and leave its own place empty: it goes to that place. A frame
    // for which there is no place cannot be shown. One without a time stands one step after the frame before. The last frame's place is a step after
    // the one before it: where that is behind the end of the part that was asked for, the frame belongs to the next part.
    private static (List<long> Ticks, List<int> Dropped) Increasing(Pass pass, List<string> notes, List<DamagedStretch> damage, Rational? end)
    {
        List<long> ticks = pass.Ticks;
        List<int> dropped = [];
        long step = TypicalStep(ticks);
        int mended = 0;
        if (ticks is [.., var previous, var final] && Math.Abs(final - previous) * 16 <= step)
        {
            ticks[^1] = previous + step;
            if (end is { } limit && ticks[^1] * pass.TimeBase >= limit)
            {
                dropped.Add(ticks.Count - 1);
                ticks.RemoveAt(ticks.Count - 1);
            }
            else
            {
                mended++;
            }
        }

        for (int i = 1; i < ticks.Count - 1; i++)
        {
            long before = ticks[i - 1];
            long span = ticks[i + 1] - before;
            if (Math.Abs(ticks[i] - before) * 16 <= step && span * 2 >= step * 3)
            {
                ticks[i] = before + (span / 2);
                mended++;
            }
        }

        int kept = 0;
        int refused = 0;
        for (int i = 0; i < ticks.Count; i++)
        {
            if (kept > 0 && ticks[i] <= ticks[kept - 1])
            {
                dropped.Add(i);
                refused++;
                Rational time = ticks[kept - 1] * pass.TimeBase;
                damage.Add(new DamagedStretch(time, time + (step * pass.TimeBase), "a frame's time does not advance; the frame is left out"));
                continue;
            }

            ticks[kept++] = ticks[i];
        }

        ticks.RemoveRange(kept, ticks.Count - kept);
        if (mended > 0)
        {
            notes.Add($"{mended} frame(s) carry the time of the frame before, while their own place is empty; they are put there.");
        }

        if (refused > 0)
        {
            dropped.Sort();
            damage.Sort(static (a, b) => a.Start.CompareTo(b.Start));
        }

        if (pass.Untimed > 0)
        {
            notes.Add($"{pass.Untimed} frame(s) carry no time; each is placed one step after the frame before.");
        }

        return (ticks, dropped);
    }

    private static long TypicalStep(IReadOnlyList<long> ticks)
    {
        long[] steps = [.. ticks.Zip(ticks.Skip(1), static (a, b) => b - a).Where(static s => s > 0)];
        Array.Sort(steps);
        return steps.Length == 0 ? 1 : steps[steps.Length / 2];
    }

    // The last frame ends where the part that was asked for ends, however long the container, or the rate, says that it stays.
    private static FrameTimeline Timeline(long[] ticks, Rational timeBase, Rational? last, DecodePlan plan, params Rational?[] rateHints) => Timeline(ticks, timeBase, 1, last, plan, rateHints);

    private static FrameTimeline Timeline(long[] ticks, Rational timeBase, long roundedTicks, Rational? last, DecodePlan plan, params Rational?[] rateHints)
    {
        FrameTimeline timeline = FrameTimeline.FromTicks(ticks, timeBase, roundedTicks, last, rateHints);
        return plan.End is { } end && end > timeline[timeline.Count - 1] && timeline[timeline.Count - 1] + timeline.LastDuration > end
            ? FrameTimeline.Restore(ticks, timeBase, timeline.ConstantRate, end - timeline[timeline.Count - 1])
            : timeline;
    }

    private static (FrameTimeline Timeline, List<int> Dropped) AfterBob(Pass filtered, Rational rounding, Rational? last, DecodePlan plan, VideoDescription video, List<string> notes)
    {
        (List<long> ticks, List<int> dropped) = Increasing(filtered, notes, filtered.Damage, plan.End);
        Rational? half = last is { } whole ? whole / 2 : null;

        // The filter halves the tick, the times stay as rounded as the source's were; the last field stands half a step behind its frame, a step that is rounded as well.
        return (Timeline([.. ticks], filtered.TimeBase, Math.Max(1, (rounding * 3 / 2 / filtered.TimeBase).Ceiling()), half, plan, video.AverageRate * 2, video.BaseRate * 2), dropped);
    }

    // decimate renumbers its frames and forgets gaps. It leaves four of every five frames, so each group of four is spread evenly over the
    // time that the five took.
    private static FrameTimeline AfterPulldownRemoval(FrameTimeline source, int count, Rational timeBase, DecodePlan plan)
    {
        Rational step = (source.ConstantRate ?? new Rational(30000, 1001)).Inverse;
        long[] ticks = new long[count];
        for (int i = 0; i < count; i++)
        {
            int first = Math.Min(i / 4 * 5, source.Count - 1);
            Rational start = source[first];
            Rational end = first + 5 < source.Count ? source[first + 5] : start + (step * 5);
            long tick = ((start + ((end - start) * (i % 4) / 4)) / timeBase).Round();
            ticks[i] = i == 0 ? tick : Math.Max(tick, ticks[i - 1] + 1);
        }

        Rational filmRate = step.Inverse * 4 / 5;
        return Timeline(ticks, timeBase, filmRate.Inverse, plan, filmRate);
    }

    // Reads the packets around the last frame only.
    private static async Task<Rational?> LastDurationAsync(MediaInfo info, StreamInfo stream, List<long> ticks, CancellationToken cancellationToken)
    {
        long lastTick = ticks[^1];
        Rational time = lastTick * stream.TimeBase;
        string from = (((time - 5) * 1000).Floor() / 1000m).ToString(CultureInfo.InvariantCulture);
        string to = (((time + 1) * 1000).Ceiling() / 1000m).ToString(CultureInfo.InvariantCulture);
        string interval = time - info.StartTime > 6 ? $"{from}%{to}" : $"%{to}";
        long? found = null;
        await ExternalTool.RunAsync(
            "ffprobe",
            [
                "-v", "quiet", "-select_streams", stream.Index.ToString(CultureInfo.InvariantCulture), "-read_intervals", interval,
                "-show_entries", "packet=pts,duration", "-of", "csv=p=0", "file:" + info.Path,
            ],
            reader => ExternalTool.ReadLinesAsync(reader, line =>
            {
                string[] parts = line.Split(',');
                if (parts.Length >= 2 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out long pts) && pts == lastTick
                    && long.TryParse(parts[1], CultureInfo.InvariantCulture, out long duration) && duration > 0)
                {
                    found = duration;
                }
            }),
            static _ => { },
            cancellationToken);

        return Meaningful(found, ticks) * stream.TimeBase;
    }

    // Some writers put one tick where they know nothing: no frame among frames of ten ticks and more lasts that short.
    private static long? Meaningful(long? duration, IReadOnlyList<long> ticks) =>
        duration > 1 || (ticks.Count > 1 && ticks[^1] - ticks[0] < 10L * (ticks.Count - 1)) ? duration : null;

    /// <summary>What a line of ffmpeg's (<c>-loglevel level+warning</c> or more) says of damage; null where it says nothing of it.</summary>
    internal static string? ComplaintIn(string line)
    {
        Match message = MessagePattern().Match(line);
        return message.Success && IsComplaint(line, message.Groups["level"].ValueSpan, message.Groups["text"].ValueSpan) ? message.Groups["text"].Value : null;
    }

    // The null muxer's complaint about equal rounded times concerns nothing that is kept; mmco at an open group of pictures is harmless.
    private static bool IsComplaint(string line, ReadOnlySpan<char> level, ReadOnlySpan<char> text) =>
        (level is "error" or "fatal" or "panic"
            || (level is "warning" && (text.Contains("corrupt", StringComparison.OrdinalIgnoreCase) || text.Contains("concealing", StringComparison.Ordinal) || text.Contains("truncat", StringComparison.OrdinalIgnoreCase))))
        && !line.StartsWith("[null @", StringComparison.Ordinal) && !text.StartsWith("mmco:", StringComparison.Ordinal) && !text.StartsWith("number of reference frames", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?:\[[^\]]+ @ 0x[0-9a-f]+\] )*\[(?<level>panic|fatal|error|warning|info|verbose|debug)\] (?<text>.*)$")]
    private static partial Regex MessagePattern();

    private static FrameFlowException NothingDecodes(MediaInfo info, StreamInfo stream, DecodeOptions options, Pass pass)
    {
        string output = string.Join('\n', pass.LastComplaints);
        if (pass.Outside > 0 || (options.Start > Rational.Zero && pass.LastComplaints.Count == 0))
        {
            return new(FaultKind.Usage, $"No frame of '{info.Path}' lies in the asked part (--start {options.Start} s{(options.Duration is { } d ? $" --duration {d} s" : "")}); it lasts {Seconds(info.Duration)}: ask for an earlier part.") { ToolOutput = output };
        }

        string reason = InputFaults.LastReason(info.Path, pass.LastComplaints);
        return new(FaultKind.Decode, $"Input '{info.Path}' has a video stream ({stream.Codec}), but no frame of it decodes ({reason}); copy or record it again.") { ToolOutput = output };
    }

    private static string Seconds(Rational? duration) => duration is { } d ? string.Create(CultureInfo.InvariantCulture, $"{d.ToDouble():0.###} s") : "an unknown time";

    /// <summary>What one run of ffmpeg says on standard error: the frames in order, and the complaints between them.</summary>
    private sealed class Pass(DecodePlan plan, StreamInfo stream)
    {
        private const int KeptComplaints = 20;

        // Stretches closer together than this are one to the viewer.
        private static readonly Rational MergeGap = new(1, 2);

        private long? _previous;
        private string? _complaint;
        private int _complaints;
        private bool _isCorrupt;
        private string? _cutOff;
        private (int Width, int Height) _size;
        private string _format = "";

        /// <summary>For a pass whose frames come from behind the filters: all of them count, whatever their tick.</summary>
        public bool CountsAll { get; init; }

        public List<long> Ticks { get; } = [];

        public Rational TimeBase { get; private set; } = stream.TimeBase;

        public List<DamagedStretch> Damage { get; } = [];

        public List<string> LastComplaints { get; } = [];

        public long FlaggedInterlaced { get; private set; }

        public long Outside { get; private set; }

        public long Untimed { get; private set; }

        public int Sizes { get; private set; }

        /// <summary>Where a frame has another size or pixel format than those before it, for the first time; null where none has.</summary>
        public long? FirstOtherTick { get; private set; }

        private Rational Step => (stream.Video!.BaseRate ?? stream.Video.AverageRate ?? 25).Inverse;

        public void Add(string line)
        {
            Match message = MessagePattern().Match(line);
            if (!message.Success)
            {
                return;
            }

            ReadOnlySpan<char> level = message.Groups["level"].ValueSpan;
            ReadOnlySpan<char> text = message.Groups["text"].ValueSpan;
            bool isOurs = line.StartsWith("[Parsed_showinfo", StringComparison.Ordinal);
            if (isOurs && text.StartsWith("n:", StringComparison.Ordinal))
            {
                AddFrame(text);
            }
            else if (isOurs && text.StartsWith("config in time_base: ", StringComparison.Ordinal))
            {
                ReadOnlySpan<char> ratio = text["config in time_base: ".Length..];
                TimeBase = Rational.TryParse(ratio[..ratio.IndexOf(',')].ToString(), out Rational timeBase) && timeBase > Rational.Zero ? timeBase : TimeBase;
            }
            else if (IsComplaint(line, level, text))
            {
                Complain(line, message.Groups["text"].Value);
            }
        }

        /// <summary>Closes a stretch that runs to the end.</summary>
        public void Finish(int exitCode)
        {
            if (exitCode != 0 && _complaint is null)
            {
                Complain("", string.Create(CultureInfo.InvariantCulture, $"ffmpeg ended with code {exitCode}"));
            }

            if ((_complaint ?? _cutOff) is { } reason)
            {
                // A reader that runs ahead says so some frames early that the file is cut off; what is missing lies behind the last frame.
                Rational last = Ticks[^1] * TimeBase;
                Rational start = _complaint is null ? last + Step : last;
                Rational end = stream.StartTime + stream.Duration is { } stated ? Rational.Max(stated, last + Step) : last + Step;
                end = plan.End is { } wanted ? Rational.Min(end, wanted) : end;
                _complaint = reason;
                if (_cutOff is null || plan.End is null || last + Step < plan.End)
                {
                    Close(Rational.Min(start, end), end);
                }
            }
        }

        private void AddFrame(ReadOnlySpan<char> text)
        {
            long tick;
            ReadOnlySpan<char> pts = Value(text, " pts:");
            if (!long.TryParse(pts, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out tick))
            {
                tick = _previous is { } before ? before + Math.Max(1, (Step / TimeBase).Round()) : (stream.StartTime ?? Rational.Zero) == Rational.Zero ? 0 : (stream.StartTime!.Value / TimeBase).Round();
                Untimed++;
            }

            tick = plan.Place(tick);
            long? previous = _previous;
            _previous = tick;
            if (!CountsAll && !plan.Contains(tick))
            {
                Outside++;
                Forget();
                return;
            }

            Ticks.Add(tick);
            FlaggedInterlaced += Value(text, " i:") is "T" or "B" ? 1 : 0;
            ReadOnlySpan<char> size = Value(text, " s:");
            int by = size.IndexOf('x');
            if (by > 0 && int.TryParse(size[..by], CultureInfo.InvariantCulture, out int width) && int.TryParse(size[(by + 1)..], CultureInfo.InvariantCulture, out int height) && _size != (width, height))
            {
                _size = (width, height);
                Sizes++;
                FirstOtherTick ??= Sizes > 1 ? tick : null;
            }

            ReadOnlySpan<char> format = Value(text, " fmt:");
            if (!format.SequenceEqual(_format))
            {
                FirstOtherTick ??= _format.Length > 0 ? tick : null;
                _format = format.ToString();
            }

            if (_complaint is not null)
            {
                Rational now = tick * TimeBase;
                Rational start = _complaints == 0 ? now : previous is { } p ? Rational.Min(p * TimeBase, now) : Rational.Min(stream.StartTime ?? now, now);

                // A decoder with a thread a frame complains of pictures that come out some frames later.
                Rational end = now + ((_complaints == 0 ? 0 : plan.ReadAheadFrames) * Step);
                Close(start, _isCorrupt ? Rational.Max(end, now + Step) : end);
            }
        }

        private void Complain(string line, string text)
        {
            LastComplaints.Add(line.Length == 0 ? text : line);
            if (LastComplaints.Count > KeptComplaints)
            {
                LastComplaints.RemoveAt(0);
            }

            if (text.Contains("ended prematurely", StringComparison.OrdinalIgnoreCase) || text.Contains("partial file", StringComparison.Ordinal))
            {
                _cutOff ??= text;
                return;
            }

            // ffmpeg says this of the very frame that follows; other complaints come from somewhere between two frames.
            if (text.Contains("corrupt decoded frame", StringComparison.Ordinal))
            {
                _isCorrupt = true;
                _complaint ??= "a frame decodes with errors";
                return;
            }

            _complaint ??= text;
            _complaints++;
        }

        private void Close(Rational start, Rational end)
        {
            string what = _complaints > 1 ? string.Create(CultureInfo.InvariantCulture, $"{_complaint} (and {_complaints - 1} more)") : _complaint!;
            if (Damage.Count > 0 && start - Damage[^1].End < MergeGap)
            {
                Damage[^1] = Damage[^1] with { End = Rational.Max(end, Damage[^1].End) };
            }
            else
            {
                Damage.Add(new DamagedStretch(start, end, what));
            }

            Forget();
        }

        private void Forget()
        {
            _complaint = null;
            _complaints = 0;
            _isCorrupt = false;
        }

        private static ReadOnlySpan<char> Value(ReadOnlySpan<char> text, string key)
        {
            int at = text.IndexOf(key, StringComparison.Ordinal);
            if (at < 0)
            {
                return default;
            }

            ReadOnlySpan<char> rest = text[(at + key.Length)..].TrimStart(' ');
            int end = rest.IndexOf(' ');
            return end < 0 ? rest : rest[..end];
        }
    }
}
