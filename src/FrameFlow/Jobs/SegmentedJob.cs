using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Reporting;
using FrameFlow.Verification;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>
/// A job that survives: a long film is cut into segments, each encoded on its own into the <see cref="WorkFolder"/> beside the output and journalled,
/// and joined when all are there. Killed at any moment, the same request goes on where it was; finished segments are not made again. The three steps
/// (plan, segment, join) may be done by different processes on different machines. A short film is one <see cref="VideoJob"/> in one go.
/// </summary>
/// <remarks>
/// What is on the disk at each step, so that a crash between any two loses nothing: 1. journal "begun"; 2. plan's file, then "planned"; 3. a segment's file
/// under a partial name, checked, flushed, renamed, then "segment"; 4. the joined file under a partial name, checked, then "joined" with its hash;
/// 5. renamed to the output's name; 6. the folder deleted, the journal last. A file whose line is missing is made again.
/// </remarks>
public sealed class SegmentedJob : IAsyncDisposable
{
    private readonly SegmentPolicy _policy;
    private readonly ILogger _log;
    private readonly WorkFolder _work;
    private readonly Func<SourceScan?, CancellationToken, Task<VideoJob>> _prepareAnew;
    private readonly JobFingerprint _fingerprint;
    private readonly SourceStamp _stamp;
    private VideoJob _job;
    private JournalState _state;
    private SegmentPlan? _plan;
    private FileLock? _lock;
    private long _framesBefore;

    private SegmentedJob(
        JobRequest request, SegmentPolicy policy, ILogger log, WorkFolder work, VideoJob job, Func<SourceScan?, CancellationToken, Task<VideoJob>> prepareAnew, JobFingerprint fingerprint, SourceStamp stamp, JournalState state, SegmentPlan? plan)
    {
        Request = request;
        _policy = policy;
        _log = log;
        _work = work;
        _job = job;
        _prepareAnew = prepareAnew;
        _fingerprint = fingerprint;
        _stamp = stamp;
        _state = state;
        _plan = plan;
    }

    /// <summary>The request, with full paths.</summary>
    public JobRequest Request { get; }

    /// <summary>What the job will do.</summary>
    public JobPlan Plan => _job.Plan;

    /// <summary>The operations, in order; owned by the job.</summary>
    public IReadOnlyList<IVideoOperation> Operations => _job.Operations;

    /// <summary>Whether the work is journalled: a run before began it, or the film is long enough, and the encoder's output can be joined.</summary>
    public bool IsSegmented { get; private init; }

    /// <summary>The segments' output frames; empty until planned.</summary>
    public IReadOnlyList<FrameRange> Segments => _plan?.Segments ?? [];

    /// <summary>Whether every segment is done, by whomever.</summary>
    public bool IsComplete => _state.IsComplete;

    /// <summary>Which segments are not done yet, as far as this process knows.</summary>
    public IReadOnlyList<int> Missing => [.. Enumerable.Range(0, Segments.Count).Where(i => !_state.Segments.ContainsKey(i))];

    /// <summary>Frames done so far, those of earlier runs included.</summary>
    public long FramesDone() => Interlocked.Read(ref _framesBefore) + _job.FramesDone();

    /// <summary>
    /// Finds whether a run before this one was killed between giving the output its name and clearing up; clears up then.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="onPublished">Told, where the output is there, before the folder goes; may be told again after a crash.</param>
    /// <returns>What was made, where the output is there with every paper that is asked for, made by this very request; else null.</returns>
    public static async Task<PublishedFilm?> FindPublishedAsync(JobRequest request, TimeProvider time, CancellationToken cancellationToken, Func<Task>? onPublished = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        request = request.WithFullPaths();
        WorkFolder work = WorkFolder.For(request.Options.Output, time);
        JournalState state = await work.Journal.ReadAsync(cancellationToken);
        if (state.Joined is not { } joined || !await IsFileAsync(work.OutputPath, joined.Bytes, joined.Sha256, cancellationToken))
        {
            return null;
        }

        IEnumerable<string> papers = ((string?[])[request.Options.Ledger, request.Options.Report]).OfType<string>();
        bool same = papers.All(p => File.Exists(p) && joined.Papers?.ContainsKey(p) == true)
            && state.Begun!.Request.DescribeSettings() == request.DescribeSettings()
            && (!SourceStamp.Exists(request.Options.Input) || await HashAsync(request.Options.Input, cancellationToken) == state.Begun.Fingerprint.Input);
        using (FileLock held = work.Take(shared: false))
        {
            if (same && onPublished is not null)
            {
                await onPublished();
            }

            work.Delete();
        }

        return same ? new PublishedFilm(state.Segments.Values.Sum(s => s.Frames.Count), state.Counts, new SegmentCount(state.Segments.Count, state.Segments.Count), state.Segments.Values.Sum(s => s.Seconds)) : null;
    }

