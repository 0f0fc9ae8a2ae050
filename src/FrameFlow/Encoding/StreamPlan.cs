using System.Globalization;
using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>Which of the source's other streams go into the output, and how.</summary>
internal sealed record StreamPlan
{
    // Statistics and structure of the old file that would be wrong in the new one.
    private static readonly HashSet<string> StaleTags = new(StringComparer.OrdinalIgnoreCase)
    {
        "encoder", "duration", "timecode", "rotate", "vendor_id", "major_brand", "minor_version", "compatible_brands",
        "number_of_frames", "number_of_bytes", "bps", "_statistics_writing_app", "_statistics_writing_date_utc", "_statistics_tags",
    };

    // libopus looks 312 samples of 48 kHz ahead. ffmpeg 5.1's Matroska muxer states that delay, which a demuxer takes off every time, but does
    // not add it to the times that it writes: without this the sound would come 6.5 ms early (found by the place of a click).
    private const string OpusDelay = "0.0065";

    private static readonly HashSet<string> TextSubtitles = ["subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer", "sami", "realtext", "stl"];

    private static readonly HashSet<string> Dispositions =
    [
        "default", "dub", "original", "comment", "lyrics", "karaoke", "forced", "hearing_impaired", "visual_impaired", "clean_effects", "attached_pic", "captions",
        "descriptions", "dependent", "metadata",
    ];

    /// <summary>Whether the source is an input at all.</summary>
    public required bool UsesSource { get; init; }

    /// <summary><c>-map</c> arguments beside the video's.</summary>
    public required IReadOnlyList<string> Maps { get; init; }

