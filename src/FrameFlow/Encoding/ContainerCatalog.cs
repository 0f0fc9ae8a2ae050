using System.Text;

namespace FrameFlow.Encoding;

/// <summary>What one container can carry, and what becomes of the rest.</summary>
public sealed record ContainerInfo
{
    /// <summary>The name for messages and the README.</summary>
    public required string Name { get; init; }

    /// <summary>File name extensions with the dot, lower case.</summary>
    public required IReadOnlyList<string> Extensions { get; init; }

    /// <summary>Whether it is a file a picture, numbered, and nothing but pictures.</summary>
    public bool IsSequence => Muxer == "image2";

    /// <summary>ffmpeg's muxer.</summary>
    public required string Muxer { get; init; }

    /// <summary>The encoder taken where the user names none.</summary>
    public required string DefaultEncoder { get; init; }

    /// <summary>Video codecs that it carries; null for all.</summary>
    public IReadOnlySet<string>? VideoCodecs { get; init; }

    /// <summary>Audio codecs that are copied (a trailing <c>*</c> stands for any ending).</summary>
    public required IReadOnlyList<string> AudioCodecs { get; init; }

    /// <summary>The encoder for lossless audio that cannot be copied.</summary>
    public required string LosslessAudioEncoder { get; init; }

    /// <summary>The encoder for other audio that cannot be copied.</summary>
    public required string AudioEncoder { get; init; }

    /// <summary>Subtitle codecs that are copied.</summary>
    public required IReadOnlyList<string> SubtitleCodecs { get; init; }

    /// <summary>The encoder for text subtitles that cannot be copied, or null: they are dropped.</summary>
    public string? TextSubtitleEncoder { get; init; }

    /// <summary>Whether attached files (fonts) are carried.</summary>
    public bool Attachments { get; init; }

    /// <summary>Whether cover pictures are carried.</summary>
    public bool CoverPictures { get; init; }

    /// <summary>Whether chapters are carried.</summary>
    public bool Chapters { get; init; }

    /// <summary>Whether a display rotation is carried (in the track header); otherwise the pixels are turned.</summary>
    public bool Rotation { get; init; }

    /// <summary>Whether colour tags lie in the container, so that a codec without any keeps them.</summary>
    public bool ColorTags { get; init; }

    /// <summary>Whether a start timecode is carried.</summary>
    public bool Timecode { get; init; }

    /// <summary>The global tags that are carried; null for all.</summary>
    public IReadOnlySet<string>? Tags { get; init; }

    /// <summary>Whether a track's title is carried.</summary>
    public bool TrackTitles { get; init; }

    /// <summary>Whether a track's language may be any tag (<c>en</c>, <c>de-CH</c>), not only ISO 639-2's three letters.</summary>
    public bool AnyLanguage { get; init; }

    /// <summary>The marks of a track that are carried (ffmpeg's dispositions); what else one has ffmpeg 5.1 leaves out without a word (found by trying each).</summary>
    public IReadOnlySet<string> TrackMarks { get; init; } = new HashSet<string>();

    /// <summary>Those that are carried of subtitles beside.</summary>
    public IReadOnlySet<string> SubtitleMarks { get; init; } = new HashSet<string>();

    /// <summary>Seconds a tick of its clock, or null where it follows the frame rate exactly.</summary>
    public Media.Rational? Tick { get; init; }

    /// <summary>Whether an audio codec is copied.</summary>
    public bool CopiesAudio(string codec) => AudioCodecs.Any(c => c.EndsWith('*') ? codec.StartsWith(c[..^1], StringComparison.Ordinal) : c == codec);
}

/// <summary>The containers that FrameFlow writes.</summary>
public static class ContainerCatalog
{
    private static readonly HashSet<string> Mp4Tags = new(StringComparer.OrdinalIgnoreCase)
    {
        // libavformat/movenc.c, mov_write_ilst_tag; creation_time goes into the headers.
        "title", "artist", "album_artist", "composer", "album", "date", "encoder", "comment", "genre", "copyright", "grouping", "lyrics", "description", "synopsis",
        "show", "episode_id", "network", "keywords", "episode_sort", "season_number", "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc",
        "tmpo", "rating", "creation_time", "make", "model", "location", "key",
    };

