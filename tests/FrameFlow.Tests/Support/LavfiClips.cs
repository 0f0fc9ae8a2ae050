using System.Diagnostics;
using System.Globalization;
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

    /// <summary>Makes a film of 300 frames at 25 fps with a key frame every 20; the fourth is damaged inside, which shows when it is decoded.</summary>
    public async Task<string> MakeHurtAsync(string name)
    {
        string whole = await MakeAsync("whole-" + name, "-f lavfi -i mandelbrot=s=160x120:r=25:start_scale=0.5:end_scale=0.05:end_pts=60 -frames:v 300 -pix_fmt yuv420p -c:v libx264 -preset veryfast -g 20 -keyint_min 20 -sc_threshold 0");
        (_, byte[] output, _) = await RunAsync("ffprobe", $"-v error -show_entries packet=pos,size,flags -of csv=p=0 {whole}");
        string[] key = System.Text.Encoding.ASCII.GetString(output).Split('\n').Where(l => l.Contains(",K", StringComparison.Ordinal)).ElementAt(3).Split(',');
        byte[] bytes = await File.ReadAllBytesAsync(whole);
        new Random(1).NextBytes(bytes.AsSpan(int.Parse(key[1], CultureInfo.InvariantCulture) + (int.Parse(key[0], CultureInfo.InvariantCulture) / 2), 60));
        return Write(name, bytes);
    }

    /// <summary>Asserts that what was concluded is what a scan found, times and all.</summary>
    public static void AssertSame(SourceScan scan, SourceScan concluded)
    {
        Assert.True(concluded.IsConcluded);
        Assert.False(scan.IsConcluded);
        Assert.Equal(Enumerable.Range(0, scan.Timeline.Count).Select(i => scan.Timeline[i]), Enumerable.Range(0, concluded.Timeline.Count).Select(i => concluded.Timeline[i]));
        Assert.Equal((scan.Timeline.ConstantRate, scan.Timeline.LastDuration, scan.Timeline.Tick), (concluded.Timeline.ConstantRate, concluded.Timeline.LastDuration, concluded.Timeline.Tick));
        Assert.Equal((scan.Format, scan.Content, scan.Filters, scan.Conversion, scan.RawPixelFormat), (concluded.Format, concluded.Content, concluded.Filters, concluded.Conversion, concluded.RawPixelFormat));
        Assert.Equal(scan.Notes, concluded.Notes);
        Assert.Equal(scan.Damage, concluded.Damage);
        Assert.Equal(scan.DroppedFrames, concluded.DroppedFrames);
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
