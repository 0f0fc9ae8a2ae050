using System.CommandLine;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow restore IN -o OUT</c>: the whole chain in one go, from a recipe and what the command line changes of it.</summary>
internal static class RestoreCommand
{
    // The chain's order, and what a part is where the recipe has none.
    private static readonly Func<OperationOptions>[] Chain =
    [
        () => new DeflickerOperationOptions(),
        () => new StabiliseOperationOptions(),
        () => new DefectsOperationOptions(),
        () => new RebuildOperationOptions(),
        () => new DenoiseOperationOptions(),
        () => new InterpolationOperationOptions(),
        () => new GrainOperationOptions(),
    ];

    public static Command Create(GlobalOptions global)
    {
        Option<string> recipe = new("--recipe") { Description = "A recipe's name ('frameflow recipes'), or a JSON file of one. What is said beside it changes it.", DefaultValueFactory = _ => "film-scan" };
        Option<TargetRate?> fps = new("--fps") { Description = "Frames a second: 60, 60000/1001, or a multiple such as x2. Default: the recipe's, else the film's own.", CustomParser = Parsers.Rate };
        Option<string?> interpolate = Part("--interpolate", "Make frames between frames.");
        Option<string?> deflicker = Part("--deflicker", "Take flicker away.");
        Option<string?> stabilise = Part("--stabilise", "Take gate weave away.");
        Option<string?> defects = Part("--defects", "Find dust and scratches and fill them.");
        Option<string?> rebuild = Part("--gaps", "Rebuild lost and spoilt frames.");
        Option<string?> denoise = Part("--denoise", "Take noise away.");
        Option<double?> grain = new("--grain") { Description = "The share of the source's grain that is put back on every frame at the end, 0 (none) to 1." };
        JobArguments arguments = new("Look for scene cuts and let nothing cross one.");
        Command command = arguments.CreateCommand("restore", "Restore a film: the whole chain of a recipe in one go, encoded once.", recipe, fps, deflicker, stabilise, defects, rebuild, denoise, interpolate, grain);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            Recipe chosen = RecipeCatalog.Find(parsed.GetRequiredValue(recipe));
            List<OperationOptions> operations = [.. chosen.Operations];
            TargetRate? rate = parsed.GetValue(fps);
            if (rate is not null && parsed.GetValue(interpolate) == "off")
            {
                throw new FrameFlowException(FaultKind.Usage, "--fps needs frames to be made, --interpolate off forbids it; leave one out.");
            }

            Switch<DeflickerOperationOptions>(operations, parsed.GetValue(deflicker));
            Switch<StabiliseOperationOptions>(operations, parsed.GetValue(stabilise));
            Switch<DefectsOperationOptions>(operations, parsed.GetValue(defects));
            Switch<RebuildOperationOptions>(operations, parsed.GetValue(rebuild));
            Switch<DenoiseOperationOptions>(operations, parsed.GetValue(denoise));
            Switch<InterpolationOperationOptions>(operations, rate is not null ? "on" : parsed.GetValue(interpolate));
            if (rate is { } wanted)
            {
                Change<InterpolationOperationOptions>(operations, o => o with { Rate = wanted });
            }

            if (parsed.GetValue(grain) is { } amount)
            {
                Switch<GrainOperationOptions>(operations, amount == 0 ? "off" : "on");
                Change<GrainOperationOptions>(operations, o => o with { Amount = amount });
            }

            if (operations.Count == 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"Nothing is left of the recipe '{chosen.Name}'; switch a part on.");
            }

            string source = parsed.GetRequiredValue(recipe);
            JobRequest request = new() { Options = arguments.Read(parsed, chosen) with { Reads = File.Exists(source) ? [("recipe", source)] : [] }, Operations = operations };
            return await JobRun.RunAsync(
                arguments, parsed, request, log, _ => (Describe(chosen, operations), $" by {string.Join(", ", operations.Select(NameOf))}"), (_, _) => Describe(chosen, operations), token);
        });
        return command;
    }

    private static object Describe(Recipe recipe, List<OperationOptions> operations) => new { Recipe = recipe.Name, Operations = operations.Select(NameOf) };

    private static string NameOf(OperationOptions options) => JobJson.NameOf(options);

    private static Option<string?> Part(string name, string description)
    {
        Option<string?> option = new(name) { Description = $"{description} (on|off) Default: by the recipe." };
        option.AcceptOnlyFromAmong("on", "off");
        return option;
    }

    // On: where the chain has its place, unless it is there. Off: gone. Null: as the recipe has it.
    private static void Switch<T>(List<OperationOptions> operations, string? state)
        where T : OperationOptions
    {
        if (state == "off")
        {
            operations.RemoveAll(o => o is T);
        }
        else if (state == "on" && !operations.OfType<T>().Any())
        {
            OperationOptions[] order = [.. Chain.Select(c => c())];
            int place = Array.FindIndex(order, o => o is T);
            int at = operations.FindIndex(o => Array.FindIndex(order, c => c.GetType() == o.GetType()) > place);
            operations.Insert(at < 0 ? operations.Count : at, order[place]);
        }
    }

    private static void Change<T>(List<OperationOptions> operations, Func<T, T> change)
        where T : OperationOptions
    {
        for (int i = 0; i < operations.Count; i++)
        {
            operations[i] = operations[i] is T its ? change(its) : operations[i];
        }
    }
}
