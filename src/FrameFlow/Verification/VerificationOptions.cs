using FrameFlow.Media;

namespace FrameFlow.Verification;

/// <summary>What an output is held against.</summary>
public sealed record VerificationOptions
{
    /// <summary>The rate that was asked for, in frames a second; null takes the one that the output's own times show.</summary>
    public Rational? Rate { get; init; }

    /// <summary>By how much time was stretched (<c>--slow</c>); 1 for none. A stretched output carries no sound.</summary>
    public Rational Slow { get; init; } = Rational.One;

    /// <summary>ffmpeg filters that make the source progressive before anything else (<c>bwdif=...</c>, <c>fieldmatch,decimate</c>), or null.</summary>
    public string? Filters { get; init; }

    /// <summary>Where the output begins, in seconds after the source's start (its container's, as ffmpeg counts).</summary>
    public Rational Start { get; init; }

    /// <summary>How much of the source was taken, in seconds; null for all.</summary>
    public Rational? Duration { get; init; }

    /// <summary>
    /// Whether frames between two source frames may repeat the earlier one (<c>--model hold</c>). Otherwise two alike neighbours
    /// where the source moves count as a doubled frame. Places where a source cut lies are always free to hold.
    /// </summary>
    public bool AllowHeldFrames { get; init; }

    /// <summary>Whether sound is expected to come through; false where the output was made without it on purpose.</summary>
    public bool ExpectAudio { get; init; } = true;

    /// <summary>The ffmpeg to run.</summary>
    public string FFmpegPath { get; init; } = "ffmpeg";

    /// <summary>The ffprobe to run.</summary>
    public string FFprobePath { get; init; } = "ffprobe";
}
