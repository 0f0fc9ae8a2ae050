using FrameFlow.Pipeline;

namespace FrameFlow.Reporting;

/// <summary>What a run, or the run of one segment, told beside its frames: small, and such that those of all segments add up to the film's.</summary>
public sealed record RunRecord
{
    /// <summary>The parts of the pipeline, in order.</summary>
    public IReadOnlyList<StageRecord> Stages { get; init; } = [];

    /// <summary>What the operations measured while they worked.</summary>
    public IReadOnlyList<Measurement> Measurements { get; init; } = [];

    /// <summary>The sum of several: times add up, measurements become means by weight.</summary>
    public static RunRecord Sum(IReadOnlyCollection<RunRecord> parts) => new()
    {
        Stages =
        [
            .. parts.SelectMany(p => p.Stages.Select((s, i) => (Stage: s, Place: i))).GroupBy(s => (s.Place, s.Stage.Name)).OrderBy(g => g.Key.Place).Select(g => new StageRecord(
                g.Key.Name, g.Sum(s => s.Stage.Frames), g.Sum(s => s.Stage.Seconds), g.Sum(s => s.Stage.Starved), g.Sum(s => s.Stage.Blocked))),
        ],
        Measurements =
        [
            .. parts.SelectMany(p => p.Measurements).GroupBy(m => (m.Chart, m.Series)).Select(g => Measurement.Mean([.. g])),
        ],
    };
}

/// <summary>One part of a pipeline over a run.</summary>
/// <param name="Name">The stage's name; <c>decode</c>, <c>encode</c>.</param>
/// <param name="Frames">Frames that left it; of the last part, those that came.</param>
/// <param name="Seconds">How long the pipeline ran.</param>
/// <param name="Starved">Seconds for which it waited for frames to come.</param>
/// <param name="Blocked">Seconds for which it waited until the next part had room.</param>
public sealed record StageRecord(string Name, long Frames, double Seconds, double Starved, double Blocked)
{
    /// <summary>Seconds for which it waited for nobody: the part with the most is what the film waits for.</summary>
    public double Busy => Math.Max(0, Seconds - Starved - Blocked);

    /// <summary>What a meter told.</summary>
    public static StageRecord Of(StageMeter meter, TimeSpan elapsed)
    {
        ArgumentNullException.ThrowIfNull(meter);
        return new StageRecord(meter.Name, meter.Frames, Round(elapsed), Round(meter.Starved), Round(meter.Blocked));

        static double Round(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
    }
}

/// <summary>One curve of a chart that the report shows.</summary>
/// <param name="Chart">The chart's title; curves of one title stand in one chart.</param>
/// <param name="Series">The curve's name.</param>
/// <param name="Across">What x is, with its unit.</param>
/// <param name="Up">What y is, with its unit.</param>
/// <param name="X">x, ascending.</param>
/// <param name="Y">y, one for each x.</param>
/// <param name="Weight">How much it counts in a mean over segments: the number of samples behind it.</param>
public sealed record Measurement(string Chart, string Series, string Across, string Up, IReadOnlyList<double> X, IReadOnlyList<double> Y, double Weight)
{
    /// <summary>The mean of curves over the same x, by weight; where the x differ, they follow one another.</summary>
    internal static Measurement Mean(IReadOnlyList<Measurement> curves)
    {
        Measurement first = curves[0];
        double weight = curves.Sum(c => c.Weight);
        if (!curves.All(c => c.X.SequenceEqual(first.X)))
        {
            var points = curves.SelectMany(c => c.X.Zip(c.Y)).DistinctBy(p => p.First).OrderBy(p => p.First).ToArray();
            return first with { X = [.. points.Select(p => p.First)], Y = [.. points.Select(p => p.Second)], Weight = weight };
        }

        return weight <= 0 ? first : first with { Y = [.. Enumerable.Range(0, first.Y.Count).Select(i => curves.Sum(c => c.Weight * c.Y[i]) / weight)], Weight = weight };
    }
}
