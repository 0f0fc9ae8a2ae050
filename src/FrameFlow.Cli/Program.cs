using System.CommandLine;
using System.CommandLine.Help;
using FrameFlow.Cli;
using FrameFlow.Cli.Commands;

// No RootCommand: it takes the assembly's name, and users type the launcher's.
Command root = new("frameflow", "FrameFlow raises the frame rate of video with diffusion models, and proves that it kept the time.") { new HelpOption(), new VersionOption() };
GlobalOptions global = new();
global.AddTo(root);
root.Subcommands.Add(InterpolateCommand.Create(global));
root.Subcommands.Add(ResumeCommand.Create(global));
root.Subcommands.Add(PlanCommand.CreatePlan(global));
root.Subcommands.Add(PlanCommand.CreateSegment(global));
root.Subcommands.Add(PlanCommand.CreateJoin(global));
root.Subcommands.Add(ServerCommands.CreateWatch(global));
root.Subcommands.Add(ServerCommands.CreateWorker(global));
root.Subcommands.Add(ServerCommands.CreateServe(global));
root.Subcommands.Add(RestoreCommand.Create(global));
root.Subcommands.Add(RecipesCommand.Create(global));
root.Subcommands.Add(DenoiseCommand.Create(global));
root.Subcommands.Add(RepairCommand.Create(global));
root.Subcommands.Add(ProbeCommand.Create(global));
root.Subcommands.Add(ModelsCommand.Create(global));
root.Subcommands.Add(DevicesCommand.Create(global));
root.Subcommands.Add(EvaluateCommand.Create(global));
root.Subcommands.Add(BenchCommand.Create(global));
root.Subcommands.Add(VerifyCommand.Create(global));
root.Subcommands.Add(FormatsCommand.Create(global));

ParseResult parsed = root.Parse(args);
if (parsed.Action is not HelpAction && ParseFaults.Of(parsed) is { Count: > 0 } faults)
{
    // The help is a command away.
    foreach (string fault in faults)
    {
        Console.Error.WriteLine($"[FTL] {fault}");
    }

    return ExitCode.Usage;
}

// Longer than the pipeline takes to end everything (5 s), so that Ctrl-C is orderly.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(10), EnableDefaultExceptionHandler = false });
