using System.CommandLine;
using FrameFlow.Cli.Commands;
using FrameFlow.Jobs;
using Serilog;

namespace FrameFlow.Cli;

/// <summary>Runs a request to its end, from wherever a run before left it: what every command does that makes a film.</summary>
internal static class JobRun
{
    /// <summary>Does what a command line asks for: says what would be done, or does it and tells of it.</summary>
    /// <param name="arguments">The command's arguments.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="request">The request that was read from it.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="planned">What the plan's JSON has beside what every plan has, and words for its first line's end.</param>
    /// <param name="done">What the result's JSON has beside what every result has.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<int> RunAsync(
        JobArguments arguments,
        ParseResult parsed,
        JobRequest request,
        ILogger log,
        Func<SegmentedJob, (object Json, string Words)> planned,
        Func<SegmentedJob, JobSummary, object> done,
        CancellationToken cancellationToken)
    {
        SegmentPolicy policy = arguments.ReadPolicy(parsed);
        bool json = arguments.IsJson(parsed);
        if (arguments.IsDryRun(parsed))
        {
            await using SegmentedJob prepared = await SegmentedJob.PrepareAsync(request, policy with { ScansWhole = true }, ModelsCommand.Catalog(), log, TimeProvider.System, cancellationToken);
            PrintPlan(await prepared.EstimateAsync(cancellationToken), request.Options, prepared, planned(prepared), json);
            return ExitCode.Success;
        }

        return await RunAsync(request, policy, log, (job, summary) =>
        {
            if (json)
            {
                Json.Print(Describe(job, summary, request.Options), done(job, summary));
            }
        }, cancellationToken, published =>
        {
            if (json)
            {
                Json.Print(Describe(published, request.Options));
            }
        });
    }

    /// <summary>Runs, shows the progress and says what was published.</summary>
    /// <param name="request">The request.</param>
    /// <param name="policy">How the work is cut.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="report">Receives the job and what it did.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <param name="found">Receives, in place of it, what a run before had made already; null: nobody wants it.</param>
    public static async Task<int> RunAsync(
        JobRequest request, SegmentPolicy policy, ILogger log, Action<SegmentedJob, JobSummary> report, CancellationToken cancellationToken, Action<PublishedFilm>? found = null)
    {
        string output = request.Options.Output;
        if (!policy.Restart && await SegmentedJob.FindPublishedAsync(request, TimeProvider.System, cancellationToken) is { } published)
        {
            log.Information("Published {Output} already: the run before ended while it cleared up.", output);
            found?.Invoke(published);
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
            "Published {Output}: {Frames} frames at {Rate:l} from {FramesIn}, {Generated} made, {Cuts} cut(s), {Seconds:0.0} s ({Fps:0.00} frames/s).",
            output, summary.FramesOut, summary.Plan.TargetRate is { } rate ? $"{rate} fps" : "a variable rate", summary.Plan.FramesIn, summary.Counts.GetValueOrDefault("generated") + summary.Counts.GetValueOrDefault("rebuilt") + summary.Counts.GetValueOrDefault("extrapolated"), summary.Cuts.Count, summary.Seconds, summary.FramesOut / summary.Seconds);
    }

    private static string MethodsOf(SegmentedJob job) => string.Join(", ", job.Operations.Select(o => o.Method).Distinct());

    private static string DevicesOf(SegmentedJob job) => job.Operations.Select(o => o.Device).Distinct().ToArray() switch
    {
        [var one] => one,
        var several => string.Join(", ", several.Where(d => d != "none")),
    };

    private static object DescribeDamage(JobPlan plan) => plan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What });

    private static void PrintPlan(JobPlan plan, VideoJobOptions options, SegmentedJob job, (object Json, string Words) more, bool json)
    {
        if (json)
        {
            Json.Print(
                new
                {
                    options.Input,
                    options.Output,
                    DryRun = true,
                    plan.FramesIn,
                    plan.FramesOut,
                    plan.SourceRate,
                    plan.TargetRate,
                    Model = MethodsOf(job),
                    Device = DevicesOf(job),
                    plan.Encoder,
                    PixelFormat = plan.Format.PixelFormat.Name,
                    plan.Content,
                    DiskBytesExpected = plan.ExpectedBytes,
                    SecondsExpected = plan.ExpectedSeconds,
                    Damage = DescribeDamage(plan),
                    plan.Notes,
                },
                more.Json);
            return;
        }

        string after = plan.TargetRate is { } target ? $"{target} fps" : "the source's own times";
        Console.Out.WriteLine($"Would write {options.Output}: {plan.FramesOut} frames at {after} from {plan.FramesIn} at {(plan.SourceRate is { } source ? $"{source} fps" : "a variable rate")}{more.Words}.");
        Console.Out.WriteLine(FormattableString.Invariant($"Model {MethodsOf(job)} on {DevicesOf(job)}, encoder {plan.Encoder}, {plan.Format.Width}x{plan.Format.Height} {plan.Format.PixelFormat.Name}."));
        Console.Out.WriteLine(FormattableString.Invariant($"Expect up to {plan.ExpectedBytes / 1048576.0:0.0} MiB on disk{(plan.ExpectedSeconds is { } s ? $" and about {s:0} s of work" : "")}."));
        foreach (string note in plan.Notes)
        {
            Console.Out.WriteLine($"Note: {note}");
        }
    }

    // The journal knows no more; what is here has the name that it has below.
    private static object Describe(PublishedFilm film, VideoJobOptions options) => new
    {
        options.Input,
        options.Output,
        AlreadyPublished = true,
        film.FramesOut,
        film.Counts,
        film.Segments,
        options.Seed,
        Seconds = Math.Round(film.Seconds, 3),
        options.Ledger,
        options.Report,
    };

    private static object Describe(SegmentedJob job, JobSummary summary, VideoJobOptions options) => new
    {
        options.Input,
        options.Output,
        AlreadyPublished = false,
        summary.Plan.FramesIn,
        summary.FramesOut,
        summary.Counts,
        summary.Kinds,
        summary.Segments,
        summary.Plan.SourceRate,
        summary.Plan.TargetRate,
        Cuts = summary.Cuts.Select(c => Json.Seconds(c)),
        Damage = DescribeDamage(summary.Plan),
        Model = MethodsOf(job),
        Device = DevicesOf(job),
        summary.DeviceLosses,
        options.Seed,
        summary.Plan.Encoder,
        Seconds = Math.Round(summary.Seconds, 3),
        Fps = Math.Round(summary.FramesOut / summary.Seconds, 3),
        summary.PeakMemoryBytes,
        FirstTime = Json.Seconds(summary.FirstTime),
        LastTime = Json.Seconds(summary.LastTime),
        AudioOffsetIn = Json.Seconds(summary.AudioOffsetIn),
        AudioOffsetOut = Json.Seconds(summary.AudioOffsetOut),
        options.Ledger,
        options.Report,
        summary.Plan.Notes,
    };
}
