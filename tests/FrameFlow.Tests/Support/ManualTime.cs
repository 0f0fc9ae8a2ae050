namespace FrameFlow.Tests.Support;

/// <summary>A clock that stands still until it is moved; its wall clock can be set apart from its running time.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _elapsed;
    private DateTimeOffset _wall = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _elapsed;

    public override DateTimeOffset GetUtcNow() => _wall;

    public void Advance(double seconds)
    {
        TimeSpan by = TimeSpan.FromSeconds(seconds);
        _elapsed += by.Ticks;
        _wall += by;
    }

    public void JumpTo(DateTimeOffset wall) => _wall = wall;
}
