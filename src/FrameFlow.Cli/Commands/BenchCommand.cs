using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using FrameFlow.Benchmarking;
using FrameFlow.Inference;
using FrameFlow.Reporting;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow bench</c>: how fast is it here, and where does the time go?</summary>
internal static class BenchCommand
{
    private static readonly string[] BuiltIn = ["hold", "blend", "flow"];

    public static Command Create(GlobalOptions global)
    {
        Option<PictureSize[]> sizes = new("--sizes") { Description = "Sizes of the pictures: 480p, 720p, 1080p, 2160p or 1024x576, between commas. Default: 480p,720p,1080p.", CustomParser = ParseSizes };
        Option<string?> film = new("--film") { Description = "Measure on this film, at its own size, instead of a clip that is made." };
        Option<int> frames = new("--frames") { Description = "Frames of the clip, at 24 a second.", DefaultValueFactory = _ => new BenchmarkOptions().Frames };
        Option<string[]> model = new("--model") { Description = "A model's name or a built-in method (hold, blend, flow; average), in the place of light or denoise-light; may be given twice." };
        Option<string> device = new("--device") { Description = "auto, cpu, cuda or webgpu.", DefaultValueFactory = _ => "auto" };
        Option<string> only = new("--only") { Description = $"Measure only these, between commas: {string.Join(", ", BenchmarkOptions.Cases)}.", DefaultValueFactory = _ => "" };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        MachineArguments machine = new();
        Command command = new("bench", "Measure the program on this machine, on a clip that it makes: parts, whole jobs, where the time goes.") { sizes, frames, film, model, device, only, json };
        machine.AddTo(command);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            ModelCatalog models = ModelsCommand.Catalog();
            BenchmarkOptions options = new()
            {
                Film = parsed.GetValue(film),
                Frames = parsed.GetValue(frames),
                Device = parsed.GetRequiredValue(device),
                Threads = machine.Threads(parsed),
                MemoryBytes = machine.MemoryBytes(parsed),
                Only = parsed.GetRequiredValue(only).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            };
            options = options with { Sizes = parsed.GetValue(sizes) is { Length: > 0 } given ? given : options.Sizes };
            foreach (string name in parsed.GetValue(model) ?? [])
            {
                bool denoises = name == "average" || (!BuiltIn.Contains(name) && models.List().Any(m => m.Manifest.Name == name && m.Manifest.Task == "denoise"));
                options = denoises ? options with { Denoiser = name } : options with { Interpolator = name };
            }

            BenchmarkReport report = await new Benchmark(options, models, log).RunAsync(token);
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

    private static PictureSize[]? ParseSizes(ArgumentResult result)
    {
        List<PictureSize> found = [];
        foreach (string text in result.Tokens[^1].Value.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!PictureSize.TryParse(text, out PictureSize size))
            {
                result.AddError($"--sizes '{text}' is no size; give 480p, 720p, 1080p, 2160p, or even numbers such as 1024x576 ({PictureSize.Least} to {PictureSize.Most}).");
                return null;
            }

            found.Add(size);
        }

        return [.. found];
    }

