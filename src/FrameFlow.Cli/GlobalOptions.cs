using System.CommandLine;
using System.Globalization;
using FrameFlow.Reporting;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace FrameFlow.Cli;

/// <summary>Options that every command takes: how much is logged and where.</summary>
internal sealed class GlobalOptions
{
    private readonly Option<string> _level = new("--log-level")
    {
        Description = "How much the console tells: verbose, debug, information, warning, error.",
        DefaultValueFactory = _ => "information",
        Recursive = true,
    };

    private readonly Option<string?> _folder = new("--log-folder")
    {
        Description = "Where the rolling log file is written; 'none' for no file. Default: $XDG_STATE_HOME/frameflow/logs.",
        Recursive = true,
    };

    public void AddTo(Command root)
    {
        _level.AcceptOnlyFromAmong("verbose", "debug", "information", "warning", "error");
        root.Options.Add(_level);
        root.Options.Add(_folder);
    }

    /// <summary>Console (standard error, so that standard output stays for results) and a file a day, of which fourteen are kept.</summary>
    public Logger CreateLogger(ParseResult parsed)
    {
        LogEventLevel level = Enum.Parse<LogEventLevel>(parsed.GetValue(_level)!, ignoreCase: true);
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.Is(level < LogEventLevel.Debug ? level : LogEventLevel.Debug)
            .Enrich.With<OneLineEvents>()
            .WriteTo.Console(
                restrictedToMinimumLevel: level,
                standardErrorFromLevel: LogEventLevel.Verbose,
                outputTemplate: level <= LogEventLevel.Debug ? "[{Level:u3}] {Message:lj}{NewLine}{Exception}" : "[{Level:u3}] {Message:lj}{NewLine}",
                formatProvider: CultureInfo.InvariantCulture);
        string folder = parsed.GetValue(_folder) ?? DefaultFolder();
        if (folder != "none")
        {
            try
            {
                Directory.CreateDirectory(folder);
                configuration = configuration.WriteTo.File(
                    Path.Combine(folder, "frameflow-.log"),
                    rollingInterval: RollingInterval.Day,
                    retainedFileCountLimit: 14,
                    shared: true,
                    outputTemplate: "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffzzz} [{Level:u3}] {Message:lj} {Properties:j}{NewLine}{Exception}",
                    formatProvider: CultureInfo.InvariantCulture);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A log that cannot be written must not stop the work; the console still tells.
                Console.Error.WriteLine($"[WRN] No log file: {folder} cannot be written ({e.Message}).");
            }
        }

        return configuration.CreateLogger();
    }

    private static string DefaultFolder()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(string.IsNullOrEmpty(state) ? Path.Combine(home, ".local", "state") : state, "frameflow", "logs");
    }
}
