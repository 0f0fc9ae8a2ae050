using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Several workers on one PostgreSQL queue; one is killed, and the database is restarted under them.</summary>
public sealed class QueueTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Tool _tool = new();
    private readonly List<Process> _processes = [];

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }

            process.Dispose();
        }

        _tool.Dispose();
    }

    [Fact]
    public async Task Workers_OneKilledAndTheDatabaseRestarted_MakeTheFramesOfOneMachine()
    {
        await using Database database = await StartDatabaseAsync();
        Directory.CreateDirectory(_tool.At("in"));
        await File.WriteAllTextAsync(_tool.At("r.json"), """
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": 20, "model": "blend" } ], "encode": { "encoder": "ffv1" }, "container": ".mkv" }
            """);
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=12", "-c:v", "libx264", "-bf", "3", "-g", "30", "-pix_fmt", "yuv420p", "in/film.mkv");

        Start("watch", "in", "-o", "out", "--recipe", "r.json", "--settle", "0.5", "--segment", "0.5", "--queue", database.Connection, "--lease", "6", "--no-work", "--listen", "none");
        await UntilAsync(() => Directory.Exists(_tool.At("out/.frameflow/jobs")));
        Process[] workers = [Worker(), Worker()];
        await UntilAsync(() => Workers().Length >= 2);

        // Both have made a segment: the first is killed in the middle of another, then the database goes and comes back.
        workers[0].Kill();
        await workers[0].WaitForExitAsync(TestContext.Current.CancellationToken);
        await database.RestartAsync();
        await UntilAsync(() => File.Exists(_tool.At("out/film.mkv")));

        ToolRun whole = await _tool.RunAsync("interpolate", "in/film.mkv", "-o", "whole.mkv", "--fps", "20", "--model", "blend", "--encoder", "ffv1", "--segment", "0");
        Assert.True(whole.Code == 0, whole.Error);
        Assert.Equal(await FramesAsync("whole.mkv"), await FramesAsync("out/film.mkv"));
        await UntilAsync(() => !Directory.Exists(_tool.At("out/.film.mkv.frameflow")));

        Process Worker() => Start("worker", "--queue", database.Connection, "--lease", "6");
        Task<string> FramesAsync(string name) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", name, "-fps_mode", "passthrough", "-f", "framemd5", "-");
    }

    [Fact]
    public async Task Watch_DatabaseThatGoesAway_IsWaitedFor()
    {
        await using Database database = await StartDatabaseAsync();
        Directory.CreateDirectory(_tool.At("in"));
        await File.WriteAllTextAsync(_tool.At("in/first.mkv"), "no film");
        Process watch = _tool.Start("watch", "in", "-o", "out", "--settle", "0.1", "--queue", database.Connection, "--no-work", "--listen", "none");
        _processes.Add(watch);
        ConcurrentQueue<string> lines = new();
        watch.ErrorDataReceived += (_, e) => lines.Enqueue(e.Data ?? "");
        watch.BeginErrorReadLine();
        watch.BeginOutputReadLine();
        await UntilAsync(() => Has("Taken: first.mkv"));
        await database.StopAsync();
        await File.WriteAllTextAsync(_tool.At("in/second.mkv"), "no film");
        await UntilAsync(() => Has("database is away"));
        await File.WriteAllTextAsync(_tool.At("in/third.mkv"), "no film");
        await UntilAsync(() => Has("Taken: third.mkv"));
        await database.StartAgainAsync();
        await UntilAsync(() => Has("database is back"));
        Assert.False(watch.HasExited);
        Assert.Single(lines, l => l.Contains("[ERR]", StringComparison.Ordinal));
        Assert.Equal("3", await database.AskAsync("select count(*) from frameflow.job"));

        bool Has(string text) => watch.HasExited || lines.Any(l => l.Contains(text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Watch_NoDatabase_SaysSo()
    {
        Directory.CreateDirectory(_tool.At("in"));
        ToolRun run = await _tool.RunAsync("watch", "in", "-o", "out", "--queue", $"Host=127.0.0.1;Port={FreePort()};Username=nobody;Database=none", "--listen", "none");
        Assert.Equal(5, run.Code);
        Assert.Contains("queue's database cannot be reached", run.Fault, StringComparison.Ordinal);
    }

    private static Task<Database> StartDatabaseAsync()
    {
        string? programs = Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb"))) : null;
        Assert.SkipUnless(programs is not null, "PostgreSQL is not installed (apt-get install postgresql)");
        return Database.StartAsync(programs!);
    }

    private Process Start(params string[] arguments)
    {
        Process process = _tool.Start(arguments);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        _processes.Add(process);
        return process;
    }

    // Who made the segments so far. Read through another program, which asks for no lock.
    private string[] Workers()
    {
        string journal = _tool.At("out/.film.mkv.frameflow/journal");
        if (!File.Exists(journal))
        {
            return [];
        }

        using Process cat = Process.Start(new ProcessStartInfo("cat", [journal]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        return [.. cat.StandardOutput.ReadToEnd().Split('\n').SkipLast(1).Where(l => l.Contains("\"did\":\"segment\"", StringComparison.Ordinal))
            .Select(l => l[l.LastIndexOf("\"worker\"", StringComparison.Ordinal)..]).Distinct()];
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    /// <summary>A PostgreSQL of the test's own, in a folder of its own, gone with it. The server refuses to run as root.</summary>
    private sealed class Database(string programs, string folder, int port) : IAsyncDisposable
    {
        public string Connection => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=frameflow;Database=postgres;Timeout=5");

        public static async Task<Database> StartAsync(string programs)
        {
            string folder = Directory.CreateTempSubdirectory("frameflow-pg-").FullName;
            Database database = new(programs, folder, FreePort());
            await database.RunAsync("chown", Environment.UserName == "root" ? "nobody" : Environment.UserName, folder);
            await database.AsServerAsync("initdb", "-D", Path.Combine(folder, "data"), "-A", "trust", "-U", "frameflow");
            await database.ControlAsync("start");
            return database;
        }

        public Task RestartAsync() => ControlAsync("restart");

        public Task StopAsync() => ControlAsync("stop");

        public Task StartAgainAsync() => ControlAsync("start");

        /// <summary>The answer's first field.</summary>
        public async Task<string> AskAsync(string query)
        {
            await using NpgsqlConnection connection = new(Connection);
            await connection.OpenAsync();
            await using NpgsqlCommand command = new(query, connection);
            return Convert.ToString(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture)!;
        }

        public async ValueTask DisposeAsync()
        {
            await ControlAsync("stop");
            Directory.Delete(folder, recursive: true);
        }

        private Task ControlAsync(string what) => AsServerAsync(
            "pg_ctl", "-D", Path.Combine(folder, "data"), "-m", "fast", "-w", "-l", Path.Combine(folder, "log"),
            "-o", string.Create(CultureInfo.InvariantCulture, $"-p {port} -k {folder} -c listen_addresses=127.0.0.1"), what);

        private Task AsServerAsync(string program, params string[] arguments) => Environment.UserName == "root"
            ? RunAsync("setpriv", ["--reuid=nobody", "--clear-groups", Path.Combine(programs, program), .. arguments])
            : RunAsync(Path.Combine(programs, program), arguments);

        // The server that is left running holds on to what it inherited, so no pipe is given to it.
        private async Task RunAsync(string program, params string[] arguments)
        {
            string output = Path.Combine(folder, "output");
            using Process process = Process.Start(new ProcessStartInfo("bash", ["-c", "cd / && exec \"$@\" >\"$0\" 2>&1 </dev/null", output, program, .. arguments]))!;
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, $"{program}: {await File.ReadAllTextAsync(output)}");
        }
    }
}
