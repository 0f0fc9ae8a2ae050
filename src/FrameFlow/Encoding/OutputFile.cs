using System.Globalization;
using System.Security;
using FrameFlow.Decoding;

namespace FrameFlow.Encoding;

/// <summary>
/// The file that a run makes, or the folder of a sequence. All is written beside it under a <c>.partial</c> name; only <see cref="PublishAsync"/> gives it the
/// output's name, in one step. Disposing without publishing deletes what was written.
/// </summary>
public sealed class OutputFile : IDisposable
{
    /// <summary>What stands behind a report's partial name while its ledger is written.</summary>
    internal const string LedgerEnding = ".ledger";

    /// <summary>Bytes of a name that every file system takes (NAME_MAX of Linux).</summary>
    private const int NameLimitBytes = 255;
    private const int IdDigits = 8;
    private const string PartialMark = ".partial";
    private readonly string? _partialFolder;
    private FileStream? _written;
    private int _ended;

    private OutputFile(string path, string partialPath, bool overwrite, SequencePattern? sequence = null)
    {
        Path = path;
        PartialPath = partialPath;
        Overwrite = overwrite;
        Sequence = sequence;
        _partialFolder = sequence is null ? null : System.IO.Path.GetDirectoryName(partialPath);
    }

    /// <summary>The sequence, where it is one; else null.</summary>
    internal SequencePattern? Sequence { get; }

    /// <summary>What ffmpeg is given as the output's name.</summary>
    internal string WrittenPath => Sequence is null ? PartialPath : SequencePictures.RawPattern(_partialFolder!, Sequence.Extension);

    /// <summary>The output's full path.</summary>
    public string Path { get; }

    /// <summary>Where the encoder writes: same folder, hidden, same extension; of a sequence the same pattern in a hidden folder.</summary>
    public string PartialPath { get; }

    /// <summary>Whether a file that is there may be replaced.</summary>
    public bool Overwrite { get; }

