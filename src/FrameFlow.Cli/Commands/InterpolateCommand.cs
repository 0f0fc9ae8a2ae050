using System.CommandLine;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow interpolate IN -o OUT</c>.</summary>
internal static class InterpolateCommand
{
    public static Command Create(GlobalOptions global)
    {
        Option<TargetRate?> fps = new("--fps") { Description = "Frames a second: 60, 60000/1001, 59.94, or a multiple such as x2. Default 60.", CustomParser = Parsers.Rate };
        Option<Rational> slow = new("--slow") { Description = "Stretch time by this factor (slow motion); sound is left out.", CustomParser = Parsers.Factor, DefaultValueFactory = _ => Rational.One };
        Option<string> model = new("--model") { Description = "A model's name ('frameflow models'), or a built-in method: hold, blend, flow.", DefaultValueFactory = _ => "light" };
        Option<int> steps = new("--steps") { Description = "1: the posterior mean (best fidelity); 2 and more: sample detail.", DefaultValueFactory = _ => 1 };
        Option<double> detail = new("--detail") { Description = "How much of the sampled detail is taken, 0 to 1 (with --steps 2 and more).", DefaultValueFactory = _ => 1 };
        Option<string> limit = Parsers.Switch("--limit-detail", "on", "off", "Take sampled detail only as far as the source around has it: beyond, it is noise (with --steps 2 and more).");
        Option<string> neighbours = Parsers.Switch("--neighbours", "on", "off", "Let the frames before and behind a pair tell how its motion is accelerated, and what moves where only one of the two shows it; off: a pair knows itself alone.");
        Option<int> batch = new("--batch") { Description = "Frames that go through a network together. Changes speed and memory, not the pictures.", DefaultValueFactory = _ => 1 };
        Option<string> fallback = Parsers.Switch("--fallback", "on", "off", "Repeat the nearer source frame where the model expects its own to be in shreds.");
        Option<string> bypass = Parsers.Switch("--bypass-static", "on", "off", "Take the source where both of its frames are bit for bit the same, instead of asking the model.");
        Option<string> phases = Parsers.Switch("--even-phases", "off", "on", "Sharpen made frames to the detail of the source's, so that sharpness does not pulse; costs a little fidelity.");
        Option<string> size = new("--network-size") { Description = "Show the model's networks the frames at full or half size: half is four times as fast and takes a quarter of the memory. (auto|full|half)", DefaultValueFactory = _ => "auto" };
        size.AcceptOnlyFromAmong("auto", "full", "half");
        JobArguments arguments = new("Look for scene cuts and never morph across one.");
        Command command = arguments.CreateCommand(
            "interpolate", "Raise a video's frame rate, or slow it down, with frames made by a diffusion model.", fps, slow, model, steps, detail, limit, neighbours, batch, fallback, bypass, phases, size);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            VideoJobOptions options = arguments.Read(parsed);
            InterpolationOperationOptions request = new()
            {
                Rate = parsed.GetValue(fps) ?? new TargetRate(60, false),
                Slow = parsed.GetValue(slow),
                Model = parsed.GetRequiredValue(model),
                Sampling = new InterpolationOptions
                {
                    Steps = parsed.GetValue(steps),
                    Detail = parsed.GetValue(detail),
                    LimitsDetail = parsed.GetValue(limit) == "on",
                    AsksNeighbours = parsed.GetValue(neighbours) == "on",
                    Batch = parsed.GetValue(batch),
                    FallBack = parsed.GetValue(fallback) == "on",
                    BypassStatic = parsed.GetValue(bypass) == "on",
                    EvenPhases = parsed.GetValue(phases) == "on",
                    HalvesNetworks = parsed.GetValue(size) switch { "full" => false, "half" => true, _ => null },
                },
            };
            JobRequest job = new() { Options = options, Operations = [request] };
            return await JobRun.RunAsync(arguments, parsed, job, log, Planned, (_, summary) => Done(summary, request), token);
        });
        return command;
    }

    private static (object Json, string Words) Planned(SegmentedJob job)
    {
        long own = ((InterpolationOperation)job.Operations[0]).SourceFramesOut;
        return (new { SourceFramesOut = own }, $", {own} of them the source's own");
    }

    private static object Done(JobSummary summary, InterpolationOperationOptions request) => new
    {
        Generated = summary.Counts["generated"],
        HeldAtCuts = summary.Counts["held"],
        FellBack = summary.Counts["fellBack"],
        Bypassed = summary.Counts["bypassed"],
        request.Slow,
        request.Sampling.Steps,
        request.Sampling.Detail,
        request.Sampling.LimitsDetail,
        request.Sampling.AsksNeighbours,
        request.Sampling.EvenPhases,
    };
}
