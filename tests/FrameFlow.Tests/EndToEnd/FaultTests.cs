using System.Diagnostics;
using System.Globalization;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Things that go wrong in the middle: everything ends within five seconds, with the right code, no orphan and no file.</summary>
public sealed class FaultTests : IDisposable
{
    // Five seconds are promised; twice that here, since the machine that runs tests may be busy with others.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Interpolate_Interrupted_EndsWith130()
    {
        using Process run = await StartLongAsync();
        await SignalAsync("-INT", run.Id);
        await EndedAsync(run, 130);
    }

    [Fact]
    public async Task Interpolate_EncoderKilled_EndsWith5()
    {
        using Process run = await StartLongAsync();
        await SignalAsync("-KILL", await ChildAsync(run.Id, "partial"));
        await EndedAsync(run, 5);
    }

    [Fact]
    public async Task Interpolate_DecoderKilled_EndsWith3()
    {
        using Process run = await StartLongAsync();
        await SignalAsync("-KILL", await ChildAsync(run.Id, "rawvideo.*unix", "partial"));
        await EndedAsync(run, 3);
    }

    // Of a small file ffmpeg writes nothing before the end, and then ends with 0 although it could not.
    [Theory]
    [InlineData("1m", "60")]
    [InlineData("20k", "0.1")]
    public async Task Interpolate_DiskFull_EndsWith5(string size, string duration)
    {
        string disk = _tool.At("disk");
        Directory.CreateDirectory(disk);
        using Process mount = Process.Start(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=" + size, "tmpfs", disk]) { RedirectStandardError = true })!;
        await mount.WaitForExitAsync();
        Assert.SkipUnless(mount.ExitCode == 0, "no small disk may be mounted here");
        try
        {
            await MakeLongFilmAsync();
            ToolRun run = await _tool.RunAsync("interpolate", "long.mkv", "-o", Path.Combine(disk, "out.mkv"), "--fps", "60", "--model", "hold", "--encoder", "ffv1", "--duration", duration);
            Assert.Equal(5, run.Code);
            Assert.Contains("space", run.Fault, StringComparison.OrdinalIgnoreCase);
            Assert.Empty(Directory.EnumerateFileSystemEntries(disk));
        }
        finally
        {
            using Process unmount = Process.Start("umount", [disk]);
            await unmount.WaitForExitAsync();
        }
    }

    // A film that takes a minute, begun: the encoder is at work.
    private async Task<Process> StartLongAsync()
    {
        await MakeLongFilmAsync();
        Process run = _tool.Start("interpolate", "long.mkv", "-o", "out.mkv", "--fps", "60", "--model", "light", "--encoder", "ffv1");
        await ChildAsync(run.Id, "partial");
        return run;
    }

    private Task<string> MakeLongFilmAsync() => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-stream_loop", "9", "-i", Repository.TestData("pan24.mp4"), "-map", "0:v", "-c", "copy", "long.mkv");

    private static async Task SignalAsync(string signal, int process)
    {
        using Process kill = Process.Start("kill", [signal, process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    private async Task EndedAsync(Process run, int code)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Task<string> output = run.StandardOutput.ReadToEndAsync();
        string error = await run.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await run.WaitForExitAsync().WaitAsync(Patience);
        _ = await output;
        Assert.True(clock.Elapsed < Limit, $"took {clock.Elapsed}: {error}");
        Assert.True(run.ExitCode == code, $"code {run.ExitCode}: {error}");
        Assert.Equal(["long.mkv"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
        Assert.Empty(await FindAsync(_tool.Folder));
    }

    // The tool's child whose command line has one word and not the other.
    private static async Task<int> ChildAsync(int parent, string word, string? without = null)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            string[] lines = await FindAsync(string.Create(CultureInfo.InvariantCulture, $"ffmpeg.*{word}"), parent);
            string? line = lines.FirstOrDefault(l => without is null || !l.Contains(without, StringComparison.Ordinal));
            if (line is not null)
            {
                // Begun is not enough: some frames shall be on their way.
                await Task.Delay(1000, CancellationToken.None);
                return int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture);
            }

            await Task.Delay(100, CancellationToken.None);
        }

        throw new TimeoutException($"no child with '{word}'");
    }

    private static async Task<string[]> FindAsync(string pattern, int? parent = null)
    {
        string[] of = parent is { } id ? ["-P", id.ToString(CultureInfo.InvariantCulture)] : [];
        using Process pgrep = Process.Start(new ProcessStartInfo("pgrep", ["-a", .. of, "-f", "--", pattern]) { RedirectStandardOutput = true })!;
        string output = await pgrep.StandardOutput.ReadToEndAsync();
        await pgrep.WaitForExitAsync();
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
