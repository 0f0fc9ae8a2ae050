using System.ComponentModel;
using System.Diagnostics;

namespace FrameFlow.Decoding;

/// <summary>Runs ffmpeg or ffprobe once and streams what it says, line by line. The process never outlives the call.</summary>
internal static class ExternalTool
{
    /// <summary>Runs the program to its end.</summary>
    /// <param name="program"><c>ffmpeg</c> or <c>ffprobe</c>, found on the path.</param>
    /// <param name="arguments">The arguments, one each.</param>
    /// <param name="readOutput">Reads standard output to its end.</param>
    /// <param name="onErrorLine">Receives every line of standard error, on another thread than <paramref name="readOutput"/>.</param>
    /// <param name="cancellationToken">Kills the process.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="FrameFlowException">The program is not installed (<see cref="FaultKind.Usage"/>).</exception>
    public static async Task<int> RunAsync(
        string program, IEnumerable<string> arguments, Func<StreamReader, Task> readOutput, Action<string> onErrorLine, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using Process process = new()
        {
            StartInfo = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The program {program} was not found; install ffmpeg 5.1 or newer (apt-get install ffmpeg).", e);
        }

        process.StandardInput.Close();
        await using CancellationTokenRegistration killing = cancellationToken.Register(static p => Kill((Process)p!), process);
        try
        {
            await Task.WhenAll(readOutput(process.StandardOutput), ReadLinesAsync(process.StandardError, onErrorLine));
            await process.WaitForExitAsync(CancellationToken.None);
        }
        finally
        {
            Kill(process);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    /// <summary>Hands every line to <paramref name="onLine"/>.</summary>
    public static async Task ReadLinesAsync(StreamReader reader, Action<string> onLine)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            onLine(line);
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }
}
