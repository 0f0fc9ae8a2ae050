using System.CommandLine;
using System.CommandLine.Parsing;
using FrameFlow.Jobs;
using FrameFlow.Repair;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow repair IN -o OUT</c>.</summary>
internal static class RepairCommand
{
    public static Command Create(GlobalOptions global)
    {
        Option<string?> frames = new("--frames") { Description = "Frames to rebuild: numbers from 0 and stretches (120,240-246), auto (finds black and corrupt ones), black, corrupt, frozen; or a text file of these.", CustomParser = ParseFrames };
        Option<string> gaps = Parsers.Switch("--gaps", "auto", "off", "Rebuild what is missing in the times of an even stream.");
        Option<string> duplicates = Parsers.Switch("--duplicates", "keep", "fill", "Make frames anew that repeat the one before while the picture moves.");
        Option<string> model = new("--model") { Description = "What makes frames: a model's name ('frameflow models'), or a built-in method: hold, blend, flow.", DefaultValueFactory = _ => "light" };
        Option<string> grain = Parsers.Switch("--grain", "on", "off", "Give rebuilt frames the grain of their neighbours, and fills that of their frame.");
        DefectArguments defects = new();
        JobArguments arguments = new("Look for scene cuts and rebuild nothing across one.");
        Command command = arguments.CreateCommand("repair", "Rebuild missing and spoilt frames, fill dust and scratches, steady light and gate, at the source's own rate.", [frames, gaps, duplicates, model, .. defects.All, grain]);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            VideoJobOptions options = arguments.Read(parsed);
            RebuildOperationOptions rebuild = new()
            {
                Frames = parsed.GetValue(frames) ?? "",
                Gaps = parsed.GetValue(gaps) == "auto",
                Duplicates = parsed.GetValue(duplicates) == "fill",
                Model = parsed.GetRequiredValue(model),
                Grain = parsed.GetValue(grain) == "on",
            };
            List<OperationOptions> operations = [.. defects.Read(parsed, rebuild.Grain)];
            if (rebuild is not { Frames: "", Gaps: false, Duplicates: false })
            {
                operations.Add(rebuild);
            }

            if (operations.Count == 0)
            {
                throw new FrameFlowException(FaultKind.Usage, "Nothing is asked for; give --defects, --mask, --deflicker on, --stabilise on, --frames, --gaps auto or --duplicates fill.");
            }

            JobRequest job = new() { Options = options, Operations = operations };
            JobRequest? preview = defects.ReadPreview(parsed, job);
            SegmentPolicy policy = arguments.ReadPolicy(parsed);
            bool json = arguments.IsJson(parsed);
            if (arguments.IsDryRun(parsed))
            {
                await using SegmentedJob prepared = await SegmentedJob.PrepareAsync(job, policy, ModelsCommand.Catalog(), log, TimeProvider.System, token);
                PrintPlan(await prepared.EstimateAsync(token), options, prepared.Operations, json);
                return ExitCode.Success;
            }

            if (preview is not null)
            {
                _ = await JobRun.RunAsync(preview, policy, log, static (_, _) => { }, token);
            }

            return await JobRun.RunAsync(job, policy, log, (done, summary) =>
            {
                if (json)
                {
                    PrintSummary(summary, options, done.Operations);
                }
            }, token);
        });
        return command;
    }

    // A list is told from a file by parsing; a file's list goes on as text, so that a job that is resumed needs the file no more.
    private static string? ParseFrames(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (FrameSelection.TryParse(text, out FrameSelection selection, out string? fault))
        {
            return selection.ToString();
        }

        if (!File.Exists(text))
        {
            result.AddError($"--frames '{text}' is no list ('{fault}') and no file that is there; give {FrameSelection.Allowed}, or a text file of these.");
            return null;
        }

        try
        {
            return FrameSelection.Read(text).ToString();
        }
        catch (FrameFlowException e)
        {
            result.AddError(e.Message);
            return null;
        }
    }

    private static void PrintPlan(JobPlan plan, VideoJobOptions options, IReadOnlyList<IVideoOperation> operations, bool json)
    {
        RebuildPlan? rebuild = operations.OfType<RebuildOperation>().SingleOrDefault()?.Plan;
        if (json)
        {
            Json.Print(new
            {
                options.Input,
                options.Output,
                DryRun = true,
                plan.FramesIn,
                plan.FramesOut,
                Added = rebuild?.Added ?? 0,
                ToRebuild = rebuild?.KnownEmpty ?? 0,
                plan.SourceRate,
                plan.TargetRate,
                Methods = operations.Select(o => o.Method),
                Devices = operations.Select(o => o.Device),
                plan.Encoder,
                PixelFormat = plan.Format.PixelFormat.Name,
                plan.Content,
                DiskBytesExpected = plan.ExpectedBytes,
                SecondsExpected = plan.ExpectedSeconds,
                Damage = plan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What }),
                plan.Notes,
            });
            return;
        }

        Console.Out.WriteLine($"Would write {options.Output}: {plan.FramesOut} frames at {plan.TargetRate?.ToString() ?? "the source's own times"}, {rebuild?.KnownEmpty ?? 0} of them rebuilt{((rebuild?.Faults ?? FrameFaults.None) == FrameFaults.None ? "" : " and those that are found")}.");
        Console.Out.WriteLine(FormattableString.Invariant($"Methods {string.Join(", ", operations.Select(o => o.Device == "none" ? o.Method : $"{o.Method} on {o.Device}"))}, encoder {plan.Encoder}, {plan.Format.Width}x{plan.Format.Height} {plan.Format.PixelFormat.Name}."));
        Console.Out.WriteLine(FormattableString.Invariant($"Expect up to {plan.ExpectedBytes / 1048576.0:0.0} MiB on disk{(plan.ExpectedSeconds is { } s ? $" and about {s:0} s of work" : "")}."));
        foreach (string note in plan.Notes)
        {
            Console.Out.WriteLine($"Note: {note}");
        }
    }

    private static void PrintSummary(JobSummary summary, VideoJobOptions options, IReadOnlyList<IVideoOperation> operations) => Json.Print(new
    {
        options.Input,
        options.Output,
        summary.Plan.FramesIn,
        summary.FramesOut,
        summary.Counts,
        summary.Kinds,
        summary.Segments,
        summary.Plan.SourceRate,
        summary.Plan.TargetRate,
        Cuts = summary.Cuts.Select(c => Json.Seconds(c)),
        Damage = summary.Plan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What }),
        Methods = operations.Select(o => o.Method),
        Devices = operations.Select(o => o.Device),
        options.Seed,
        summary.Plan.Encoder,
        Seconds = Math.Round(summary.Seconds, 3),
        Fps = Math.Round(summary.FramesOut / summary.Seconds, 3),
        summary.PeakMemoryBytes,
        FirstTime = Json.Seconds(summary.FirstTime),
        LastTime = Json.Seconds(summary.LastTime),
        AudioOffsetIn = Json.Seconds(summary.AudioOffsetIn),
        AudioOffsetOut = Json.Seconds(summary.AudioOffsetOut),
        summary.Plan.Notes,
    });
}