    /// <summary>Codec, disposition and metadata arguments.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Decides.</summary>
    /// <param name="request">What is encoded.</param>
    /// <param name="container">What it is encoded into.</param>
    /// <param name="sourceShift">Seconds by which the source's streams are moved later, at least 0.</param>
    /// <param name="hiddenSound">Tracks of which <see cref="HiddenSound"/> was found.</param>
    /// <param name="notes">Receives what the user should know.</param>
    public static StreamPlan Create(EncodeRequest request, ContainerInfo container, Rational sourceShift, IReadOnlySet<int> hiddenSound, List<string> notes)
    {
        MediaInfo source = request.Source;
        StreamInfo? video = source.Video;
        if (container.IsSequence)
        {
            int others = source.Streams.Count(s => s.Index != video?.Index);
            if (others > 0)
            {
                notes.Add($"A {container.Name} holds pictures alone: {(others == 1 ? "the other stream is" : $"the {others} other streams are")} dropped" + (source.ChapterCount > 0 ? ", and the chapters." : "."));
            }

            return new StreamPlan { UsesSource = false, Maps = [], Arguments = ["-map_metadata", "-1"] };
        }

        List<string> maps = [];
        List<string> arguments = [];
        int covers = 0;
        int audios = 0;
        int subtitles = 0;
        int attachments = 0;
        int stretched = 0;
        bool copies = false;
        foreach (StreamInfo stream in source.Streams.Where(s => s.Index != video?.Index))
        {
            string where = $"{Title(stream)} (stream {stream.Index}, {stream.Codec})";
            string map = string.Create(CultureInfo.InvariantCulture, $"1:{stream.Index}");
            switch (stream.Kind)
            {
                case StreamKind.Video when stream.Video is { IsAttachedPicture: true }:
                    if (container.CoverPictures)
                    {
                        covers++;
                        maps.AddRange(["-map", map]);
                        arguments.AddRange([$"-c:v:{covers}", "copy", $"-disposition:v:{covers}", "attached_pic"]);
                    }
                    else
                    {
                        notes.Add($"The {where} is dropped: {container.Name} is not given cover pictures.");
                    }

                    break;

                case StreamKind.Video:
                    notes.Add($"The {where} is dropped: one video stream is worked on.");
                    break;

                case StreamKind.Audio when !request.IncludeAudio:
                case StreamKind.Subtitle when !request.IncludeAudio:
                    stretched++;
                    break;

                case StreamKind.Audio:
                    maps.AddRange(["-map", map]);
                    arguments.AddRange(Audio(stream, audios, container, hiddenSound.Contains(stream.Index) ? stream.StartTime - source.StartTime + sourceShift : null, where, notes, ref copies));
                    arguments.AddRange([$"-disposition:a:{audios}", Disposition(stream)]);
                    NoteWhatIsLost(stream, where, audios == 0, container, notes);
                    if (container.Muxer == "mpegts" && stream.Tags.GetValueOrDefault("language")?.Length != 3)
                    {
                        // A mark stands beside the language, and is left out where there is none.
                        arguments.AddRange([$"-metadata:s:a:{audios}", "language=und"]);
                    }

                    audios++;
                    break;

                case StreamKind.Subtitle:
                    string? codec = container.SubtitleCodecs.Contains(stream.Codec) ? "copy"
                        : TextSubtitles.Contains(stream.Codec) ? container.TextSubtitleEncoder : null;
                    if (codec is null)
                    {
                        notes.Add($"The {where} is dropped: {container.Name} cannot carry it.");
                        break;
                    }

                    // ffmpeg gives converted subtitles the times of the whole film, also where -ss and -t have cut it: those from before the part would even move the picture.
                    if (codec != "copy" && (request.Decode.Start > Rational.Zero || request.Decode.Duration is not null))
                    {
                        string same = source.Container.Contains("mp4", StringComparison.Ordinal) ? ".mp4" : ".mkv";
                        notes.Add($"The {where} is dropped: of a part it can be copied, not converted to {codec}; write {same} to keep it.");
                        break;
                    }

                    if (codec != "copy")
                    {
                        notes.Add($"The {where} is converted to {codec}, which {container.Name} carries.");
                    }

                    copies |= codec == "copy";
                    maps.AddRange(["-map", map]);
                    arguments.AddRange([$"-c:s:{subtitles}", codec, $"-disposition:s:{subtitles}", Disposition(stream)]);
                    NoteWhatIsLost(stream, where, subtitles == 0, container, notes);
                    subtitles++;
                    break;

                case StreamKind.Attachment:
                    if (!container.Attachments)
                    {
                        notes.Add($"The {where} is dropped: {container.Name} carries no attached files.");
                        break;
                    }

                    maps.AddRange(["-map", map]);
                    arguments.AddRange([$"-c:t:{attachments}", "copy"]);
                    attachments++;
                    break;

                case StreamKind.Data:
                default:
                    // A QuickTime chapter track is the chapters themselves; a timecode track is written anew below.
                    if (!stream.Tags.ContainsKey("timecode") && !(stream.Codec == "bin_data" && source.ChapterCount > 0))
                    {
                        notes.Add($"The {where} is dropped: data streams are not carried.");
                    }

                    break;
            }
        }

        if (stretched > 0)
        {
            notes.Add($"Time is stretched: {stretched} sound and subtitle {(stretched == 1 ? "stream is" : "streams are")} left out" + (source.ChapterCount > 0 ? ", and the chapters." : "."));
        }

        // A copied packet from before --start would play before the picture.
        if (copies && request.Decode.Start > Rational.Zero)
        {
            arguments.AddRange(["-copypriorss", "0"]);
        }

        bool chapters = source.ChapterCount > 0 && request.IncludeAudio;
        if (chapters && !container.Chapters)
        {
            notes.Add($"The {source.ChapterCount} chapters are dropped: {container.Name} carries none.");
            chapters = false;
        }

        string[] lost = [.. source.Tags.Keys.Where(k => container.Tags is { } known && !StaleTags.Contains(k) && !known.Contains(k)).Order(StringComparer.Ordinal)];
        if (lost.Length > 0)
        {
            notes.Add($"Tags for which {container.Name} has no place are dropped: {string.Join(", ", lost)}.");
        }

        // A sequence has nothing but its pictures.
        bool uses = source.Sequence is null && (maps.Count > 0 || chapters || source.Tags.Count > 0);
        arguments.AddRange(["-map_metadata", uses ? "1" : "-1", "-map_chapters", chapters ? "1" : "-1"]);
        foreach (string tag in source.Tags.Keys.Where(StaleTags.Contains))
        {
            arguments.AddRange(["-metadata", tag + "="]);
        }

        arguments.AddRange(VideoTags(request, container, notes));
        return new StreamPlan { UsesSource = uses, Maps = maps, Arguments = arguments };
    }

