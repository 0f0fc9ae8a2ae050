using FrameFlow.Jobs;
using FrameFlow.Server.Queue;

namespace FrameFlow.Server.Watching;

/// <summary>
/// Looks at the folders again and again: takes new and changed films, puts what is to be done into the queue, tries failed ones again when their pause is
/// over, and puts anew what nobody works on. All of it is found from files, so it may be killed and started at any moment, and run twice.
/// </summary>
public sealed class FolderWatcher
{
    private const string QueueName = "Queue";

    private readonly WatchSettings _settings;
    private readonly IReadOnlyList<FilmFolder> _folders;
    private readonly IFilmSteps _queue;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly List<FolderLook> _looks;
    private readonly Troubles _troubles;

    // By film: what was seen when it was queued last, and when by the monotonic clock.
    private readonly Dictionary<string, (string Seen, JobPriority Priority, long Since)> _queued = new(StringComparer.Ordinal);

    // When anything changed in any film: as long as it does, the queue is being worked off.
    private long _lastChange;

    // By film: how often its original could not be moved away, and when last.
    private readonly Dictionary<string, (int Failures, long Since)> _stuck = new(StringComparer.Ordinal);

    // Folders whose records are known to name the place where the output folder is.
    private readonly HashSet<FilmFolder> _settledIn = [];

