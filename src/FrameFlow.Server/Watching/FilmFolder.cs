using FrameFlow.Decoding;
using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>A watched folder with its recipe, its records and its names: what every process that works on it needs.</summary>
public sealed class FilmFolder
{
    /// <summary>Binds the three.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="time">The clock.</param>
    /// <param name="recipe">Its recipe, as another process read it; null to find it.</param>
    public FilmFolder(WatchFolder folder, TimeProvider time, Recipe? recipe = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Folder = folder;
        Recipe = recipe ?? RecipeCatalog.Find(folder.Recipe);
        Records = new RecordStore(folder.Output, time);
    }

    /// <summary>The folder.</summary>
    public WatchFolder Folder { get; }

    /// <summary>What is done to its films.</summary>
    public Recipe Recipe { get; }

    /// <summary>What is known of its films.</summary>
    public RecordStore Records { get; }

    /// <summary>Where a film's result goes.</summary>
    public string OutputFor(string relative) =>
        Path.Combine(Folder.Output, Path.GetDirectoryName(relative) ?? "", Recipe.OutputNameFor(Path.GetFileName(relative)));

    /// <summary>Where a record's result is, or will be, now that the output folder is where it is; the recipe by which it was named may be another since.</summary>
    public string OutputNow(JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return Path.Combine(Folder.Output, Path.GetDirectoryName(record.Relative) ?? "", Path.GetFileName(record.Output));
    }

    /// <summary>Whether a record is of a film of this input folder, by whatever path that is reached: several input folders may have one output folder, and each leaves the others' films alone.</summary>
    public bool IsOwn(JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Input == Path.Combine(Folder.Input, record.Relative))
        {
            return true;
        }

        string tail = Path.DirectorySeparatorChar + record.Relative;
        return record.Input.EndsWith(tail, StringComparison.Ordinal)
            && FileIdentity.Of(record.Input[..^tail.Length]) is { } its && its == FileIdentity.Of(Folder.Input);
    }

    /// <summary>What is asked for a film. A result that this folder published itself may be replaced, another's file never.</summary>
    public JobRequest RequestFor(JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        JobRequest request = Recipe.For(record.Input, record.Output);
        return request with { Options = request.Options with { Overwrite = Stands(record), Report = Records.ReportOf(record.Id) } };
    }

    /// <summary>Whether the result that this folder published for a film is there as it was published.</summary>
    public static bool Stands(JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record.Published is { } published && File.Exists(record.Output) && SourceStamp.Of(record.Output) == published;
    }
}