    private static List<string> Audio(StreamInfo stream, int index, ContainerInfo container, Rational? hiddenBefore, string where, List<string> notes, ref bool copies)
    {
        // ffmpeg 5.1's Matroska muxer writes a broken file when the first packets of Opus are left out; decoding leaves out the same.
        bool cannotCut = hiddenBefore is not null && stream.Codec == "opus";
        if (container.CopiesAudio(stream.Codec) && !cannotCut)
        {
            copies = true;
            List<string> filters = [];
            if (hiddenBefore is { } begin)
            {
                // Packets that an edit list hides would be heard: no other container has such a list. The one that the beginning lies in stays, and
                // the one before it, without which an overlapped transform (AAC, Opus) cannot decode that one; .1 ms for rounding to a stream's ticks.
                filters.Add(@$"noise=amount=0:drop='lt((pts+2*duration)*tb\,{EncodePlan.Decimal(begin - new Rational(1, 10_000))})'");
            }

            if (container.Muxer is "matroska" or "webm" && stream.Codec == "opus")
            {
                // As OpusDelay, in Matroska's milliseconds, to which the demuxer rounds it.
                filters.Add("setts=pts=PTS+7:dts=DTS+7");
            }

            return filters.Count == 0 ? [$"-c:a:{index}", "copy"] : [$"-c:a:{index}", "copy", $"-bsf:a:{index}", string.Join(',', filters)];
        }

        bool lossless = stream.Codec.StartsWith("pcm_", StringComparison.Ordinal) || stream.Codec is "flac" or "alac" or "wavpack" or "tta" or "truehd" or "mlp" or "ape" or "shorten";
        string encoder = lossless ? container.LosslessAudioEncoder : container.AudioEncoder;
        notes.Add($"The {where} is re-encoded with {encoder}: {(cannotCut ? "an edit list hides its beginning" : $"{container.Name} cannot carry {stream.Codec}")}.");
        List<string> arguments = [$"-c:a:{index}", encoder];
        int channels = stream.Channels ?? 2;
        if (encoder is "aac" or "libopus")
        {
            // Both are transparent to most listeners at 64-80 kb/s a channel; an archive gets more.
            int perChannel = encoder == "aac" ? 128 : 96;
            arguments.AddRange([$"-b:a:{index}", string.Create(CultureInfo.InvariantCulture, $"{perChannel * Math.Min(channels, 8)}k")]);
        }

        if (encoder == "libopus")
        {
            // libopus refuses 5.1(side) and the like, which AC-3 and AAC use.
            arguments.AddRange([$"-filter:a:{index}", $"aformat=channel_layouts=7.1|6.1|5.1|5.0|quad|3.0|stereo|mono,asetpts=PTS+{OpusDelay}/TB"]);
        }

        return arguments;
    }

    private static IEnumerable<string> VideoTags(EncodeRequest request, ContainerInfo container, List<string> notes)
    {
        StreamInfo? video = request.Source.Video;
        if (video is null)
        {
            yield break;
        }

        NoteWhatIsLost(video, $"picture (stream {video.Index})", isFirst: true, container, notes);
        foreach ((string key, string value) in video.Tags)
        {
            if (!StaleTags.Contains(key) && !key.StartsWith("BPS", StringComparison.OrdinalIgnoreCase) && !key.StartsWith("NUMBER_OF_", StringComparison.OrdinalIgnoreCase)
                && !key.StartsWith("DURATION", StringComparison.OrdinalIgnoreCase))
            {
                yield return "-metadata:s:v:0";
                yield return $"{key}={value}";
            }
        }

        yield return "-disposition:v:0";
        yield return Disposition(video);

        string? timecode = video.Tags.GetValueOrDefault("timecode")
            ?? request.Source.Streams.Select(s => s.Tags.GetValueOrDefault("timecode")).FirstOrDefault(t => t is not null)
            ?? request.Source.Tags.GetValueOrDefault("timecode");
        if (timecode is null)
        {
            yield break;
        }

        string? written = container.Timecode && request.IncludeAudio && request.Decode.Start == Rational.Zero
            ? Retime(timecode, video.Video?.AverageRate ?? video.Video?.BaseRate, request.FrameRate) : null;
        if (written is null)
        {
            notes.Add($"The start timecode {timecode} is dropped: " + (!container.Timecode ? $"{container.Name} is given none." : "it has no meaning at the new start or rate."));
        }
        else
        {
            yield return "-timecode";
            yield return written;
        }
    }

