namespace FrameFlow.Jobs;

/// <summary>Whether and how a job is cut into segments.</summary>
public sealed record SegmentPolicy
{
    /// <summary>
    /// How much of the output a segment should hold, seconds; 0 for no segments. What is lost when a run is killed, against a key frame, a start of
    /// ffmpeg and up to a second of decoding twice: at 20 s these cost less than one in a hundred.
    /// </summary>
    public double TargetSeconds { get; init; } = 20;

    /// <summary>Whether a film that makes one segment only is journalled too.</summary>
    public bool EvenOne { get; init; }

    /// <summary>Whether what a run before has left is thrown away.</summary>
    public bool Restart { get; init; }

    /// <summary>Whether the same is done, rather than the request refused, where what was left is of another input, model or setting.</summary>
    public bool RestartIfChanged { get; init; }

    /// <summary>Whether the film is decoded before anything is told of it, also where its packets seem to tell enough to begin (<see cref="Decoding.SourceScanner.ConcludeAsync"/>).</summary>
    public bool ScansWhole { get; init; }

    /// <summary>Lists every option that is out of range.</summary>
    public IReadOnlyList<string> Validate() => TargetSeconds is 0 or (>= 0.5 and <= 86400) ? []
        : [FormattableString.Invariant($"--segment {TargetSeconds}: 0 for none, or 0.5 to 86400 seconds")];
}
