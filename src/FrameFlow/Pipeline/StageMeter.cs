using System.Diagnostics;

namespace FrameFlow.Pipeline;

/// <summary>Counts what passed one part of a pipeline, and how long the part waited for the others. Written by that part's joints, read by anybody.</summary>
/// <param name="name">The part's name: the stage's, <c>decode</c> or <c>encode</c>.</param>
public sealed class StageMeter(string name)
{
    private long _frames;
    private long _starved;
    private long _blocked;

    /// <summary>The part's name.</summary>
    public string Name { get; } = name;

    /// <summary>Frames that left the part so far; of the last part, those that came.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    /// <summary>Wall-clock time for which the part waited for frames to come.</summary>
    public TimeSpan Starved => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _starved));

    /// <summary>Wall-clock time for which the part waited until the next one had room.</summary>
    public TimeSpan Blocked => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _blocked));

    /// <summary>When its last frame had left, a <see cref="Stopwatch"/> timestamp; 0 before.</summary>
    internal long EndedAt { get; set; }

    internal void Count() => Interlocked.Increment(ref _frames);

    internal void Starve(long ticks) => Interlocked.Add(ref _starved, ticks);

    internal void Block(long ticks) => Interlocked.Add(ref _blocked, ticks);
}
