using System.Buffers;
using System.Globalization;
using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>
/// Makes of the pictures that ffmpeg wrote, 0, 1, 2 ..., the sequence that was planned: its numbers, and what the source's headers say. ffmpeg knows a
/// part alone of a DPX header and writes "linear" into every one, and of EXR and TIFF nothing that need not be.
/// </summary>
internal static class SequencePictures
{
    // Pictures in the making lie apart, so that no name meets one of the sequence's.
    private const string RawFolder = ".raw";

    /// <summary>What ffmpeg is given as the output's name.</summary>
    public static string RawPattern(string partialFolder, string extension) => Path.Combine(partialFolder, RawFolder).Replace("%", "%%", StringComparison.Ordinal) + "/%010d" + extension;

    /// <summary>Makes the folders.</summary>
    public static void Begin(string partialFolder) => Directory.CreateDirectory(Path.Combine(partialFolder, RawFolder));

    /// <summary>Names the pictures and mends their headers.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="sequence">The output.</param>
    /// <param name="partialFolder">Where they lie.</param>
    /// <param name="sources">For each picture the index of the source frame that it is, or that stands left of it.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task FinishAsync(EncodePlan plan, SequencePattern sequence, string partialFolder, IReadOnlyList<int> sources, CancellationToken cancellationToken)
    {
        // Labels and lengths are those of the whole output, of which this may be a segment.
        EncodePlan whole = plan.Whole;
        ImageSequence? source = whole.Request.Source.Sequence;
        for (int k = 0; k < sources.Count; k++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long index = plan.FirstIndex + k;
            string raw = Path.Combine(partialFolder, RawFolder, k.ToString("D10", CultureInfo.InvariantCulture) + sequence.Extension);
            string path = Path.Combine(partialFolder, sequence.NameOf(whole.NumberOf(index)));
            long? original = source is not null && KindOf(source.Pattern.Extension) == KindOf(sequence.Extension) && whole.Request.SourceTimes is { } times ? source.Numbers[0] + times.TickOf(sources[k]) : null;
            switch (KindOf(sequence.Extension))
            {
                case ".dpx":
                    await MendAsync(whole, index, raw, path, original, cancellationToken);
                    File.Delete(raw);
                    break;
                case ".exr" or ".tif" when original is { } number:
                    await CarryAsync(whole, index, raw, path, number, cancellationToken);
                    File.Delete(raw);
                    break;
                default:
                    File.Move(raw, path);
                    break;
            }
        }

        Directory.Delete(Path.Combine(partialFolder, RawFolder));
    }

