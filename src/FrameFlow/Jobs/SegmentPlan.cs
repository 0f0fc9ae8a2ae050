using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>
/// What reading the source once has told, and how the output is cut: all that a segment must know beside the request, so that every process that
/// works on a job decides alike. Immutable, in one file beside the journal.
/// </summary>
public sealed record SegmentPlan
{
    /// <summary>The source's length in bytes and time of last change when it was read, to notice a change without reading it again.</summary>
    public required SourceStamp Stamp { get; init; }

    /// <summary>The scan, its timeline left out.</summary>
    public required StoredScan Scan { get; init; }

    /// <summary>Indices of the source frames that start a scene, in order.</summary>
    public required IReadOnlyList<int> Cuts { get; init; }

    /// <summary>XxHash3 (64 bit) of every source frame's bytes, eight bytes little-endian each, base64; null where the source is damaged and may decode differently each time.</summary>
    public string? FrameHashes { get; init; }

    /// <summary>What each operation found in the film, <see cref="IVideoOperation.Analysis"/>; null where it looked for nothing.</summary>
    public required IReadOnlyList<string?> Analyses { get; init; }

    /// <summary>The segments' output frames, in order, without a gap.</summary>
    public required IReadOnlyList<FrameRange> Segments { get; init; }

    /// <summary>The frames' hashes as numbers; empty where none were kept.</summary>
    public ulong[] ReadHashes()
    {
        byte[] bytes = Convert.FromBase64String(FrameHashes ?? "");
        ulong[] hashes = new ulong[bytes.Length / sizeof(ulong)];
        for (int i = 0; i < hashes.Length; i++)
        {
            hashes[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)));
        }

        return hashes;
    }

    /// <summary>The text of <see cref="FrameHashes"/>.</summary>
    public static string WriteHashes(IReadOnlyList<ulong> hashes)
    {
        ArgumentNullException.ThrowIfNull(hashes);
        byte[] bytes = new byte[hashes.Count * sizeof(ulong)];
        for (int i = 0; i < hashes.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), hashes[i]);
        }

        return Convert.ToBase64String(bytes);
    }

    /// <summary>Writes the plan, whole or not at all.</summary>
    /// <returns>SHA-256 of the file.</returns>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public async Task<string> WriteAsync(string path, CancellationToken cancellationToken)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(JobJson.Write(this));
        string partial = path + ".partial";
        try
        {
            await using (FileStream file = new(partial, FileMode.Create, FileAccess.Write))
            {
                await file.WriteAsync(bytes, cancellationToken);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The plan '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or mend its permissions.", e) { CanRetry = true };
        }

        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    /// <summary>Reads the plan that a journal names.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="sha256">Its SHA-256.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The plan; null where the file is missing or is not that one.</returns>
    public static async Task<SegmentPlan?> ReadAsync(string path, string sha256, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            byte[] bytes = await File.ReadAllBytesAsync(path, cancellationToken);
            return Convert.ToHexStringLower(SHA256.HashData(bytes)) == sha256 ? JobJson.Read<SegmentPlan>(System.Text.Encoding.UTF8.GetString(bytes)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}

/// <summary>A file's length and time of last change.</summary>
/// <param name="Bytes">Its length.</param>
/// <param name="ChangedTicks">Its time of last change, UTC, in 100 ns.</param>
public sealed record SourceStamp(long Bytes, long ChangedTicks)
{
    /// <summary>A file's stamp now; of a sequence, the bytes of all its pictures and the latest change.</summary>
    public static SourceStamp Of(string path)
    {
        long bytes = 0;
        long changed = 0;
        foreach (FileInfo file in FilesOf(path).Select(f => new FileInfo(f)))
        {
            bytes += file.Length;
            changed = Math.Max(changed, file.LastWriteTimeUtc.Ticks);
        }

        return new SourceStamp(bytes, changed);
    }

    /// <summary>The files that a source consists of: one, or a sequence's in the order of their numbers, none where none exists.</summary>
    internal static IEnumerable<string> FilesOf(string path) =>
        SequencePattern.TryParse(path) is { } sequence ? sequence.FindNumbers().Select(sequence.PathOf) : [path];

    /// <summary>Whether a source exists.</summary>
    internal static bool Exists(string path) => SequencePattern.TryParse(path) is { } sequence ? sequence.FindNumbers().Count > 0 : File.Exists(path);
}

/// <summary>A <see cref="SourceScan"/> as it is written: the timeline as steps between ticks.</summary>
public sealed record StoredScan
{
    /// <summary>The first frame's tick, then the step to each next frame; runs of one step are [step, count].</summary>
    public required IReadOnlyList<long[]> Steps { get; init; }

    /// <summary>Seconds a tick.</summary>
    public required Rational Tick { get; init; }

    /// <summary>The constant rate, or null.</summary>
    public Rational? ConstantRate { get; init; }

    /// <summary>How long the last frame stays, seconds.</summary>
    public required Rational LastDuration { get; init; }

    /// <summary>Everything else.</summary>
    public required SourceScan Rest { get; init; }

    /// <summary>From a scan.</summary>
    public static StoredScan From(SourceScan scan)
    {
        ArgumentNullException.ThrowIfNull(scan);
        FrameTimeline times = scan.Timeline;
        List<long[]> steps = [];
        long before = 0;
        for (int i = 0; i < times.Count; i++)
        {
            long step = times.TickOf(i) - before;
            before = times.TickOf(i);
            if (i > 1 && steps[^1][0] == step)
            {
                steps[^1][1]++;
            }
            else
            {
                steps.Add([step, 1]);
            }
        }

        return new StoredScan { Steps = steps, Tick = times.Tick, ConstantRate = times.ConstantRate, LastDuration = times.LastDuration, Rest = scan };
    }

    /// <summary>The scan again.</summary>
    public SourceScan ToScan()
    {
        long[] ticks = new long[Steps.Sum(s => s[1])];
        long at = 0;
        int i = 0;
        foreach (long[] run in Steps)
        {
            for (long n = 0; n < run[1]; n++)
            {
                at += run[0];
                ticks[i++] = at;
            }
        }

        return Rest with { Timeline = FrameTimeline.Restore(ticks, Tick, ConstantRate, LastDuration) };
    }
}

/// <summary>Keeps a timeline out of the JSON: <see cref="StoredScan"/> has it in a shorter form.</summary>
internal sealed class NoTimeline : JsonConverter<FrameTimeline>
{
    public override FrameTimeline Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Skip();
        return FrameTimeline.Restore([], Rational.One, null, Rational.One);
    }

    public override void Write(Utf8JsonWriter writer, FrameTimeline value, JsonSerializerOptions options) => writer.WriteStringValue("steps");
}