    private static readonly ContainerInfo[] Rows =
    [
        new()
        {
            Name = "MP4", Extensions = [".mp4", ".m4v"], Muxer = "mp4", DefaultEncoder = "libx264",
            VideoCodecs = new HashSet<string> { "h264", "hevc", "av1", "vp9", "mpeg2video", "mpeg4" },
            AudioCodecs = ["aac", "mp3", "mp2", "ac3", "eac3", "opus", "alac", "dts"], LosslessAudioEncoder = "alac", AudioEncoder = "aac",
            SubtitleCodecs = ["mov_text"], TextSubtitleEncoder = "mov_text",
            CoverPictures = true, Chapters = true, Rotation = true, ColorTags = true, Timecode = true, Tags = Mp4Tags, TrackTitles = true,
            TrackMarks = new HashSet<string> { "default", "dub", "comment", "forced", "hearing_impaired", "visual_impaired", "captions", "descriptions" },
        },
        new()
        {
            Name = "QuickTime", Extensions = [".mov"], Muxer = "mov", DefaultEncoder = "libx264",
            VideoCodecs = new HashSet<string> { "h264", "hevc", "prores", "dnxhd", "mpeg2video", "mpeg4" },
            AudioCodecs = ["aac", "mp3", "mp2", "ac3", "eac3", "alac", "pcm_s16*", "pcm_s24*", "pcm_s32*", "pcm_f32*", "pcm_f64*", "pcm_alaw", "pcm_mulaw"],
            LosslessAudioEncoder = "alac", AudioEncoder = "aac",
            SubtitleCodecs = ["mov_text"], TextSubtitleEncoder = "mov_text",
            Chapters = true, Rotation = true, ColorTags = true, Timecode = true, Tags = Mp4Tags, TrackTitles = true,
            TrackMarks = new HashSet<string> { "default" },
        },
        new()
        {
            Name = "Matroska", Extensions = [".mkv"], Muxer = "matroska", DefaultEncoder = "libx264",
            AudioCodecs =
            [
                "aac", "mp3", "mp2", "mp1", "ac3", "eac3", "dts", "truehd", "mlp", "opus", "vorbis", "flac", "alac", "wavpack", "tta",
                "pcm_u8", "pcm_s16*", "pcm_s24*", "pcm_s32*", "pcm_f32le", "pcm_f64le",
            ],
            LosslessAudioEncoder = "flac", AudioEncoder = "flac",
            SubtitleCodecs = ["subrip", "ass", "ssa", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"], TextSubtitleEncoder = "subrip",
            Attachments = true, Chapters = true, ColorTags = true, Tick = new(1, 1000), TrackTitles = true, AnyLanguage = true,
            TrackMarks = new HashSet<string> { "default", "dub", "original", "comment", "forced", "hearing_impaired", "visual_impaired" },
            SubtitleMarks = new HashSet<string> { "descriptions" },
        },
        new()
        {
            Name = "WebM", Extensions = [".webm"], Muxer = "webm", DefaultEncoder = "libsvtav1",
            VideoCodecs = new HashSet<string> { "av1", "vp9", "vp8" },
            AudioCodecs = ["opus", "vorbis"], LosslessAudioEncoder = "libopus", AudioEncoder = "libopus",
            SubtitleCodecs = ["webvtt"], TextSubtitleEncoder = "webvtt",
            Chapters = true, ColorTags = true, Tick = new(1, 1000), TrackTitles = true, AnyLanguage = true,
            TrackMarks = new HashSet<string> { "default", "forced" },
            SubtitleMarks = new HashSet<string> { "captions", "descriptions", "metadata" },
        },
        new()
        {
            Name = "MPEG-TS", Extensions = [".ts", ".m2ts", ".mts"], Muxer = "mpegts", DefaultEncoder = "libx264",
            VideoCodecs = new HashSet<string> { "h264", "hevc", "mpeg2video", "mpeg4" },
            AudioCodecs = ["aac", "mp3", "mp2", "mp1", "ac3", "eac3", "dts", "opus", "truehd"], LosslessAudioEncoder = "aac", AudioEncoder = "aac",
            SubtitleCodecs = ["dvb_subtitle", "dvb_teletext"], Tick = new(1, 90000),
            Tags = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "service_name", "service_provider", "title" },
            TrackMarks = new HashSet<string> { "hearing_impaired", "visual_impaired", "clean_effects" },
        },
    ];

