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

    /// <summary>What is asked for a film. A result that this folder published itself may be replaced, another's file never.</summary>
    public JobRequest RequestFor(JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        JobRequest request = Recipe.For(record.Input, record.Output);
        bool isOwn = record.Published is { } published && File.Exists(record.Output) && SourceStamp.Of(record.Output) == published;
        return request with { Options = request.Options with { Overwrite = isOwn, Report = Records.ReportOf(record.Id) } };
    }
}
