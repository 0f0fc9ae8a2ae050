namespace FrameFlow;

/// <summary>What kind of thing went wrong; the command line maps it to an exit code.</summary>
public enum FaultKind
{
    /// <summary>The request itself is wrong (an option, a combination of options). Exit code 2.</summary>
    Usage,

    /// <summary>The input is missing, unreadable or not a video. Exit code 3.</summary>
    Input,

    /// <summary>The input could be opened, but decoding it failed. Exit code 3.</summary>
    Decode,

    /// <summary>A model is unknown, damaged, or does not fit its task. Exit code 4.</summary>
    Model,

    /// <summary>The execution device is missing or failed. Exit code 4.</summary>
    Device,

    /// <summary>The encoder is unknown or failed. Exit code 5.</summary>
    Encode,

    /// <summary>The output cannot be written (permission, space, exists already). Exit code 5.</summary>
    Storage,
}

/// <summary>
/// The one exception that FrameFlow throws for a foreseen fault. <see cref="Exception.Message"/> is a single line that
/// says what happened, where, and what mends it; it is shown to the user as it is.
/// </summary>
public sealed class FrameFlowException : Exception
{
    /// <summary>Creates the fault.</summary>
    /// <param name="kind">The kind, which decides the exit code.</param>
    /// <param name="message">One line: what, where, the mend.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public FrameFlowException(FaultKind kind, string message, Exception? innerException = null)
        : base(message, innerException) => Kind = kind;

    /// <summary>The kind, which decides the exit code.</summary>
    public FaultKind Kind { get; }

    /// <summary>Whether the same work may succeed when it is tried again (a full disk may empty; a bad file stays bad).</summary>
    public bool CanRetry { get; init; }

    /// <summary>Whether nothing is wrong, but another process is doing this very work.</summary>
    public bool IsBusy { get; init; }

    /// <summary>Whether memory ran out: the same work may succeed in smaller pieces.</summary>
    public bool IsOutOfMemory { get; init; }

    /// <summary>Whether decoding told that a scan concluded from the packets is wrong (<see cref="Decoding.SourceScan.IsConcluded"/>): a scan that decodes the film tells what is true.</summary>
    public bool RefutesScan { get; init; }

    /// <summary>For a fault of an outside program: its command line and the end of its standard error. Logged, not shown.</summary>
    public string? ToolOutput { get; init; }
}