    private static void Print(BenchmarkReport report)
    {
        MachineRecord machine = report.Machine;
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{machine.Processor}, {machine.Cores} core(s), {machine.Runtime}. Peak of multiply-adds, {machine.VectorBits} bit: {machine.PeakFlops / 1e9:0} GFLOP/s with {machine.Threads} thread(s), {machine.PeakFlopsOneThread / 1e9:0} with one."));
        if (report.Runs.Count > 0)
        {
            Write(
                report.Runs,
                ("case", r => r.Case, false), ("size", r => r.Size.ToString(), false), ("frames", r => $"{r.FramesOut}", true), ("frames/s", r => Number("0.00", r.FramesPerSecond), true),
                ("prepare, s", r => Number("0.00", r.PrepareSeconds), true), ("work, s", r => Number("0.00", r.Seconds), true), ("CPU own + tools, s", r => $"{Number("0.00", r.OwnCpuSeconds)} + {Number("0.00", r.ToolCpuSeconds)}", true),
                ("GB/s", r => Number("0.00", r.GigabytesPerSecond), true), ("model GFLOP/s", r => r.ModelFlops > 0 ? Number("0", r.ModelFlops / r.Seconds / 1e9) : "", true), ("of peak", r => r.ShareOfPeak is { } s ? Number("0 %", s) : "", true),
                ("peak MiB", r => Number("0", r.PeakMemoryBytes / 1048576.0), true), ("managed bytes/frame", r => Number("0", r.AllocatedBytesPerFrame), true));
            Write(
                [.. report.Runs.SelectMany(r => r.Stages.Select(s => (Run: r, Stage: s)))],
                ("case", p => p.Run.Case, false), ("size", p => p.Run.Size.ToString(), false), ("part", p => p.Stage.Name, false), ("frames", p => $"{p.Stage.Frames}", true),
                ("busy", p => Share(p.Stage, p.Stage.Busy), true), ("starved", p => Share(p.Stage, p.Stage.Starved), true), ("blocked", p => Share(p.Stage, p.Stage.Blocked), true), ("over", p => Share(p.Stage, p.Stage.Over), true));
        }

        foreach (IGrouping<PictureSize, CallRecord> size in report.Calls.GroupBy(c => c.Size))
        {
            double whole = size.Sum(c => c.CpuMillisecondsPerFrame);
            Write(
                [.. size],
                ($"call at {size.Key}", c => c.Call, false), ("ms", c => Number("0.0", c.Milliseconds), true), ("CPU ms", c => Number("0.0", c.CpuMilliseconds), true), ("calls a frame", c => Number("0.#", c.CallsPerFrame), true), ("CPU ms a frame", c => Number("0.0", c.CpuMillisecondsPerFrame), true),
                ("share", c => Number("0.0 %", c.CpuMillisecondsPerFrame / whole), true), ("GB/s", c => c.Bytes > 0 ? Number("0.0", c.GigabytesPerSecond) : "", true), ("GFLOP/s", c => c.Flops > 0 ? Number("0", c.Flops / c.CpuMilliseconds / 1e6) : "", true),
                ("of peak", c => c.ShareOfPeak is { } s ? Number("0 %", s) : "", true));
        }

        foreach (GraphRecord graph in report.Graphs)
        {
            double whole = graph.Operators.Sum(o => o.Milliseconds);
            Write(
                graph.Operators,
                (string.Create(CultureInfo.InvariantCulture, $"{graph.Graph} at {graph.Size}: {graph.Milliseconds:0} ms, CPU {graph.CpuMilliseconds:0} ms"), o => o.Operator, false), ("nodes", o => $"{o.Count}", true), ("ms", o => Number("0.0", o.Milliseconds), true), ("share", o => Number("0.0 %", o.Milliseconds / whole), true));
        }

        static string Share(StageRecord stage, double seconds) => stage.Seconds > 0 ? Number("0 %", seconds / stage.Seconds) : "";

        static string Number(string format, double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    // Markdown, so that it can be quoted as it is.
    private static void Write<T>(IReadOnlyList<T> rows, params (string Title, Func<T, string> Text, bool IsNumber)[] columns)
    {
        string[][] cells = [[.. columns.Select(c => c.Title)], .. rows.Select(r => columns.Select(c => c.Text(r)).ToArray())];
        int[] widths = [.. columns.Select((_, i) => cells.Max(row => row[i].Length))];
        IEnumerable<string> lines = cells.Select(row => string.Join(" | ", row.Select((text, i) => columns[i].IsNumber ? text.PadLeft(widths[i]) : text.PadRight(widths[i]))));
        string rule = string.Join(" | ", columns.Select((c, i) => c.IsNumber ? new string('-', Math.Max(2, widths[i]) - 1) + ":" : new string('-', Math.Max(3, widths[i]))));
        Console.Out.WriteLine();
        foreach (string line in lines.Take(1).Append(rule).Concat(lines.Skip(1)))
        {
            Console.Out.WriteLine($"| {line} |");
        }
    }
}
