namespace FrameFlow.Encoding;

/// <summary>What ffmpeg's last words mean for the user.</summary>
internal static class EncodeFaults
{
    /// <summary>The fault, where ffmpeg complains of the disk or of permissions; else null.</summary>
    public static FrameFlowException? OfStorage(string text, string path, string toolOutput, Exception? cause)
    {
        if (text.Contains("No space left on device", StringComparison.Ordinal) || text.Contains("Disk quota exceeded", StringComparison.Ordinal) || text.Contains("File too large", StringComparison.Ordinal))
        {
            return new FrameFlowException(FaultKind.Storage, $"The disk is full: '{path}' could not be written; free some space, or give another folder.", cause) { CanRetry = true, ToolOutput = toolOutput };
        }

        return text.Contains("Permission denied", StringComparison.Ordinal) || text.Contains("Read-only file system", StringComparison.Ordinal) || text.Contains("Input/output error", StringComparison.Ordinal)
            ? new FrameFlowException(FaultKind.Storage, $"'{path}' could not be written ({Reason(text, cause)}); give another folder, or mend its permissions.", cause) { ToolOutput = toolOutput }
            : null;
    }

    /// <summary>Whether the file's last bytes could not be written: ffmpeg 5.1 says so, and ends with 0 all the same.</summary>
    public static bool IsCutOff(string text) => text.Contains("Error writing trailer of", StringComparison.Ordinal) || text.Contains("Error closing file", StringComparison.Ordinal);

    /// <summary>ffmpeg's last lines are consequences ("Conversion failed!"); the first line that speaks of an error is nearer to the cause.</summary>
    public static string Reason(string text, Exception? cause)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string? line = lines.FirstOrDefault(l => l.Contains("rror", StringComparison.Ordinal) || l.Contains("nvalid", StringComparison.Ordinal) || l.Contains("annot", StringComparison.Ordinal) || l.Contains("nrecognized", StringComparison.Ordinal))
            ?? lines.LastOrDefault();
        line = line is not null && line.StartsWith('[') && line.IndexOf("] ", StringComparison.Ordinal) is > 0 and int end ? line[(end + 2)..] : line;
        return line ?? cause?.Message.ReplaceLineEndings(" ") ?? "it gave no reason";
    }
}
