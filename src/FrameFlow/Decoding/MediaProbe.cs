using System.Globalization;
using System.Text.Json;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>Asks ffprobe what a file holds. Ratios stay ratios; nothing is decoded but the first frame, for what only the bitstream says.</summary>
public static class MediaProbe
{
    /// <summary>Probes a file that must hold a video stream, or a numbered sequence of pictures.</summary>
    /// <param name="path">The file, or the pattern of a sequence (<see cref="SequencePattern"/>).</param>
    /// <param name="cancellationToken">Ends ffprobe.</param>
    /// <param name="inputRate">Frames a second of a sequence, or null: what the pictures' headers say.</param>
    /// <exception cref="FrameFlowException">The file is missing, unreadable, no media file, or has no video stream (<see cref="FaultKind.Input"/>); a rate is given for a film (<see cref="FaultKind.Usage"/>).</exception>
    public static async Task<MediaInfo> ProbeAsync(string path, CancellationToken cancellationToken, Rational? inputRate = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ImageSequence? sequence = ImageSequence.Open(path, inputRate);
        if (sequence is null)
        {
            InputFaults.ThrowIfUnreadable(path);
            if (inputRate is not null)
            {
                throw new FrameFlowException(FaultKind.Usage, $"--input-fps is for numbered sequences; '{path}' brings its own times: leave it out.");
            }
        }

        string[] input = sequence is null ? ["file:" + path] : [.. InputOf(sequence), sequence.Pattern.Glob(sequence.Numbers[^1])];
        using JsonDocument document = await RunAsync(path, input, ["-show_format", "-show_streams", "-show_chapters"], cancellationToken)
            ?? throw InputFaults.NoMedia(path, "nothing is in it");
        JsonElement root = document.RootElement;
        JsonElement format = root.TryGetProperty("format", out JsonElement f) ? f : default;
        List<string> notes = [.. sequence?.Note is { } rateNote ? (string[])[rateNote] : []];
        List<StreamInfo> streams = [.. Items(root, "streams").Select(s => ReadStream(s, notes))];
        if (sequence is { Dpx.Timecode: { } timecode })
        {
            streams = [.. streams.Select(s => s with { Tags = new Dictionary<string, string>(s.Tags, StringComparer.OrdinalIgnoreCase) { ["timecode"] = timecode } })];
        }

        MediaInfo info = new()
        {
            Path = path,
            Sequence = sequence,
            Container = Text(format, "format_name") ?? "unknown",
            Duration = Seconds(Text(format, "duration")),
            StartTime = StartOf(Seconds(Text(format, "start_time")) ?? Rational.Zero, streams),
            SizeBytes = sequence is null ? new FileInfo(path).Length : sequence.Numbers.Sum(n => new FileInfo(sequence.Pattern.PathOf(n)).Length),
            Streams = streams,
            ChapterCount = Items(root, "chapters").Count(),
            Tags = Tags(format),
            Notes = notes,
        };
        if (info.Video is not { } video)
        {
            throw InputFaults.NoVideo(path, streams);
        }

        // HDR metadata and colour often live only in the bitstream; the first frame tells.
        JsonElement? frame = null;
        foreach (string interval in (string[])["%+#1", "%+#60"])
        {
            using JsonDocument? frames = await RunAsync(path, input, ["-select_streams", Invariant(video.Index), "-show_frames", "-read_intervals", interval], cancellationToken, lenient: true);
            frame = frames is null ? null : Items(frames.RootElement, "frames").Where(e => e.TryGetProperty("pix_fmt", out _)).Select(e => (JsonElement?)e.Clone()).FirstOrDefault();
            if (frame is not null)
            {
                break;
            }
        }

        VideoDescription description = frame is { } first ? WithFirstFrame(video.Video!, first, notes) : video.Video!;
        if (description.DynamicMetadata.Count > 0)
        {
            notes.Add($"{string.Join(" and ", description.DynamicMetadata)} metadata would be untrue on new frames and is dropped; the base picture is used.");
        }

        return info with { Streams = [.. streams.Select(s => s.Index == video.Index ? s with { Video = description } : s)] };
    }

