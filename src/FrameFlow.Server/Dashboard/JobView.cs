using FrameFlow.Jobs;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Dashboard;

/// <summary>A film as the page and the API show it.</summary>
public sealed record JobView
{
    /// <summary>The film's id, by which it is asked for.</summary>
    public required string Id { get; init; }

    /// <summary>Its path within the watched folder; shown, never taken.</summary>
    public required string Name { get; init; }

    /// <summary>The recipe.</summary>
    public required string Recipe { get; init; }

    /// <summary>Where it stands.</summary>
    public required JobState State { get; init; }

    /// <summary>Whether a person holds it back.</summary>
    public required bool IsPaused { get; init; }

    /// <summary>How soon its turn comes.</summary>
    public required JobPriority Priority { get; init; }

    /// <summary>Output frames, 0 before it is planned.</summary>
    public required long Frames { get; init; }

    /// <summary>Output frames done.</summary>
    public required long FramesDone { get; init; }

    /// <summary>Segments, 0 before it is planned.</summary>
    public required int Segments { get; init; }

    /// <summary>Frames a second now, in this process; 0 where nothing is done here.</summary>
    public required double FramesPerSecond { get; init; }

    /// <summary>Seconds until it is done at that speed; null where it cannot be told.</summary>
    public double? SecondsLeft { get; init; }

    /// <summary>What is done just now in this process.</summary>
    public required IReadOnlyList<string> Steps { get; init; }

    /// <summary>How often it failed.</summary>
    public required int Failures { get; init; }

    /// <summary>The last fault.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether there is a report to be asked for.</summary>
    public required bool HasReport { get; init; }

    /// <summary>The film whose content this one has.</summary>
    public string? DuplicateOf { get; init; }

    /// <summary>Its size in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>When it was taken, UTC.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>When its work began, UTC.</summary>
    public DateTimeOffset? BegunAt { get; init; }

    /// <summary>When it ended, UTC.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>What is known of a film now.</summary>
    public static async Task<JobView> OfAsync(FilmFolder folder, JobRecord record, WorkBoard board, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(board);
        Work[] works = [.. board.All.Where(w => w.Id == record.Id)];
        long done = record.State == JobState.Done ? record.Frames
            : record.State == JobState.Running ? Math.Min(record.Frames, await SegmentedJob.CountDoneAsync(record.Output, time, cancellationToken) + works.Sum(w => w.FramesDone)) : 0;
        double speed = works.Sum(w => w.FramesPerSecond);
        return new JobView
        {
            Id = record.Id,
            Name = record.Relative,
            Recipe = record.Recipe,
            State = record.State,
            IsPaused = record.IsPaused,
            Priority = record.Priority,
            Frames = record.Frames,
            FramesDone = done,
            Segments = record.Segments,
            FramesPerSecond = Math.Round(speed, 2),
            SecondsLeft = speed > 0 && record.Frames > 0 ? Math.Round((record.Frames - done) / speed, 1) : null,
            Steps = [.. works.Select(w => w.Step)],
            Failures = record.Failures,
            Fault = record.Fault,
            HasReport = record.State == JobState.Done && File.Exists(folder.Records.ReportOf(record.Id)),
            DuplicateOf = record.DuplicateOf,
            Bytes = record.Stamp.Bytes,
            TakenAt = record.TakenAt,
            BegunAt = record.BegunAt,
            EndedAt = record.EndedAt,
        };
    }
}

/// <summary>What this machine has.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Processors">Its processors.</param>
/// <param name="Devices">What networks may run on.</param>
/// <param name="Disks">The disks that outputs go to.</param>
public sealed record MachineView(string Name, int Processors, IReadOnlyList<string> Devices, IReadOnlyList<DiskView> Disks);

/// <summary>The disk of an output folder.</summary>
/// <param name="Folder">The output folder's name, without its path.</param>
/// <param name="FreeBytes">Bytes that are free.</param>
/// <param name="TotalBytes">Its size.</param>
public sealed record DiskView(string Folder, long FreeBytes, long TotalBytes);