    /// <summary>Checks the output's path, before any work: nothing is left on the disk.</summary>
    /// <param name="path">The output's path.</param>
    /// <param name="inputPath">The input's path, or null.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <param name="what">What the file is, for the messages.</param>
    /// <exception cref="FrameFlowException">The path cannot be used: <see cref="FaultKind.Usage"/> where the request is wrong (a folder, the input itself,
    /// there already), <see cref="FaultKind.Storage"/> where the disk is (no such folder, not writable).</exception>
    public static OutputFile Prepare(string path, string? inputPath, bool overwrite, string what = "output")
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            throw new FrameFlowException(FaultKind.Usage, what == "output" ? "The output has no name; give one with -o." : $"The {what} has no name; give one.");
        }

        if (SequencePattern.TryParse(path) is { } sequence)
        {
            return new OutputFile(System.IO.Path.GetFullPath(path), System.IO.Path.Combine(SequenceFolder.Prepare(sequence, inputPath, overwrite), System.IO.Path.GetFileName(path)), overwrite, sequence);
        }

        string full = System.IO.Path.GetFullPath(path);
        string? folder = System.IO.Path.GetDirectoryName(full);
        ThrowIfTooLong(what, path, System.IO.Path.GetFileName(full));
        if (Directory.Exists(full) || System.IO.Path.EndsInDirectorySeparator(path) || folder is null)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The {what} '{path}' is a folder; give a file name.");
        }

        if (File.Exists(full))
        {
            if (inputPath is not null)
            {
                ThrowIfPartOf(path, what, inputPath, "input");
            }

            if (FileIdentity.Of(full) is { IsRegular: false })
            {
                throw new FrameFlowException(FaultKind.Usage, $"The {what} '{path}' is a device or a pipe, no plain file; give a file name.");
            }

            if (!overwrite)
            {
                throw new FrameFlowException(FaultKind.Usage, $"The {what} '{path}' exists already; give another name, or --overwrite.");
            }
        }

        if (!Directory.Exists(folder))
        {
            throw new FrameFlowException(FaultKind.Storage, $"The {what}'s folder '{folder}' does not exist; create it, or give another.");
        }

        OutputFile output = new(full, PartialName(full), overwrite);
        try
        {
            // Permissions, read-only mounts and names that the file system refuses show themselves only in the doing.
            File.Open(output.PartialPath, FileMode.CreateNew, FileAccess.Write).Dispose();
            File.Delete(output.PartialPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SecurityException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The {what}'s folder '{folder}' cannot be written to ({OneLine(e.Message)}); give another, or mend its permissions.", e);
        }

        return output;
    }

    /// <summary>Deletes what killed processes have left half written of an output. What a living one writes, here or on another machine, it holds open, and that is left alone.</summary>
    /// <param name="path">The output's path.</param>
    internal static void Sweep(string path)
    {
        string full = System.IO.Path.GetFullPath(path);
        string like = System.IO.Path.GetFileName(PartialName(full));
        string ending = PartialMark + PartialExtension(full);
        string beginning = like[..^(ending.Length + IdDigits)];
        try
        {
            foreach (string found in Directory.EnumerateFiles(System.IO.Path.GetDirectoryName(full)!))
            {
                string name = System.IO.Path.GetFileName(found);
                name = name.EndsWith(LedgerEnding, StringComparison.Ordinal) ? name[..^LedgerEnding.Length] : name;
                if (name.Length == like.Length && name.StartsWith(beginning, StringComparison.Ordinal) && name.EndsWith(ending, StringComparison.Ordinal)
                    && name.Substring(beginning.Length, IdDigits).All(char.IsAsciiHexDigitLower))
                {
                    DeleteUnlessHeld(found);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No folder, no leftovers; and leftovers alone stop no work.
        }
    }

    /// <summary>The same output, written into another folder of the same file system first.</summary>
    public OutputFile WrittenIn(string folder)
    {
        string name = System.IO.Path.Combine(folder, "joined" + PartialEnding(Path));
        return new(Path, Sequence is null ? name : System.IO.Path.Combine(name, System.IO.Path.GetFileName(Path)), Overwrite, Sequence);
    }

    /// <summary>Gives the finished file its name: flushed to the disk, then renamed within the folder. Without <see cref="Overwrite"/> a file that came to be meanwhile is not touched.</summary>
    /// <exception cref="FrameFlowException">A file of that name is there now, or the disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public Task PublishAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_ended != 0, this);
        return Task.Run(Publish, CancellationToken.None);
    }

    /// <summary>Deletes what was written, unless it was published. May be called again.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            if (_partialFolder is not null)
            {
                SequenceFolder.Delete(_partialFolder);
                return;
            }

            DeleteQuietly(PartialPath);
            _written?.Dispose();
        }
    }

    /// <summary>Makes what must be there before ffmpeg writes.</summary>
    internal void Begin()
    {
        if (_partialFolder is not null)
        {
            SequencePictures.Begin(_partialFolder);
            return;
        }

        try
        {
            // Held open, shared, as long as ffmpeg writes it: by that a sweep knows that somebody lives who writes it.
            _written ??= new FileStream(PartialPath, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // ffmpeg will say what is wrong with it.
        }
    }

    /// <summary>Makes of what ffmpeg wrote what was planned; only a sequence needs it.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="sources">For each picture the index of its source frame.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    internal Task FinishAsync(EncodePlan plan, IReadOnlyList<int> sources, CancellationToken cancellationToken) =>
        Sequence is null ? Task.CompletedTask : SequencePictures.FinishAsync(plan, Sequence, _partialFolder!, sources, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => Abandon();

    /// <summary>Whether two paths lead to one file, links of both kinds followed.</summary>
    internal static bool IsSameFile(string a, string b)
    {
        if (FileIdentity.Of(a) is { } first && FileIdentity.Of(b) is { } second)
        {
            return first == second;
        }

        return string.Equals(System.IO.Path.GetFullPath(a), System.IO.Path.GetFullPath(b), StringComparison.Ordinal);
    }

    /// <summary>Refuses a name that no file system takes: it would be found out when all is done.</summary>
    /// <param name="what">What bears it, for the message.</param>
    /// <param name="path">Its path as the user gave it.</param>
    /// <param name="name">The name.</param>
    /// <exception cref="FrameFlowException">It is too long (<see cref="FaultKind.Usage"/>).</exception>
    internal static void ThrowIfTooLong(string what, string path, string name)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(name) is > NameLimitBytes and int bytes)
        {
            throw new FrameFlowException(FaultKind.Usage, string.Create(CultureInfo.InvariantCulture, $"The {what} '{path}' has a name of {bytes} bytes, and {NameLimitBytes} are the most that a file system takes; give a shorter one."));
        }
    }

    /// <summary>The beginning of a name that leaves room for <paramref name="more"/> bytes; no character is cut in two.</summary>
    internal static string CutToFit(string name, int more)
    {
        while (System.Text.Encoding.UTF8.GetByteCount(name) + more > NameLimitBytes)
        {
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        }

        return name;
    }

    /// <summary>Refuses to write over what is read.</summary>
    /// <param name="path">What is to be written, for the message as the user gave it.</param>
    /// <param name="what">What it is.</param>
    /// <param name="read">A file, a sequence's pattern or a folder of PNG pictures.</param>
    /// <param name="whatIsRead">What that is.</param>
    /// <exception cref="FrameFlowException">They are one file, or it is one of the sequence's or the folder's pictures (<see cref="FaultKind.Usage"/>).</exception>
    internal static void ThrowIfPartOf(string path, string what, string read, string whatIsRead)
    {
        string full = System.IO.Path.GetFullPath(path);
        string folder = System.IO.Path.GetDirectoryName(full) ?? full;
        bool isPart = SequencePattern.TryParse(read) is { } pictures ? Directory.Exists(folder) && IsSameFile(folder, pictures.Folder) && pictures.NumberOf(System.IO.Path.GetFileName(full)) is not null
            : full.EndsWith(".png", StringComparison.OrdinalIgnoreCase) && Directory.Exists(read) && Directory.Exists(folder) && IsSameFile(folder, read);
        if (isPart || IsSameFile(full, read))
        {
            throw new FrameFlowException(FaultKind.Usage, $"The {what} '{path}' is {(isPart ? $"part of the {whatIsRead} '{read}'" : $"the {whatIsRead} itself")}; give another name.");
        }
    }

    private static string PartialName(string full)
    {
        string name = System.IO.Path.GetFileName(full);
        string tail = PartialEnding(name);
        return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(full)!, $".{CutToFit(name, 1 + tail.Length + LedgerEnding.Length)}{tail}");
    }

    private static string PartialEnding(string name) => $".{Guid.NewGuid().ToString("N")[..IdDigits]}{PartialMark}{PartialExtension(name)}";

    // By its extension ffmpeg knows the container, all of which have short ones.
    private static string PartialExtension(string name) => System.IO.Path.GetExtension(name) is { Length: <= 16 } extension ? extension : "";

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.', ' ');

    private static void DeleteUnlessHeld(string path)
    {
        try
        {
            using FileStream alone = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Held, or gone meanwhile.
        }
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Called on the way out of another fault, which is the one to report; the name says what the file is.
        }
    }

    private void Publish()
    {
        if (Sequence is not null)
        {
            SequenceFolder.Publish(Sequence, _partialFolder!, Overwrite);
            Interlocked.Exchange(ref _ended, 1);
            return;
        }

        try
        {
            using (FileStream file = new(PartialPath, FileMode.Open, FileAccess.ReadWrite))
            {
                file.Flush(flushToDisk: true);
            }

            File.Move(PartialPath, Path, Overwrite);
            Interlocked.Exchange(ref _ended, 1);
            _written?.Dispose();
        }
        catch (IOException e) when (!Overwrite && File.Exists(Path) && File.Exists(PartialPath))
        {
            throw new FrameFlowException(FaultKind.Storage, $"The output '{Path}' came to be while the work ran and is not replaced; give another name, or --overwrite.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The output '{Path}' cannot be given its name ({OneLine(e.Message)}).", e) { CanRetry = true };
        }
    }
}
