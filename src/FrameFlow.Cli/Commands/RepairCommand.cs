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
            if (preview is not null && !arguments.IsDryRun(parsed))
            {
                _ = await JobRun.RunAsync(preview, arguments.ReadPolicy(parsed), log, static (_, _) => { }, token);
            }

            return await JobRun.RunAsync(arguments, parsed, job, log, Planned, static (_, _) => new { }, token);
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

    private static (object Json, string Words) Planned(SegmentedJob job)
    {
        RebuildPlan? rebuild = job.Operations.OfType<RebuildOperation>().SingleOrDefault()?.Plan;
        long known = rebuild?.KnownEmpty ?? 0;
        bool searches = (rebuild?.Faults ?? FrameFaults.None) != FrameFaults.None;
        return (new { Added = rebuild?.Added ?? 0, ToRebuild = known }, $", {known} of them rebuilt{(searches ? " and those that are found" : "")}");
    }
}