    /// <summary>ffmpeg's and ffprobe's options before a sequence's glob.</summary>
    internal static string[] InputOf(ImageSequence sequence) => ["-f", "image2", "-pattern_type", "glob", "-framerate", sequence.Rate.ToString()];

    private static async Task<JsonDocument?> RunAsync(string path, string[] input, string[] what, CancellationToken cancellationToken, bool lenient = false)
    {
        MemoryStream json = new();
        List<string> errors = [];
        await ExternalTool.RunAsync(
            "ffprobe",
            ["-v", "error", "-of", "json", .. what, .. input],
            reader => reader.BaseStream.CopyToAsync(json, cancellationToken),
            line => { if (errors.Count < 50) { errors.Add(line); } },
            cancellationToken);
        json.Position = 0;
        try
        {
            JsonDocument document = await JsonDocument.ParseAsync(json, cancellationToken: cancellationToken);
            if (lenient || document.RootElement.EnumerateObject().Any(p => p.Name is "streams" && p.Value.GetArrayLength() > 0))
            {
                return document;
            }

            document.Dispose();
        }
        catch (JsonException) when (lenient)
        {
            return null;
        }
        catch (JsonException)
        {
            // Said below, with ffprobe's own words.
        }

        throw InputFaults.FromProbe(path, errors);
    }

