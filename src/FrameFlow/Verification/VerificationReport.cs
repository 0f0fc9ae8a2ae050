using FrameFlow.Media;

namespace FrameFlow.Verification;

/// <summary>One thing that was checked.</summary>
/// <param name="Name">A short, stable name, for example <c>frame count</c>.</param>
/// <param name="Passed">Whether it holds.</param>
/// <param name="Measured">What was found.</param>
/// <param name="Expected">What the contract asks.</param>
public sealed record VerificationCheck(string Name, bool Passed, string Measured, string Expected);

/// <summary>The verdict on an output, with every check's figures.</summary>
public sealed record VerificationReport
{
    /// <summary>The source's path.</summary>
    public required string Source { get; init; }

    /// <summary>The output's path.</summary>
    public required string Output { get; init; }

    /// <summary>Frames that decode in the source (after filters, inside the asked range).</summary>
    public long SourceFrames { get; init; }

    /// <summary>The source's rate, or null where its frames are not evenly spaced.</summary>
    public Rational? SourceRate { get; init; }

    /// <summary>The output's frame count by the contract: ceil(D F).</summary>
    public long ExpectedFrames { get; init; }

    /// <summary>Frames that decode in the output.</summary>
    public long OutputFrames { get; init; }

    /// <summary>The output's rate, or null where its times show none.</summary>
    public Rational? Rate { get; init; }

    /// <summary>First output frame's time in seconds, as the container states it.</summary>
    public Rational FirstTime { get; init; }

    /// <summary>Last output frame's time in seconds.</summary>
    public Rational LastTime { get; init; }

    /// <summary>First sound minus first picture in the source, in seconds, of the first audio track; null without one.</summary>
    public Rational? AudioOffsetIn { get; init; }

    /// <summary>First sound minus first picture in the output, in seconds, of the first audio track; null without one.</summary>
    public Rational? AudioOffsetOut { get; init; }

    /// <summary>Output frames whose time is a source frame's own and whose picture was compared with it.</summary>
    public long RealFramesCompared { get; init; }

    /// <summary>Output frames between two source frames whose picture could be placed between them.</summary>
    public long BetweenFramesPlaced { get; init; }

    /// <summary>Every check, in the order made.</summary>
    public required IReadOnlyList<VerificationCheck> Checks { get; init; }

    /// <summary>Whether every check holds.</summary>
    public bool Passed => Checks.All(c => c.Passed);
}
