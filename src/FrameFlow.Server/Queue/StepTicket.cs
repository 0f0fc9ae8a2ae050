using FrameFlow.Jobs;
using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Queue;

/// <summary>What the queue carries: all that a worker on another machine must know beside the shared folders.</summary>
public sealed record StepTicket
{
    /// <summary>The folder, as the shared paths have it.</summary>
    public required WatchFolder Folder { get; init; }

    /// <summary>The recipe, as the watching process read it.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>The film.</summary>
    public required string Id { get; init; }

    /// <summary>Seconds that a segment should hold.</summary>
    public required double SegmentSeconds { get; init; }

    /// <summary>How often a film may fail.</summary>
    public required int Tries { get; init; }

    /// <summary>The film's priority when this was put into the queue.</summary>
    public JobPriority Priority { get; init; } = JobPriority.Normal;
}