    private static StreamInfo ReadStream(JsonElement s, List<string> notes)
    {
        StreamKind kind = Text(s, "codec_type") switch
        {
            "video" => StreamKind.Video,
            "audio" => StreamKind.Audio,
            "subtitle" => StreamKind.Subtitle,
            "attachment" => StreamKind.Attachment,
            _ => StreamKind.Data,
        };
        Rational timeBase = Ratio(s, "time_base") ?? new Rational(1, 1000);
        HashSet<string> dispositions = s.TryGetProperty("disposition", out JsonElement d)
            ? [.. d.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number && p.Value.GetInt32() != 0).Select(p => p.Name)]
            : [];
        IReadOnlyDictionary<string, string> tags = Tags(s);
        return new StreamInfo
        {
            Index = s.GetProperty("index").GetInt32(),
            Kind = kind,
            Codec = Text(s, "codec_name") ?? "unknown",
            TimeBase = timeBase,
            StartTime = Whole(s, "start_pts") is { } start ? start * timeBase : null,
            Duration = Whole(s, "duration_ts") is { } duration ? duration * timeBase : null,
            StatedFrames = Whole(s, "nb_frames"),
            Tags = tags,
            Dispositions = dispositions,
            Video = kind == StreamKind.Video ? ReadVideo(s, tags, dispositions, notes) : null,
            SampleRate = kind == StreamKind.Audio ? (int?)Whole(s, "sample_rate") : null,
            Channels = kind == StreamKind.Audio ? (int?)Whole(s, "channels") : null,
        };
    }

    private static VideoDescription ReadVideo(JsonElement s, IReadOnlyDictionary<string, string> tags, HashSet<string> dispositions, List<string> notes)
    {
        string pixelFormat = Text(s, "pix_fmt") ?? "unknown";
        return new VideoDescription
        {
            Width = (int)(Whole(s, "width") ?? 0),
            Height = (int)(Whole(s, "height") ?? 0),
            SourcePixelFormat = pixelFormat,
            BitDepth = WorkingFormat.BitDepthOf(pixelFormat, (int?)Whole(s, "bits_per_raw_sample")),
            BaseRate = Positive(Ratio(s, "r_frame_rate")),
            AverageRate = Positive(Ratio(s, "avg_frame_rate")),
            FieldOrder = Text(s, "field_order") ?? "unknown",
            Color = ReadColor(s, pixelFormat),
            SampleAspect = Positive(Ratio(s, "sample_aspect_ratio")) ?? Rational.One,
            Rotation = ReadRotation(s, tags, notes),
            Hdr10 = ReadHdr10(s),
            DynamicMetadata = ReadDynamicMetadata(s),
            IsAttachedPicture = dispositions.Contains("attached_pic"),
        };
    }

    private static VideoDescription WithFirstFrame(VideoDescription video, JsonElement frame, List<string> notes)
    {
        ColorDescription seen = ReadColor(frame, Text(frame, "pix_fmt") ?? video.SourcePixelFormat);
        ColorDescription stated = video.Color;
        ColorDescription merged = new()
        {
            Primaries = seen.Primaries ?? stated.Primaries,
            Transfer = seen.Transfer ?? stated.Transfer,
            Matrix = seen.Matrix ?? stated.Matrix,
            FullRange = seen.FullRange ?? stated.FullRange,
            ChromaLocation = seen.ChromaLocation ?? stated.ChromaLocation,
        };
        Contradiction("primaries", stated.Primaries, seen.Primaries);
        Contradiction("transfer", stated.Transfer, seen.Transfer);
        Contradiction("matrix", stated.Matrix, seen.Matrix);
        Contradiction("range", RangeName(stated.FullRange), RangeName(seen.FullRange));
        Hdr10Metadata? hdr = ReadHdr10(frame);
        return video with
        {
            Color = merged,
            Hdr10 = video.Hdr10 is { } a && hdr is { } b
                ? new Hdr10Metadata
                {
                    Chromaticities = b.Chromaticities ?? a.Chromaticities,
                    MinLuminance = b.MinLuminance ?? a.MinLuminance,
                    MaxLuminance = b.MaxLuminance ?? a.MaxLuminance,
                    MaxContentLight = b.MaxContentLight ?? a.MaxContentLight,
                    MaxFrameAverageLight = b.MaxFrameAverageLight ?? a.MaxFrameAverageLight,
                }
                : hdr ?? video.Hdr10,
            DynamicMetadata = [.. video.DynamicMetadata.Union(ReadDynamicMetadata(frame))],
        };

        void Contradiction(string what, string? container, string? bitstream)
        {
            if (container is not null && bitstream is not null && container != bitstream)
            {
                notes.Add($"The container says {what} {container}, the bitstream {bitstream}; the bitstream is believed.");
            }
        }
    }

    private static string? RangeName(bool? full) => full switch { true => "full", false => "limited", null => null };

    private static ColorDescription ReadColor(JsonElement e, string pixelFormat) => new()
    {
        Primaries = Known(Text(e, "color_primaries")),
        Transfer = Known(Text(e, "color_transfer")),
        Matrix = Known(Text(e, "color_space")),
        FullRange = pixelFormat.StartsWith("yuvj", StringComparison.Ordinal) ? true
            : Text(e, "color_range") switch { "pc" => true, "tv" => false, _ => null },
        ChromaLocation = Known(Text(e, "chroma_location")),
    };

    // av_display_rotation_get counts degrees counter-clockwise; the rotate tag of old QuickTime files counts clockwise.
    private static int ReadRotation(JsonElement s, IReadOnlyDictionary<string, string> tags, List<string> notes)
    {
        decimal? clockwise = null;
        foreach (JsonElement side in Items(s, "side_data_list"))
        {
            if (side.TryGetProperty("rotation", out JsonElement rotation) && rotation.ValueKind == JsonValueKind.Number && rotation.TryGetDecimal(out decimal counterClockwise))
            {
                clockwise = -counterClockwise;
            }
        }

        if (clockwise is null && tags.TryGetValue("rotate", out string? tag) && decimal.TryParse(tag, NumberStyles.Number, CultureInfo.InvariantCulture, out decimal tagged))
        {
            clockwise = tagged;
        }

        if (clockwise is not { } degrees)
        {
            return 0;
        }

        int quarters = (int)(Math.Round(degrees / 90m, MidpointRounding.AwayFromZero) % 4m);
        int normal = (quarters + 4) % 4 * 90;
        if (Math.Abs((quarters * 90) - (degrees % 360m)) > 1m)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"The display rotation of {degrees} degrees is no multiple of 90; {normal} is kept."));
        }

        return normal;
    }

    private static Hdr10Metadata? ReadHdr10(JsonElement e)
    {
        Hdr10Metadata? found = null;
        foreach (JsonElement side in Items(e, "side_data_list"))
        {
            string type = Text(side, "side_data_type") ?? "";
            if (type.StartsWith("Mastering display", StringComparison.Ordinal) && Ratio(side, "max_luminance") is not null)
            {
                // Without luminances it is no HDR10, but what ffmpeg makes of a PNG's chromaticities (cHRM).
                Rational?[] points = [.. ((string[])["red_x", "red_y", "green_x", "green_y", "blue_x", "blue_y", "white_point_x", "white_point_y"]).Select(n => Ratio(side, n))];
                found = (found ?? new()) with
                {
                    Chromaticities = points.All(p => p is not null) ? [.. points.Select(p => p!.Value)] : null,
                    MinLuminance = Ratio(side, "min_luminance"),
                    MaxLuminance = Ratio(side, "max_luminance"),
                };
            }
            else if (type.StartsWith("Content light level", StringComparison.Ordinal))
            {
                found = (found ?? new()) with { MaxContentLight = (int?)Whole(side, "max_content"), MaxFrameAverageLight = (int?)Whole(side, "max_average") };
            }
        }

        return found;
    }

    private static List<string> ReadDynamicMetadata(JsonElement e)
    {
        List<string> names = [];
        foreach (JsonElement side in Items(e, "side_data_list"))
        {
            string type = Text(side, "side_data_type") ?? "";
            string? name = type.Contains("DOVI", StringComparison.OrdinalIgnoreCase) || type.Contains("Dolby Vision", StringComparison.OrdinalIgnoreCase) ? "Dolby Vision"
                : type.Contains("2094-40", StringComparison.Ordinal) || type.Contains("HDR10+", StringComparison.Ordinal) ? "HDR10+"
                : null;
            if (name is not null && !names.Contains(name))
            {
                names.Add(name);
            }
        }

        return names;
    }

    // ffprobe rounds the file's start to microseconds; the stream that gave it knows it exactly.
    private static Rational StartOf(Rational rounded, List<StreamInfo> streams) => streams
        .Where(s => s.StartTime is not null)
        .Select(s => s.StartTime!.Value)
        .Where(t => Rational.Abs(t - rounded) <= new Rational(1, 1_000_000))
        .Select(t => (Rational?)t)
        .FirstOrDefault() ?? rounded;

    private static JsonElement.ArrayEnumerator Items(JsonElement e, string name) =>
        e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : default;

    private static string? Text(JsonElement e, string name) =>
        e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out JsonElement value)
            ? value.ValueKind == JsonValueKind.String ? value.GetString() : value.ToString()
            : null;

    private static long? Whole(JsonElement e, string name) =>
        long.TryParse(Text(e, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;

    private static Rational? Ratio(JsonElement e, string name) => Rational.TryParse(Text(e, name), out Rational value) ? value : null;

    private static Rational? Seconds(string? text) => Rational.TryParse(text, out Rational value) ? value : null;

    private static Rational? Positive(Rational? value) => value > Rational.Zero ? value : null;

    private static string? Known(string? tag) => tag is null or "unknown" or "unspecified" or "reserved" ? null : tag;

    private static Dictionary<string, string> Tags(JsonElement e)
    {
        Dictionary<string, string> tags = new(StringComparer.OrdinalIgnoreCase);
        if (e.ValueKind == JsonValueKind.Object && e.TryGetProperty("tags", out JsonElement list))
        {
            foreach (JsonProperty tag in list.EnumerateObject())
            {
                tags[tag.Name] = tag.Value.ToString();
            }
        }

        return tags;
    }

    private static string Invariant(int value) => value.ToString(CultureInfo.InvariantCulture);
}
