using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>What a job will do: made before the first frame is decoded for real.</summary>
public sealed record JobPlan
{
    /// <summary>Frames of the source that decode.</summary>
    public required int FramesIn { get; init; }

    /// <summary>Frames that will be written.</summary>
    public required long FramesOut { get; init; }

    /// <summary>The source's constant rate, or null for VFR.</summary>
    public required Rational? SourceRate { get; init; }

    /// <summary>The output's constant rate, or null for VFR.</summary>
    public required Rational? TargetRate { get; init; }

    /// <summary>The output's format.</summary>
    public required VideoFormat Format { get; init; }

    /// <summary>The encoder that was chosen.</summary>
    public required string Encoder { get; init; }

    /// <summary>What the source's pictures are made of.</summary>
    public required FieldContent Content { get; init; }

    /// <summary>Damage found by the scan.</summary>
    public required IReadOnlyList<DamagedStretch> Damage { get; init; }

    /// <summary>What the user should know, a line each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Seconds that the work will take, from a trial on a few frames; null where it was not tried.</summary>
    public double? ExpectedSeconds { get; init; }

    /// <summary>A rough upper bound for the output's size in bytes.</summary>
    public long ExpectedBytes { get; init; }
}

/// <summary>What a job did.</summary>
public sealed record JobSummary
{
    /// <summary>The plan that it followed.</summary>
    public required JobPlan Plan { get; init; }

    /// <summary>Frames that were written and found in the file.</summary>
    public required long FramesOut { get; init; }

    /// <summary>What the operations counted, by name.</summary>
    public required IReadOnlyDictionary<string, long> Counts { get; init; }

    /// <summary>Output frames by kind (<see cref="Reporting.LedgerEntry.Kind"/>); null where neither a ledger nor a report was asked for.</summary>
    public IReadOnlyDictionary<string, long>? Kinds { get; init; }

    /// <summary>Segments that the work was cut into, and how many of them were there already from a run before; null where it was done in one go.</summary>
    public SegmentCount? Segments { get; init; }

    /// <summary>Times of the frames that start a scene, seconds on the source's clock.</summary>
    public required IReadOnlyList<Rational> Cuts { get; init; }

    /// <summary>Wall-clock seconds of the whole job.</summary>
    public required double Seconds { get; init; }

    /// <summary>The most memory that this process held, bytes; ffmpeg's processes not counted.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>What became of the networks' device while this process worked, a line each; empty where it did its work.</summary>
    public IReadOnlyList<string> DeviceLosses { get; init; } = [];

    /// <summary>The first output frame's time in the file, seconds.</summary>
    public required Rational FirstTime { get; init; }

    /// <summary>The last output frame's time in the file, seconds.</summary>
    public required Rational LastTime { get; init; }

    /// <summary>First audio time - first video time in the source, seconds; null without audio.</summary>
    public Rational? AudioOffsetIn { get; init; }

    /// <summary>The same in the output.</summary>
    public Rational? AudioOffsetOut { get; init; }
}

/// <summary>A film that a run before published, being killed while it cleared up: what its journal tells.</summary>
/// <param name="FramesOut">Frames of the film.</param>
/// <param name="Counts">What the operations counted, by name.</param>
/// <param name="Segments">The segments, all of them kept.</param>
/// <param name="Seconds">Wall-clock seconds of all segments' work.</param>
public sealed record PublishedFilm(long FramesOut, IReadOnlyDictionary<string, long> Counts, SegmentCount Segments, double Seconds);

/// <summary>How a job was cut.</summary>
/// <param name="All">All segments.</param>
/// <param name="Kept">Those that a run before had finished.</param>
public sealed record SegmentCount(int All, int Kept);
