using System.CommandLine;
using System.Globalization;
using FrameFlow.Decoding;
using FrameFlow.Evaluation;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using Spectre.Console;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow evaluate IN</c>: how well do the methods do on the user's own clip?</summary>
internal static class EvaluateCommand
{
    // A lossless copy of each method's result lies on the disk meanwhile.
    private static readonly Rational DefaultDuration = 10;

    public static Command Create(GlobalOptions global)
    {
        Argument<string> input = new("IN") { Description = "The clip." };
        Option<string> methods = new("--methods") { Description = "Models and methods, between commas; the worst frames of the first are shown.", DefaultValueFactory = _ => string.Join(',', new EvaluationOptions { Input = "" }.Methods) };
        Option<int> steps = new("--steps") { Description = "As of 'interpolate'.", DefaultValueFactory = _ => 1 };
        Option<double> detail = new("--detail") { Description = "As of 'interpolate'.", DefaultValueFactory = _ => 1 };
        Option<string> neighbours = Parsers.Switch("--neighbours", "on", "off", "As of 'interpolate'.");
        Option<string?> sheet = new("--sheet") { Description = "Write a PNG of the worst frames here; an older one is replaced." };
        Option<int> worst = new("--worst") { Description = "How many frames the sheet shows.", DefaultValueFactory = _ => 4 };
        Option<Rational?> start = new("--start") { Description = "Where to begin.", CustomParser = Parsers.Time("--start") };
        Option<Rational?> duration = new("--duration") { Description = "How much to take; default 10 seconds.", CustomParser = Parsers.Time("--duration") };
        Option<string> device = new("--device") { Description = "auto, cpu, webgpu, cuda[:GPU][,memory=MiB] or tensorrt[:GPU][,memory=MiB][,fp16]; 'frameflow devices' tries them.", DefaultValueFactory = _ => "auto" };
        Option<int> threads = new("--threads") { Description = "Processor threads.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Command command = new("evaluate", "Leave out every second frame of a clip, make them anew by several methods, and compare.")
        {
            input, methods, steps, detail, neighbours, sheet, worst, start, duration, device, threads, json,
        };
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            EvaluationOptions options = new()
            {
                Input = parsed.GetRequiredValue(input),
                Methods = parsed.GetRequiredValue(methods).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                Sampling = new InterpolationOptions { Steps = parsed.GetValue(steps), Detail = parsed.GetValue(detail), AsksNeighbours = parsed.GetValue(neighbours) == "on" },
                Decode = new DecodeOptions { Start = parsed.GetValue(start) ?? Rational.Zero, Duration = parsed.GetValue(duration) ?? DefaultDuration },
                Device = parsed.GetRequiredValue(device),
                Threads = parsed.GetValue(threads),
                Sheet = parsed.GetValue(sheet),
                Worst = parsed.GetValue(worst),
            };
            EvaluationReport report = await new DropAlternateEvaluation(options, ModelsCommand.Catalog(), log).RunAsync(token);
            if (parsed.GetValue(json))
            {
                Json.Print(report);
            }
            else
            {
                Print(report);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Print(EvaluationReport report)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumn("method").AddColumn(new TableColumn("PSNR, dB").RightAligned()).AddColumn(new TableColumn("SSIM").RightAligned())
            .AddColumn(new TableColumn("flicker").RightAligned()).AddColumn(new TableColumn("ms a frame").RightAligned()).AddColumn(new TableColumn("worst frame").RightAligned());
        foreach (MethodScore row in report.Methods)
        {
            table.AddRow(Markup.Escape(row.Method), Text("0.00", row.Psnr), Text("0.0000", row.Ssim), Text("0.000", row.Flicker), Text("0", row.MillisecondsPerFrame), $"{row.Worst.Index} ({Text("0.00", row.Worst.Psnr)} dB)");
        }

        AnsiConsole.Write(table);
        Console.Out.WriteLine($"{report.Frames} frames of {report.Rate} fps made anew from their neighbours, luma; {report.AtCuts} at cuts left out.");

        static string Text(string format, double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }
}