    /// <summary>Reads the request that was begun for an output.</summary>
    /// <exception cref="FrameFlowException">None was (<see cref="FaultKind.Usage"/>).</exception>
    public static async Task<JobRequest> FindBegunAsync(string output, TimeProvider time, CancellationToken cancellationToken)
    {
        WorkFolder work = WorkFolder.For(output, time);
        return (await work.Journal.ReadAsync(cancellationToken)).Begun?.Request
            ?? throw new FrameFlowException(FaultKind.Usage, $"No work on '{output}' was begun: there is no journal in '{work.FullPath}'; check the name, or begin with 'frameflow interpolate' or 'frameflow plan'.");
    }

    /// <summary>Whether work on an output is planned and not yet published.</summary>
    public static async Task<bool> IsPlannedAsync(string output, TimeProvider time, CancellationToken cancellationToken) =>
        (await WorkFolder.For(output, time).Journal.ReadAsync(cancellationToken)).Planned is not null;

    /// <summary>Frames of the segments that are done, of all that work on an output; 0 where none is.</summary>
    public static async Task<long> CountDoneAsync(string output, TimeProvider time, CancellationToken cancellationToken) =>
        (await WorkFolder.For(output, time).Journal.ReadAsync(cancellationToken)).Segments.Values.Sum(s => s.Frames.Count);

    /// <summary>Throws away what was done for an output.</summary>
    /// <exception cref="FrameFlowException">Another process is at work on it.</exception>
    public static void Discard(string output, TimeProvider time)
    {
        WorkFolder work = WorkFolder.For(output, time);
        if (work.Exists)
        {
            using FileLock held = work.Take(shared: false);
            work.Delete();
        }
    }

    /// <summary>SHA-256 of a file's content, lower-case hexadecimal.</summary>
    /// <exception cref="FrameFlowException">The file cannot be read (<see cref="FaultKind.Input"/>).</exception>
    public static Task<string> ContentOfAsync(string path, CancellationToken cancellationToken) => HashAsync(path, cancellationToken);

