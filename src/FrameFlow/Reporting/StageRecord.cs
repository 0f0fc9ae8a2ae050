using FrameFlow.Pipeline;

namespace FrameFlow.Reporting;

/// <summary>One part of a pipeline over a run.</summary>
/// <param name="Name">The stage's name; <c>decode</c>, <c>encode</c>.</param>
/// <param name="Frames">Frames that left it; of the last part, those that came.</param>
/// <param name="Seconds">How long the pipeline ran.</param>
/// <param name="Starved">Seconds for which it waited for frames to come.</param>
/// <param name="Blocked">Seconds for which it waited until the next part had room.</param>
/// <param name="Over">Seconds for which it was done while others still worked.</param>
public sealed record StageRecord(string Name, long Frames, double Seconds, double Starved, double Blocked, double Over)
{
    /// <summary>Seconds for which it waited for nobody: the part with the most is what the film waits for.</summary>
    public double Busy => Math.Max(0, Seconds - Starved - Blocked - Over);

    /// <summary>What a meter told.</summary>
    public static StageRecord Of(StageMeter meter, TimeSpan elapsed)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return new StageRecord(meter.Name, meter.Frames, Round(elapsed), Round(meter.Starved), Round(meter.Blocked), meter.Ended > TimeSpan.Zero ? Math.Max(0, Round(elapsed - meter.Ended)) : 0);

        static double Round(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
    }

    /// <summary>The sum over the runs of several segments, part by part.</summary>
    public static IReadOnlyList<StageRecord> Sum(IEnumerable<IReadOnlyList<StageRecord>> runs) =>
    [
        .. runs.SelectMany(r => r.Select((s, i) => (Stage: s, Place: i))).GroupBy(s => (s.Place, s.Stage.Name)).OrderBy(g => g.Key.Place).Select(g => new StageRecord(
            g.Key.Name, g.Sum(s => s.Stage.Frames), g.Sum(s => s.Stage.Seconds), g.Sum(s => s.Stage.Starved), g.Sum(s => s.Stage.Blocked), g.Sum(s => s.Stage.Over))),
    ];
}
