using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>What shall be encoded: the ground on which an <see cref="EncodePlan"/> is made.</summary>
public sealed record EncodeRequest
{
    /// <summary>The user's choices.</summary>
    public EncodeOptions Options { get; init; } = new();

    /// <summary>The source, from which sound, subtitles, chapters, attachments, tags, rotation and HDR metadata come.</summary>
    public required MediaInfo Source { get; init; }

    /// <summary>The format of the frames that will be handed over.</summary>
    public required VideoFormat Format { get; init; }

    /// <summary>The output's path; its extension says the container.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Frames a second, exact; the mean where <see cref="Times"/> says when they stand.</summary>
    public required Rational FrameRate { get; init; }

    /// <summary>The frames' times where they are not evenly spaced (VFR, gaps); null where frame k stands at first + k/rate.</summary>
    public FrameTimeline? Times { get; init; }

    /// <summary>How many frames are planned.</summary>
    public required long FrameCount { get; init; }

    /// <summary>The first frame's time in seconds on the source's clock.</summary>
    public required Rational FirstFrameTime { get; init; }

    /// <summary>The source's frames' times, by which a picture of a sequence finds the one that it came from; null where nobody asks.</summary>
    public FrameTimeline? SourceTimes { get; init; }

    /// <summary>Where the film-grain table that the encoder is told will lie; null for none.</summary>
    public string? GrainTable { get; init; }

    /// <summary>Which part of the source is taken; the sound is cut alike.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>False where time is stretched (slow motion): then sound, subtitles and chapters, which would no longer fit, are left out.</summary>
    public bool IncludeAudio { get; init; } = true;
}