    /// <summary>Checks the request, reads the source or what an earlier run kept of it, and plans. Writes nothing.</summary>
    /// <param name="request">The request.</param>
    /// <param name="policy">Whether and how to cut.</param>
    /// <param name="models">Where models are found.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <returns>A job that the caller runs once and disposes.</returns>
    /// <exception cref="FrameFlowException">The request is refused, or work that was begun on this output had another input, model or settings (<see cref="FaultKind.Usage"/>).</exception>
    public static async Task<SegmentedJob> PrepareAsync(
        JobRequest request, SegmentPolicy policy, ModelCatalog models, ILogger log, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(models);
        JobRequest given = request; // What is told of the job names files as the user did.
        request = request.WithFullPaths();
        if (policy.Validate() is { Count: > 0 } faults)
        {
            throw new FrameFlowException(FaultKind.Usage, $"Out of range: {string.Join("; ", faults)}.");
        }

        WorkFolder work = WorkFolder.For(request.Options.Output, time);
        JournalState state = policy.Restart ? JournalState.Empty : await work.Journal.ReadAsync(cancellationToken);
        SegmentPlan? plan = state.Planned is { } planned ? await SegmentPlan.ReadAsync(work.PlanPath, planned.Plan, cancellationToken) : null;
        SourceStamp stamp = new(0, 0);
        string? hash = null;
        if (SourceStamp.Exists(request.Options.Input))
        {
            stamp = SourceStamp.Of(request.Options.Input);
            if (state.Begun is { } begun)
            {
                // Unchanged in length and time it is taken for unchanged; else only its content tells.
                hash = plan?.Stamp == stamp ? begun.Fingerprint.Input : await HashAsync(request.Options.Input, cancellationToken);
                if (hash != begun.Fingerprint.Input)
                {
                    if (policy.RestartIfChanged)
                    {
                        return await PrepareAsync(given, policy with { Restart = true }, models, log, time, cancellationToken);
                    }

                    throw Changed(work, ["the input's content"]);
                }
            }
        }

        IReadOnlySet<string> ownPapers = await OwnPapersAsync(state, cancellationToken);
        Task<VideoJob> MakeAsync(SourceScan? scan, double? concludeBeyond, CancellationToken token) =>
            VideoJob.PrepareAsync(given.Options, [.. request.Operations.Select(o => o.Create())], models, log, token, scan, ownPapers, concludeBeyond: concludeBeyond);
        double? concludeBeyond = policy.ScansWhole || given.Options.Strict ? null : policy.TargetSeconds <= 0 ? double.PositiveInfinity : policy.EvenOne ? 0 : policy.TargetSeconds * 3 / 2;
        VideoJob job = await MakeAsync(plan?.Scan.ToScan(), concludeBeyond, cancellationToken);
        bool isSegmented = state.Begun is not null || IsWorthSegments(job, policy);
        if (job.Scan.IsConcluded && !isSegmented && job.Operations.Any(o => o.Models.Count > 0))
        {
            // In one go, that the scan is wrong would show after hours.
            await job.DisposeAsync();
            job = await MakeAsync(null, null, cancellationToken);
        }

        bool startsAnew = false;
        try
        {
            JobFingerprint fingerprint = new()
            {
                Input = hash ?? "",
                Settings = (request with { Options = request.Options with { Encode = request.Options.Encode with { Encoder = job.Plan.Encoder } } }).DescribeSettings(),
                Models = isSegmented ? await WeightsAsync(job, cancellationToken) : ImmutableDictionary<string, string>.Empty,
                Build = typeof(SegmentedJob).Assembly.ManifestModule.ModuleVersionId.ToString("N"),
                Ffmpeg = isSegmented ? await EncoderCatalog.FfmpegVersionAsync(cancellationToken) : "",
                Device = string.Join('+', job.Operations.Select(o => o.Device)),
            };
            if (state.Begun is { } before && fingerprint.DifferencesFrom(before.Fingerprint) is { Count: > 0 } differences)
            {
                startsAnew = policy.RestartIfChanged;
                throw Changed(work, differences);
            }

            return new SegmentedJob(request, policy, log, work, job, (scan, token) => MakeAsync(scan, null, token), fingerprint, stamp, state, plan) { IsSegmented = isSegmented };
        }
        catch (Exception e)
        {
            await job.DisposeAsync();
            if (e is not FrameFlowException || !startsAnew)
            {
                throw;
            }
        }

        return await PrepareAsync(given, policy with { Restart = true }, models, log, time, cancellationToken);
    }

    /// <summary>The plan with the time and the space that it will take.</summary>
    public Task<JobPlan> EstimateAsync(CancellationToken cancellationToken) => _job.EstimateAsync(cancellationToken);

