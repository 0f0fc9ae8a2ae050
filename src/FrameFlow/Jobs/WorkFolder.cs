using System.Globalization;
using System.Security.Cryptography;
using FrameFlow.Decoding;
using FrameFlow.Encoding;

namespace FrameFlow.Jobs;

/// <summary>
/// The hidden folder beside an output in which its segments, its plan and its journal lie until it is published. One output has one, found by the
/// output's name alone. A sequence's stands beside its folder, in which nothing else may lie, and its segments are folders of pictures.
/// </summary>
public sealed class WorkFolder
{
    private const string Ending = ".frameflow";
    private const string JournalName = "journal";
    private const string PlanName = "plan.json";
    private const string LockName = "lock";

    private readonly bool _isSequence;

    private WorkFolder(string outputPath, string path, bool isSequence, TimeProvider time)
    {
        _isSequence = isSequence;
        OutputPath = outputPath;
        FullPath = path;
        Journal = new JobJournal(Path.Combine(path, JournalName), time);
    }

    /// <summary>The output's full path.</summary>
    public string OutputPath { get; }

    /// <summary>The folder's full path.</summary>
    public string FullPath { get; }

    /// <summary>What was done.</summary>
    public JobJournal Journal { get; }

    /// <summary>The plan's file.</summary>
    public string PlanPath => Path.Combine(FullPath, PlanName);

    /// <summary>Whether the folder is there.</summary>
    public bool Exists => Directory.Exists(FullPath);

    /// <summary>The folder that belongs to an output; nothing is created.</summary>
    /// <param name="outputPath">The output's path.</param>
    /// <param name="time">The clock for waiting on locks.</param>
    public static WorkFolder For(string outputPath, TimeProvider time)
    {
        string full = Path.GetFullPath(outputPath);
        SequencePattern? sequence = SequencePattern.TryParse(full);
        string place = sequence?.Folder ?? full;
        string name = Path.GetFileName(place) + sequence?.Extension;
        string tail = Ending;
        if (OutputFile.CutToFit(name, 1 + tail.Length) != name)
        {
            // Cut short it must still be this output's own.
            tail = "." + Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)).AsSpan(0, 8)) + Ending;
            name = OutputFile.CutToFit(name, 1 + tail.Length);
        }

        return new WorkFolder(full, Path.Combine(Path.GetDirectoryName(place) ?? place, $".{name}{tail}"), sequence is not null, time);
    }

    /// <summary>Whether a path is that of a work folder or of something in one.</summary>
    public static bool Contains(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Split(Path.DirectorySeparatorChar).Any(p => p.StartsWith('.') && p.EndsWith(Ending, StringComparison.Ordinal));
    }

    /// <summary>The name of a segment's file, or of its folder.</summary>
    public string SegmentName(int index) => string.Create(CultureInfo.InvariantCulture, $"segment-{index:00000}{(_isSequence ? "" : ".nut")}");

    /// <summary>The full path of a segment: a file, or the pattern of a sequence.</summary>
    public string SegmentPath(int index) => Path.Combine(FullPath, SegmentName(index), _isSequence ? Path.GetFileName(OutputPath) : "");

    /// <summary>The full path of a segment's ledger.</summary>
    public string LedgerPath(int index) => Path.Combine(FullPath, Path.ChangeExtension(SegmentName(index), ".jsonl"));

    /// <summary>Creates the folder and takes it for this process.</summary>
    /// <param name="shared">Whether others may work on other segments meanwhile.</param>
    /// <returns>The lock, which the caller disposes.</returns>
    /// <exception cref="FrameFlowException">Another process works on this output (<see cref="FaultKind.Usage"/>), or the folder cannot be made (<see cref="FaultKind.Storage"/>).</exception>
    public FileLock Take(bool shared)
    {
        try
        {
            Directory.CreateDirectory(FullPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The work folder '{FullPath}' cannot be made ({e.Message.ReplaceLineEndings(" ")}); give another folder, or mend its permissions.", e);
        }

        return FileLock.TryTake(Path.Combine(FullPath, LockName), shared)
            ?? throw new FrameFlowException(FaultKind.Usage, $"Another FrameFlow is at work on '{OutputPath}'; wait for it, or give another output.") { CanRetry = true, IsBusy = true };
    }

    /// <summary>Takes a segment, so that no other process on this folder makes it at the same time.</summary>
    /// <returns>The lock, or null where another has it.</returns>
    public FileLock? TryTakeSegment(int index) => FileLock.TryTake(Path.Combine(FullPath, SegmentName(index) + ".lock"));

    /// <summary>Deletes what a killed process left half written. For the sole holder of the folder.</summary>
    public void Sweep()
    {
        Delete(e => e.Name.Contains(".partial", StringComparison.Ordinal));
    }

    /// <summary>Throws away all that was done, the journal last: what is left by a crash on the way still says what it is. For the sole holder of the folder.</summary>
    public void Empty()
    {
        Delete(e => e.Name is not (JournalName or LockName));
        File.Delete(Path.Combine(FullPath, JournalName));
    }

    /// <summary>Deletes the folder. For its sole holder.</summary>
    public void Delete()
    {
        Empty();
        Directory.Delete(FullPath, recursive: true);
    }

    private void Delete(Func<FileSystemInfo, bool> which)
    {
        foreach (FileSystemInfo entry in new DirectoryInfo(FullPath).EnumerateFileSystemInfos().Where(which))
        {
            if (entry is DirectoryInfo folder)
            {
                folder.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }
    }
}
