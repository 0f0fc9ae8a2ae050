using System.Globalization;
using System.Text.Json.Serialization;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>How the pictures themselves, not the flags, are made of fields.</summary>
public enum FieldContent
{
    /// <summary>Whole frames.</summary>
    Progressive,

    /// <summary>Two moments in every frame, top field first.</summary>
    InterlacedTopFirst,

    /// <summary>Two moments in every frame, bottom field first.</summary>
    InterlacedBottomFirst,

    /// <summary>3:2 pulldown of a 24 fps film in a 30 fps stream.</summary>
    Telecined,
}

/// <summary>
/// A stretch of the source that could not be decoded as it should. It is drawn wide: a decoder that works on several frames at once complains
/// some frames before the picture comes out.
/// </summary>
/// <param name="Start">Its start in seconds on the source's clock.</param>
/// <param name="End">Its end in seconds.</param>
/// <param name="What">What was found, one line.</param>
public sealed record DamagedStretch(Rational Start, Rational End, string What);

/// <summary>What the source holds, found by decoding it once or concluded from its packets: the ground on which the output is planned.</summary>
public sealed record SourceScan
{
    /// <summary>
    /// Whether this was concluded from the packets and a few stretches that were decoded (<see cref="SourceScanner.ConcludeAsync"/>): <see cref="FrameSource"/> then proves it, and refuses
    /// at the first complaint, or at a frame too few or too many (<see cref="FrameFlowException.RefutesScan"/>).
    /// </summary>
    public bool IsConcluded { get; init; }

    /// <summary>The times of the frames that decode, after <see cref="Filters"/>.</summary>
    public required FrameTimeline Timeline { get; init; }

    /// <summary>The format in which frames will be delivered.</summary>
    public required VideoFormat Format { get; init; }

    /// <summary>What the pictures are made of.</summary>
    public FieldContent Content { get; init; }

    /// <summary>ffmpeg filters that turn the source into progressive frames (<c>bwdif=...</c>, <c>fieldmatch,decimate</c>), or null. Applied by the scan and by the source alike.</summary>
    public string? Filters { get; init; }

    /// <summary>ffmpeg filters that bring the source to <see cref="Format"/> with every matrix and range named, or null where the samples are taken as they are.</summary>
    public string? Conversion { get; init; }

    /// <summary>ffmpeg's name of the raw format whose bytes are those of <see cref="Format"/>: its own name, or the <c>yuvj</c> name that full range goes by.</summary>
    public required string RawPixelFormat { get; init; }

    /// <summary>Indices, in order of decoding, of frames that decode but are left out because their time does not advance. Nearly always empty.</summary>
    public IReadOnlyList<int> DroppedFrames { get; init; } = [];

    /// <summary>Damage, in order of time.</summary>
    public IReadOnlyList<DamagedStretch> Damage { get; init; } = [];

    /// <summary>What the user should be told (a flag that lies, a format that is converted, metadata that is dropped), a line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>Which part of the source is read, and how.</summary>
public sealed record DecodeOptions
{
    /// <summary>Where to begin, in seconds after the source's start; 0 for the beginning.</summary>
    public Rational Start { get; init; }

    /// <summary>How much to read, in seconds; null for all.</summary>
    public Rational? Duration { get; init; }

    /// <summary>Whether interlaced or telecined content is made progressive (<c>--deinterlace auto</c>).</summary>
    public bool Deinterlace { get; init; } = true;

    /// <summary>Frames a second of a numbered sequence, which files of single pictures do not know; null: what their headers say.</summary>
    public Rational? InputRate { get; init; }

    /// <summary>Decoder threads; 0 lets ffmpeg choose.</summary>
    public int Threads { get; init; }

    /// <summary>ffmpeg's name of the device's decoder that <see cref="FrameSource"/> uses (<c>-hwaccel</c>), of this machine, see <see cref="HardwareDecoder"/>; null for the processor. The scan uses none.</summary>
    [JsonIgnore]
    public string? HardwareMethod { get; init; }

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        if (Start < Rational.Zero)
        {
            faults.Add($"--start {Start}: 0 or more, in seconds");
        }

        if (Duration is { } duration && duration <= Rational.Zero)
        {
            faults.Add($"--duration {duration}: above 0, in seconds");
        }

        if (InputRate is { } rate && (rate <= Rational.Zero || rate > Interpolation.TargetRate.Highest))
        {
            faults.Add($"inputRate {rate}: above 0, up to {Interpolation.TargetRate.Highest}");
        }

        if (Threads is < 0 or > 1024)
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"decoder threads {Threads}: 0 to 1024"));
        }

        return faults;
    }
}
