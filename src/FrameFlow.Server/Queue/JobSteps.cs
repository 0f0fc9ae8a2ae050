using System.Collections.Concurrent;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Jobs;
using FrameFlow.Reporting;
using FrameFlow.Server.Watching;
using Hangfire;
using Serilog;
using Serilog.Core;

namespace FrameFlow.Server.Queue;

/// <summary>
/// The three steps of a film as the queue's workers do them. Each may be done twice, at the same time, or be cut short: what counts is the record and the
/// journal. A fault is counted in the film's record, not by the queue.
/// </summary>
/// <param name="models">Where models are found.</param>
/// <param name="board">Where work is entered.</param>
/// <param name="next">Where the following steps go.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The process's log.</param>
[AutomaticRetry(Attempts = 0, OnAttemptsExceeded = AttemptsExceededAction.Delete)]
public sealed class JobSteps(ModelCatalog models, WorkBoard board, INextSteps next, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // Until a worker that lacks a folder takes another step, and until a queue that is away is asked again.
    private static readonly TimeSpan AwayPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan QueuePause = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, bool> _missing = new(StringComparer.Ordinal);

    /// <summary>Reads the film, plans, and puts its segments into the queue.</summary>
    public Task PlanAsync(string ticket, CancellationToken cancellationToken) => RunAsync(ticket, "plan", [JobState.Waiting, JobState.Running, JobState.Retrying], PlanAsync, next.Plan, cancellationToken);

    /// <summary>Makes one segment; the last one brings about the joining.</summary>
    public Task SegmentAsync(string ticket, int index, CancellationToken cancellationToken) =>
        RunAsync(ticket, FormattableString.Invariant($"segment {index}"), [JobState.Running], step => SegmentAsync(step, index), t => next.Segment(t, t.Priority, index), cancellationToken);

    /// <summary>Joins, proves and publishes.</summary>
    public Task JoinAsync(string ticket, CancellationToken cancellationToken) => RunAsync(ticket, "join", [JobState.Running], JoinAsync, next.Join, cancellationToken);

    private async Task PlanAsync(Step step)
    {
        CancellationToken token = step.Work.Token;
        JobRecord record = step.Record;
        OutputFile.Sweep(record.Output);
        OutputFile.Sweep(step.Folder.Records.ReportOf(record.Id));
        string content = await SegmentedJob.ContentOfAsync(record.Input, token);
        string settings = step.Folder.RequestFor(record).DescribeSettings();
        if (record.PublishedContent == content && (record.PublishedSettings is null || record.PublishedSettings == RecordStore.Short(settings)) && FilmFolder.Stands(record))
        {
            await step.ChangeAsync(r => r with { State = JobState.Done, Content = content, EndedAt = time.GetUtcNow(), Fault = null }, CancellationToken.None);
            step.Log.Information("{Film} has the content that its result was made of, and is not done again.", record.Relative);
            return;
        }

        string holder = await step.Folder.Records.ClaimAsync(content, settings, record.Id, id => IsGivenUp(step.Folder, step.Folder.Records.Find(id), content), token);
        if (holder != record.Id)
        {
            string other = step.Folder.Records.Find(holder)!.Relative;
            await step.ChangeAsync(r => r with { State = JobState.Duplicate, Content = content, DuplicateOf = holder, EndedAt = time.GetUtcNow() }, CancellationToken.None);
            step.Log.Information("{Film} has the content of {Other} and is not done again.", record.Relative, other);
            return;
        }

        if (await FindOtherOfNameAsync(step) is { } named)
        {
            string fault = $"Its result would have the name of that of '{named.Relative}', '{record.Output}'; rename one of the two films.";
            await step.ChangeAsync(r => r with { State = JobState.Quarantined, Content = content, Fault = fault, EndedAt = time.GetUtcNow() }, CancellationToken.None);
            step.Log.Error("{Film} is put in quarantine: {Fault:l}", record.Relative, fault);
            return;
        }

        JobRequest request = step.Folder.RequestFor(record);
        if (await SegmentedJob.FindPublishedAsync(request, time, token, () => EndAsync(step, content)) is not null)
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(record.Output)!);
        Directory.CreateDirectory(Path.GetDirectoryName(request.Options.Report)!);
        File.Delete(request.Options.Report!); // of what the name held before: no film stands in the way of its own successor
        int[] missing;
        await using (SegmentedJob job = await SegmentedJob.PrepareAsync(
            request, new SegmentPolicy { TargetSeconds = step.Ticket.SegmentSeconds, EvenOne = true, RestartIfChanged = true }, models, step.Log, time, token))
        {
            if (!job.IsSegmented)
            {
                // An encoder whose output cannot be joined: in one go.
                await step.ChangeAsync(r => Begun(r, content, job), token);
                step.Work.Count(job.FramesDone);
                await job.RunAsync(token);
                await EndAsync(step, content);
                return;
            }

            await job.BeginAsync(token);
            missing = [.. job.Missing];
            await step.ChangeAsync(r => Begun(r, content, job), token);
        }

        if (missing.Length == 0)
        {
            await PutAsync(step.Log, () => next.Join(step.Ticket), step.Work.Token);
        }

        foreach (int index in missing)
        {
            await PutAsync(step.Log, () => next.Segment(step.Ticket, step.Record.Priority, index), step.Work.Token);
        }
    }

    private async Task SegmentAsync(Step step, int index)
    {
        CancellationToken token = step.Work.Token;
        if (!await SegmentedJob.IsPlannedAsync(step.Record.Output, time, token))
        {
            // Published, or begun anew, while this waited in the queue.
            return;
        }

        await using SegmentedJob job = await SegmentedJob.PrepareAsync(step.Folder.RequestFor(step.Record), new SegmentPolicy(), models, Logger.None, time, token);
        job.BeginBesideOthers();
        if (index >= job.Segments.Count)
        {
            return;
        }

        step.Work.Count(job.FramesDone);
        if (await job.RunSegmentAsync(index, token))
        {
            Metrics.Segments.Add(1);
            Metrics.Frames.Add(job.Segments[index].Count);
            step.Log.Information("{Film}: segment {Index} of {Segments} is done, {Fps:0.0} frames/s.", step.Record.Relative, index, job.Segments.Count, step.Work.FramesPerSecond);
        }

        if (job.IsComplete)
        {
            await PutAsync(step.Log, () => next.Join(step.Ticket), step.Work.Token);
        }
    }

    private async Task JoinAsync(Step step)
    {
        CancellationToken token = step.Work.Token;
        JobRequest request = step.Folder.RequestFor(step.Record);
        if (await SegmentedJob.FindPublishedAsync(request, time, token, () => EndAsync(step)) is not null || !await SegmentedJob.IsPlannedAsync(step.Record.Output, time, token))
        {
            return;
        }

        await using SegmentedJob job = await SegmentedJob.PrepareAsync(request, new SegmentPolicy(), models, Logger.None, time, token);
        JobSummary summary = await job.JoinAsync(token, prove: true, () => EndAsync(step));
        step.Log.Information(
            "Published {Output}: {Frames} frames at {Rate} fps from {FramesIn}, {Segments} segment(s).", step.Record.Output, summary.FramesOut, summary.Plan.TargetRate, summary.Plan.FramesIn, job.Segments.Count);
    }

    // A claim counts as long as its holder is, or will be, published with that content; whether another folder's film ever will is not known here.
    private static bool IsGivenUp(FilmFolder folder, JobRecord? holder, string content) =>
        holder is null || (holder.IsOpen && !folder.IsOwn(holder)) || holder.State is JobState.Quarantined or JobState.Cancelled or JobState.Gone or JobState.Duplicate
        || (holder.State == JobState.Done && (holder.Content != content || !File.Exists(holder.Output)));

    // Another film whose result has, or will have, the name that this one's would have; asked for before anything under that name is touched.
    private static async Task<JobRecord?> FindOtherOfNameAsync(Step step)
    {
        RecordStore records = step.Folder.Records;
        JobRecord record = step.Record;
        string holder = await records.ClaimOutputAsync(record.Output, record.Id, id => IsNameFree(records.Find(id), record.Output), step.Work.Token);
        return holder != record.Id ? records.Find(holder)
            : File.Exists(record.Output) && !FilmFolder.Stands(record) ? records.List().FirstOrDefault(r => r.Id != record.Id && r.Output == record.Output && FilmFolder.Stands(r))
            : null;
    }

    private static bool IsNameFree(JobRecord? holder, string output) =>
        holder is null || Path.GetFileName(holder.Output) != Path.GetFileName(output) || (!holder.IsOpen && !FilmFolder.Stands(holder));

    private JobRecord Begun(JobRecord record, string content, SegmentedJob job) => record with
    {
        State = JobState.Running,
        Content = content,
        Frames = job.Plan.FramesOut,
        Segments = Math.Max(1, job.Segments.Count),
        BegunAt = record.BegunAt ?? time.GetUtcNow(),
        Fault = null,
    };

    private Task<JobRecord> EndAsync(Step step, string? content = null)
    {
        Metrics.Published.Add(1);
        string settings = RecordStore.Short(step.Folder.RequestFor(step.Record).DescribeSettings());
        return step.ChangeAsync(
            r => r with
            {
                State = JobState.Done,
                Content = content ?? r.Content,
                Published = SourceStamp.Of(r.Output),
                PublishedContent = content ?? r.Content,
                PublishedSettings = settings,
                EndedAt = time.GetUtcNow(),
                Fault = null,
            },
            CancellationToken.None);
    }

    // What follows is put into the queue when its database is there; that it is away is no fault of the film.
    private async Task PutAsync(ILogger told, Action put, CancellationToken cancellationToken)
    {
        for (bool isTold = false; ; isTold = true)
        {
            try
            {
                put();
                return;
            }
            catch (QueueAwayException e)
            {
                if (!isTold)
                {
                    told.Warning("{Reason:l}", e.Message);
                }

                await Task.Delay(QueuePause, time, cancellationToken);
            }
        }
    }

    private async Task RunAsync(string text, string name, JobState[] states, Func<Step, Task> work, Action<StepTicket> giveBack, CancellationToken cancellationToken)
    {
        StepTicket ticket = JobJson.Read<StepTicket>(text);
        FilmFolder folder = new(ticket.Folder, time, ticket.Recipe);
        if (FindMissing(folder, ticket, states) is { } missing)
        {
            await GiveBackAsync(missing, () => giveBack(ticket), cancellationToken);
            return;
        }

        foreach (string found in (string[])[folder.Folder.Input, folder.Folder.Output, Path.Combine(folder.Records.Folder, "jobs")])
        {
            _missing.TryRemove(found, out _);
        }

        try
        {
            await TryAsync(ticket, folder, name, states, work, cancellationToken);
        }
        catch (Exception e) when (e is FrameFlowException or IOException or UnauthorizedAccessException)
        {
            // On a full disk not even the step's lock, or the failure itself, can be put down.
            board.Fail(ticket.Id);
            log.Warning("{Film} failed ({Step}) and will be tried again: {Fault:l}", NameOf(folder, ticket.Id), name, e.Message.ReplaceLineEndings(" "));
        }
    }

    // Which folder this machine lacks: where a shared one is not mounted there is nothing, or an empty folder. Nothing is created.
    private static string? FindMissing(FilmFolder folder, StepTicket ticket, JobState[] states)
    {
        string records = Path.Combine(folder.Records.Folder, "jobs");
        string input = folder.Folder.Input;
        return !Directory.Exists(folder.Folder.Output) ? folder.Folder.Output
            : !Directory.Exists(records) ? records
            : IsNothing(input) && folder.Records.IsReadable(ticket.Id) && folder.Records.Find(ticket.Id) is { } record && states.Contains(record.State) ? input
            : null;
    }

    private static bool IsNothing(string folder)
    {
        try
        {
            return !Directory.EnumerateFileSystemEntries(folder).Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private async Task GiveBackAsync(string missing, Action giveBack, CancellationToken cancellationToken)
    {
        if (_missing.TryAdd(missing, true))
        {
            log.Warning("'{Folder:l}' is missing or empty on this machine: steps of its films are left to other workers. Mount it under the path that 'frameflow watch' has.", missing);
        }

        await PutAsync(log, giveBack, cancellationToken);

        // Ended meanwhile or not: it is in the queue again already.
        await Task.Delay(AwayPause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static string NameOf(FilmFolder folder, string id) => folder.Records.IsReadable(id) && folder.Records.Find(id) is { } record ? record.Relative : id;

    private async Task TryAsync(StepTicket ticket, FilmFolder folder, string name, JobState[] states, Func<Step, Task> work, CancellationToken cancellationToken)
    {
        // Two that planned or published one film at the same time would each begin it anew behind the other's back. Whoever holds it brings about the rest.
        using FileLock? held = name is "plan" or "join" ? folder.Records.TryTake(ticket.Id) : null;
        if ((held is null && name is ("plan" or "join")) || folder.Records.Find(ticket.Id) is not { IsPaused: false } record || !states.Contains(record.State) || !folder.IsOwn(record))
        {
            return;
        }

        using Work entry = board.Begin(ticket.Id, name, cancellationToken);
        await using Logger film = new LoggerConfiguration()
            .MinimumLevel.Debug()
            .Enrich.With<OneLineEvents>()
            .WriteTo.File(folder.Records.LogOf(ticket.Id), shared: true, formatProvider: System.Globalization.CultureInfo.InvariantCulture)
            .WriteTo.Logger(log)
            .CreateLogger();
        using CancellationTokenSource watching = CancellationTokenSource.CreateLinkedTokenSource(entry.Token);
        Task watch = StopWhenUnwantedAsync(folder, record, states, entry, watching.Token);
        Step step = new(ticket, folder, record, entry, film);
        try
        {
            await work(step);
        }
        catch (Exception e) when (entry.Token.IsCancellationRequested)
        {
            // The process ends: the queue gives the step to another, or to this one after its start. Stopped alone: nobody wants it.
            film.Information("{Film}: {Step} stopped.", record.Relative, name);
            if (!entry.IsStopped)
            {
                throw new OperationCanceledException("The process ends.", e, cancellationToken);
            }
        }
        catch (FrameFlowException e) when (e.IsBusy)
        {
            film.Debug("{Film}: {Step} is done by another process: {Reason:l}", record.Relative, name, e.Message);
        }
        catch (Exception e)
        {
            await FailAsync(step, name, states, e);
        }
        finally
        {
            await watching.CancelAsync();
            await watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FailAsync(Step step, string name, JobState[] states, Exception fault)
    {
        string message = fault is FrameFlowException ? fault.Message : $"Unforeseen fault: {fault.Message.ReplaceLineEndings(" ")}";
        step.Log.Debug(fault, "The fault in full");
        if (fault is FrameFlowException { ToolOutput: { } output })
        {
            step.Log.Debug("The tool said:\n{ToolOutput}", output);
        }

        bool counted = false;
        JobRecord after;
        try
        {
            after = await step.ChangeAsync(
                r =>
                {
                    // Of several segments that fail for one reason, one counts. A film that is not there is no failure of its own: the watcher knows whether it is gone.
                    counted = states.Contains(r.State) && r.Stamp == step.Record.Stamp && (name == "plan" || r.State == JobState.Running);
                    int failures = File.Exists(r.Input) ? r.Failures + 1 : r.Failures;
                    bool isLast = failures >= step.Ticket.Tries;
                    return !counted ? r : r with { State = isLast ? JobState.Quarantined : JobState.Retrying, Failures = failures, Fault = message, EndedAt = isLast ? time.GetUtcNow() : null };
                },
                CancellationToken.None);
        }
        catch (FrameFlowException e)
        {
            // Not counted, since that cannot be put down; tried again all the same.
            board.Fail(step.Record.Id);
            step.Log.Warning("{Film} failed ({Step}) and will be tried again: {Fault:l} Nor can that be put down: {Reason:l}", step.Record.Relative, name, message, e.Message);
            return;
        }

        if (!counted)
        {
            return;
        }

        Metrics.Failures.Add(1);
        if (after.State == JobState.Quarantined)
        {
            step.Log.Error("{Film} failed {Failures} time(s) and is put in quarantine: {Fault:l} Its log: {Log}", after.Relative, after.Failures, message, step.Folder.Records.LogOf(after.Id));
        }
        else
        {
            step.Log.Warning("{Film} failed ({Step}) and will be tried again: {Fault:l}", after.Relative, name, message);
        }
    }

    // Another process, or a person at another machine's dashboard, may change the record: the work looks now and then whether it is wanted still.
    private async Task StopWhenUnwantedAsync(FilmFolder folder, JobRecord begun, JobState[] states, Work work, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(LookEvery, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            JobRecord? now = folder.Records.Find(begun.Id);
            if (now is null || now.IsPaused || now.Stamp != begun.Stamp || (!states.Contains(now.State) && now.State is JobState.Cancelled or JobState.Gone or JobState.Waiting))
            {
                work.Stop();
                return;
            }
        }
    }

    private sealed class Step(StepTicket ticket, FilmFolder folder, JobRecord taken, Work work, Logger log)
    {
        public StepTicket Ticket => ticket;

        public FilmFolder Folder => folder;

        public JobRecord Record { get; private set; } = taken;

        public Work Work => work;

        public Logger Log => log;

        // Only the film that was taken is changed: one that came anew under the name is another's matter.
        public async Task<JobRecord> ChangeAsync(Func<JobRecord, JobRecord> change, CancellationToken cancellationToken)
        {
            JobRecord? after = await folder.Records.ChangeAsync(Record.Id, r => r is null || r.Stamp != Record.Stamp || r.State == JobState.Cancelled ? null : change(r), cancellationToken);
            return Record = after ?? Record;
        }
    }
}
