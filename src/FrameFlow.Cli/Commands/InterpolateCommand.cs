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
        Option<int> batch = new("--batch") { Description = "Frames that go through a network together. Changes speed and memory, not the pictures.", DefaultValueFactory = _ => 1 };
        Option<string> fallback = Parsers.Switch("--fallback", "on", "off", "Repeat the nearer source frame where the model expects its own to be in shreds.");
        Option<string> phases = Parsers.Switch("--even-phases", "off", "on", "Sharpen made frames to the detail of the source's, so that sharpness does not pulse; costs a little fidelity.");
        JobArguments arguments = new("Look for scene cuts and never morph across one.");
        Command command = arguments.CreateCommand(
            "interpolate", "Raise a video's frame rate, or slow it down, with frames made by a diffusion model.", fps, slow, model, steps, detail, batch, fallback, phases);
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
                    Batch = parsed.GetValue(batch),
                    FallBack = parsed.GetValue(fallback) == "on",
                    EvenPhases = parsed.GetValue(phases) == "on",
                },
            };
            JobRequest job = new() { Options = options, Operations = [request] };
            SegmentPolicy policy = arguments.ReadPolicy(parsed);
            bool json = arguments.IsJson(parsed);
            if (arguments.IsDryRun(parsed))
            {
                await using SegmentedJob prepared = await SegmentedJob.PrepareAsync(job, policy, ModelsCommand.Catalog(), log, TimeProvider.System, token);
                PrintPlan(await prepared.EstimateAsync(token), options, (InterpolationOperation)prepared.Operations[0], json);
                return ExitCode.Success;
            }

            return await JobRun.RunAsync(job, policy, log, (done, summary) =>
            {
                if (json)
                {
                    PrintSummary(summary, options, request, done.Operations[0]);
                }
            }, token);
        });
        return command;
    }

    private static void PrintPlan(JobPlan plan, VideoJobOptions options, InterpolationOperation operation, bool json)
    {
        if (json)
        {
            Json.Print(new
            {
                options.Input,
                options.Output,
                DryRun = true,
                plan.FramesIn,
                plan.FramesOut,
                operation.SourceFramesOut,
                plan.SourceRate,
                plan.TargetRate,
                Model = operation.Method,
                operation.Device,
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

        Console.Out.WriteLine($"Would write {options.Output}: {plan.FramesOut} frames at {plan.TargetRate} fps from {plan.FramesIn} at {plan.SourceRate?.ToString() ?? "a variable rate"}, {operation.SourceFramesOut} of them the source's own.");
        Console.Out.WriteLine(FormattableString.Invariant($"Model {operation.Method} on {operation.Device}, encoder {plan.Encoder}, {plan.Format.Width}x{plan.Format.Height} {plan.Format.PixelFormat.Name}."));
        Console.Out.WriteLine(FormattableString.Invariant($"Expect up to {plan.ExpectedBytes / 1048576.0:0.0} MiB on disk{(plan.ExpectedSeconds is { } s ? $" and about {s:0} s of work" : "")}."));
        foreach (string note in plan.Notes)
        {
            Console.Out.WriteLine($"Note: {note}");
        }
    }

    private static void PrintSummary(JobSummary summary, VideoJobOptions options, InterpolationOperationOptions request, IVideoOperation operation) => Json.Print(new
    {
        options.Input,
        options.Output,
        summary.Plan.FramesIn,
        summary.FramesOut,
        Generated = summary.Counts["generated"],
        HeldAtCuts = summary.Counts["held"],
        FellBack = summary.Counts["fellBack"],
        summary.Segments,
        summary.Plan.SourceRate,
        summary.Plan.TargetRate,
        request.Slow,
        Cuts = summary.Cuts.Select(c => Json.Seconds(c)),
        Damage = summary.Plan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What }),
        Model = operation.Method,
        request.Sampling.Steps,
        request.Sampling.Detail,
        request.Sampling.EvenPhases,
        options.Seed,
        operation.Device,
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