    // HH:MM:SS:FF (';' before FF: drop-frame, SMPTE ST 12-1). The label's second stays; its frame number is counted at the new rate.
    private static string? Retime(string timecode, Rational? from, Rational to)
    {
        int mark = timecode.LastIndexOfAny([':', ';', '.']);
        long nominal = to.Ceiling();
        if (from is not { } rate || mark < 0 || nominal is not (24 or 25 or 30 or 48 or 50 or 60 or 100 or 120)
            || !long.TryParse(timecode.AsSpan(mark + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long frame))
        {
            return null;
        }

        bool dropFrame = timecode[mark] != ':';
        if (dropFrame && to != new Rational(30000, 1001) && to != new Rational(60000, 1001))
        {
            return null;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{timecode[..(mark + 1)]}{frame * nominal / Math.Max(1, rate.Ceiling()):00}");
    }

    // Of what tells a track from others. Without a mark of its own, the first of a kind is the default.
    private static void NoteWhatIsLost(StreamInfo stream, string where, bool isFirst, ContainerInfo container, List<string> notes)
    {
        List<string> lost = [];
        if (!container.TrackTitles && stream.Tags.TryGetValue("title", out string? title))
        {
            lost.Add($"its title '{title.ReplaceLineEndings(" ")}'");
        }

        if (!container.AnyLanguage && stream.Tags.TryGetValue("language", out string? language) && language.Length != 3)
        {
            lost.Add($"its language '{language.ReplaceLineEndings(" ")}'");
        }

        lost.AddRange(stream.Dispositions.Where(d => !IsCarried(d) && !(d == "default" && isFirst) && !(Twin(d) is { } twin && stream.Dispositions.Contains(twin) && IsCarried(twin)))
            .Order(StringComparer.Ordinal).Select(d => $"the mark '{d}'"));
        if (lost.Count > 0)
        {
            notes.Add($"The {where} loses {string.Join(", ", lost)}: {container.Name} has no place for {(lost.Count == 1 ? "it" : "them")}.");
        }

        bool IsCarried(string mark) => container.TrackMarks.Contains(mark) || (stream.Kind == StreamKind.Subtitle && container.SubtitleMarks.Contains(mark));

        // ffmpeg reads either pair from one mark of MP4's, and from MPEG-TS's the second.
        static string? Twin(string mark) => mark switch { "captions" => "hearing_impaired", "descriptions" => "visual_impaired", _ => null };
    }

    private static string Title(StreamInfo stream)
    {
        string kind = stream.Kind switch
        {
            StreamKind.Video => stream.Video is { IsAttachedPicture: true } ? "cover picture" : "further video",
            StreamKind.Audio => "sound",
            StreamKind.Subtitle => "subtitle",
            StreamKind.Attachment => "attachment " + stream.Tags.GetValueOrDefault("filename"),
            _ => "data",
        };
        return stream.Tags.TryGetValue("language", out string? language) && language != "und" ? $"{language} {kind}" : kind;
    }

    private static string Disposition(StreamInfo stream)
    {
        string set = string.Join('+', stream.Dispositions.Where(Dispositions.Contains).Order(StringComparer.Ordinal));
        return set.Length == 0 ? "0" : set;
    }
}
