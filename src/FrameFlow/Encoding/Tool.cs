using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace FrameFlow.Encoding;

/// <summary>What an outside program left behind.</summary>
internal sealed record ToolResult(string Name, IReadOnlyList<string> Arguments, int ExitCode, string Output, string Error)
{
    /// <summary>The command line, the exit code and the end of the standard error, for <see cref="FrameFlowException.ToolOutput"/>.</summary>
    public string Describe() => $"{Name} {string.Join(' ', Arguments.Select(CommandLine.Quote))}\nexit code {ExitCode}\n{Tail(Error)}";

    /// <summary>The first line of the standard error, without ffmpeg's <c>[name @ address]</c>.</summary>
    public string FirstErrorLine()
    {
        string line = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault()?.Trim() ?? "no reason given";
        return line.StartsWith('[') && line.IndexOf("] ", StringComparison.Ordinal) is > 0 and int end ? line[(end + 2)..] : line;
    }

    private static string Tail(string text) => text.Length <= 4000 ? text : text[^4000..];
}

/// <summary>Runs ffmpeg's small helpers (a query, ffprobe) to their end.</summary>
internal static class Tool
{
    /// <summary>Runs a program and keeps its output; the program dies with the token.</summary>
    /// <exception cref="FrameFlowException">The program is not installed.</exception>
    public static async Task<ToolResult> RunAsync(string name, IReadOnlyList<string> arguments, CancellationToken cancellationToken, string? folder = null)
    {
        StringBuilder output = new();
        (int exitCode, string error) = await ReadLinesAsync(name, arguments, line => output.Append(line).Append('\n'), cancellationToken, folder);
        return new ToolResult(name, arguments, exitCode, output.ToString(), error);
    }

    /// <summary>Runs a program and hands over each line of its standard output as it comes.</summary>
    public static async Task<(int ExitCode, string Error)> ReadLinesAsync(string name, IReadOnlyList<string> arguments, Action<string> onLine, CancellationToken cancellationToken, string? folder = null)
    {
        using Process process = new();
        process.StartInfo = new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder ?? string.Empty };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new FrameFlowException(FaultKind.Encode, $"{name} was not found; install ffmpeg (Debian: apt-get install ffmpeg) so that it is on the PATH.", e);
        }

        process.StandardInput.Close();
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
            while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
            {
                onLine(line);
            }

            string text = await error;
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, text);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }
    }
}
