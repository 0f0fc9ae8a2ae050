using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Queue;

/// <summary>Where a step puts those that follow from it.</summary>
public interface INextSteps
{
    /// <summary>A segment.</summary>
    void Segment(StepTicket ticket, JobPriority priority, int index);

    /// <summary>The joining: before all else, since a film that is made should be seen.</summary>
    void Join(StepTicket ticket);
}
