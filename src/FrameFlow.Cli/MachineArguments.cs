using System.CommandLine;
using FrameFlow.Jobs;

namespace FrameFlow.Cli;

/// <summary>What of a job belongs to the machine that does it, not to the request.</summary>
internal sealed class MachineArguments
{
    private readonly Option<int> _threads = new("--threads") { Description = "Processor threads for the model.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<int?> _memory = new("--memory") { Description = "Cap for frames and working memory in MiB. Default: 60 % of what the machine has." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_threads);
        command.Add(_memory);
    }

    /// <summary>The request with this machine's share.</summary>
    public JobRequest Apply(ParseResult parsed, JobRequest request) => request with
    {
        Options = request.Options with { Threads = Threads(parsed), MemoryBytes = MemoryBytes(parsed) },
    };

    /// <summary>Processor threads.</summary>
    public int Threads(ParseResult parsed) => parsed.GetValue(_threads);

    /// <summary>The cap for frames and working memory, bytes.</summary>
    public long MemoryBytes(ParseResult parsed) => parsed.GetValue(_memory) is { } mebibytes ? (long)mebibytes << 20 : VideoJobOptions.DefaultMemoryBytes;
}
