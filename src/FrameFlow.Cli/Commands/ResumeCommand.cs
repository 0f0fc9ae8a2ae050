using System.CommandLine;
using FrameFlow.Jobs;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow resume OUT</c>: goes on with what was begun for an output, without its options being said again.</summary>
internal static class ResumeCommand
{
    public static Command Create(GlobalOptions global)
    {
        Argument<string> output = new("OUT") { Description = "The output whose work was cut short." };
        MachineArguments machine = new();
        Command command = new("resume", "Go on with work that was cut short, as it was begun.") { output };
        machine.AddTo(command);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            JobRequest request = machine.Apply(parsed, await SegmentedJob.FindBegunAsync(parsed.GetRequiredValue(output), TimeProvider.System, token));
            return await JobRun.RunAsync(request, new SegmentPolicy(), log, static (_, _) => { }, token);
        });
        return command;
    }
}
