using FrameFlow.Media;

namespace FrameFlow.Repair;

/// <summary>How frames are rebuilt.</summary>
public sealed record RebuildOptions
{
    /// <summary>Whether a cut between the two sides of a hole is heeded.</summary>
    public bool FindCuts { get; init; } = true;

    /// <summary>Whether rebuilt frames get the grain that their neighbours have.</summary>
    public bool Grain { get; init; } = true;

    /// <summary>The seed of the grain.</summary>
    public ulong Seed { get; init; }

    /// <summary>Stretches, by the incoming frames' times, in which the decoder reported damage: start and end in seconds, in order.</summary>
    public IReadOnlyList<(Rational Start, Rational End)> Damaged { get; init; } = [];
}