    // What was warned of: once a run.
    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);

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
        _troubles = new Troubles(time, log);
        _looks = [.. folders.Select(f => new FolderLook(f.Folder, TimeSpan.FromSeconds(settings.SettleSeconds), time))];
    }

    /// <summary>Looks until cancelled, or, where that is wanted, until nothing is left to do.</summary>
    /// <param name="untilIdle">Whether to end when every film that lies there is settled and done.</param>
    /// <param name="cancellationToken">Ends the watching.</param>
    /// <exception cref="FrameFlowException">It shall end, and a folder cannot be worked on (<see cref="FaultKind.Storage"/>).</exception>
    public async Task RunAsync(bool untilIdle, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(_settings.LookSeconds), _time);
        long begun = _time.GetTimestamp();
        Dictionary<FilmFolder, long> barredSince = [];
        do
        {
            bool isIdle = true;
            FrameFlowException? barred = null;
            try
            {
                for (int i = 0; i < _folders.Count; i++)
                {
                    FilmFolder folder = _folders[i];
                    try
                    {
                        isIdle &= await LookAsync(folder, _looks[i], cancellationToken);
                        barredSince.Remove(folder);
                        if (_troubles.End(folder.Folder.Input))
                        {
                            _log.Information("{Folder} is worked on again.", folder.Folder.Input);
                        }
                    }
                    catch (FrameFlowException e) when (untilIdle)
                    {
                        // Whoever waits for the end is told there: the others are done first, and this one has as long as a film has to settle.
                        barred ??= e;
                        barredSince.TryAdd(folder, _time.GetTimestamp());
                        isIdle &= IsOver(barredSince[folder]);
                    }
                    catch (FrameFlowException e)
                    {
                        // A full or a read-only disk: the others are watched on, and this one is looked at again.
                        _troubles.Tell(folder.Folder.Input, $"{folder.Folder.Input}: {e.Message}");
                        isIdle = false;
                    }
                }

                if (_troubles.End(QueueName))
                {
                    _log.Information("The queue's database is back.");
                }
            }
            catch (QueueAwayException e)
            {
                _troubles.Tell(QueueName, e.Message);
                isIdle = false;
            }

            // Nothing can be settled before the settling time is over.
            if (untilIdle && isIdle && IsOver(begun))
            {
                if (barred is not null)
                {
                    throw barred;
                }

                return;
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));

        bool IsOver(long since) => _time.GetElapsedTime(since).TotalSeconds > _settings.SettleSeconds + _settings.LookSeconds;
    }

    /// <summary>Looks at one folder once.</summary>
    /// <returns>Whether nothing is left to do in it.</returns>
    internal async Task<bool> LookAsync(FilmFolder folder, FolderLook look, CancellationToken cancellationToken)
    {
        if (!_settledIn.Contains(folder))
        {
            await SettleInAsync(folder, cancellationToken);
            _settledIn.Add(folder);
        }

        foreach (FoundFile file in look.Look())
        {
            try
            {
                await TakeAsync(folder, file, cancellationToken);
            }
            catch (FrameFlowException) when (!folder.Records.IsReadable(folder.Records.IdOf(file.Relative)))
            {
                // One film's record is spoilt, which the list below tells of: the others have theirs.
            }
        }

        foreach (string name in look.Unnameable.Where(_warned.Add))
        {
            _log.Warning("{Film} is passed over, since its name is not valid UTF-8; rename it.", name);
        }

        bool isIdle = !look.HasUnsettled;
        IReadOnlyList<JobRecord> records = folder.Records.List((_, reason) => _troubles.Tell(reason, $"{folder.Folder.Input}: {reason}"));
        ILookup<string, JobRecord> byId = records.ToLookup(r => r.Id, StringComparer.Ordinal);
        foreach (JobRecord listed in records.Where(folder.IsOwn))
        {
            JobRecord record = listed;
            JobRecord? holder = record.DuplicateOf is { } other ? byId[other].FirstOrDefault() : null;
            bool isAlone = record.State == JobState.Duplicate && IsAlone(record, holder);
            if (isAlone)
            {
                record = await ReopenAsync(folder, record, cancellationToken);
            }

            if (!record.IsOpen)
            {
                bool isPublished = record.State == JobState.Done || (record.State == JobState.Duplicate && holder?.State == JobState.Done && !isAlone);
                if (folder.Folder.Done is { } done && isPublished)
                {
                    await PutAwayAsync(folder, record, done, cancellationToken);
                }

                if (record.State is JobState.Gone or JobState.Cancelled)
                {
                    await ClearAsync(folder, record, cancellationToken);
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

    // An output folder that was moved has its results, its work and its records with it; only the paths in them are of before.
    private async Task SettleInAsync(FilmFolder folder, CancellationToken cancellationToken)
    {
        JobRecord[] moved = [.. folder.Records.List().Where(r => folder.IsOwn(r) && folder.OutputNow(r) != r.Output)];
        if (moved.Length == 0)
        {
            return;
        }

        await folder.Records.KeepPlaceAsync(cancellationToken);
        foreach (JobRecord record in moved)
        {
            await folder.Records.ChangeAsync(record.Id, r => r is null ? null : r with { Output = folder.OutputNow(r) }, cancellationToken);
        }

        _log.Information("{Output} was moved here from {Place} with {Films} film(s).", folder.Folder.Output, folder.Records.Place, moved.Length);
    }

    // What was done for a film that nobody wants any more goes, once nobody is at work on it. Work that another film, or a person by hand, began under that name stays.
    private async Task ClearAsync(FilmFolder folder, JobRecord record, CancellationToken cancellationToken)
    {
        WorkFolder work = WorkFolder.For(record.Output, _time);
        if (!work.Exists)
        {
            return;
        }

        // Nobody plans it, so begins it anew, meanwhile.
        using FileLock? held = folder.Records.TryTake(record.Id);
        if (held is null || folder.Records.Find(record.Id) != record)
        {
            return;
        }

        try
        {
            if ((await work.Journal.ReadAsync(cancellationToken)).Begun is { } begun && Path.GetFileName(begun.Request.Options.Report) != Path.GetFileName(folder.Records.ReportOf(record.Id)))
            {
                return;
            }

            SegmentedJob.Discard(record.Output, _time);
            _log.Information("What was done of {Film} was thrown away.", record.Relative);
        }
        catch (FrameFlowException e) when (e.IsBusy)
        {
            // Looked at again.
        }
        catch (Exception e) when (e is FrameFlowException or IOException or UnauthorizedAccessException)
        {
            if (_warned.Add(work.FullPath))
            {
                _log.Warning("{Folder} cannot be deleted: {Reason:l}", work.FullPath, e.Message.ReplaceLineEndings(" "));
            }
        }
    }

    // Whether the film that was to be done instead of this one will not be, or became another, so that this content is published nowhere.
    private static bool IsAlone(JobRecord duplicate, JobRecord? holder) =>
        holder is null or { State: JobState.Gone or JobState.Cancelled or JobState.Quarantined or JobState.Duplicate } || (holder.State == JobState.Done && holder.Content != duplicate.Content);

    private async Task<JobRecord> ReopenAsync(FilmFolder folder, JobRecord duplicate, CancellationToken cancellationToken)
    {
        // Moved or taken away, it is nobody's business any more.
        if (!IsAsItWas(duplicate))
        {
            return duplicate;
        }

        JobRecord after = (await folder.Records.ChangeAsync(
            duplicate.Id, r => r == duplicate ? r with { State = JobState.Waiting, DuplicateOf = null, EndedAt = null } : null, cancellationToken))!;
        _queued.Remove(duplicate.Id);
        _log.Information("{Film} is to be done after all: the film of the same content was not.", duplicate.Relative);
        return after;
    }

    private async Task TakeAsync(FilmFolder folder, FoundFile file, CancellationToken cancellationToken)
    {
        string id = folder.Records.IdOf(file.Relative);
        bool isNew = false;
        bool isChanged = false;
        JobRecord? stranger = null;
        await folder.Records.ChangeAsync(
            id,
            before =>
            {
                if (before is not null && !folder.IsOwn(before))
                {
                    // Another input folder's, unless that was moved here: its film is not there any more, and this one is the same or replaces nothing.
                    bool isTheSame = before.Stamp == file.Stamp;
                    if (File.Exists(before.Input) || (!isTheSame && (before.IsOpen || before.State == JobState.Done || before.Published is not null)))
                    {
                        stranger = before;
                        return null;
                    }

                    if (isTheSame && before.State != JobState.Gone)
                    {
                        return before with { Input = file.Path };
                    }
                }

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
                    PublishedContent = before?.PublishedContent ?? (before?.State == JobState.Done && before.Recipe == folder.Recipe.Name ? before.Content : null),
                    PublishedSettings = before?.PublishedSettings,
                    TakenAt = _time.GetUtcNow(),
                };
            },
            cancellationToken);
        if (stranger is not null)
        {
            if (_warned.Add(file.Path))
            {
                _log.Warning("{Film} is not taken: {Output} is the result of {Other}, a film of another folder; give another output folder.", file.Path, stranger.Output, stranger.Input);
            }
        }
        else if (isNew)
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
            if (!isOurs && record.State != JobState.Retrying)
            {
                _queue.Plan(folder, record);
            }

            // Noted once it is there: a queue that is away is asked again at the next look.
            _queued[record.Id] = (seen, record.Priority, _time.GetTimestamp());
            _lastChange = _time.GetTimestamp();
            return;
        }

        // One that is not begun waits behind those that are, for as long as that takes: it is lost only where nothing at all goes on.
        TimeSpan waited = _time.GetElapsedTime(before.Since);
        TimeSpan quiet = record.State == JobState.Waiting && _time.GetElapsedTime(_lastChange) < waited ? _time.GetElapsedTime(_lastChange) : waited;
        TimeSpan pause = PauseAfter(Math.Max(1, record.Failures));
        bool isDue = record.State == JobState.Retrying ? waited >= pause
            : _queue.SinceFailure(record.Id) is { } ago ? waited >= pause && ago >= pause
            : quiet.TotalSeconds >= 2 * _settings.LeaseSeconds && !_queue.IsAtWork(record.Id);
        if (isDue)
        {
            _queue.Plan(folder, record);
            _queued[record.Id] = (seen, record.Priority, _time.GetTimestamp());
        }
    }

    private async Task PutAwayAsync(FilmFolder folder, JobRecord record, string done, CancellationToken cancellationToken)
    {
        (int failures, long since) = _stuck.GetValueOrDefault(record.Id);
        if (!IsAsItWas(record) || (failures > 0 && _time.GetElapsedTime(since) < PauseAfter(failures)))
        {
            return;
        }

        // One watcher at a time; another may have done it before this one held the lock.
        using FileLock? held = folder.Records.TryTake(record.Id);
        if (held is null || !IsAsItWas(record))
        {
            return;
        }

        try
        {
            string moved = await new DoneFolder(done).TakeAsync(record, cancellationToken);
            _stuck.Remove(record.Id);
            _log.Information("{Film} is done and was moved to {Target}.", record.Relative, moved);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _stuck[record.Id] = (++failures, _time.GetTimestamp());
            _log.Warning(
                "{Film} is done but cannot be moved to {Target}: {Reason:l} It is tried again in {Pause} s.", record.Relative, done, e.Message.ReplaceLineEndings(" "), PauseAfter(failures).TotalSeconds);
        }
    }

    private static bool IsAsItWas(JobRecord record) => File.Exists(record.Input) && SourceStamp.Of(record.Input) == record.Stamp;

    // A day is long enough, and no number of failures overflows.
    private TimeSpan PauseAfter(int failures) => TimeSpan.FromSeconds(Math.Min(_settings.RetrySeconds * Math.Pow(2, failures - 1), 86400));

    private string JournalStamp(JobRecord record)
    {
        FileInfo journal = new(Path.Combine(WorkFolder.For(record.Output, _time).FullPath, "journal"));
        return journal.Exists ? FormattableString.Invariant($"{journal.Length}") : "";
    }
}
