using System.Diagnostics;

namespace FrameFlow.Pipeline;

/// <summary>Counts what passed one part of a pipeline, and how long the part waited for the others. Written by that part's joints, read by anybody.</summary>
/// <param name="name">The part's name: the stage's, <c>decode</c> or <c>encode</c>.</param>
public sealed class StageMeter(string name)
{
    private long _frames;
    private long _starved;
    private long _blocked;
    private long _ended;

    /// <summary>The part's name.</summary>
    public string Name { get; } = name;

    /// <summary>Frames that left the part so far; of the last part, those that came.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    /// <summary>Wall-clock time for which the part waited for frames to come.</summary>
    public TimeSpan Starved => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _starved));

    /// <summary>Wall-clock time for which the part waited until the next one had room.</summary>
    public TimeSpan Blocked => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _blocked));

    /// <summary>When the part's last frame had left it, from the pipeline's start; zero before.</summary>
    public TimeSpan Ended => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _ended));

    internal void Count() => Interlocked.Increment(ref _frames);

    internal void Starve(long ticks) => Interlocked.Add(ref _starved, ticks);

    internal void End(long ticks) => Interlocked.Exchange(ref _ended, ticks);

    internal void Block(long ticks) => Interlocked.Add(ref _blocked, ticks);
}
