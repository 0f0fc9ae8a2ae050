using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>The kind of a stream in a container.</summary>
public enum StreamKind
{
    /// <summary>Moving pictures.</summary>
    Video,

    /// <summary>Sound.</summary>
    Audio,

    /// <summary>Subtitles.</summary>
    Subtitle,

    /// <summary>Timed or untimed data.</summary>
    Data,

    /// <summary>An attached file (a font, a cover picture).</summary>
    Attachment,
}

/// <summary>What ffprobe says about a media file, with every ratio kept a ratio.</summary>
public sealed record MediaInfo
{
    /// <summary>The file's path as given.</summary>
    public required string Path { get; init; }

    /// <summary>The numbered pictures where the path is a pattern of theirs; else null.</summary>
    public ImageSequence? Sequence { get; init; }

    /// <summary>ffprobe's name(s) of the container, for example <c>mov,mp4,m4a,3gp,3g2,mj2</c>.</summary>
    public required string Container { get; init; }

    /// <summary>The file's start time in seconds (the earliest stream's); ffmpeg subtracts it from every time.</summary>
    public Rational StartTime { get; init; }

    /// <summary>The file's duration in seconds as its header says, or null.</summary>
    public Rational? Duration { get; init; }

    /// <summary>The file's size in bytes.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Every stream, in the container's order.</summary>
    public required IReadOnlyList<StreamInfo> Streams { get; init; }

    /// <summary>How many chapters the file has.</summary>
    public int ChapterCount { get; init; }

    /// <summary>The container's tags (title, creation_time ...).</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>What the probe found to be said, a line each (a container that contradicts its bitstream, dynamic metadata).</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The stream that is worked on: the default video stream, else the first that is no attached picture; null where there is none.</summary>
    public StreamInfo? Video => Streams.FirstOrDefault(s => s.Video is { IsAttachedPicture: false } && s.Dispositions.Contains("default"))
        ?? Streams.FirstOrDefault(s => s.Video is { IsAttachedPicture: false });
}

/// <summary>One stream of a media file.</summary>
public sealed record StreamInfo
{
    /// <summary>The stream's index in the file, as ffmpeg's <c>0:N</c> wants it.</summary>
    public required int Index { get; init; }

    /// <summary>The kind.</summary>
    public required StreamKind Kind { get; init; }

    /// <summary>ffmpeg's codec name; <c>unknown</c> where it has none.</summary>
    public required string Codec { get; init; }

    /// <summary>Seconds a tick.</summary>
    public Rational TimeBase { get; init; } = new(1, 1000);

    /// <summary>The stream's start time in seconds, or null.</summary>
    public Rational? StartTime { get; init; }

    /// <summary>The stream's duration in seconds, or null.</summary>
    public Rational? Duration { get; init; }

    /// <summary>The frame count that the header states, or null. Not to be trusted for planning.</summary>
    public long? StatedFrames { get; init; }

    /// <summary>Tags (language, title ...).</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>The dispositions that are set (<c>default</c>, <c>forced</c>, <c>attached_pic</c> ...).</summary>
    public IReadOnlySet<string> Dispositions { get; init; } = new HashSet<string>();

    /// <summary>For video, what is special to it.</summary>
    public VideoDescription? Video { get; init; }

    /// <summary>For audio: samples a second; else null.</summary>
    public int? SampleRate { get; init; }

    /// <summary>For audio: channels; else null.</summary>
    public int? Channels { get; init; }
}

/// <summary>What is special to a video stream.</summary>
public sealed record VideoDescription
{
    /// <summary>Coded width in samples.</summary>
    public required int Width { get; init; }

    /// <summary>Coded height in samples.</summary>
    public required int Height { get; init; }

    /// <summary>The source's pixel format by ffmpeg's name, for example <c>yuvj420p</c>.</summary>
    public required string SourcePixelFormat { get; init; }

    /// <summary>Bits a sample.</summary>
    public int BitDepth { get; init; } = 8;

    /// <summary>ffprobe's <c>r_frame_rate</c>: the least common rate; null where 0/0.</summary>
    public Rational? BaseRate { get; init; }

    /// <summary>ffprobe's <c>avg_frame_rate</c>; null where 0/0.</summary>
    public Rational? AverageRate { get; init; }

    /// <summary>The field order that the stream claims: <c>progressive</c>, <c>tt</c>, <c>bb</c>, <c>tb</c>, <c>bt</c> or <c>unknown</c>. It may lie.</summary>
    public string FieldOrder { get; init; } = "unknown";

    /// <summary>Colour tags.</summary>
    public ColorDescription Color { get; init; } = ColorDescription.Unspecified;

    /// <summary>Sample aspect ratio; 1 where unknown.</summary>
    public Rational SampleAspect { get; init; } = Rational.One;

    /// <summary>Clockwise rotation for display in degrees (0, 90, 180, 270), from the display matrix.</summary>
    public int Rotation { get; init; }

    /// <summary>HDR10 static metadata (SMPTE ST 2086, CTA-861.3), or null.</summary>
    public Hdr10Metadata? Hdr10 { get; init; }

    /// <summary>Names of dynamic metadata found (<c>Dolby Vision</c>, <c>HDR10+</c>), which cannot lie on new frames.</summary>
    public IReadOnlyList<string> DynamicMetadata { get; init; } = [];

    /// <summary>Whether this is a cover picture and no film.</summary>
    public bool IsAttachedPicture { get; init; }
}

/// <summary>HDR10 static metadata. Chromaticities are CIE 1931 x, y; luminances cd/m2.</summary>
public sealed record Hdr10Metadata
{
    /// <summary>Mastering display: red x, y, green x, y, blue x, y, white x, y; or null.</summary>
    public IReadOnlyList<Rational>? Chromaticities { get; init; }

    /// <summary>Mastering display minimum luminance, or null.</summary>
    public Rational? MinLuminance { get; init; }

    /// <summary>Mastering display maximum luminance, or null.</summary>
    public Rational? MaxLuminance { get; init; }

    /// <summary>Maximum content light level (MaxCLL), or null.</summary>
    public int? MaxContentLight { get; init; }

    /// <summary>Maximum frame-average light level (MaxFALL), or null.</summary>
    public int? MaxFrameAverageLight { get; init; }
}
