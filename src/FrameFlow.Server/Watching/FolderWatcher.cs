using FrameFlow.Jobs;
using FrameFlow.Server.Queue;

namespace FrameFlow.Server.Watching;

/// <summary>
/// Looks at the folders again and again: takes new and changed films, puts what is to be done into the queue, tries failed ones again when their pause is
/// over, and puts anew what nobody works on. All of it is found from files, so it may be killed and started at any moment, and run twice.
/// </summary>
public sealed class FolderWatcher
{
    private readonly WatchSettings _settings;
    private readonly IReadOnlyList<FilmFolder> _folders;
    private readonly IFilmSteps _queue;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly List<FolderLook> _looks;

    // By film: what was seen when it was queued last, and when by the monotonic clock.
    private readonly Dictionary<string, (string Seen, JobPriority Priority, long Since)> _queued = new(StringComparer.Ordinal);

    /// <summary>Prepares.</summary>
    /// <param name="settings">Checked settings.</param>
    /// <param name="folders">Its folders.</param>
    /// <param name="queue">Where steps go.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Receives what is taken and what is not.</param>
    public FolderWatcher(WatchSettings settings, IReadOnlyList<FilmFolder> folders, IFilmSteps queue, TimeProvider time, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _settings = settings;
        _folders = folders;
        _queue = queue;
        _time = time;
        _log = log;
        _looks = [.. folders.Select(f => new FolderLook(f.Folder, TimeSpan.FromSeconds(settings.SettleSeconds), time))];
    }

    /// <summary>Looks until cancelled, or, where that is wanted, until nothing is left to do.</summary>
    /// <param name="untilIdle">Whether to end when every film that lies there is settled and done.</param>
    /// <param name="cancellationToken">Ends the watching.</param>
    public async Task RunAsync(bool untilIdle, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(_settings.LookSeconds), _time);
        long begun = _time.GetTimestamp();
        do
        {
            bool isIdle = true;
            for (int i = 0; i < _folders.Count; i++)
            {
                try
                {
                    isIdle &= await LookAsync(_folders[i], _looks[i], cancellationToken);
                }
                catch (FrameFlowException e)
                {
                    // A full or a read-only disk: the others are watched on, and this one is looked at again.
                    _log.Error("{Folder}: {Fault:l}", _folders[i].Folder.Input, e.Message);
                    isIdle = false;
                }
            }

            // Nothing can be settled before the settling time is over.
            if (untilIdle && isIdle && _time.GetElapsedTime(begun).TotalSeconds > _settings.SettleSeconds + _settings.LookSeconds)
            {
                return;
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Looks at one folder once.</summary>
    /// <returns>Whether nothing is left to do in it.</returns>
    internal async Task<bool> LookAsync(FilmFolder folder, FolderLook look, CancellationToken cancellationToken)
    {
        foreach (FoundFile file in look.Look())
        {
            await TakeAsync(folder, file, cancellationToken);
        }

        bool isIdle = true;
        foreach (JobRecord record in folder.Records.List())
        {
            if (!record.IsOpen)
            {
                if (folder.Folder.Done is { } done && record.State is JobState.Done or JobState.Duplicate)
                {
                    PutAway(record, Path.Combine(done, record.Relative));
                }

                continue;
            }

            isIdle = false;
            if (!File.Exists(record.Input))
            {
                await folder.Records.ChangeAsync(record.Id, r => r is { IsOpen: true } ? r with { State = JobState.Gone, Fault = "The file went away before it was done.", EndedAt = _time.GetUtcNow() } : null, cancellationToken);
                _log.Warning("{Film} went away before it was done.", record.Relative);
                _queue.Halt(record.Id);
            }
            else if (record.IsPaused)
            {
                // Let go, it is put into the queue anew.
                _queued.Remove(record.Id);
            }
            else
            {
                Queue(folder, record);
            }
        }

        return isIdle;
    }

    private async Task TakeAsync(FilmFolder folder, FoundFile file, CancellationToken cancellationToken)
    {
        string id = folder.Records.IdOf(file.Relative);
        bool isNew = false;
        bool isChanged = false;
        await folder.Records.ChangeAsync(
            id,
            before =>
            {
                // The same file as it was when it was taken: nothing to do, whatever became of it. One that went away and came back is new.
                if (before is not null && before.Stamp == file.Stamp && before.State != JobState.Gone)
                {
                    return null;
                }

                (isNew, isChanged) = (before is null, before is not null);
                return new JobRecord
                {
                    Id = id,
                    Input = file.Path,
                    Relative = file.Relative,
                    Output = folder.OutputFor(file.Relative),
                    Recipe = folder.Recipe.Name,
                    Stamp = file.Stamp,
                    Priority = before?.Priority ?? JobPriority.Normal,
                    IsPaused = before?.IsPaused ?? false,
                    Published = before?.Published,
                    TakenAt = _time.GetUtcNow(),
                };
            },
            cancellationToken);
        if (isNew)
        {
            _log.Information("Taken: {Film}, {Bytes} bytes.", file.Relative, file.Stamp.Bytes);
        }
        else if (isChanged)
        {
            _log.Information("Taken again, since it changed: {Film}, {Bytes} bytes.", file.Relative, file.Stamp.Bytes);
            _queue.Halt(id);
            _queued.Remove(id);
        }
    }

    // A film is put into the queue once for every change that is seen in it; again when nothing has changed for two leases, since then whoever had it is gone.
    private void Queue(FilmFolder folder, JobRecord record)
    {
        string seen = $"{record.State} {record.Failures} {record.Stamp} {JournalStamp(record)}";
        bool isKnown = _queued.TryGetValue(record.Id, out (string Seen, JobPriority Priority, long Since) before);
        if (!isKnown || before.Seen != seen || before.Priority != record.Priority)
        {
            bool isOurs = isKnown && record.State == JobState.Running && before.Priority == record.Priority;
            _queued[record.Id] = (seen, record.Priority, _time.GetTimestamp());
            if (!isOurs && record.State != JobState.Retrying)
            {
                _queue.Plan(folder, record);
            }

            return;
        }

        TimeSpan waited = _time.GetElapsedTime(before.Since);
        bool isDue = record.State == JobState.Retrying
            ? waited.TotalSeconds >= _settings.RetrySeconds * Math.Pow(2, record.Failures - 1)
            : waited.TotalSeconds >= 2 * _settings.LeaseSeconds && !_queue.IsAtWork(record.Id);
        if (isDue)
        {
            _queued[record.Id] = (seen, record.Priority, _time.GetTimestamp());
            _queue.Plan(folder, record);
        }
    }

    // What is there under that name is never replaced.
    private void PutAway(JobRecord record, string target)
    {
        if (!File.Exists(record.Input) || SourceStamp.Of(record.Input) != record.Stamp)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            string free = target;
            for (int i = 2; File.Exists(free); i++)
            {
                free = FormattableString.Invariant($"{Path.Combine(Path.GetDirectoryName(target)!, Path.GetFileNameWithoutExtension(target))} ({i}){Path.GetExtension(target)}");
            }

            File.Move(record.Input, free);
            _log.Information("{Film} is done and was moved to {Target}.", record.Relative, free);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.Warning("{Film} is done but cannot be moved to {Target}: {Reason:l}.", record.Relative, target, e.Message.ReplaceLineEndings(" "));
        }
    }

    private string JournalStamp(JobRecord record)
    {
        FileInfo journal = new(Path.Combine(WorkFolder.For(record.Output, _time).FullPath, "journal"));
        return journal.Exists ? FormattableString.Invariant($"{journal.Length}") : "";
    }
}
