using System.Security.Cryptography;
using System.Text.Json;
using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>
/// The records of one output folder, a file each in <c>.frameflow/jobs</c>. A change is made under a lock, on what stands there at that moment, and
/// the file is replaced whole, so that several processes may watch and work.
/// </summary>
/// <param name="outputFolder">The output folder.</param>
/// <param name="time">The clock for waiting on another's change.</param>
public sealed class RecordStore(string outputFolder, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);

    private string? _place;

    /// <summary>The folder that the records and logs lie in.</summary>
    public string Folder { get; } = Path.Combine(outputFolder, ".frameflow");

    private string Jobs => Path.Combine(Folder, "jobs");

    /// <summary>Where the output folder was when its first film was taken: ids stay what they are when it is moved.</summary>
    /// <exception cref="FrameFlowException">A file cannot be read (<see cref="FaultKind.Storage"/>).</exception>
    public string Place => _place ??= FindPlace();

    private string PlacePath => Path.Combine(Folder, "place");

    /// <summary>The id of a film.</summary>
    /// <exception cref="FrameFlowException">A file cannot be read (<see cref="FaultKind.Storage"/>).</exception>
    public string IdOf(string relative) => Short(Place + "\n" + relative);

    /// <summary>The path of a film's log.</summary>
    public string LogOf(string id) => Path.Combine(Folder, "logs", Name(id) + ".log");

    /// <summary>The path of a film's report, which stands there once the film is published.</summary>
    public string ReportOf(string id) => Path.Combine(Folder, "reports", Name(id) + ".html");

    /// <summary>The record; null where there is none.</summary>
    /// <exception cref="FrameFlowException">The file cannot be read (<see cref="FaultKind.Storage"/>).</exception>
    public JobRecord? Find(string id)
    {
        string path = PathOf(id);
        try
        {
            return !File.Exists(path) ? null
                : JobJson.Read<JobRecord>(File.ReadAllText(path)) is { Input: not null, Relative: not null, Output: not null, Recipe: not null } record && record.Id == id ? record
                : throw new JsonException("It is no film's record, or another film's.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or NotSupportedException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The record '{path}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); delete it, and the film is taken anew.", e);
        }
    }

    /// <summary>Whether a film's record can be read, or is not there.</summary>
    public bool IsReadable(string id)
    {
        try
        {
            _ = Find(id);
            return true;
        }
        catch (FrameFlowException)
        {
            return false;
        }
    }

    /// <summary>Every record that can be read.</summary>
    /// <param name="unreadable">Gets the id and the reason of every other.</param>
    public IReadOnlyList<JobRecord> List(Action<string, string>? unreadable = null)
    {
        List<JobRecord> records = [];
        if (Directory.Exists(Jobs))
        {
            foreach (string path in Directory.EnumerateFiles(Jobs, "*.json").Order(StringComparer.Ordinal))
            {
                string id = Path.GetFileNameWithoutExtension(path);
                try
                {
                    if (Find(id) is { } record)
                    {
                        records.Add(record);
                    }
                }
                catch (FrameFlowException e)
                {
                    unreadable?.Invoke(id, e.Message);
                }
            }
        }

        return records;
    }

    /// <summary>Changes a record.</summary>
    /// <param name="id">Which.</param>
    /// <param name="change">Gets what stands there (null for none) and says what shall stand there; null for no change. Called once.</param>
    /// <param name="cancellationToken">Ends the wait for another's change.</param>
    /// <returns>What stands there now.</returns>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public async Task<JobRecord?> ChangeAsync(string id, Func<JobRecord?, JobRecord?> change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        string path = PathOf(id);
        try
        {
            Directory.CreateDirectory(Jobs);
            using FileLock held = await TakeAsync(path + ".lock", cancellationToken);
            JobRecord? before = Find(id);
            if (change(before) is not { } after)
            {
                return before;
            }

            Replace(path, JobJson.Write(after));
            return after;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The record '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or mend its permissions.", e) { CanRetry = true };
        }
    }

    /// <summary>Takes a film for a step that nobody else may do at the same time: its planning, its publishing.</summary>
    /// <param name="id">Which.</param>
    /// <returns>The lock, which the caller disposes; null where another holds it.</returns>
    public FileLock? TryTake(string id)
    {
        Directory.CreateDirectory(Jobs);
        return FileLock.TryTake(PathOf(id) + ".step");
    }

    /// <summary>Claims a content for a film: of all films with that content and settings one holds the claim.</summary>
    /// <param name="content">SHA-256 of the content.</param>
    /// <param name="settings">The settings, canonical.</param>
    /// <param name="id">The film.</param>
    /// <param name="isGivenUp">Whether another film's claim is of no account any more.</param>
    /// <param name="cancellationToken">Ends the wait for another's claim.</param>
    /// <returns>The film that holds the claim.</returns>
    public async Task<string> ClaimAsync(string content, string settings, string id, Func<string, bool> isGivenUp, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(isGivenUp);
        string folder = Path.Combine(Folder, "contents");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{Name(content)}-{Short(settings)}");
        using FileLock held = await TakeAsync(path + ".lock", cancellationToken);
        string? holder = File.Exists(path) ? (await File.ReadAllTextAsync(path, cancellationToken)).Trim() : null;
        if (holder is { Length: > 0 } && holder != id && !isGivenUp(holder))
        {
            return holder;
        }

        Replace(path, id);
        return id;
    }

    /// <summary>Claims a result's name for a film: of all films whose results would have that name one holds the claim.</summary>
    /// <param name="output">The result's path.</param>
    /// <param name="id">The film.</param>
    /// <param name="isGivenUp">Whether another film's claim is of no account any more.</param>
    /// <param name="cancellationToken">Ends the wait for another's claim.</param>
    /// <returns>The film that holds the claim.</returns>
    public Task<string> ClaimOutputAsync(string output, string id, Func<string, bool> isGivenUp, CancellationToken cancellationToken) =>
        ClaimAsync(Short(Path.GetRelativePath(outputFolder, output)), "output", id, isGivenUp, cancellationToken);

    /// <summary>Keeps the place, before records are changed that still tell it.</summary>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public async Task KeepPlaceAsync(CancellationToken cancellationToken)
    {
        string place = Place;
        try
        {
            using FileLock held = await TakeAsync(PlacePath + ".lock", cancellationToken);
            if (!File.Exists(PlacePath))
            {
                Replace(PlacePath, place);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"'{PlacePath}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or mend its permissions.", e) { CanRetry = true };
        }
    }

    // Until it is kept, every record tells it: the folder with which the film's name gives the record's id.
    private string FindPlace()
    {
        try
        {
            if (File.Exists(PlacePath))
            {
                return File.ReadAllText(PlacePath);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"'{PlacePath}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); mend its permissions.", e);
        }

        string[] told = [.. List().Select(TellPlace).OfType<string>()];
        return told.Length == 0 || told.Contains(outputFolder) ? outputFolder : told[0];
    }

    private static string? TellPlace(JobRecord record)
    {
        string? folder = Path.GetDirectoryName(record.Output);
        string tail = Path.GetDirectoryName(record.Relative) is { Length: > 0 } sub ? Path.DirectorySeparatorChar + sub : "";
        return folder is not null && folder.EndsWith(tail, StringComparison.Ordinal) && Short(folder[..^tail.Length] + "\n" + record.Relative) == record.Id ? folder[..^tail.Length] : null;
    }

    // Flushed and renamed: whoever reads sees the old or the new, never half of one.
    private static void Replace(string path, string text)
    {
        string partial = path + ".partial";
        using (FileStream file = new(partial, FileMode.Create, FileAccess.Write))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, path, overwrite: true);
    }

    /// <summary>16 hexadecimal digits that stand for a text.</summary>
    internal static string Short(string text) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    // Ids come from outside: nothing but hexadecimal digits makes a file name.
    private static string Name(string id) => id.Length is > 0 and <= 64 && id.All(char.IsAsciiHexDigitLower) ? id : throw new ArgumentException("No id.", nameof(id));

    private string PathOf(string id) => Path.Combine(Jobs, Name(id) + ".json");

    private async Task<FileLock> TakeAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (FileLock.TryTake(path) is { } held)
            {
                return held;
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }
}