    /// <summary>Does all that is missing and publishes the result.</summary>
    /// <exception cref="FrameFlowException">The first fault; nothing was published, what is done is kept.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was published, what is done is kept.</exception>
    public async Task<JobSummary> RunAsync(CancellationToken cancellationToken)
    {
        if (!IsSegmented)
        {
            if (_policy.Restart && _work.Exists)
            {
                Hold(shared: false);
                Clear();
            }

            return await ProveAsync(() => _job.RunAsync(cancellationToken), cancellationToken);
        }

        Stopwatch clock = Stopwatch.StartNew();
        await BeginAsync(cancellationToken);
        int kept = Segments.Count - Missing.Count;
        _log.Information(
            kept > 0 ? "Going on with '{Work:l}': {Kept} of {Segments} segments are done." : "In {Segments} segments, kept in '{Work:l}': stopped at any moment, the same command goes on.",
            kept > 0 ? [_work.FullPath, kept, Segments.Count] : [Segments.Count, _work.FullPath]);
        try
        {
            foreach (int index in Missing)
            {
                await RunSegmentAsync(index, cancellationToken);
            }
        }
        catch
        {
            _log.Warning("{Done} of {Segments} segments are kept in '{Work:l}'; the same command, or 'frameflow resume', goes on.", Segments.Count - Missing.Count, Segments.Count, _work.FullPath);
            throw;
        }

        JobSummary summary = await JoinAsync(cancellationToken);
        return summary with { Segments = new SegmentCount(Segments.Count, kept), Seconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>Takes the work folder for this process alone, reads the source where that was not done, and writes the plan.</summary>
    /// <exception cref="FrameFlowException">Another process is at work on this output, or the disk refuses.</exception>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        Hold(shared: false);
        if (_policy.Restart)
        {
            _work.Empty();
        }

        _work.Sweep();
        JournalState found = await _work.Journal.ReadAsync(cancellationToken);
        if (found.Begun != _state.Begun || found.Begun is null)
        {
            // Nothing was begun when this job was prepared, so the content was not asked for yet.
            JobFingerprint fingerprint = _fingerprint.Input.Length > 0 ? _fingerprint : _fingerprint with { Input = await HashAsync(Request.Options.Input, cancellationToken) };
            if (found.Begun is null)
            {
                _state = found;
                await AppendAsync(new JobBegun(JobJournal.Version, Request, fingerprint), cancellationToken);
                found = _state;
            }
            else if (fingerprint.DifferencesFrom(found.Begun.Fingerprint) is { Count: > 0 } differences)
            {
                throw Changed(_work, [$"another process began meanwhile: {string.Join("; ", differences)}"]);
            }

            _plan = found.Planned is { } planned ? await SegmentPlan.ReadAsync(_work.PlanPath, planned.Plan, cancellationToken) : null;
        }

        _state = found;

        if (_plan is not null && _job.Scan.IsConcluded)
        {
            // Another process has planned by what it proved.
            await PrepareAnewAsync(_plan.Scan.ToScan(), cancellationToken);
        }

        if (_plan is null)
        {
            _log.Information("Reading the film once for its cuts{More:l} ...", _job.Operations.Any(o => o.NeedsAnalysis) ? " and its noise" : "");
            (IReadOnlyList<int> cuts, IReadOnlyList<ulong> hashes) = await ProveAsync(() => _job.ReadSourceAsync(cancellationToken), cancellationToken);
            if (SourceStamp.Of(Request.Options.Input) != _stamp)
            {
                throw new FrameFlowException(FaultKind.Input, $"The input '{Request.Options.Input}' is changing while it is read; run it again when it is complete.") { CanRetry = true };
            }

            _plan = new SegmentPlan
            {
                Stamp = _stamp,
                Scan = StoredScan.From(_job.Scan),
                Cuts = cuts,
                FrameHashes = _job.Scan.Damage.Count == 0 ? SegmentPlan.WriteHashes(hashes) : null,
                Analyses = [.. _job.Operations.Select(o => o.Analysis)],
                Segments = SegmentPlanner.Plan(_job.Plan.FramesOut, TargetFrames(_job, _policy), [.. cuts.Select(c => _job.FirstOutputAt(c))]),
            };
            string sha256 = await _plan.WriteAsync(_work.PlanPath, cancellationToken);
            await AppendAsync(new JobPlanned(sha256, _plan.Segments.Count), cancellationToken);
        }

        await ForgetSpoiltAsync(cancellationToken);
    }

    /// <summary>Takes the work folder beside other processes, for single segments. The plan must be there.</summary>
    /// <exception cref="FrameFlowException">There is no plan yet, or a process has the folder alone (<see cref="FaultKind.Usage"/>).</exception>
    public void BeginBesideOthers()
    {
        Hold(shared: true);
        if (_plan is null)
        {
            throw new FrameFlowException(FaultKind.Usage, $"'{Request.Options.Output}' is not planned yet; run 'frameflow plan' first.");
        }
    }

    /// <summary>Makes one segment, unless it is there, whole, already.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="cancellationToken">Ends the work; nothing is left of the segment.</param>
    /// <returns>Whether it was made now; false where it was there.</returns>
    /// <exception cref="FrameFlowException">There is no such segment, or another process makes it just now (<see cref="FaultKind.Usage"/>); or the work failed.</exception>
    public async Task<bool> RunSegmentAsync(int index, CancellationToken cancellationToken)
    {
        if (index < 0 || index >= Segments.Count)
        {
            throw new FrameFlowException(FaultKind.Usage, $"There is no segment {index}; '{Request.Options.Output}' has {Segments.Count}, counted from 0.");
        }

        using FileLock segment = _work.TryTakeSegment(index)
            ?? throw new FrameFlowException(FaultKind.Usage, $"Segment {index} of '{Request.Options.Output}' is being made by another process.") { CanRetry = true, IsBusy = true };
        _state = await _work.Journal.ReadAsync(cancellationToken);
        string path = _work.SegmentPath(index);
        FrameRange frames = Segments[index];
        if (_state.Segments.TryGetValue(index, out SegmentDone? done) && await IsWholeAsync(done, cancellationToken))
        {
            return false;
        }

        Stopwatch clock = Stopwatch.StartNew();
        IReadOnlyList<StageRecord> stages;
        try
        {
            stages = await MakeAsync(index, path, mayStartInside: true, cancellationToken);
        }
        catch (FrameFlowException e) when (e.Kind == FaultKind.Decode && frames.First > 0)
        {
            // A stream whose key frames are none: decoded from its start it gives what it gave then.
            _log.Debug(e, "Segment {Index} does not decode from inside; decoding from the film's start", index);
            stages = await MakeAsync(index, path, mayStartInside: false, cancellationToken);
        }

        await AppendAsync(
            new SegmentDone(
                index,
                _state.Planned!.Plan,
                frames,
                await HashAsync(path, cancellationToken),
                SourceStamp.Of(path).Bytes,
                _job.Counts,
                [.. _job.Operations.Select(o => o.Findings)],
                Math.Round(clock.Elapsed.TotalSeconds, 3),
                $"{Environment.MachineName}:{Environment.ProcessId}",
                await HashAsync(_work.LedgerPath(index), cancellationToken),
                stages),
            cancellationToken);
        _log.Debug("Segment {Index} is done: frames {First} to {Last}", index, frames.First, frames.End - 1);
        return true;
    }

    /// <summary>Joins the segments, checks the result against the plan, and publishes it. The folder goes.</summary>
    /// <param name="cancellationToken">Ends the work; nothing is published.</param>
    /// <param name="prove">Whether the independent verifier must agree first; it does not know operations other than interpolation, which are then not held against it.</param>
    /// <param name="onPublished">Told when the output has its name, before the folder goes; may be told again after a crash.</param>
    /// <exception cref="FrameFlowException">Segments are missing (<see cref="FaultKind.Usage"/>), the source is not what it was (<see cref="FaultKind.Input"/>), or the work failed.</exception>
    public async Task<JobSummary> JoinAsync(CancellationToken cancellationToken, bool prove = false, Func<Task>? onPublished = null)
    {
        if (_lock is null)
        {
            Hold(shared: false);
            _work.Sweep();
            await ForgetSpoiltAsync(cancellationToken);
        }

        if (_plan is null || Missing.Count > 0)
        {
            string which = _plan is null ? "there is no plan" : $"segment {string.Join(", ", Missing.Take(20))} of {Segments.Count} is missing";
            throw new FrameFlowException(FaultKind.Usage, $"'{Request.Options.Output}' cannot be joined: {which}; run 'frameflow resume', which makes what is missing.") { CanRetry = true };
        }

        // What was made of one film must not get another one's sound.
        string input = Request.Options.Input;
        if (!SourceStamp.Exists(input) || (SourceStamp.Of(input) != _plan.Stamp && await HashAsync(input, cancellationToken) != _state.Begun!.Fingerprint.Input))
        {
            throw new FrameFlowException(FaultKind.Input, $"The input '{input}' {(SourceStamp.Exists(input) ? "was changed" : "went away")} while it was worked on; nothing is published.") { CanRetry = true };
        }

        Stopwatch clock = Stopwatch.StartNew();
        using OutputFile joined = _job.Output.WrittenIn(_work.FullPath);
        await SegmentJoin.RunAsync(_job.Encode, _work.FullPath, [.. Segments.Select((frames, i) => (_work.SegmentName(i), frames))], joined, cancellationToken);
        OutputReport report = await OutputCheck.VerifyAsync(_job.Encode, joined.PartialPath, Plan.FramesOut, cancellationToken);
        if (prove && Request.Operations is [InterpolationOperationOptions interpolation])
        {
            await ProveTimesAsync(interpolation, joined.PartialPath, cancellationToken);
        }

        Rational[] cuts = [.. _plan.Cuts.Select(c => _job.Scan.Timeline[c])];
        _job.Recall(_plan);
        for (int i = 0; i < _job.Operations.Count; i++)
        {
            _job.Operations[i].TakeFindings([.. _state.Segments.Values.Select(s => s.Findings[i]).OfType<string>()]);
        }

        if (_job.Papers.LedgerPath is { } ledger)
        {
            await JoinLedgersAsync(ledger, cancellationToken);
        }

        // The work's time is that of all segments, whoever made them when.
        JobSummary summary = _job.Summarize(report, cuts, _state.Counts, clock.Elapsed + TimeSpan.FromSeconds(_state.Segments.Values.Sum(s => s.Seconds))) with { Segments = new SegmentCount(Segments.Count, 0) };
        summary = await _job.WritePapersAsync(summary, StageRecord.Sum(_state.Segments.Values.Select(s => s.Stages)), joined.PartialPath, cancellationToken);
        await AppendAsync(
            new JobJoined(await HashAsync(joined.PartialPath, cancellationToken), SourceStamp.Of(joined.PartialPath).Bytes, await _job.Papers.HashAsync(HashAsync, cancellationToken)), cancellationToken);
        await _job.Papers.PublishAsync(joined, cancellationToken);
        if (onPublished is not null)
        {
            await onPublished();
        }

        Clear();
        return summary;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _lock?.Dispose();
        await _job.DisposeAsync();
    }

    private static bool IsWorthSegments(VideoJob job, SegmentPolicy policy) =>
        policy.TargetSeconds > 0 && job.Encode.CanBeJoined && job.Operations.All(o => o.WorksInParts) && (policy.EvenOne || TargetFrames(job, policy) * 3 / 2 < job.Plan.FramesOut);

    // What was concluded from the packets is proven by decoding; where it is refuted, the film is scanned and the work begins anew.
    private async Task<T> ProveAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            return await work();
        }
        catch (FrameFlowException e) when (e.RefutesScan)
        {
            _log.Information("{Refutation:l}: it is decoded once to know what it holds, and the work begins anew.", e.Message.Split(';')[0]);
        }

