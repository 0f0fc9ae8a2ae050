using System.CommandLine;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow interpolate IN -o OUT</c>.</summary>
internal static class InterpolateCommand
{
    public static Command Create(GlobalOptions global)
    {
        Argument<string> input = new("IN") { Description = "The video." };
        Option<string> output = new("--output", "-o") { Description = "The file to write; its ending chooses the container.", Required = true };
        Option<TargetRate?> fps = new("--fps") { Description = "Frames a second: 60, 60000/1001, 59.94, or a multiple such as x2. Default 60.", CustomParser = Parsers.Rate };
        Option<Rational> slow = new("--slow") { Description = "Stretch time by this factor (slow motion); sound is left out.", CustomParser = Parsers.Factor, DefaultValueFactory = _ => Rational.One };
        Option<string> model = new("--model") { Description = "A model's name ('frameflow models'), or a built-in method: hold, blend, flow.", DefaultValueFactory = _ => "light" };
        Option<int> steps = new("--steps") { Description = "1: the posterior mean (best fidelity); 2 and more: sample detail.", DefaultValueFactory = _ => 1 };
        Option<double> detail = new("--detail") { Description = "How much of the sampled detail is taken, 0 to 1 (with --steps 2 and more).", DefaultValueFactory = _ => 1 };
        Option<ulong> seed = new("--seed") { Description = "The seed of the sampled detail.", DefaultValueFactory = _ => 0 };
        Option<int> batch = new("--batch") { Description = "Frames that go through a network together. Changes speed and memory, not the pictures.", DefaultValueFactory = _ => 1 };
        Option<string> device = new("--device") { Description = "auto, cpu, cuda or webgpu.", DefaultValueFactory = _ => "auto" };
        Option<int> threads = new("--threads") { Description = "Processor threads for the model.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<int?> memory = new("--memory") { Description = "Cap for frames and working memory in MiB. Default: 60 % of what the machine has." };
        Option<string?> encoder = new("--encoder") { Description = "libx264, libx265, libsvtav1, ffv1, prores_ks, h264_nvenc ... Default: by the container." };
        Option<decimal?> crf = new("--crf") { Description = "The encoder's constant quality. Default: near lossless, by the encoder." };
        Option<string?> encoderArguments = new("--encoder-args") { Description = "More arguments for ffmpeg's encoder, as one string." };
        Option<string> cuts = Parsers.Switch("--cuts", "on", "off", "Look for scene cuts and never morph across one.");
        Option<string> deinterlace = Parsers.Switch("--deinterlace", "auto", "off", "Make interlaced or telecined pictures progressive first.");
        Option<Rational?> start = new("--start") { Description = "Begin here: seconds or HH:MM:SS.", CustomParser = Parsers.Time("--start") };
        Option<Rational?> duration = new("--duration") { Description = "Take this much: seconds or HH:MM:SS.", CustomParser = Parsers.Time("--duration") };
        Option<bool> strict = new("--strict") { Description = "Publish nothing where the source is damaged (exit code 3)." };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace the output if it exists." };
        Option<bool> dryRun = new("--dry-run") { Description = "Say what would be done, and do nothing." };
        Option<bool> json = new("--json") { Description = "Print one JSON object at the end." };
        Command command = new("interpolate", "Raise a video's frame rate, or slow it down, with frames made by a diffusion model.")
        {
            input, output, fps, slow, model, steps, detail, seed, batch, device, threads, memory, encoder, crf, encoderArguments,
            cuts, deinterlace, start, duration, strict, overwrite, dryRun, json,
        };
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            InterpolationJobOptions options = new()
            {
                Input = parsed.GetRequiredValue(input),
                Output = parsed.GetRequiredValue(output),
                Rate = parsed.GetValue(fps) ?? new TargetRate(60, false),
                Slow = parsed.GetValue(slow),
                Model = parsed.GetRequiredValue(model),
                Interpolation = new InterpolationOptions
                {
                    Steps = parsed.GetValue(steps),
                    Detail = parsed.GetValue(detail),
                    Seed = parsed.GetValue(seed),
                    Batch = parsed.GetValue(batch),
                },
                Device = parsed.GetRequiredValue(device),
                Threads = parsed.GetValue(threads),
                MemoryBytes = parsed.GetValue(memory) is { } mebibytes ? (long)mebibytes << 20 : InterpolationJobOptions.DefaultMemoryBytes,
                Encode = new EncodeOptions
                {
                    Encoder = parsed.GetValue(encoder),
                    Crf = parsed.GetValue(crf),
                    EncoderArgs = parsed.GetValue(encoderArguments),
                },
                Decode = new DecodeOptions
                {
                    Start = parsed.GetValue(start) ?? Rational.Zero,
                    Duration = parsed.GetValue(duration),
                    Deinterlace = parsed.GetValue(deinterlace) == "auto",
                },
                FindCuts = parsed.GetValue(cuts) == "on",
                Strict = parsed.GetValue(strict),
                Overwrite = parsed.GetValue(overwrite),
            };
            await using InterpolationJob job = await InterpolationJob.PrepareAsync(options, ModelsCommand.Catalog(), log, token);
            if (parsed.GetValue(dryRun))
            {
                InterpolationPlan plan = await job.EstimateAsync(token);
                PrintPlan(plan, options, parsed.GetValue(json));
                return ExitCode.Success;
            }

            InterpolationSummary summary = await ProgressDisplay.RunAsync(job.Plan.FramesOut, job.FramesDone, job.RunAsync, token);
            if (parsed.GetValue(json))
            {
                PrintSummary(summary, options);
            }

            log.Information(
                "Published {Output}: {Frames} frames at {Rate} fps from {FramesIn}, {Generated} made, {Cuts} cut(s), {Seconds:0.0} s ({Fps:0.00} frames/s).",
                options.Output, summary.FramesOut, summary.Plan.TargetRate, summary.Plan.FramesIn, summary.Generated, summary.Cuts.Count, summary.Seconds, summary.FramesOut / summary.Seconds);
            return ExitCode.Success;
        });
        return command;
    }

    private static void PrintPlan(InterpolationPlan plan, InterpolationJobOptions options, bool json)
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
                plan.SourceFramesOut,
                plan.SourceRate,
                plan.TargetRate,
                plan.Model,
                plan.Device,
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

        Console.Out.WriteLine($"Would write {options.Output}: {plan.FramesOut} frames at {plan.TargetRate} fps from {plan.FramesIn} at {plan.SourceRate?.ToString() ?? "a variable rate"}, {plan.SourceFramesOut} of them the source's own.");
        Console.Out.WriteLine(FormattableString.Invariant($"Model {plan.Model} on {plan.Device}, encoder {plan.Encoder}, {plan.Format.Width}x{plan.Format.Height} {plan.Format.PixelFormat.Name}."));
        Console.Out.WriteLine(FormattableString.Invariant($"Expect up to {plan.ExpectedBytes / 1048576.0:0.0} MiB on disk{(plan.ExpectedSeconds is { } s ? $" and about {s:0} s of work" : "")}."));
        foreach (string note in plan.Notes)
        {
            Console.Out.WriteLine($"Note: {note}");
        }
    }

    private static void PrintSummary(InterpolationSummary summary, InterpolationJobOptions options) => Json.Print(new
    {
        options.Input,
        options.Output,
        summary.Plan.FramesIn,
        summary.FramesOut,
        summary.Generated,
        HeldAtCuts = summary.Held,
        summary.Plan.SourceRate,
        summary.Plan.TargetRate,
        options.Slow,
        Cuts = summary.Cuts.Select(c => Json.Seconds(c)),
        Damage = summary.Plan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What }),
        summary.Plan.Model,
        options.Interpolation.Steps,
        options.Interpolation.Detail,
        options.Interpolation.Seed,
        summary.Plan.Device,
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
