using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using FrameFlow.Media;

namespace FrameFlow.Verification;

/// <summary>
/// A media file as ffmpeg itself decodes it: times, small pictures, sound. Own runs and own parsing, so that a mistake in the
/// pipeline's reader cannot hide itself here.
/// </summary>
internal sealed partial class DecodedVideo
{
    /// <summary>Width of the pictures that are compared. Small on purpose: coding noise averages out and motion becomes nearly linear.</summary>
    public const int PictureWidth = 64;

    /// <summary>Height of the pictures that are compared.</summary>
    public const int PictureHeight = 36;

    private readonly VerificationOptions _options;
    private readonly string _path;
    private readonly string? _filters;
    private readonly int _videoIndex;

    private DecodedVideo(VerificationOptions options, string path, string? filters, int videoIndex)
    {
        _options = options;
        _path = path;
        _filters = filters;
        _videoIndex = videoIndex;
    }

    /// <summary>Decoded frames' times in ticks, strictly increasing.</summary>
    public long[] Ticks { get; private set; } = [];

    /// <summary>Seconds a tick.</summary>
    public Rational TimeBase { get; private set; } = Rational.One;

    /// <summary>Which decoded pictures have a time in <see cref="Ticks"/>; others came without a time or did not advance.</summary>
    public bool[] Kept { get; private set; } = [];

    /// <summary>Rates that the header states.</summary>
    public List<Rational> StatedRates { get; } = [];

    /// <summary>The container's start time in seconds.</summary>
    public Rational ContainerStart { get; private set; }

    /// <summary>The last frame's packet duration in ticks, or null.</summary>
    public long? LastDurationTicks { get; private set; }

    /// <summary>The rotation that the header asks a player for, degrees as ffprobe tells them; 0 where there is none.</summary>
    public int Rotation { get; private set; }

    /// <summary>Whether pictures come as a player shows them, turned by <see cref="Rotation"/>, instead of as they are stored.</summary>
    public bool AsShown { get; set; }

    /// <summary>Ticks by which a frame's time may lie beside its even place: one, but behind filters that put fields between frames half of two and, behind the last frame, of three of the file's own.</summary>
    public int Slack { get; private set; } = 1;

    /// <summary>Every audio track's extent, in the file's order.</summary>
    public List<AudioExtent> Audio { get; } = [];

    /// <summary>Reads the header, all frame times and all sound extents.</summary>
    /// <param name="path">The file.</param>
    /// <param name="filters">What makes its pictures progressive, or null.</param>
    /// <param name="isSource">Whether missing and repeated times are put right, as the contract asks of a source; an output's are taken as they stand.</param>
    /// <param name="options">Which ffmpeg to run.</param>
    /// <param name="cancellationToken">Ends ffmpeg.</param>
    /// <exception cref="FrameFlowException">The file cannot be read, or holds no video that decodes.</exception>
    public static async Task<DecodedVideo> OpenAsync(string path, string? filters, bool isSource, VerificationOptions options, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw new FrameFlowException(FaultKind.Input, $"{path}: there is no such file.");
        }

        using JsonDocument header = await ProbeAsync(options, path, ["-show_streams", "-show_format"], cancellationToken);
        List<JsonElement> streams = header.RootElement.TryGetProperty("streams", out JsonElement list) ? [.. list.EnumerateArray()] : [];
        JsonElement? video = streams.Where(IsFilm).OrderByDescending(s => Disposition(s, "default")).Cast<JsonElement?>().FirstOrDefault()
            ?? throw new FrameFlowException(FaultKind.Input, $"{path}: no video stream; give a file with one.");
        DecodedVideo result = new(options, path, filters, video.Value.GetProperty("index").GetInt32());
        foreach (string name in (string[])["r_frame_rate", "avg_frame_rate"])
        {
            if (Rational.TryParse(Text(video.Value, name), out Rational rate) && rate > Rational.Zero)
            {
                result.StatedRates.Add(rate);
            }
        }

        if (video.Value.TryGetProperty("side_data_list", out JsonElement sides))
        {
            result.Rotation = sides.EnumerateArray().Select(s => s.TryGetProperty("rotation", out JsonElement degrees) ? degrees.GetInt32() : 0).FirstOrDefault(r => r != 0);
        }

        result.ContainerStart = header.RootElement.TryGetProperty("format", out JsonElement format)
            && Rational.TryParse(Text(format, "start_time"), out Rational start) ? start : Rational.Zero;
        await result.ReadTimesAsync(isSource, cancellationToken);
        if (filters is not null && Rational.TryParse(Text(video.Value, "time_base"), out Rational own) && own > result.TimeBase)
        {
            own = ExpectedTimes.CommonTicks(result.Ticks, result.TimeBase, 2000) is not null ? Rational.Max(own, new Rational(1, 1000)) : own;
            result.Slack = (int)(own / result.TimeBase * 3 / 2).Ceiling();
        }

