using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

/// <summary>A folder of its own for one test, small clips made by ffmpeg, and what ffprobe says of them.</summary>
internal sealed class Clips : IDisposable
{
    public Clips()
    {
        Folder = Directory.CreateTempSubdirectory("frameflow-encoding-").FullName;
        Pool = new NativePool(64 << 20);
    }

    public string Folder { get; }

    public NativePool Pool { get; }

    public string At(string name) => Path.Combine(Folder, name);

    public async Task<string> FfmpegAsync(string arguments)
    {
        ToolResult result = await RunAsync("ffmpeg", "-hide_banner -v error -y " + arguments);
        Assert.True(result.ExitCode == 0, result.Describe());
        return result.Output;
    }

    /// <summary>Runs a program in <see cref="Folder"/>.</summary>
    public async Task<ToolResult> RunAsync(string name, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(name, arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new ToolResult(name, [arguments], process.ExitCode, output, await error);
    }

    public async Task<JsonElement> ProbeJsonAsync(string file, string entries = "-show_format -show_streams -show_chapters")
    {
        ToolResult result = await RunAsync("ffprobe", $"-v error -of json {entries} \"{file}\"");
        Assert.True(result.ExitCode == 0, result.Describe());
        return JsonDocument.Parse(result.Output).RootElement;
    }

    /// <summary>First video packet's and first sound packet's times; those hidden by an edit list count for what they are (priming).</summary>
    public async Task<(decimal Video, decimal Audio)> FirstPacketsAsync(string file)
    {
        async Task<decimal> First(string stream)
        {
            ToolResult r = await RunAsync("ffprobe", $"-v error -select_streams {stream} -show_entries packet=pts_time -of csv=p=0 \"{file}\"");
            return r.Output.Split('\n').Select(l => l.Trim(' ', ',', '\r')).Where(l => l.Length > 0 && l != "N/A").Select(l => decimal.Parse(l, CultureInfo.InvariantCulture)).Min();
        }

        return (await First("v:0"), await First("a:0"));
    }

    /// <summary>A stand-in for MediaProbe, so that these tests stand alone.</summary>
    public async Task<MediaInfo> ProbeAsync(string file)
    {
        JsonElement json = await ProbeJsonAsync(file);
        JsonElement format = json.GetProperty("format");
        return new MediaInfo
        {
            Path = At(file),
            Container = format.GetProperty("format_name").GetString()!,
            StartTime = Ratio(format, "start_time") ?? Rational.Zero,
            Tags = Tags(format),
            ChapterCount = json.GetProperty("chapters").GetArrayLength(),
            Streams = [.. json.GetProperty("streams").EnumerateArray().Select(Stream)],
        };
    }

    /// <summary>Frames whose content depends on their number only.</summary>
    public IAsyncEnumerable<Frame> FramesAsync(VideoFormat format, Rational rate, Rational first, int count) => FramesAsync(format, i => first + (i / rate), count);

    private async IAsyncEnumerable<Frame> FramesAsync(VideoFormat format, Func<long, Rational> timeOf, int count)
    {
        FramePool pool = new(Pool, format);
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            Frame frame = pool.Rent(timeOf(i), i);
            Fill(frame, i);
            yield return frame;
        }
    }

    public static void Fill(Frame frame, int seed)
    {
        int top = (1 << frame.Format.PixelFormat.BitDepth) - 1;
        for (int p = 0; p < frame.Format.PixelFormat.PlaneCount; p++)
        {
            PlaneLayout layout = frame.Format.Plane(p);
            for (int y = 0; y < layout.Height; y++)
            {
                for (int x = 0; x < layout.Width; x++)
                {
                    int value = ((x * 7) + (y * 5) + (seed * 11) + (p * 60) + (top > 1023 ? x * y * 97 : 0)) % (top + 1);
                    int at = (y * layout.Width) + x;
                    if (top == 255)
                    {
                        frame.Plane<byte>(p)[at] = (byte)value;
                    }
                    else
                    {
                        frame.Plane<ushort>(p)[at] = (ushort)value;
                    }
                }
            }
        }
    }

