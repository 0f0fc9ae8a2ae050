using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Queue;

/// <summary>Where a step puts those that follow from it.</summary>
public interface INextSteps
{
    /// <summary>The planning, once more.</summary>
    /// <exception cref="QueueAwayException">The queue's database does not answer.</exception>
    void Plan(StepTicket ticket);

    /// <summary>A segment.</summary>
    /// <exception cref="QueueAwayException">The queue's database does not answer.</exception>
    void Segment(StepTicket ticket, JobPriority priority, int index);

    /// <summary>The joining: before all else, since a film that is made should be seen.</summary>
    /// <exception cref="QueueAwayException">The queue's database does not answer.</exception>
    void Join(StepTicket ticket);
}
