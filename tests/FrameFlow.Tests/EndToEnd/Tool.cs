using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>What a run of the tool left.</summary>
internal sealed record ToolRun(int Code, string Output, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>The last line that tells of a fault, without its level.</summary>
    public string Fault => Error.Split('\n').LastOrDefault(l => l.StartsWith("[FTL] ", StringComparison.Ordinal))?[6..] ?? "";
}

/// <summary>Runs the tool as a user does, as a process of its own, in a folder of its own.</summary>
internal sealed partial class Tool : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("frameflow-tool-").FullName;

    public static string Assembly { get; } = Path.Combine(
        Repository.Root, "src", "FrameFlow.Cli", "bin", AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug", "net10.0", "FrameFlow.Cli.dll");

    /// <summary>What the tool finds in its environment beside what the tests found in theirs.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public string At(string name) => Path.Combine(Folder, name);

    public Task<ToolRun> RunAsync(params string[] arguments) => FinishAsync(Start(arguments));

    /// <summary>Through the launcher, which builds and runs the Release build.</summary>
    public Task<ToolRun> LaunchAsync(params string[] arguments) => FinishAsync(Start([Path.Combine(Repository.Root, "frameflow")], arguments));

    public Process Start(params string[] arguments) => Start(["dotnet", Assembly], arguments);

    private Process Start(string[] program, string[] arguments)
    {
        // A test run started in the background inherits an ignored SIGINT, which .NET respects: Ctrl-C is to be tested as in a terminal.
        ProcessStartInfo start = new("env", ["--default-signal=INT", .. program, .. arguments, "--log-folder", "none"])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["FRAMEFLOW_MODELS"] = Repository.Models;
        foreach ((string name, string value) in Environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<ToolRun> FinishAsync(Process process)
    {
        using (process)
        {
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return new ToolRun(process.ExitCode, output, await error);
        }
    }

    /// <summary>ffmpeg or ffprobe; its output, with the assertion that it went well.</summary>
    public async Task<string> ExternalAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await error}");
        return output;
    }

    /// <summary>A ledger's lines.</summary>
    public JsonElement[] Ledger(string name) => [.. File.ReadAllLines(At(name)).Select(l => JsonDocument.Parse(l).RootElement)];

    /// <summary>The figures in a report.</summary>
    public JsonElement Figures(string name) => JsonDocument.Parse(EmbeddedFigures().Match(File.ReadAllText(At(name))).Groups[1].Value).RootElement;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    [GeneratedRegex("<script type=\"application/json\" id=\"figures\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex EmbeddedFigures();
}
