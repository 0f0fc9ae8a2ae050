using System.Security;
using FrameFlow.Decoding;

namespace FrameFlow.Encoding;

/// <summary>
/// The folder of a sequence that is written: made beside its place under a hidden name, and given its own by one renaming, so that it is there
/// whole or not at all. It holds the sequence and nothing else.
/// </summary>
internal static class SequenceFolder
{
    private const string ReplacedEnding = ".old";

    /// <summary>Checks the place, before any work: nothing is left on the disk.</summary>
    /// <param name="sequence">The output.</param>
    /// <param name="inputPath">The input, or null.</param>
    /// <param name="overwrite">Whether pictures of the sequence that are there may be replaced.</param>
    /// <returns>The full path under which the folder is made.</returns>
    /// <exception cref="FrameFlowException">As <see cref="OutputFile.Prepare"/>.</exception>
    public static string Prepare(SequencePattern sequence, string? inputPath, bool overwrite)
    {
        if (Path.GetDirectoryName(sequence.Folder) is not { } parent)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The output '{sequence.Path}' lies in the root; a sequence needs a folder of its own.");
        }

        if (inputPath is not null && SequencePattern.TryParse(inputPath) is { } input && Directory.Exists(sequence.Folder) && Directory.Exists(input.Folder)
            && OutputFile.IsSameFile(sequence.Folder, input.Folder) && sequence.NameOf(0) == input.NameOf(0))
        {
            throw new FrameFlowException(FaultKind.Usage, $"The output '{sequence.Path}' is the input itself; give another folder.");
        }

        // Numbers are whole numbers of 32 bits to ffmpeg.
        OutputFile.ThrowIfTooLong("output", sequence.Path, sequence.NameOf(int.MaxValue));
        OutputFile.ThrowIfTooLong("output's folder", sequence.Folder, Path.GetFileName(sequence.Folder));
        ThrowIfTaken(sequence, overwrite, FaultKind.Usage);
        if (!Directory.Exists(parent))
        {
            throw new FrameFlowException(FaultKind.Storage, $"The folder '{parent}', in which the sequence's own is to lie, does not exist; create it, or give another.");
        }

        string tail = $".{Guid.NewGuid().ToString("N")[..8]}.partial";
        string partial = Path.Combine(parent, $".{OutputFile.CutToFit(Path.GetFileName(sequence.Folder), 1 + tail.Length + ReplacedEnding.Length)}{tail}");
        try
        {
            Directory.CreateDirectory(partial);
            Directory.Delete(partial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SecurityException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The folder '{parent}' cannot be written to ({e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}); give another, or mend its permissions.", e);
        }

        return partial;
    }

    /// <summary>Gives the folder its name. What it replaces goes only when the new one stands.</summary>
    /// <exception cref="FrameFlowException">The place is taken meanwhile, or the disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public static void Publish(SequencePattern sequence, string partial, bool overwrite)
    {
        ThrowIfTaken(sequence, overwrite, FaultKind.Storage);
        string? replaced = null;
        try
        {
            foreach (string path in Directory.EnumerateFiles(partial))
            {
                using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
                file.Flush(flushToDisk: true);
            }

            if (Directory.Exists(sequence.Folder))
            {
                replaced = partial + ReplacedEnding;
                Directory.Move(sequence.Folder, replaced);
            }

            Directory.Move(partial, sequence.Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (replaced is not null && Directory.Exists(replaced) && !Directory.Exists(sequence.Folder))
            {
                Directory.Move(replaced, sequence.Folder);
            }

            throw new FrameFlowException(FaultKind.Storage, $"The output's folder '{sequence.Folder}' cannot be given its name ({e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}).", e) { CanRetry = true };
        }

        if (replaced is not null)
        {
            Delete(replaced);
        }
    }

    /// <summary>Deletes a folder on the way out of another fault, which is the one to report.</summary>
    public static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its name says what it is.
        }
    }

    private static void ThrowIfTaken(SequencePattern sequence, bool overwrite, FaultKind kind)
    {
        if (File.Exists(sequence.Folder))
        {
            throw new FrameFlowException(kind, $"The output's folder '{sequence.Folder}' is a file; give another name.");
        }

        if (!Directory.Exists(sequence.Folder))
        {
            return;
        }

        string? other = null;
        bool holdsOwn = false;
        foreach (string entry in Directory.EnumerateFileSystemEntries(sequence.Folder))
        {
            bool isOwn = File.Exists(entry) && sequence.NumberOf(Path.GetFileName(entry)) is not null;
            holdsOwn |= isOwn;
            other ??= isOwn ? null : Path.GetFileName(entry);
        }

        if (other is not null)
        {
            throw new FrameFlowException(kind, $"The output's folder '{sequence.Folder}' holds something else ('{other}'), and a sequence is published with its folder in one step; give a folder that is new or empty.");
        }

        if (holdsOwn && !overwrite)
        {
            throw new FrameFlowException(kind, $"The output '{sequence.Path}' exists already; give another folder, or --overwrite.");
        }
    }
}