    /// <summary>Plans, encodes, checks and publishes.</summary>
    public async Task<(EncodePlan Plan, OutputReport Report)> EncodeAsync(EncodeRequest request)
    {
        EncodePlan plan = await EncodePlan.CreateAsync(request, CancellationToken.None);
        using OutputFile output = OutputFile.Prepare(request.OutputPath, request.Source.Path, overwrite: false);
        FrameSink sink = new(plan, output);
        try
        {
            await sink.ConsumeAsync(FramesAsync(request.Format, plan.TimeOf, (int)request.FrameCount), CancellationToken.None);
        }
        catch (FrameFlowException e)
        {
            Assert.Fail(e.Message + "\n" + e.ToolOutput);
        }

        Assert.Equal(0, Pool.LiveBlocks);
        OutputReport report = await OutputCheck.VerifyAsync(plan, output.PartialPath, request.FrameCount, CancellationToken.None);
        await output.PublishAsync(CancellationToken.None);
        Assert.Empty(Directory.GetFiles(Folder, "*.partial*"));
        return (plan, report);
    }

    public void Dispose()
    {
        Pool.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    public static VideoFormat Format(string pixelFormat = "yuv420p", int width = 64, int height = 48) =>
        new() { Width = width, Height = height, PixelFormat = PixelFormat.Known[pixelFormat] };

    /// <summary>A source that needs no file: one video stream.</summary>
    public static MediaInfo Source(VideoDescription? video = null, params StreamInfo[] others) => new()
    {
        Path = "/nowhere/in.mkv",
        Container = "matroska,webm",
        Streams =
        [
            new StreamInfo { Index = 0, Kind = StreamKind.Video, Codec = "h264", Video = video ?? new VideoDescription { Width = 64, Height = 48, SourcePixelFormat = "yuv420p" } },
            .. others,
        ],
    };

    public static EncodeRequest Request(string output, MediaInfo? source = null, VideoFormat? format = null, EncodeOptions? options = null, int frames = 6) => new()
    {
        Source = source ?? Source(),
        Format = format ?? Format(),
        Options = options ?? new(),
        OutputPath = output,
        FrameRate = 60,
        FrameCount = frames,
        FirstFrameTime = source?.StartTime ?? Rational.Zero,
    };

    private static Rational? Ratio(JsonElement e, string name) => e.TryGetProperty(name, out JsonElement v) && Rational.TryParse(v.GetString(), out Rational r) ? r : null;

    private static Dictionary<string, string> Tags(JsonElement e) => e.TryGetProperty("tags", out JsonElement tags) ? tags.EnumerateObject().ToDictionary(t => t.Name, t => t.Value.GetString()!) : [];

    private static StreamInfo Stream(JsonElement s)
    {
        HashSet<string> dispositions = [.. s.GetProperty("disposition").EnumerateObject().Where(d => d.Value.GetInt32() == 1).Select(d => d.Name)];
        string type = s.TryGetProperty("codec_type", out JsonElement t) ? t.GetString()! : "data";
        int rotation = s.TryGetProperty("side_data_list", out JsonElement list) && list.EnumerateArray().Any(d => d.TryGetProperty("rotation", out _))
            ? list.EnumerateArray().First(d => d.TryGetProperty("rotation", out _)).GetProperty("rotation").GetInt32() : 0;
        return new StreamInfo
        {
            Index = s.GetProperty("index").GetInt32(),
            Kind = Enum.Parse<StreamKind>(type, ignoreCase: true),
            Codec = s.TryGetProperty("codec_name", out JsonElement c) ? c.GetString()! : "unknown",
            StartTime = Ratio(s, "start_time"),
            Tags = Tags(s),
            Dispositions = dispositions,
            Channels = s.TryGetProperty("channels", out JsonElement ch) ? ch.GetInt32() : null,
            Video = type != "video" ? null : new VideoDescription
            {
                Width = s.GetProperty("width").GetInt32(),
                Height = s.GetProperty("height").GetInt32(),
                SourcePixelFormat = s.GetProperty("pix_fmt").GetString()!,
                AverageRate = Ratio(s, "avg_frame_rate"),
                Rotation = ((-rotation % 360) + 360) % 360,
                IsAttachedPicture = dispositions.Contains("attached_pic"),
            },
        };
    }
}
