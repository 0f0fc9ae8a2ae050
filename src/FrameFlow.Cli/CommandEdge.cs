using System.CommandLine;
using Serilog;

namespace FrameFlow.Cli;

/// <summary>The edge of every command: opens the log, runs, and turns what was thrown into one line and an exit code.</summary>
internal static class CommandEdge
{
    /// <summary>Binds a command's work to it.</summary>
    public static void Run(Command command, GlobalOptions global, Func<ParseResult, ILogger, CancellationToken, Task<int>> work) =>
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Serilog.Core.Logger log = global.CreateLogger(parsed);
            try
            {
                return await work(parsed, log, cancellationToken);
            }
            catch (Exception e) when (cancellationToken.IsCancellationRequested || IsInterrupted(e))
            {
                // Ctrl-C reaches ffmpeg as it reaches us, so its death may be seen before our own token.
                log.Warning("Cancelled; nothing was published.");
                return ExitCode.Cancelled;
            }
            catch (FrameFlowException e)
            {
                if (e.ToolOutput is { } output)
                {
                    log.Debug("The tool said:\n{ToolOutput}", output);
                }

                log.Debug(e, "The fault in full");
                log.Fatal("{Fault:l}", e.Message.ReplaceLineEndings(" "));
                return ExitCode.For(e.Kind);
            }
            catch (IOException e)
            {
                // What reaches this edge is the disk's, the pipe's or the terminal's own: results written to a full disk, say.
                log.Debug(e, "The fault in full");
                log.Fatal("Reading or writing failed: {Fault:l}.", e.Message.ReplaceLineEndings(" ").TrimEnd('.'));
                return ExitCode.For(FaultKind.Storage);
            }
            catch (Exception e)
            {
                log.Debug(e, "The fault in full");
                log.Fatal("Unforeseen fault: {Fault:l} (run again with --log-level debug and report it).", e.Message.ReplaceLineEndings(" "));
                return ExitCode.Unforeseen;
            }
        });

    private static bool IsInterrupted(Exception fault) =>
        fault is FrameFlowException { ToolOutput: { } output } && output.Contains("Exiting normally, received signal 2", StringComparison.Ordinal);
}
