using System.Collections.Immutable;
using System.Text.Json.Serialization;
using FrameFlow.Media;
using FrameFlow.Reporting;

namespace FrameFlow.Jobs;

/// <summary>One line of a <see cref="JobJournal"/>: something that was done and need not be done again.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "did")]
[JsonDerivedType(typeof(JobBegun), "begun")]
[JsonDerivedType(typeof(JobPlanned), "planned")]
[JsonDerivedType(typeof(SegmentDone), "segment")]
[JsonDerivedType(typeof(JobJoined), "joined")]
public abstract record JournalEntry;

/// <summary>What the journal is about; whatever stands before it is void.</summary>
/// <param name="Version">The journal's format, <see cref="JobJournal.Version"/>.</param>
/// <param name="Request">The request, as <see cref="JobRequest"/>.</param>
/// <param name="Fingerprint">What decides the pictures.</param>
public sealed record JobBegun(int Version, JobRequest Request, JobFingerprint Fingerprint) : JournalEntry;

/// <summary>The source was read and cut into segments.</summary>
/// <param name="Plan">SHA-256 of the plan's file, lower-case hexadecimal.</param>
/// <param name="Segments">How many segments there are.</param>
public sealed record JobPlanned(string Plan, int Segments) : JournalEntry;

/// <summary>A segment is encoded, checked and on the disk.</summary>
/// <param name="Index">Which, from 0.</param>
/// <param name="Plan">SHA-256 of the plan that it follows.</param>
/// <param name="Frames">Its output frames.</param>
/// <param name="Sha256">SHA-256 of its file, lower-case hexadecimal.</param>
/// <param name="Bytes">Its file's length.</param>
/// <param name="Counts">What the operations counted in it.</param>
/// <param name="Findings">What each operation found out in it, <see cref="IVideoOperation.Findings"/>.</param>
/// <param name="Seconds">How long it took, wall clock.</param>
/// <param name="Worker">The machine and process that made it.</param>
/// <param name="Ledger">SHA-256 of its ledger's file.</param>
/// <param name="Stages">How the pipeline's parts did.</param>
public sealed record SegmentDone(
    int Index,
    string Plan,
    FrameRange Frames,
    string Sha256,
    long Bytes,
    IReadOnlyDictionary<string, long> Counts,
    IReadOnlyList<string?> Findings,
    double Seconds,
    string Worker,
    string Ledger,
    IReadOnlyList<StageRecord> Stages) : JournalEntry;

/// <summary>The segments are joined and checked; the file with this content is given the output's name next.</summary>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Papers">SHA-256 of the ledger and the report that are given their names just before, by full path; null for none.</param>
public sealed record JobJoined(string Sha256, long Bytes, IReadOnlyDictionary<string, string>? Papers = null) : JournalEntry;

/// <summary>All that a journal says, folded line by line. Immutable.</summary>
public sealed record JournalState
{
    /// <summary>An empty journal's.</summary>
    public static JournalState Empty { get; } = new();

    /// <summary>What the journal is about; null while it is empty.</summary>
    public JobBegun? Begun { get; private init; }

    /// <summary>The plan; null before the source was read.</summary>
    public JobPlanned? Planned { get; private init; }

    /// <summary>Finished segments by index.</summary>
    public ImmutableSortedDictionary<int, SegmentDone> Segments { get; private init; } = ImmutableSortedDictionary<int, SegmentDone>.Empty;

    /// <summary>The finished file; null before it was made.</summary>
    public JobJoined? Joined { get; private init; }

    /// <summary>What the operations counted in all segments together, by name.</summary>
    public IReadOnlyDictionary<string, long> Counts => VideoJob.Sum(Segments.Values.SelectMany(s => s.Counts));

    /// <summary>Whether every segment is done.</summary>
    public bool IsComplete => Planned is { } planned && Segments.Count == planned.Segments;

    /// <summary>The state without some segments, whose files were found wanting.</summary>
    public JournalState Without(IReadOnlyCollection<int> indices) => indices.Count == 0 ? this : this with { Segments = Segments.RemoveRange(indices), Joined = null };

    /// <summary>
    /// The state after one more line. begun: all before is void. planned: needs begun; segments of another plan are void. segment: needs its own plan;
    /// the last line for an index counts, since whoever wrote it found the former file wanting. joined: needs every segment. What does not fit is passed over.
    /// </summary>
    public JournalState Apply(JournalEntry entry) => entry switch
    {
        JobBegun begun => new JournalState { Begun = begun },
        JobPlanned planned when Begun is not null => planned == Planned ? this : new JournalState { Begun = Begun, Planned = planned },
        SegmentDone done when Planned is { } planned && done.Plan == planned.Plan && done.Index >= 0 && done.Index < planned.Segments =>
            this with { Segments = Segments.SetItem(done.Index, done), Joined = null },
        JobJoined joined when IsComplete => this with { Joined = joined },
        _ => this,
    };
}
