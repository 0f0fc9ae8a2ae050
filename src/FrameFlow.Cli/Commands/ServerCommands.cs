using System.CommandLine;
using System.Net;
using System.Runtime.CompilerServices;
using FrameFlow.Server;
using FrameFlow.Server.Watching;
using Serilog;

namespace FrameFlow.Cli.Commands;

/// <summary>
/// <c>frameflow watch</c>, <c>frameflow worker</c>, <c>frameflow serve</c>. What runs them is in methods of its own, so that no other command loads a web server.
/// </summary>
internal static class ServerCommands
{
    private const int DefaultPort = 8642;
    private const string DefaultListen = "127.0.0.1:8642";

    public static Command CreateWatch(GlobalOptions global)
    {
        Argument<string?> input = new("IN") { Description = "The folder in which films come.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> output = new("--output", "-o") { Description = "The folder in which results go, in the same sub-folders." };
        Option<string> recipe = new("--recipe") { Description = "A recipe's name, or a JSON file of one.", DefaultValueFactory = _ => "smooth-60" };
        Option<string?> done = new("--done") { Description = "Move an original here when its result is published." };
        Option<string?> config = new("--config") { Description = "A JSON file of several folders, instead of IN and -o." };
        Option<double?> settle = new("--settle") { Description = "Seconds for which a file must stay the same to be complete. Default 5." };
        Option<int?> tries = new("--tries") { Description = "How often a film is tried before it is put in quarantine. Default 3." };
        Option<double?> retry = new("--retry-after") { Description = "Seconds before the second try; doubles with each. Default 30." };
        Option<double?> segment = new("--segment") { Description = "Seconds that a segment holds. Default 20." };
        Option<bool> once = new("--once") { Description = "End when all that lies there is done." };
        Option<bool> noWork = new("--no-work") { Description = "Only watch and queue: the work is done by 'frameflow worker' (with --queue)." };
        QueueArguments queue = new();
        DashboardArguments dashboard = new(DefaultListen);
        Command command = new("watch", "Make every film that comes into a folder into another, and show it on a dashboard.") { input, output, recipe, done, config, settle, tries, retry, segment, once, noWork };
        queue.AddTo(command);
        dashboard.AddTo(command);
        CommandEdge.Run(command, global, (parsed, log, token) =>
        {
            RefuseBeside(parsed, config, input, output, recipe, done);
            WatchSettings settings = Settings(parsed.GetValue(config), parsed.GetValue(input), parsed.GetValue(output), parsed.GetRequiredValue(recipe), parsed.GetValue(done));
            settings = queue.Apply(parsed, settings with
            {
                SettleSeconds = parsed.GetValue(settle) ?? settings.SettleSeconds,
                LookSeconds = Math.Min(settings.LookSeconds, parsed.GetValue(settle) ?? settings.LookSeconds),
                Tries = parsed.GetValue(tries) ?? settings.Tries,
                RetrySeconds = parsed.GetValue(retry) ?? settings.RetrySeconds,
                SegmentSeconds = parsed.GetValue(segment) ?? settings.SegmentSeconds,
            });
            bool onlyQueues = parsed.GetValue(noWork);
            if (onlyQueues && queue.Connection(parsed) is null)
            {
                throw new FrameFlowException(FaultKind.Usage, "--no-work needs --queue: without workers elsewhere nothing would be done.");
            }

            return RunAsync(dashboard.Apply(parsed, new FilmServerOptions { Settings = settings, Queue = queue.Connection(parsed), Watches = true, Works = !onlyQueues, UntilIdle = parsed.GetValue(once) }), log, token);
        });
        return command;
    }

    public static Command CreateWorker(GlobalOptions global)
    {
        QueueArguments queue = new();
        Command command = new("worker", "Take steps from a queue that other machines share; the folders must be shared under the same paths.");
        queue.AddTo(command);
        CommandEdge.Run(command, global, (parsed, log, token) => RunAsync(
            new FilmServerOptions
            {
                Settings = queue.Apply(parsed, new WatchSettings { Folders = [] }),
                Queue = queue.Connection(parsed) ?? throw new FrameFlowException(FaultKind.Usage, "A worker needs --queue, the connection string of the PostgreSQL database that 'frameflow watch' was given."),
                Works = true,
            },
            log,
            token));
        return command;
    }

    public static Command CreateServe(GlobalOptions global)
    {
        Argument<string?> input = new("IN") { Description = "The watched folder.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> output = new("--output", "-o") { Description = "Its output folder." };
        Option<string?> config = new("--config") { Description = "A JSON file of several folders, instead of IN and -o." };
        DashboardArguments dashboard = new(DefaultListen);
        Command command = new("serve", "Show the dashboard of watched folders, without watching or working.") { input, output, config };
        dashboard.AddTo(command);
        CommandEdge.Run(command, global, (parsed, log, token) =>
        {
            RefuseBeside(parsed, config, input, output);
            return RunAsync(dashboard.Apply(parsed, new FilmServerOptions { Settings = Settings(parsed.GetValue(config), parsed.GetValue(input), parsed.GetValue(output), "smooth-60", null) }), log, token);
        });
        return command;
    }

    // What the file says of each folder, the command line does not say as well.
    private static void RefuseBeside(ParseResult parsed, Option config, Argument input, params Option[] others)
    {
        if (parsed.GetResult(config) is { Implicit: false })
        {
            string[] given = [.. parsed.GetResult(input) is { Tokens.Count: > 0 } ? [input.Name] : Array.Empty<string>(), .. others.Where(o => parsed.GetResult(o) is { Implicit: false }).Select(o => o.Name)];
            if (given.Length > 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"--config names the folders and what is done to them; leave out {string.Join(", ", given)}, or --config.");
            }
        }
    }

    // An empty variable is one that was not set, mostly.
    private static string? FromEnvironment(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static WatchSettings Settings(string? config, string? input, string? output, string recipe, string? done) => config is not null
        ? WatchSettings.Read(config)
        : new WatchSettings
        {
            Folders =
            [
                new WatchFolder
                {
                    Input = input ?? throw new FrameFlowException(FaultKind.Usage, "Name the folder to watch, or several with --config."),
                    Output = output ?? throw new FrameFlowException(FaultKind.Usage, "Name the folder for results with -o."),
                    Recipe = recipe,
                    Done = done,
                },
            ],
        };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<int> RunAsync(FilmServerOptions options, ILogger log, CancellationToken cancellationToken)
    {
        await FilmServer.RunAsync(options, ModelsCommand.Catalog(), TimeProvider.System, log, cancellationToken);
        return ExitCode.Success;
    }

    private sealed class QueueArguments
    {
        private readonly Option<string?> _queue = new("--queue") { Description = "PostgreSQL's connection string (\"Host=...;Database=...\"), for a queue of many machines. Default: in memory. Also $FRAMEFLOW_QUEUE." };
        private readonly Option<double?> _lease = new("--lease") { Description = "Seconds after which the step of a worker that died is given to another. Default 60." };
        private readonly Option<int?> _workers = new("--workers") { Description = "Steps at once on the processor. Default 1: one step uses all of it." };
        private readonly Option<int?> _gpuWorkers = new("--gpu-workers") { Description = "Steps at once of recipes for an accelerator. Default 1." };

        public void AddTo(Command command)
        {
            foreach (Option option in (ReadOnlySpan<Option>)[_queue, _lease, _workers, _gpuWorkers])
            {
                command.Add(option);
            }
        }

        public string? Connection(ParseResult parsed) => parsed.GetValue(_queue) ?? FromEnvironment("FRAMEFLOW_QUEUE");

        public WatchSettings Apply(ParseResult parsed, WatchSettings settings) => settings with
        {
            LeaseSeconds = parsed.GetValue(_lease) ?? settings.LeaseSeconds,
            Workers = new Concurrency(parsed.GetValue(_workers) ?? settings.Workers.Cpu, parsed.GetValue(_gpuWorkers) ?? settings.Workers.Gpu),
        };
    }

    private sealed class DashboardArguments(string standard)
    {
        private readonly Option<string> _listen = new("--listen") { Description = "Address and port of the dashboard, or 'none'.", DefaultValueFactory = _ => standard };
        private readonly Option<string?> _token = new("--token") { Description = "The dashboard's token. Default: $FRAMEFLOW_TOKEN, else a new one, printed." };
        private readonly Option<string[]> _names = new("--host-name") { Description = "A name under which the dashboard is reached from elsewhere." };

        public void AddTo(Command command)
        {
            command.Add(_listen);
            command.Add(_token);
            command.Add(_names);
        }

        public FilmServerOptions Apply(ParseResult parsed, FilmServerOptions options)
        {
            string listen = parsed.GetRequiredValue(_listen);
            IPEndPoint? point = null;
            if (listen != "none" && !TryRead(listen, out point))
            {
                throw new FrameFlowException(FaultKind.Usage, $"--listen '{listen}' is no address and port; give one such as {standard}, or 'none'.");
            }

            string? token = parsed.GetValue(_token) ?? FromEnvironment("FRAMEFLOW_TOKEN");
            if (token is not null && (token.Trim() != token || token.Any(c => c is < ' ' or > '~')))
            {
                throw new FrameFlowException(FaultKind.Usage, "The token holds what no request can carry; give letters, digits and signs of ASCII, without spaces at its ends.");
            }

            return options with { Listen = point, Token = token, HostNames = parsed.GetValue(_names) ?? [] };
        }

        // An address alone gets the usual port; one of IPv6 has colons of its own.
        private static bool TryRead(string text, out IPEndPoint? point)
        {
            bool isAddress = IPAddress.TryParse(text.Trim('[', ']'), out IPAddress? address) && (text.Contains(':', StringComparison.Ordinal) || text.Count(c => c == '.') == 3);
            point = isAddress ? new IPEndPoint(address!, DefaultPort) : null;
            return isAddress || (text.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(text, out point));
        }
    }
}