        Dictionary<int, Rational> firstPackets = await result.ReadPacketsAsync(streams, cancellationToken);
        foreach (JsonElement stream in streams.Where(s => Text(s, "codec_type") == "audio"))
        {
            result.Audio.Add(await result.ReadAudioAsync(stream, firstPackets, cancellationToken));
        }

        return result;
    }

    /// <summary>
    /// Streams the pictures that belong to <see cref="Ticks"/>, in order: 64x36 luma code values, a new array each.
    /// </summary>
    public async IAsyncEnumerable<byte[]> PicturesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string chain = (_filters is null ? "" : _filters + ",")
            + string.Create(CultureInfo.InvariantCulture, $"scale={PictureWidth}:{PictureHeight}:flags=area,format=gray");
        using Process process = Start(_options.FFmpegPath, [.. DecodeArguments(), "-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            Stream pixels = process.StandardOutput.BaseStream;
            for (int n = 0; n < Kept.Length; n++)
            {
                byte[] picture = new byte[PictureWidth * PictureHeight];
                if (await pixels.ReadAtLeastAsync(picture, picture.Length, throwOnEndOfStream: false, cancellationToken) < picture.Length)
                {
                    break;
                }

                if (Kept[n])
                {
                    yield return picture;
                }
            }

            await pixels.CopyToAsync(Stream.Null, cancellationToken);
            await errors;
        }
        finally
        {
            End(process);
        }
    }

    private static bool IsFilm(JsonElement stream) => Text(stream, "codec_type") == "video" && !Disposition(stream, "attached_pic");

    private static bool Disposition(JsonElement stream, string name) =>
        stream.TryGetProperty("disposition", out JsonElement set) && set.TryGetProperty(name, out JsonElement value) && value.GetInt32() == 1;

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.ToString() : null;

    private static async Task<JsonDocument> ProbeAsync(VerificationOptions options, string path, string[] arguments, CancellationToken cancellationToken)
    {
        using Process process = Start(options.FFprobePath, ["-v", "error", "-of", "json", .. arguments, "-i", path]);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            string json = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
            {
                throw new FrameFlowException(FaultKind.Input, $"{path}: not a media file that ffprobe can read.") { ToolOutput = await errors };
            }

            return JsonDocument.Parse(json);
        }
        finally
        {
            End(process);
        }
    }

    private static Process Start(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo info = new(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }

        try
        {
            Process process = Process.Start(info)!;
            process.StandardInput.Close();
            return process;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new FrameFlowException(FaultKind.Usage, $"{program} cannot be started ({e.Message}); install ffmpeg.", e);
        }
    }

    private static void End(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private string[] DecodeArguments() =>
        ["-hide_banner", "-nostdin", "-nostats", "-copyts", AsShown ? "-autorotate" : "-noautorotate", "-i", _path, "-map", string.Create(CultureInfo.InvariantCulture, $"0:{_videoIndex}")];

    private async Task ReadTimesAsync(bool isSource, CancellationToken cancellationToken)
    {
        // Scaled to a dot first: showinfo looks at every sample it is given.
        string chain = (_filters is null ? "" : _filters + ",") + "scale=8:8:flags=neighbor,showinfo=checksum=0";
        List<long?> stated = [];
        await ForEachLineAsync([.. DecodeArguments(), "-vf", chain, "-fps_mode", "passthrough", "-f", "null", "-"], line =>
        {
            if (TimeBaseLine().Match(line) is { Success: true } header && Rational.TryParse(header.Groups[1].Value, out Rational timeBase))
            {
                TimeBase = timeBase;
            }
            else if (FrameLine().Match(line) is { Success: true } frame)
            {
                stated.Add(long.TryParse(frame.Groups[1].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long time) ? time : null);
            }
        }, cancellationToken);
        if (isSource)
        {
            SourceTimes.Mend(CollectionsMarshal.AsSpan(stated));
        }

        List<long> ticks = [];
        Kept = new bool[stated.Count];
        for (int n = 0; n < Kept.Length; n++)
        {
            if (stated[n] is { } time && (ticks.Count == 0 || time > ticks[^1]))
            {
                ticks.Add(time);
                Kept[n] = true;
            }
        }

        Ticks = ticks.Count > 0 ? [.. ticks] : throw new FrameFlowException(FaultKind.Decode, $"{_path}: no frame of the video could be decoded.");
    }

    // Finds the last frame's duration, and returns every stream's first packet's time.
    private async Task<Dictionary<int, Rational>> ReadPacketsAsync(List<JsonElement> streams, CancellationToken cancellationToken)
    {
        Dictionary<int, Rational> bases = [];
        foreach (JsonElement stream in streams)
        {
            if (Rational.TryParse(Text(stream, "time_base"), out Rational timeBase) && timeBase > Rational.Zero)
            {
                bases[stream.GetProperty("index").GetInt32()] = timeBase;
            }
        }

        Rational last = Ticks[^1] * TimeBase;
        Dictionary<int, Rational> firsts = [];
        using Process process = Start(_options.FFprobePath, ["-v", "quiet", "-of", "csv=p=0", "-show_entries", "packet=stream_index,pts,duration", "-i", _path]);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
            {
                // index,pts,duration; ffprobe says N/A of what is unknown and may add empty fields.
                string[] fields = line.Split(',');
                if (fields.Length < 3 || !TryParse(fields[0], out long index) || !bases.TryGetValue((int)index, out Rational timeBase) || !TryParse(fields[1], out long time))
                {
                    continue;
                }

                firsts.TryAdd((int)index, time * timeBase);
                if (index == _videoIndex && _filters is null && TryParse(fields[2], out long duration) && duration > 0 && time * timeBase == last)
                {
                    LastDurationTicks = (duration * timeBase / TimeBase).Round();
                }
            }

            await errors;
        }
        finally
        {
            End(process);
        }

        return firsts;
    }

    private static bool TryParse(string text, out long value) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private async Task<AudioExtent> ReadAudioAsync(JsonElement stream, Dictionary<int, Rational> firstPackets, CancellationToken cancellationToken)
    {
        int index = stream.GetProperty("index").GetInt32();
        long? first = null;
        long samples = 0;
        int largest = 0;
        int rate = 0;
        await ForEachLineAsync(["-hide_banner", "-nostdin", "-nostats", "-copyts", "-vn", "-sn", "-dn", "-i", _path,
            "-map", string.Create(CultureInfo.InvariantCulture, $"0:{index}"), "-af", "ashowinfo", "-f", "null", "-"], line =>
        {
            if (SoundLine().Match(line) is { Success: true } sound)
            {
                rate = int.Parse(sound.Groups[2].Value, CultureInfo.InvariantCulture);
                int count = int.Parse(sound.Groups[3].Value, CultureInfo.InvariantCulture);
                first ??= long.TryParse(sound.Groups[1].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long time) ? time : null;
                samples += count;
                largest = Math.Max(largest, count);
            }
        }, cancellationToken);
        return new AudioExtent(
            Text(stream, "codec_name") ?? "",
            first is { } start && rate > 0 ? new Rational(start, rate) : null,
            firstPackets.TryGetValue(index, out Rational packet) ? packet : null,
            rate > 0 ? new Rational(samples, rate) : Rational.Zero,
            rate > 0 ? new Rational(largest, rate) : Rational.Zero);
    }

    private async Task ForEachLineAsync(IEnumerable<string> arguments, Action<string> onLine, CancellationToken cancellationToken)
    {
        using Process process = Start(_options.FFmpegPath, arguments);
        try
        {
            while (await process.StandardError.ReadLineAsync(cancellationToken) is { } line)
            {
                onLine(line);
            }

            await process.WaitForExitAsync(cancellationToken);
        }
        finally
        {
            End(process);
        }
    }

    [GeneratedRegex(@"showinfo.*config in time_base: (\d+/\d+)")]
    private static partial Regex TimeBaseLine();

    [GeneratedRegex(@"Parsed_showinfo.*\] n:\s*\d+ pts:\s*(-?\d+|NOPTS)")]
    private static partial Regex FrameLine();

    [GeneratedRegex(@"Parsed_ashowinfo.*\] n:\s*\d+ pts:\s*(-?\d+|NOPTS).* rate:(\d+) nb_samples:(\d+)")]
    private static partial Regex SoundLine();
}

