using System.Diagnostics;
using FrameFlow.Decoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Support;

/// <summary>Makes tiny clips with ffmpeg in a folder that goes away with the test.</summary>
internal sealed class LavfiClips : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-decoding-").FullName;

    /// <summary>A path in the folder.</summary>
    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Runs ffmpeg with the arguments, the output's path last; <c>{folder}</c> stands for the folder.</summary>
    /// <returns>The output's path.</returns>
    public async Task<string> MakeAsync(string name, string arguments)
    {
        string path = PathOf(name);
        (int code, _, string errors) = await RunAsync("ffmpeg", $"-hide_banner -v error -nostdin -y -threads 1 {arguments.Replace("{folder}", _folder, StringComparison.Ordinal)} \"{path}\"");
        Assert.True(code == 0, errors);
        return path;
    }

    /// <summary>Writes a file as it is.</summary>
    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(PathOf(name), content);
        return PathOf(name);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, byte[] Output, string Errors)> RunAsync(string program, string arguments)
    {
        using Process process = new() { StartInfo = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.Start();
        MemoryStream output = new();
        Task copying = process.StandardOutput.BaseStream.CopyToAsync(output);
        string errors = await process.StandardError.ReadToEndAsync();
        await copying;
        await process.WaitForExitAsync();
        return (process.ExitCode, output.ToArray(), errors);
    }

    /// <summary>Probes and scans.</summary>
    public static async Task<(MediaInfo Info, SourceScan Scan)> ScanAsync(string path, DecodeOptions? options = null)
    {
        MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
        return (info, await SourceScanner.ScanAsync(info, options ?? new(), TestContext.Current.CancellationToken));
    }

    /// <summary>Decodes all: the frames' times, and their bytes one after the other. Asserts that no memory is kept.</summary>
    public static async Task<(List<Rational> Times, byte[] Bytes)> DecodeAsync(MediaInfo info, SourceScan scan, DecodeOptions? options = null, bool keepBytes = true)
    {
        using NativePool memory = new(256 << 20);
        FrameSource source = new(info, scan, options ?? new(), new FramePool(memory, scan.Format));
        List<Rational> times = [];
        MemoryStream bytes = new();
        await foreach (Frame frame in source.ReadAsync(TestContext.Current.CancellationToken))
        {
            using (frame)
            {
                Assert.Equal(times.Count, frame.SourceIndex);
                times.Add(frame.Time);
                if (keepBytes)
                {
                    bytes.Write(frame.Bytes);
                }
            }
        }

        Assert.Equal(0, memory.LiveBlocks);
        return (times, bytes.ToArray());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
