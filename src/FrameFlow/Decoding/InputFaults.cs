namespace FrameFlow.Decoding;

/// <summary>The one-line messages for inputs that cannot be worked on: what, where, the mend.</summary>
internal static class InputFaults
{
    /// <summary>Throws where the path names no file that can be read.</summary>
    public static void ThrowIfUnreadable(string path)
    {
        if (Directory.Exists(path))
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' is a folder; name one video file.");
        }

        if (!File.Exists(path))
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' does not exist; check the path.");
        }

        // Opening a pipe that nobody writes into never ends, and one that somebody does can be read once only.
        if (FileIdentity.Of(path) is { IsRegular: false })
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' is a pipe or a device, and a film is read more than once; write it into a file first.");
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.CanSeek && file.Length == 0)
            {
                throw new FrameFlowException(FaultKind.Input, $"Input '{path}' is empty (0 bytes); copy or record it again.");
            }
        }
        catch (UnauthorizedAccessException e)
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' may not be read; change its permissions.", e);
        }
        catch (IOException e)
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' cannot be read ({e.Message.TrimEnd('.')}); check the disk.", e) { CanRetry = true };
        }
    }

    /// <summary>The file is none that ffmpeg knows.</summary>
    public static FrameFlowException NoMedia(string path, string reason, string? toolOutput = null) =>
        new(FaultKind.Input, $"Input '{path}' is no media file ({reason}); give a video file.") { ToolOutput = toolOutput };

    /// <summary>The file has sound or pictures of covers, but no film.</summary>
    public static FrameFlowException NoVideo(string path, IEnumerable<StreamInfo> streams)
    {
        string found = string.Join(", ", streams.Select(s => s.Video is { IsAttachedPicture: true } ? "cover picture" : $"{s.Kind.ToString().ToLowerInvariant()} {s.Codec}"));
        return new(FaultKind.Input, $"Input '{path}' has no video stream (it holds: {(found.Length == 0 ? "nothing" : found)}); give a file with pictures.");
    }

    /// <summary>ffprobe could not open the file: its reason, in our words.</summary>
    public static FrameFlowException FromProbe(string path, IReadOnlyList<string> errors)
    {
        string all = string.Join('\n', errors);
        if (all.Contains("moov atom not found", StringComparison.Ordinal) && StartsWithMovieBox(path))
        {
            return new(FaultKind.Input, $"Input '{path}' has no index (its moov box is missing, as when a recording or a copy was cut off); copy it again or rebuild the index with a repair tool.") { ToolOutput = all };
        }

        string reason = all.Contains("moov atom not found", StringComparison.Ordinal) || errors.Count == 0
            ? "its content is not what its name says"
            : LastReason(path, errors);
        return NoMedia(path, reason, all);
    }

    /// <summary>The last line of a tool's complaint, without the parts that name the path or an address in memory.</summary>
    public static string LastReason(string path, IReadOnlyList<string> errors)
    {
        string line = errors.Count == 0 ? "no reason given" : errors[^1].Trim();
        line = line.Replace("file:" + path + ": ", "", StringComparison.Ordinal).Replace(path + ": ", "", StringComparison.Ordinal);
        while (line.StartsWith('[') && line.IndexOf("] ", StringComparison.Ordinal) is > 0 and int end)
        {
            line = line[(end + 2)..];
        }

        return line;
    }

    // ISO 14496-12: a box begins with four bytes of size and four of type.
    private static bool StartsWithMovieBox(string path)
    {
        Span<byte> head = stackalloc byte[8];
        using FileStream file = File.OpenRead(path);
        if (file.ReadAtLeast(head, 8, throwOnEndOfStream: false) < 8)
        {
            return false;
        }

        ReadOnlySpan<byte> type = head[4..];
        return type.SequenceEqual("ftyp"u8) || type.SequenceEqual("mdat"u8) || type.SequenceEqual("moov"u8) || type.SequenceEqual("free"u8)
            || type.SequenceEqual("wide"u8) || type.SequenceEqual("skip"u8) || type.SequenceEqual("styp"u8);
    }
}
