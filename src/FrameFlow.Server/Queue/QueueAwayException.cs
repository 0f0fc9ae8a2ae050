namespace FrameFlow.Server.Queue;

/// <summary>The queue's database does not answer just now: nothing is wrong with the film or the step, and what was to be put into the queue waits until it is back.</summary>
/// <param name="reason">The database's own words, one line.</param>
/// <param name="innerException">The cause.</param>
public sealed class QueueAwayException(string reason, Exception innerException)
    : Exception($"The queue's database is away ({reason}); what is to be done waits until it is back.", innerException);
