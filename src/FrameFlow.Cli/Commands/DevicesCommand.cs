using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using FrameFlow.Inference;
using Serilog;

// How the library has a device tried in a process of its own: this program, with these words.
[assembly: AssemblyMetadata(DeviceTrial.CommandKey, "devices try --log-folder none")]

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow devices [--json]</c>: what networks can run on here, each tried; <c>devices install webgpu</c>.</summary>
internal static class DevicesCommand
{
    public static Command Create(GlobalOptions global)
    {
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Option<bool> software = new("--software") { Description = "Try software Vulkan (lavapipe) as well, where no GPU has a driver; takes long." };
        Command command = new("devices", "Try every kind of device on a tiny inference and say whether its numbers are the processor's.")
        {
            json, software, CreateInstall(global), CreateTry(global),
        };
        CommandEdge.Run(command, global, (parsed, _, _) => Task.FromResult(List(parsed.GetValue(software), parsed.GetValue(json))));
        return command;
    }

    private static Command CreateInstall(GlobalOptions global)
    {
        Argument<string> what = new("NAME") { Description = "webgpu: ONNX Runtime for any GPU that has a Vulkan driver." };
        what.AcceptOnlyFromAmong("webgpu");
        Option<string?> from = new("--from") { Description = $"The package, where npm cannot fetch it: the file that 'npm pack {WebGpuLibrary.Package}' writes elsewhere." };
        Command command = new("install", "Fetch a device's library, check its SHA-256, and put it into your data folder.") { what, from };
        CommandEdge.Run(command, global, (parsed, log, token) => InstallAsync(parsed.GetValue(from), log, token));
        return command;
    }

    private static Command CreateTry(GlobalOptions global)
    {
        Argument<string> name = new("NAME");
        Argument<string[]> models = new("MODEL") { Arity = ArgumentArity.ZeroOrMore };
        Command command = new("try", "Try one device in this process and print the verdict as JSON.") { name, models };
        command.Hidden = true;
        CommandEdge.Run(command, global, (parsed, _, _) =>
        {
            DeviceRequest request = DeviceRequest.Parse(parsed.GetRequiredValue(name), out string? fault);
            DeviceVerdict verdict = fault is null ? DeviceTrial.Run(request, [.. parsed.GetValue(models)!.Select(ModelCatalog.Read)]) : throw new FrameFlowException(FaultKind.Usage, $"Out of range: {fault}.");
            Console.Out.WriteLine(JsonSerializer.Serialize(verdict));
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }

    private static int List(bool software, bool json)
    {
        List<DeviceFinding> findings = [];
        foreach (DeviceFinding finding in DeviceSelection.FindAll([], software))
        {
            findings.Add(finding);
            if (!json)
            {
                DeviceVerdict verdict = finding.Verdict;
                Console.Out.WriteLine(FormattableString.Invariant(
                    $"{DeviceRequest.NameOf(finding.Kind),-9} {(verdict.Works ? "works" : "no")}   {verdict.Reason}{(verdict.Seconds is { } s ? $"; {s:0.0} s to open and try" : "")}"));
            }
        }

        if (json)
        {
            DeviceFinding? taken = findings.FirstOrDefault(f => f.Verdict.Works);
            Json.Print(new
            {
                Devices = findings.Select(f => new { Name = DeviceRequest.NameOf(f.Kind), f.Verdict.Works, f.Verdict.Reason, f.Verdict.LargestError, f.Verdict.Seconds }),
                Auto = taken is null ? null : DeviceRequest.NameOf(taken.Kind),
            });
        }

        return ExitCode.Success;
    }

    private static async Task<int> InstallAsync(string? from, ILogger log, CancellationToken cancellationToken)
    {
        DirectoryInfo? folder = null;
        try
        {
            if (from is null)
            {
                folder = Directory.CreateTempSubdirectory("frameflow-webgpu-");
                log.Information("Fetching {Package:l} with npm (some 110 MB) ...", WebGpuLibrary.Package);
                from = await PackAsync(folder.FullName, cancellationToken);
            }

            await WebGpuLibrary.InstallAsync(from, cancellationToken);
        }
        finally
        {
            folder?.Delete(recursive: true);
        }

        log.Information("Installed {Path}, SHA-256 as expected. 'frameflow devices' tries it.", WebGpuLibrary.Path);
        return ExitCode.Success;
    }

    // npm knows its registry, proxy and credentials, and checks what it fetched.
    private static async Task<string> PackAsync(string folder, CancellationToken cancellationToken)
    {
        string otherwise = $"or fetch it elsewhere ('npm pack {WebGpuLibrary.Package}') and give --from FILE.tgz";
        using Process npm = new()
        {
            StartInfo = new ProcessStartInfo("npm", ["pack", WebGpuLibrary.Package, "--pack-destination", folder, "--loglevel", "error"]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        try
        {
            npm.Start();
        }
        catch (Win32Exception e)
        {
            throw new FrameFlowException(FaultKind.Device, $"npm is not installed (apt-get install npm); install it, {otherwise}.", e);
        }

        await using CancellationTokenRegistration killing = cancellationToken.Register(() => npm.Kill(entireProcessTree: true));
        Task<string> output = npm.StandardOutput.ReadToEndAsync(CancellationToken.None);
        string error = await npm.StandardError.ReadToEndAsync(CancellationToken.None);
        await output;
        await npm.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        return npm.ExitCode == 0 && Directory.GetFiles(folder, "*.tgz") is [var package]
            ? package
            : throw new FrameFlowException(FaultKind.Device, $"npm could not fetch {WebGpuLibrary.Package} (exit code {npm.ExitCode}); see to its registry and the network, {otherwise}.") { ToolOutput = error };
    }
}
