using System.Text.Json;
using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>One folder whose films are made into others.</summary>
public sealed record WatchFolder
{
    /// <summary>Where films come.</summary>
    public required string Input { get; init; }

    /// <summary>Where results go, in the same sub-folders; what is known of each film is kept in <c>.frameflow</c> in it.</summary>
    public required string Output { get; init; }

    /// <summary>A recipe's name, or a file of one.</summary>
    public string Recipe { get; init; } = "smooth-60";

    /// <summary>Where an original is moved when its result is published; null to leave it where it is.</summary>
    public string? Done { get; init; }
}

/// <summary>Several folders and how they are watched: the configuration file's content.</summary>
public sealed record WatchSettings
{
    /// <summary>The folders.</summary>
    public required IReadOnlyList<WatchFolder> Folders { get; init; }

    /// <summary>How long a file's size and time must stay the same until it is taken for complete, seconds.</summary>
    public double SettleSeconds { get; init; } = 5;

    /// <summary>How often the folders are looked through, seconds.</summary>
    public double LookSeconds { get; init; } = 2;

    /// <summary>How often a film that fails is tried before it is put in quarantine, at least 1.</summary>
    public int Tries { get; init; } = 3;

    /// <summary>The pause before the second try, seconds; it doubles with each.</summary>
    public double RetrySeconds { get; init; } = 30;

    /// <summary>Seconds that a segment should hold.</summary>
    public double SegmentSeconds { get; init; } = new SegmentPolicy().TargetSeconds;

    /// <summary>After how many seconds a dead worker's step is given to another.</summary>
    public double LeaseSeconds { get; init; } = 60;

    /// <summary>Steps at once on the processor, and on an accelerator.</summary>
    public Concurrency Workers { get; init; } = new(1, 1);

