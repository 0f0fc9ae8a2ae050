namespace FrameFlow.Pipeline;

/// <summary>Counts what passed one joint of a pipeline. Written by that joint's pump, read by anybody.</summary>
/// <param name="name">The name of the stage whose output is counted.</param>
public sealed class StageMeter(string name)
{
    private long _frames;

    /// <summary>The stage's name.</summary>
    public string Name { get; } = name;

    /// <summary>Frames that left the stage so far.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    internal void Count() => Interlocked.Increment(ref _frames);
}
