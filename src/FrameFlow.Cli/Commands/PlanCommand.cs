using System.CommandLine;
using FrameFlow.Jobs;

namespace FrameFlow.Cli.Commands;

/// <summary>
/// <c>frameflow plan IN -o OUT</c>, <c>frameflow segment N -o OUT</c>, <c>frameflow join -o OUT</c>: the three steps of a job, each a process, so that a
/// cluster's scheduler can drive them.
/// </summary>
internal static class PlanCommand
{
    /// <summary>Reads the film, cuts it, writes the plan.</summary>
    public static Command CreatePlan(GlobalOptions global)
    {
        Argument<string> input = new("IN") { Description = "The video." };
        Option<string> output = Output();
        Option<string> recipe = new("--recipe") { Description = "A recipe's name, or a JSON file of one.", DefaultValueFactory = _ => "smooth-60" };
        Option<double> segment = new("--segment") { Description = "Seconds that a segment holds.", DefaultValueFactory = _ => new SegmentPolicy().TargetSeconds };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace the output if it exists." };
        Option<bool> restart = new("--restart") { Description = "Throw away what was begun for this output." };
        Command command = new("plan", "Read a film, cut it into segments and say how many: the first of three steps for a cluster.") { input, output, recipe, segment, overwrite, restart };
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            JobRequest request = RecipeCatalog.Find(parsed.GetRequiredValue(recipe)).For(parsed.GetRequiredValue(input), parsed.GetRequiredValue(output));
            request = request with { Options = request.Options with { Overwrite = parsed.GetValue(overwrite) } };
            SegmentPolicy policy = new() { TargetSeconds = parsed.GetValue(segment), EvenOne = true, Restart = parsed.GetValue(restart) };
            await using SegmentedJob job = await SegmentedJob.PrepareAsync(request, policy, ModelsCommand.Catalog(), log, TimeProvider.System, token);
            if (!job.IsSegmented)
            {
                throw new FrameFlowException(FaultKind.Usage, $"{job.Plan.Encoder} makes no segments that join (or --segment is 0); use 'frameflow interpolate', or another encoder.");
            }

            await job.BeginAsync(token);
            Json.Print(new { job.Request.Options.Input, job.Request.Options.Output, job.Plan.FramesOut, Segments = job.Segments.Count, Missing = job.Missing });
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes one segment.</summary>
    public static Command CreateSegment(GlobalOptions global)
    {
        Argument<int> index = new("N") { Description = "Which segment, from 0." };
        Option<string> output = Output();
        MachineArguments machine = new();
        Command command = new("segment", "Make one segment of a planned film; several processes may make others meanwhile.") { index, output };
        machine.AddTo(command);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            JobRequest request = machine.Apply(parsed, await SegmentedJob.FindBegunAsync(parsed.GetRequiredValue(output), TimeProvider.System, token));
            await using SegmentedJob job = await SegmentedJob.PrepareAsync(request, new SegmentPolicy(), ModelsCommand.Catalog(), log, TimeProvider.System, token);
            job.BeginBesideOthers();
            int which = parsed.GetValue(index);
            bool made = await ProgressDisplay.RunAsync(job.Plan.FramesOut, job.FramesDone, t => job.RunSegmentAsync(which, t), token);
            log.Information(made ? "Segment {Index} is done." : "Segment {Index} was done already.", which);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Joins and publishes.</summary>
    public static Command CreateJoin(GlobalOptions global)
    {
        Option<string> output = Output();
        Command command = new("join", "Join the segments of a planned film, check the result and publish it.") { output };
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            string path = parsed.GetRequiredValue(output);
            JobRequest request = await SegmentedJob.FindBegunAsync(path, TimeProvider.System, token);
            if (await SegmentedJob.FindPublishedAsync(request, TimeProvider.System, token) is not null)
            {
                log.Information("Published {Output} already.", path);
                return ExitCode.Success;
            }

            await using SegmentedJob job = await SegmentedJob.PrepareAsync(request, new SegmentPolicy(), ModelsCommand.Catalog(), log, TimeProvider.System, token);
            JobRun.LogPublished(path, await job.JoinAsync(token), log);
            return ExitCode.Success;
        });
        return command;
    }

    private static Option<string> Output() => new("--output", "-o") { Description = "The file to write; beside it the work is kept.", Required = true };
}
