using FrameFlow.Encoding;

namespace FrameFlow.Jobs;

/// <summary>
/// What goes with a film when it is asked for: its ledger and its report. They get their names in one go with the film, the film last, so that where a film is its papers are;
/// where one cannot be published none is.
/// </summary>
internal sealed class JobPapers : IDisposable
{
    private JobPapers(OutputFile? ledger, OutputFile? report)
    {
        Ledger = ledger;
        Report = report;
    }

    /// <summary>The ledger's file; null where none is asked for.</summary>
    public OutputFile? Ledger { get; }

    /// <summary>The report's file; null where none is asked for.</summary>
    public OutputFile? Report { get; }

    /// <summary>Whether any is asked for.</summary>
    public bool IsWanted => LedgerPath is not null;

    /// <summary>Where the ledger is written to, for itself or for the report; null where neither is asked for.</summary>
    public string? LedgerPath => Ledger?.PartialPath ?? (Report is null ? null : Report.PartialPath + OutputFile.LedgerEnding);

    /// <summary>Checks the papers' places before any work.</summary>
    /// <param name="options">The request.</param>
    /// <param name="reads">What is read beside the input.</param>
    /// <param name="own">Full paths of papers that an earlier run of this very work has published, ended before it published the film: these may be replaced.</param>
    /// <exception cref="FrameFlowException">A place cannot be used.</exception>
    public static JobPapers Prepare(VideoJobOptions options, IReadOnlyList<(string What, string Path)> reads, IReadOnlySet<string>? own)
    {
        OutputFile? ledger = Open(options.Ledger, "ledger", [("input", options.Input), ("output", options.Output), .. reads]);
        OutputFile? report = Open(options.Report, "report", [("input", options.Input), ("output", options.Output), .. reads, .. options.Ledger is { } path ? [("ledger", path)] : Array.Empty<(string, string)>()]);
        return new JobPapers(ledger, report);

        OutputFile? Open(string? path, string what, IReadOnlyList<(string What, string Path)> others)
        {
            if (path is null)
            {
                return null;
            }

            foreach ((string other, string its) in others)
            {
                OutputFile.ThrowIfPartOf(path, what, its, other);
            }

            return OutputFile.Prepare(path, null, options.Overwrite || own?.Contains(Path.GetFullPath(path)) == true, what);
        }
    }

    /// <summary>SHA-256 of what is to be published, by full path.</summary>
    public async Task<IReadOnlyDictionary<string, string>?> HashAsync(Func<string, CancellationToken, Task<string>> hash, CancellationToken cancellationToken)
    {
        Dictionary<string, string> found = [];
        foreach (OutputFile file in Files())
        {
            found[file.Path] = await hash(file.PartialPath, cancellationToken);
        }

        return found.Count == 0 ? null : found;
    }

    /// <summary>Gives all of them, and the film, their names.</summary>
    /// <exception cref="FrameFlowException">One cannot be published; what was published before it, and replaced nothing, is taken back.</exception>
    public async Task PublishAsync(OutputFile film, CancellationToken cancellationToken)
    {
        List<string> published = [];
        try
        {
            foreach (OutputFile file in Files())
            {
                bool isNew = !File.Exists(file.Path);
                await file.PublishAsync(cancellationToken);
                if (isNew)
                {
                    published.Add(file.Path);
                }
            }

            await film.PublishAsync(cancellationToken);
        }
        catch
        {
            published.ForEach(File.Delete);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Ledger is null && LedgerPath is { } scratch && File.Exists(scratch))
        {
            File.Delete(scratch);
        }

        Ledger?.Dispose();
        Report?.Dispose();
    }

    private IEnumerable<OutputFile> Files() => ((OutputFile?[])[Ledger, Report]).OfType<OutputFile>();
}
