using FrameFlow.Cli.Commands;
using FrameFlow.Jobs;
using Serilog;

namespace FrameFlow.Cli;

/// <summary>Runs a request to its end, from wherever a run before left it: what every command does that makes a film.</summary>
internal static class JobRun
{
    /// <summary>Runs, shows the progress and says what was published.</summary>
    /// <param name="request">The request.</param>
    /// <param name="policy">How the work is cut.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="report">Receives the job and what it did.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<int> RunAsync(JobRequest request, SegmentPolicy policy, ILogger log, Action<SegmentedJob, JobSummary> report, CancellationToken cancellationToken)
    {
        string output = request.Options.Output;
        if (!policy.Restart && await SegmentedJob.WasPublishedAsync(request, TimeProvider.System, cancellationToken))
        {
            log.Information("Published {Output} already: the run before ended while it cleared up.", output);
            return ExitCode.Success;
        }

        await using SegmentedJob job = await SegmentedJob.PrepareAsync(request, policy, ModelsCommand.Catalog(), log, TimeProvider.System, cancellationToken);
        JobSummary summary = await ProgressDisplay.RunAsync(job.Plan.FramesOut, job.FramesDone, job.RunAsync, cancellationToken);
        report(job, summary);
        LogPublished(output, summary, log);
        return ExitCode.Success;
    }

    /// <summary>The one line at the end.</summary>
    public static void LogPublished(string output, JobSummary summary, ILogger log)
    {
        if (summary.Counts.GetValueOrDefault("fellBack") is > 0 and long fellBack)
        {
            log.Warning("{Count} frame(s) repeat the nearer source frame: between those frames the motion could not be found (--fallback off shows what was made).", fellBack);
        }

        log.Information(
            "Published {Output}: {Frames} frames at {Rate:l} fps from {FramesIn}, {Generated} made, {Cuts} cut(s), {Seconds:0.0} s ({Fps:0.00} frames/s).",
            output, summary.FramesOut, summary.Plan.TargetRate?.ToString() ?? "varying", summary.Plan.FramesIn, summary.Counts.GetValueOrDefault("generated") + summary.Counts.GetValueOrDefault("rebuilt") + summary.Counts.GetValueOrDefault("extrapolated"), summary.Cuts.Count, summary.Seconds, summary.FramesOut / summary.Seconds);
    }
}