/// <summary>Where an audio track begins and how long it sounds.</summary>
/// <param name="Codec">ffmpeg's name of its codec.</param>
/// <param name="Start">The first decoded sample's time in seconds, or null where nothing decodes.</param>
/// <param name="FirstPacket">
/// The first packet's time in seconds, an encoder's priming included. MP4 hides priming from the decoder and Matroska does not, so a
/// faithful copy from one to the other keeps this time and not <paramref name="Start"/>; a re-encoding keeps the other.
/// </param>
/// <param name="Length">Decoded samples, in seconds.</param>
/// <param name="LongestFrame">The longest decoded frame, in seconds: the grain in which sound can be copied.</param>
internal sealed record AudioExtent(string Codec, Rational? Start, Rational? FirstPacket, Rational Length, Rational LongestFrame)
{
    /// <summary>Whether no more than an encoder's priming (AAC-LD to HE-AAC: 480 to 2112 samples, some 50 ms) is hidden before the first sample; an edit list may hide much more.</summary>
    public bool StartsWithPriming => Start is { } start && FirstPacket is { } packet && Rational.Abs(start - packet) <= new Rational(1, 10);

    /// <summary>Whether packets lie before the first sample that is heard; by more than the clocks round, of which one counts samples and the other a container's ticks.</summary>
    public bool HidesSound => Start is { } start && FirstPacket is { } packet && packet + new Rational(1, 1000) < start;
}