        await PrepareAnewAsync(null, cancellationToken);
        return await work();
    }

    private async Task PrepareAnewAsync(SourceScan? scan, CancellationToken cancellationToken)
    {
        await _job.DisposeAsync();
        _job = await _prepareAnew(scan, cancellationToken);
    }

    private static long TargetFrames(VideoJob job, SegmentPolicy policy) =>
        policy.TargetSeconds <= 0 ? job.Plan.FramesOut : Math.Max(1, (long)(policy.TargetSeconds * job.Encode.Request.FrameRate.ToDouble()));

    private static FrameFlowException Changed(WorkFolder work, IReadOnlyList<string> differences) => new(
        FaultKind.Usage,
        $"The work begun in '{work.FullPath}' is of another kind: changed since: {string.Join("; ", differences)}. Run it as it was begun, or throw it away with --restart.");

    private static async Task<IReadOnlyDictionary<string, string>> WeightsAsync(VideoJob job, CancellationToken cancellationToken)
    {
        Dictionary<string, string> weights = new(StringComparer.Ordinal);
        foreach (Model model in job.Operations.SelectMany(o => o.Models))
        {
            foreach (string graph in model.Manifest.Files.Keys.Order(StringComparer.Ordinal))
            {
                weights[$"{model.Manifest.Name}/{graph}"] = await HashAsync(model.PathOf(graph), cancellationToken);
            }
        }

        return weights;
    }

    private static async Task<string> HashAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            FileStreamOptions reading = new() { Options = FileOptions.SequentialScan | FileOptions.Asynchronous, BufferSize = 1 << 20 };
            List<string> files = [.. SourceStamp.FilesOf(path)];
            if (files is [var only] && only == path)
            {
                await using FileStream file = new(only, reading);
                return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
            }

            // Of a sequence: names and contents in order.
            using IncrementalHash all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (string picture in files)
            {
                await using FileStream file = new(picture, reading);
                all.AppendData(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(picture)));
                all.AppendData(await SHA256.HashDataAsync(file, cancellationToken));
            }

            return Convert.ToHexStringLower(all.GetHashAndReset());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Input, $"'{path}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); check that it is there and may be read.", e) { CanRetry = true };
        }
    }

    private static async Task<bool> IsFileAsync(string path, long bytes, string sha256, CancellationToken cancellationToken) =>
        SourceStamp.Exists(path) && SourceStamp.Of(path).Bytes == bytes && await HashAsync(path, cancellationToken) == sha256;

    // Papers that a run before has published, being killed before it published the film, are this work's own.
    private static async Task<IReadOnlySet<string>> OwnPapersAsync(JournalState state, CancellationToken cancellationToken)
    {
        HashSet<string> own = new(StringComparer.Ordinal);
        foreach ((string path, string sha256) in state.Joined?.Papers ?? ImmutableDictionary<string, string>.Empty)
        {
            if (File.Exists(path) && await HashAsync(path, cancellationToken) == sha256)
            {
                own.Add(path);
            }
        }

        return own;
    }

    private async Task<bool> IsWholeAsync(SegmentDone done, CancellationToken cancellationToken)
    {
        string ledger = _work.LedgerPath(done.Index);
        return done.Frames == Segments[done.Index] && await IsFileAsync(_work.SegmentPath(done.Index), done.Bytes, done.Sha256, cancellationToken)
            && File.Exists(ledger) && await HashAsync(ledger, cancellationToken) == done.Ledger;
    }

    private void Hold(bool shared) => _lock ??= _work.Take(shared);

    private async Task AppendAsync(JournalEntry entry, CancellationToken cancellationToken)
    {
        await _work.Journal.AppendAsync(entry, cancellationToken);
        _state = entry is SegmentDone ? await _work.Journal.ReadAsync(cancellationToken) : _state.Apply(entry);
    }

    private async Task<IReadOnlyList<StageRecord>> MakeAsync(int index, string path, bool mayStartInside, CancellationToken cancellationToken)
    {
        using OutputFile file = OutputFile.Prepare(path, null, overwrite: true);
        FrameRange frames = Segments[index];
        using OutputFile ledger = OutputFile.Prepare(_work.LedgerPath(index), null, overwrite: true);
        IReadOnlyList<StageRecord> stages = await _job.RunPartAsync(frames, _plan!, file, ledger.PartialPath, mayStartInside, cancellationToken);
        Interlocked.Add(ref _framesBefore, frames.Count);
        await OutputCheck.VerifyAsync(_job.Encode.ForSegment(frames), file.PartialPath, frames.Count, cancellationToken);
        await ledger.PublishAsync(cancellationToken);
        await file.PublishAsync(cancellationToken);
        return stages;
    }

    // A line alone is no proof: the file must be there, and be the one that was written.
    private async Task ForgetSpoiltAsync(CancellationToken cancellationToken)
    {
        _state = await _work.Journal.ReadAsync(cancellationToken);
        List<int> spoilt = [];
        foreach (SegmentDone done in _state.Segments.Values)
        {
            if (!await IsWholeAsync(done, cancellationToken))
            {
                _log.Warning("Segment {Index} in '{Work:l}' is not what was written; it is made again.", done.Index, _work.FullPath);
                spoilt.Add(done.Index);
            }
        }

        _state = _state.Without(spoilt);
        Interlocked.Exchange(ref _framesBefore, _state.Segments.Values.Sum(s => s.Frames.Count));
    }

    private async Task JoinLedgersAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using FileStream whole = new(path, FileMode.Create, FileAccess.Write);
            for (int i = 0; i < Segments.Count; i++)
            {
                await using FileStream part = new(_work.LedgerPath(i), FileMode.Open, FileAccess.Read);
                await part.CopyToAsync(whole, cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The ledger '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or give another folder.", e) { CanRetry = true };
        }
    }

    private async Task ProveTimesAsync(InterpolationOperationOptions interpolation, string path, CancellationToken cancellationToken)
    {
        VerificationReport report = await new TimingVerifier(new VerificationOptions
        {
            Rate = _job.Encode.Request.FrameRate,
            Slow = interpolation.Slow,
            Start = Request.Options.Decode.Start,
            Duration = Request.Options.Decode.Duration,
            Filters = _job.Scan.Filters,
            AllowHeldFrames = interpolation.Model == "hold" || _state.Segments.Values.Any(s => s.Counts.GetValueOrDefault("fellBack") > 0),
            ExpectAudio = interpolation.Slow == Rational.One,
        }).VerifyAsync(Request.Options.Input, path, cancellationToken);
        if (report.Checks.FirstOrDefault(c => !c.Passed) is { } failed)
        {
            throw new FrameFlowException(FaultKind.Encode, $"'{Request.Options.Output}' breaks the timing contract and is not published: {failed.Name}: {failed.Measured} instead of {failed.Expected}; please report it.");
        }
    }

    private void Clear()
    {
        try
        {
            _work.Delete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.Warning("The work folder '{Work:l}' could not be deleted ({Reason:l}); the output is published, delete the folder by hand.", _work.FullPath, e.Message.ReplaceLineEndings(" "));
        }
    }
}
