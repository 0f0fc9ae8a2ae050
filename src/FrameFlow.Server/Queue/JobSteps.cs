using FrameFlow.Inference;
using FrameFlow.Jobs;
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

    /// <summary>Reads the film, plans, and puts its segments into the queue.</summary>
    public Task PlanAsync(string ticket, CancellationToken cancellationToken) => RunAsync(ticket, "plan", [JobState.Waiting, JobState.Running, JobState.Retrying], PlanAsync, cancellationToken);

    /// <summary>Makes one segment; the last one brings about the joining.</summary>
    public Task SegmentAsync(string ticket, int index, CancellationToken cancellationToken) =>
        RunAsync(ticket, FormattableString.Invariant($"segment {index}"), [JobState.Running], step => SegmentAsync(step, index), cancellationToken);

    /// <summary>Joins, proves and publishes.</summary>
    public Task JoinAsync(string ticket, CancellationToken cancellationToken) => RunAsync(ticket, "join", [JobState.Running], JoinAsync, cancellationToken);

    private async Task PlanAsync(Step step)
    {
        CancellationToken token = step.Work.Token;
        JobRecord record = step.Record;
        string content = await SegmentedJob.ContentOfAsync(record.Input, token);
        string settings = step.Folder.RequestFor(record).DescribeSettings();
        string holder = await step.Folder.Records.ClaimAsync(content, settings, record.Id, id => IsGivenUp(step.Folder.Records.Find(id), content), token);
        if (holder != record.Id)
        {
            string other = step.Folder.Records.Find(holder)!.Relative;
            await step.ChangeAsync(r => r with { State = JobState.Duplicate, Content = content, DuplicateOf = holder, EndedAt = time.GetUtcNow() }, CancellationToken.None);
            step.Log.Information("{Film} has the content of {Other} and is not done again.", record.Relative, other);
            return;
        }

        JobRequest request = step.Folder.RequestFor(record);
        if (await SegmentedJob.FindPublishedAsync(request, time, token, () => EndAsync(step)) is not null)
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
                await EndAsync(step);
                return;
            }

            await job.BeginAsync(token);
            missing = [.. job.Missing];
            await step.ChangeAsync(r => Begun(r, content, job), token);
        }

        if (missing.Length == 0)
        {
            next.Join(step.Ticket);
        }

        foreach (int index in missing)
        {
            next.Segment(step.Ticket, step.Record.Priority, index);
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
            next.Join(step.Ticket);
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

    // A claim counts as long as its holder is, or will be, published with that content.
    private static bool IsGivenUp(JobRecord? holder, string content) =>
        holder is null || holder.State is JobState.Quarantined or JobState.Cancelled or JobState.Gone or JobState.Duplicate
        || (holder.State == JobState.Done && (holder.Content != content || !File.Exists(holder.Output)));

    private JobRecord Begun(JobRecord record, string content, SegmentedJob job) => record with
    {
        State = JobState.Running,
        Content = content,
        Frames = job.Plan.FramesOut,
        Segments = Math.Max(1, job.Segments.Count),
        BegunAt = record.BegunAt ?? time.GetUtcNow(),
        Fault = null,
    };

    private Task<JobRecord> EndAsync(Step step)
    {
        Metrics.Published.Add(1);
        return step.ChangeAsync(r => r with { State = JobState.Done, Published = SourceStamp.Of(r.Output), EndedAt = time.GetUtcNow(), Fault = null }, CancellationToken.None);
    }

    private async Task RunAsync(string text, string name, JobState[] states, Func<Step, Task> work, CancellationToken cancellationToken)
    {
        StepTicket ticket = JobJson.Read<StepTicket>(text);
        FilmFolder folder = new(ticket.Folder, time, ticket.Recipe);

        // Two that planned or published one film at the same time would each begin it anew behind the other's back. Whoever holds it brings about the rest.
        using FileLock? held = name is "plan" or "join" ? folder.Records.TryTake(ticket.Id) : null;
        if ((held is null && name is ("plan" or "join")) || folder.Records.Find(ticket.Id) is not { IsPaused: false } record || !states.Contains(record.State))
        {
            return;
        }

        using Work entry = board.Begin(ticket.Id, name, cancellationToken);
        await using Logger film = new LoggerConfiguration()
            .MinimumLevel.Debug()
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
        JobRecord after = await step.ChangeAsync(
            r =>
            {
                // Of several segments that fail for one reason, one counts.
                counted = states.Contains(r.State) && r.Stamp == step.Record.Stamp && (name == "plan" || r.State == JobState.Running);
                int failures = r.Failures + 1;
                bool isLast = failures >= step.Ticket.Tries;
                return !counted ? r : r with { State = isLast ? JobState.Quarantined : JobState.Retrying, Failures = failures, Fault = message, EndedAt = isLast ? time.GetUtcNow() : null };
            },
            CancellationToken.None);
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
