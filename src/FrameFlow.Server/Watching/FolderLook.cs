using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>A film that lies in a watched folder.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Relative">Its path within the folder.</param>
/// <param name="Stamp">Its size and time.</param>
public readonly record struct FoundFile(string Path, string Relative, SourceStamp Stamp);

/// <summary>
/// Looks through a folder for complete films. A file counts as complete when its size and time have stayed the same for the settling time (measured by a
/// monotonic clock, so a clock that jumps makes no difference), it is not empty, and nobody holds it locked for writing. Hidden files and the names under which
/// writers keep unfinished files are passed over: the rename to the real name is the writer's word that it is done. Linked folders are not entered.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="settle">The settling time.</param>
/// <param name="time">The clock.</param>
public sealed class FolderLook(WatchFolder folder, TimeSpan settle, TimeProvider time)
{
    private static readonly HashSet<string> Films = new(StringComparer.OrdinalIgnoreCase)
    {
        ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts", ".m2ts", ".mts", ".avi", ".mpg", ".mpeg", ".vob", ".mxf", ".wmv", ".flv", ".3gp", ".ogv", ".dv", ".y4m", ".nut", ".gif",
    };

    private readonly List<string> _unnameable = [];
    private readonly Dictionary<string, (SourceStamp Stamp, long Since)> _settling = new(StringComparer.Ordinal);

    /// <summary>Whether the last look saw films that may still become complete: not settled yet, or locked by their writers.</summary>
    public bool HasUnsettled { get; private set; }

    /// <summary>Films and folders that the last look saw and cannot open, since their names are not valid UTF-8; their paths as far as they can be written.</summary>
    public IReadOnlyList<string> Unnameable => _unnameable;

    /// <summary>The complete films that lie there now, in order of name.</summary>
    public IReadOnlyList<FoundFile> Look()
    {
        List<FoundFile> complete = [];
        HashSet<string> present = new(StringComparer.Ordinal);
        HasUnsettled = false;
        _unnameable.Clear();
        foreach (FoundFile file in Enumerate())
        {
            present.Add(file.Relative);
            if (!_settling.TryGetValue(file.Relative, out (SourceStamp Stamp, long Since) before) || before.Stamp != file.Stamp)
            {
                _settling[file.Relative] = (file.Stamp, time.GetTimestamp());
                HasUnsettled = true;
            }
            else if (time.GetElapsedTime(before.Since) < settle)
            {
                HasUnsettled = true;
            }
            else if (file.Stamp.Bytes > 0)
            {
                // One that stays empty is no film that anybody still brings.
                bool isComplete = !IsBeingWritten(file.Path);
                HasUnsettled |= !isComplete;
                if (isComplete)
                {
                    complete.Add(file);
                }
            }
        }

        foreach (string gone in _settling.Keys.Where(k => !present.Contains(k)).ToList())
        {
            _settling.Remove(gone);
        }

        return complete;
    }

    private IEnumerable<FoundFile> Enumerate()
    {
        Stack<string> folders = new([folder.Input]);
        while (folders.TryPop(out string? at))
        {
            FileSystemInfo[] entries;
            try
            {
                entries = [.. new DirectoryInfo(at).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal)];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone, or not ours to read: looked at again next time.
                continue;
            }

            foreach (FileSystemInfo entry in entries)
            {
                if (entry.Name.StartsWith('.') || entry.FullName == folder.Output || entry.FullName == folder.Done)
                {
                    continue;
                }

                // What is no valid UTF-8 reads as U+FFFD, and by that name nothing is there.
                if (entry.Name.Contains('\uFFFD') && (entry is DirectoryInfo || Films.Contains(entry.Extension)) && entry.LinkTarget is null && !Path.Exists(entry.FullName))
                {
                    _unnameable.Add(entry.FullName);
                }
                else if (entry is DirectoryInfo)
                {
                    // A linked folder may lead back to where it lies, or to the outputs.
                    if (entry.LinkTarget is null)
                    {
                        folders.Push(entry.FullName);
                    }
                }
                else if (Films.Contains(entry.Extension) && Stamp(entry) is { } stamp)
                {
                    yield return new FoundFile(entry.FullName, Path.GetRelativePath(folder.Input, entry.FullName), stamp);
                }
            }
        }
    }

    // Of what a link leads to; null where it leads nowhere, in a circle, or to something that is no file.
    private static SourceStamp? Stamp(FileSystemInfo entry)
    {
        try
        {
            FileInfo? file = entry.LinkTarget is null ? entry as FileInfo : entry.ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
            return file is { Exists: true } && (file.Attributes & (FileAttributes.Directory | FileAttributes.Device)) == 0 ? SourceStamp.Of(file.FullName) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Where writers lock what they write (Windows always, elsewhere some), this tells; where they don't, the settling time must. Readers are not disturbed.
    private static bool IsBeingWritten(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            // Not ours to lock: taken as it is; reading it will say what is wrong.
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
