using System.Diagnostics.Metrics;

namespace FrameFlow.Server.Queue;

/// <summary>What the process counts, for OpenTelemetry.</summary>
internal static class Metrics
{
    /// <summary>The meter's name.</summary>
    public const string Name = "FrameFlow";

    private static readonly Meter Meter = new(Name);

    /// <summary>Films published.</summary>
    public static Counter<long> Published { get; } = Meter.CreateCounter<long>("frameflow.films.published", "{film}", "Films published.");

    /// <summary>Tries that failed.</summary>
    public static Counter<long> Failures { get; } = Meter.CreateCounter<long>("frameflow.films.failures", "{failure}", "Tries that failed.");

    /// <summary>Segments made.</summary>
    public static Counter<long> Segments { get; } = Meter.CreateCounter<long>("frameflow.segments.done", "{segment}", "Segments made.");

    /// <summary>Frames made.</summary>
    public static Counter<long> Frames { get; } = Meter.CreateCounter<long>("frameflow.frames.done", "{frame}", "Output frames made.");
}
