using System.CommandLine;
using FrameFlow.Inference;
using FrameFlow.Jobs;

namespace FrameFlow.Cli;

/// <summary>What of a job belongs to the machine that does it, not to the request.</summary>
internal sealed class MachineArguments
{
    private readonly Option<int> _threads = new("--threads") { Description = "Processor threads for the model.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<string> _onDeviceLoss = OnDeviceLoss();
    private readonly Option<int?> _memory = new("--memory") { Description = "Cap for frames and working memory in MiB. Default: 60 % of what the machine has." };

    /// <summary>The option that says what happens when the networks' device fails and fails again.</summary>
    public static Option<string> OnDeviceLoss() => Parsers.Switch(
        "--on-device-loss", "cpu", "stop",
        "When the device fails, what it was doing is done again on a new session; when that fails too: cpu goes on on the processor, stop ends the work, which 'frameflow resume' then goes on with.");

    /// <summary>What that option says.</summary>
    public static DeviceLossPolicy PolicyOf(ParseResult parsed, Option<string> onDeviceLoss) => Enum.Parse<DeviceLossPolicy>(parsed.GetRequiredValue(onDeviceLoss), ignoreCase: true);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_onDeviceLoss);
        command.Add(_threads);
        command.Add(_memory);
    }

    /// <summary>The request with this machine's share.</summary>
    public JobRequest Apply(ParseResult parsed, JobRequest request) => request with
    {
        Options = request.Options with { OnDeviceLoss = PolicyOf(parsed, _onDeviceLoss), Threads = Threads(parsed), MemoryBytes = MemoryBytes(parsed) },
    };

    /// <summary>Processor threads.</summary>
    public int Threads(ParseResult parsed) => parsed.GetValue(_threads);

    /// <summary>The cap for frames and working memory, bytes.</summary>
    public long MemoryBytes(ParseResult parsed) => parsed.GetValue(_memory) is { } mebibytes ? (long)mebibytes << 20 : VideoJobOptions.DefaultMemoryBytes;
}
