using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>Where a film stands.</summary>
public enum JobState
{
    /// <summary>Complete, to be planned.</summary>
    Waiting,

    /// <summary>Planned; its segments are being made.</summary>
    Running,

    /// <summary>It failed and is tried again after a pause.</summary>
    Retrying,

    /// <summary>Published.</summary>
    Done,

    /// <summary>Another film of the same content is, or will be, published; this one is not done again.</summary>
    Duplicate,

    /// <summary>It failed as often as it may; its log says why. A change of the file, or a person, takes it out.</summary>
    Quarantined,

    /// <summary>A person stopped it for good.</summary>
    Cancelled,

    /// <summary>The file went away before it was done.</summary>
    Gone,
}

/// <summary>How soon a film's turn comes.</summary>
public enum JobPriority
{
    /// <summary>Before all others.</summary>
    High,

    /// <summary>As it comes.</summary>
    Normal,

    /// <summary>When nothing else waits.</summary>
    Low,
}

/// <summary>What is known of one film in a watched folder: one small file in the output folder, which is the truth; queues are rebuilt from it.</summary>
public sealed record JobRecord
{
    /// <summary>The name by which the film is spoken of: 16 hexadecimal digits from the output folder and its path within the watched folder.</summary>
    public required string Id { get; init; }

    /// <summary>The film's full path.</summary>
    public required string Input { get; init; }

    /// <summary>Its path within the watched folder.</summary>
    public required string Relative { get; init; }

    /// <summary>The result's full path.</summary>
    public required string Output { get; init; }

    /// <summary>The recipe's name or file.</summary>
    public required string Recipe { get; init; }

    /// <summary>The film's size and time when it was taken.</summary>
    public required SourceStamp Stamp { get; init; }

    /// <summary>Where it stands.</summary>
    public JobState State { get; init; }

    /// <summary>Whether a person holds it back.</summary>
    public bool IsPaused { get; init; }

    /// <summary>How soon its turn comes.</summary>
    public JobPriority Priority { get; init; } = JobPriority.Normal;

    /// <summary>How often it failed since it was taken.</summary>
    public int Failures { get; init; }

    /// <summary>The last fault, one line.</summary>
    public string? Fault { get; init; }

    /// <summary>SHA-256 of its content, once read.</summary>
    public string? Content { get; init; }

    /// <summary>The record of the film with the same content that is done instead.</summary>
    public string? DuplicateOf { get; init; }

    /// <summary>Output frames, once planned.</summary>
    public long Frames { get; init; }

    /// <summary>Segments, once planned.</summary>
    public int Segments { get; init; }

    /// <summary>The published file's size and time, by which a later run knows it for its own; null before.</summary>
    public SourceStamp? Published { get; init; }

    /// <summary>SHA-256 of the content that the published file was made of; null before.</summary>
    public string? PublishedContent { get; init; }

    /// <summary>A short hash of the settings that it was made with; null where they are not known.</summary>
    public string? PublishedSettings { get; init; }

    /// <summary>When it was taken, began and ended, UTC; for people.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>When its work began, UTC.</summary>
    public DateTimeOffset? BegunAt { get; init; }

    /// <summary>When it ended, UTC.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Whether there is something to do.</summary>
    public bool IsOpen => State is JobState.Waiting or JobState.Running or JobState.Retrying;
}