    private static readonly ContainerInfo[] SequenceRows = [Sequence("DPX", "dpx", ".dpx"), Sequence("TIFF", "tiff", ".tif", ".tiff"), Sequence("EXR", "exr", ".exr"), Sequence("PNG", "png", ".png")];

    /// <summary>Every container in the table.</summary>
    public static IReadOnlyList<ContainerInfo> All => Rows;

    /// <summary>Every extension, joined for a message.</summary>
    public static string Extensions => string.Join(' ', Rows.SelectMany(r => r.Extensions));

    /// <summary>Whether an extension, with its dot, stands for a container.</summary>
    public static bool Knows(string extension) => Rows.Any(r => r.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase));

    /// <summary>Sequences of pictures, a file each.</summary>
    public static IReadOnlyList<ContainerInfo> Sequences => SequenceRows;

    /// <summary>The container that a path's extension stands for; a sequence where the name has a place for a number.</summary>
    /// <exception cref="FrameFlowException">The extension is unknown (<see cref="FaultKind.Usage"/>).</exception>
    public static ContainerInfo ForPath(string path)
    {
        string extension = Path.GetExtension(path);
        if (Decoding.SequencePattern.Knows(extension))
        {
            // A file that has the pattern's very name would hide it from a later run.
            return Decoding.SequencePattern.TryParse(path) is not null
                ? SequenceRows.First(r => r.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
                : throw new FrameFlowException(FaultKind.Usage, $"The output '{path}' is of single pictures: give their number a place, for example frames/frame_%06d{extension.ToLowerInvariant()}.");
        }

        return Array.Find(Rows, r => r.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
            ?? throw new FrameFlowException(
                FaultKind.Usage,
                extension.Length == 0
                    ? $"The output '{path}' has no extension, which says the container; use one of {Extensions}."
                    : $"The output's extension '{extension}' stands for no container known here; use one of {Extensions}.");
    }

    /// <summary>The table as Markdown, for the README.</summary>
    public static string ToMarkdown()
    {
        StringBuilder text = new();
        text.AppendLine("| container | default encoder | video | audio copied | other audio | subtitles copied | other text subtitles | attachments | cover picture | chapters | timecode | rotation | tracks' titles | tracks' marks |");
        text.AppendLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (ContainerInfo row in Rows)
        {
            string other = row.AudioEncoder == row.LosslessAudioEncoder ? row.AudioEncoder : $"lossless to {row.LosslessAudioEncoder}, else {row.AudioEncoder}";
            text.AppendLine(
                $"| {row.Name} ({string.Join(' ', row.Extensions)}) | {row.DefaultEncoder} | {(row.VideoCodecs is null ? "any" : string.Join(' ', row.VideoCodecs))} "
                + $"| {string.Join(' ', row.AudioCodecs)} | {other} | {string.Join(' ', row.SubtitleCodecs)} | {(row.TextSubtitleEncoder is null ? "dropped, said" : "to " + row.TextSubtitleEncoder)} "
                + $"| {Kept(row.Attachments)} | {Kept(row.CoverPictures)} | {Kept(row.Chapters)} | {Kept(row.Timecode)} | {(row.Rotation ? "in the track header" : "pixels turned, said")} "
                + $"| {Kept(row.TrackTitles)} | {string.Join(' ', row.TrackMarks)}{(row.SubtitleMarks.Count > 0 ? $"; of subtitles {string.Join(' ', row.SubtitleMarks)}" : "")} |");
        }

        text.AppendLine();
        text.AppendLine("Dropped everywhere, and said: picture subtitles that are not named above, data streams other than timecode, further video streams, dynamic HDR metadata; of tracks other marks (a default that is the first of its kind is told by its place) and, but for Matroska and WebM, languages that have no three letters.");
        return text.ToString();
    }

    private static ContainerInfo Sequence(string name, string codec, params string[] extensions) => new()
    {
        Name = name + " sequence",
        Extensions = extensions,
        Muxer = "image2",
        DefaultEncoder = codec,
        VideoCodecs = new HashSet<string> { codec },
        AudioCodecs = [],
        LosslessAudioEncoder = "",
        AudioEncoder = "",
        SubtitleCodecs = [],
    };

    private static string Kept(bool kept) => kept ? "kept" : "dropped, said";
}