    /// <summary>Reads a configuration file. Relative paths in it are relative to it.</summary>
    /// <exception cref="FrameFlowException">The file cannot be read (<see cref="FaultKind.Usage"/>).</exception>
    public static WatchSettings Read(string path)
    {
        try
        {
            WatchSettings settings = JobJson.Read<WatchSettings>(File.ReadAllText(path));
            string[] faults = [.. settings.FindUnreadable()];
            if (faults.Length > 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"The configuration '{path}' has {faults.Length} fault(s): {string.Join("; ", faults)}. (An example: docs/service/watch.json.)");
            }

            string at = Path.GetDirectoryName(Path.GetFullPath(path))!;
            return settings with
            {
                Folders = [.. settings.Folders.Select(f => f with
                {
                    Input = Path.GetFullPath(f.Input, at),
                    Output = Path.GetFullPath(f.Output, at),
                    Done = f.Done is null ? null : Path.GetFullPath(f.Done, at),
                    Recipe = f.Recipe.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? Path.GetFullPath(f.Recipe, at) : f.Recipe,
                })],
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The configuration '{path}' cannot be read ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); compare it with docs/service/watch.json.", e);
        }
    }

    // What JSON can say and no folder can be: the reader lets null stand where the types do not.
    private IEnumerable<string> FindUnreadable()
    {
        if (Workers is null)
        {
            yield return "workers: null; give { \"cpu\": 1, \"gpu\": 1 }, or leave it out";
        }

        if (Folders is not { Count: > 0 })
        {
            yield return "folders: none is named; give a list of { \"input\": ..., \"output\": ..., \"recipe\": ... }";
            yield break;
        }

        for (int i = 0; i < Folders.Count; i++)
        {
            if (Folders[i] is not { } folder)
            {
                yield return FormattableString.Invariant($"folders[{i}]: null");
                continue;
            }

            foreach ((string name, string? value) in ((string, string?)[])[("input", folder.Input), ("output", folder.Output), ("recipe", folder.Recipe), .. folder.Done is null ? Array.Empty<(string, string?)>() : [("done", folder.Done)]])
            {
                string? fault = value is null ? "null" : string.IsNullOrWhiteSpace(value) ? "empty" : value.Contains('\0', StringComparison.Ordinal) ? "holds a NUL, which no path can" : null;
                if (fault is not null)
                {
                    yield return FormattableString.Invariant($"folders[{i}].{name}: {fault}");
                }
            }
        }
    }

    /// <summary>The same, where what a worker heeds is in range.</summary>
    /// <exception cref="FrameFlowException">A value is out of range (<see cref="FaultKind.Usage"/>).</exception>
    public WatchSettings CheckedForWork()
    {
        string[] faults = [.. FindOutOfRange()];
        return faults.Length == 0 ? this : throw new FrameFlowException(FaultKind.Usage, $"Cannot work: {string.Join("; ", faults)}.");
    }

    private IEnumerable<string> FindOutOfRange()
    {
        if (LeaseSeconds is not (>= 5 and <= 86400))
        {
            yield return FormattableString.Invariant($"leaseSeconds {LeaseSeconds}: 5 to 86400");
        }

        if (Workers is not { Cpu: >= 1 and <= 64, Gpu: >= 1 and <= 64 })
        {
            yield return FormattableString.Invariant($"workers {Workers?.Cpu} and {Workers?.Gpu}: 1 to 64");
        }
    }

    /// <summary>Full paths, and every reason why this cannot be watched in one message.</summary>
    /// <exception cref="FrameFlowException">A value is out of range, a folder is missing, or results would come back as films (<see cref="FaultKind.Usage"/>).</exception>
    public WatchSettings Checked()
    {
        List<string> faults = [];
        WatchFolder[] folders = [.. Folders.Select(f => f with
        {
            Input = Trimmed(f.Input),
            Output = Trimmed(f.Output),
            Done = f.Done is null ? null : Trimmed(f.Done),
        })];
        Check(folders.Length > 0, $"no folder is named");
        Check(SettleSeconds is >= 0.1 and <= 3600, $"settleSeconds {SettleSeconds}: 0.1 to 3600");
        Check(LookSeconds is >= 0.1 and <= 3600, $"lookSeconds {LookSeconds}: 0.1 to 3600");
        Check(Tries is >= 1 and <= 100, $"tries {Tries}: 1 to 100");
        Check(RetrySeconds is >= 0.1 and <= 86400, $"retrySeconds {RetrySeconds}: 0.1 to 86400");
        Check(SegmentSeconds is >= 0.5 and <= 86400, $"segmentSeconds {SegmentSeconds}: 0.5 to 86400");
        faults.AddRange(FindOutOfRange());
        foreach (WatchFolder folder in folders)
        {
            Check(Directory.Exists(folder.Input), $"the folder '{folder.Input}' does not exist");
            Check(!IsWithin(folder.Input, folder.Output), $"'{folder.Input}' lies in its own output folder '{folder.Output}'");
            Check(folder.Done is null || !IsWithin(folder.Done, folder.Input) || folder.Done != folder.Input, $"done '{folder.Done}' is the input folder itself");
        }

        foreach (IGrouping<string, WatchFolder> shared in folders.GroupBy(f => f.Output).Where(g => g.Count() > 1))
        {
            faults.Add($"'{shared.Key}' is the output of several folders");
        }

        // A result that lands in a watched folder is a film there: a chain is meant, a circle never ends.
        foreach (WatchFolder start in folders)
        {
            HashSet<WatchFolder> seen = [];
            Queue<WatchFolder> next = new([start]);
            while (next.TryDequeue(out WatchFolder? at))
            {
                foreach (WatchFolder follower in folders.Where(f => f != at && IsWithin(at.Output, f.Input)))
                {
                    if (follower == start)
                    {
                        faults.Add($"results of '{start.Input}' would come back to it through '{at.Output}'");
                    }
                    else if (seen.Add(follower))
                    {
                        next.Enqueue(follower);
                    }
                }
            }
        }

        if (faults.Count > 0)
        {
            throw new FrameFlowException(FaultKind.Usage, $"Cannot watch: {string.Join("; ", faults.Distinct())}.");
        }

        foreach (WatchFolder folder in folders)
        {
            _ = RecipeCatalog.Find(folder.Recipe);
        }

        return this with { Folders = folders };

        void Check(bool good, FormattableString fault)
        {
            if (!good)
            {
                faults.Add(FormattableString.Invariant(fault));
            }
        }
    }

    /// <summary>Whether a path is a folder or lies in it.</summary>
    internal static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static string Trimmed(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}

/// <summary>How many steps run at once.</summary>
/// <param name="Cpu">On the processor.</param>
/// <param name="Gpu">On an accelerator.</param>
public sealed record Concurrency(int Cpu, int Gpu);