    /// <summary>Puts the pictures of segments into one folder, by a second name where the file system has such, else copied: the segments stay what they are.</summary>
    /// <param name="folders">The segments' folders.</param>
    /// <param name="partialFolder">The folder, which is made.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static void Join(IEnumerable<string> folders, string partialFolder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(partialFolder);
        foreach (string picture in folders.SelectMany(Directory.EnumerateFiles))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string path = Path.Combine(partialFolder, Path.GetFileName(picture));
            if (!FileIdentity.TryLink(picture, path))
            {
                File.Copy(picture, path);
            }
        }
    }

    /// <summary>Reads a finished sequence back: each number that is planned and no other, and every picture decodes to the planned size.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static async Task<string?> CompareAsync(EncodePlan plan, SequencePattern sequence, CancellationToken cancellationToken)
    {
        IReadOnlyList<long> numbers = sequence.FindNumbers();
        for (int k = 0; k < plan.FrameCount; k++)
        {
            if (k >= numbers.Count || numbers[k] != plan.NumberOf(k))
            {
                return string.Create(CultureInfo.InvariantCulture, $"picture {plan.NumberOf(k)} is not there");
            }
        }

        if (numbers.Count != plan.FrameCount || Directory.EnumerateFileSystemEntries(sequence.Folder).Count() != numbers.Count)
        {
            return "there is more than the planned pictures";
        }

        ToolResult read = await Tool.RunAsync(
            "ffprobe",
            ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames,width,height", "-of", "csv=p=0", "-f", "image2", "-pattern_type", "glob", sequence.Glob(numbers[^1])],
            cancellationToken);
        string[] fields = read.Output.Trim().Split(',');
        return read.ExitCode != 0 || read.Error.Length > 0 || fields.Length < 3 ? $"a picture cannot be read back ({read.FirstErrorLine()})"
            : fields[2] != plan.FrameCount.ToString(CultureInfo.InvariantCulture) ? $"{fields[2]} of {plan.FrameCount} pictures decode"
            : null;
    }

    /// <summary>Whether what pictures of that ending say of themselves goes over into those of an output: between DPX and DPX, EXR and EXR, TIFF and TIFF.</summary>
    public static bool CarriesHeaders(string extension, ContainerInfo output) => KindOf(extension) != ".png" && output.Extensions.Select(KindOf).Contains(KindOf(extension));

    private static string KindOf(string extension) => extension == ".tiff" ? ".tif" : extension;

    // What names a frame (time code, key code) holds where the frame is the source's own, at its own rate.
    private static async Task CarryAsync(EncodePlan plan, long index, string raw, string path, long original, CancellationToken cancellationToken)
    {
        ImageSequence source = plan.Request.Source.Sequence!;
        string from = source.Pattern.PathOf(original);
        bool isSameFrame = plan.NumberOf(index) == original && source.Rate == (plan.Request.Times?.ConstantRate ?? plan.Request.FrameRate) && plan.Request.IncludeAudio;
        byte[] written = await File.ReadAllBytesAsync(raw, cancellationToken);
        byte[] carried = KindOf(source.Pattern.Extension) == ".tif" ? TiffMetadata.Carry(written, await File.ReadAllBytesAsync(from, cancellationToken), isSameFrame)
            : ExrHeader.TryRead(from) is { } header ? ExrMetadata.Carry(written, header, isSameFrame)
            : written;
        await File.WriteAllBytesAsync(path, carried, cancellationToken);
    }

    private static async Task MendAsync(EncodePlan plan, long index, string raw, string path, long? original, CancellationToken cancellationToken)
    {
        DpxHeader written = DpxHeader.TryRead(raw) ?? throw new FrameFlowException(FaultKind.Encode, $"The encoder dpx left a file without a header for picture {plan.NumberOf(index)}; try another format.");
        FileStreamOptions reading = new() { Options = FileOptions.SequentialScan | FileOptions.Asynchronous };
        await using FileStream from = new(raw, reading);

        // ffmpeg's header ends where its picture begins; TryRead has filled it up.
        from.Position = DpxHeader.GenericBytes;
        long pictureBytes = from.Length - from.Position;
        DpxHeader? source = original is { } number ? DpxHeader.TryRead(plan.Request.Source.Sequence!.Pattern.PathOf(number)) : null;
        DpxHeader header = (source ?? written).Around(written, pictureBytes, Path.GetFileName(path));
        if (source is null)
        {
            header.Transfer = CodeOf(plan.Request.Format.Color.Transfer);
            header.Colorimetric = CodeOf(plan.Request.Format.Color.Primaries);
        }

        Renumber(plan, index, header, source is null ? null : original);
        await using FileStream to = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            header.Bytes.CopyTo(buffer);
            await to.WriteAsync(buffer.AsMemory(0, header.Length), cancellationToken);
            for (int count; (count = await from.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // At the source's own rate a frame keeps its labels, and one that was made for a number that was missing counts on from the frame left of it. At another rate,
    // and from a film, all are counted on from the first one's.
    private static void Renumber(EncodePlan plan, long index, DpxHeader header, long? original)
    {
        Rational rate = plan.Request.Times?.ConstantRate ?? plan.Request.FrameRate;
        if (header.FrameRate is not { } stated || Math.Abs(stated - rate.ToDouble()) > 0.003)
        {
            header.FrameRate = (float)rate.ToDouble();
        }

        if (original is { } number && plan.Request.Source.Sequence!.Rate == rate && plan.Request.IncludeAudio)
        {
            long behind = plan.NumberOf(index) - number;
            if (behind != 0)
            {
                header.FramePosition = header.FramePosition is { } left ? (uint)Math.Clamp(left + behind, 0, uint.MaxValue - 1) : null;
                header.Timecode = header.Timecode is { } label ? Count(label, rate, Rational.Zero, rate, behind) : null;
            }

            return;
        }

        long place = plan.NumberOf(index) - plan.NumberOf(0);
        ImageSequence? sequence = plan.Request.Source.Sequence;
        long origin = sequence?.Dpx?.FramePosition is { } position ? position - sequence.Numbers[0] : 0;
        header.FramePosition = (uint)Math.Clamp(plan.NumberOf(index) + origin, 0, uint.MaxValue - 1);
        header.SequenceLength = (uint)Math.Min(plan.NumberOf(plan.FrameCount - 1) - plan.NumberOf(0) + 1, uint.MaxValue - 1);
        StreamInfo? video = plan.Request.Source.Video;
        Rational? from = plan.Request.Source.Sequence?.Rate ?? video?.Video?.AverageRate ?? video?.Video?.BaseRate;
        header.Timecode = video?.Tags.GetValueOrDefault("timecode") is { } start && from is { } before ? Count(start, before, plan.Request.FirstFrameTime - plan.Request.Source.StartTime, rate, place) : null;
    }

    // SMPTE ST 12-1 without dropped labels: HH:MM:SS:FF counts frames of the nominal rate.
    private static string? Count(string start, Rational from, Rational after, Rational to, long place)
    {
        string[] parts = start.Split(':');
        long nominal = to.Ceiling();
        if (parts.Length != 4 || nominal > 100 || !parts.All(p => p.Length == 2 && char.IsAsciiDigit(p[0]) && char.IsAsciiDigit(p[1])))
        {
            return null;
        }

        int[] label = [.. parts.Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
        long seconds = (((label[0] * 60L) + label[1]) * 60) + label[2];
        long frames = (seconds * nominal) + (new Rational(label[3], from.Ceiling()) * nominal).Floor() + (after * to).Round() + place;
        long whole = frames / nominal;
        return string.Create(CultureInfo.InvariantCulture, $"{whole / 3600 % 24:00}:{whole / 60 % 60:00}:{whole % 60:00}:{frames % nominal:00}");
    }

    // ST 268-1, tables 5A and 5B, which share their codes; 0 is "user defined", 4 "unspecified video".
    private static byte CodeOf(string? tag) => tag switch
    {
        "linear" => 2,
        "log100" or "log316" or "log" or "log_sqrt" => 3,
        "bt709" => 6,
        "bt470bg" => 7,
        "smpte170m" => 8,
        null or "unknown" or "unspecified" => 4,
        _ => 0,
    };
}
