using System.Diagnostics;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Reporting;
using FrameFlow.SceneCuts;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>
/// One file made from another by a chain of operations: probe, scan, plan, run, check, publish. Everything that can be refused is refused
/// while it is prepared; nothing stands under the output's name before the result was read back and found as planned.
/// </summary>
public sealed class VideoJob : IAsyncDisposable
{
    // Frames that wait in a channel between two stages: enough to let neighbours overlap, few enough to stay small.
    private const int ChannelCapacity = 3;

    private readonly VideoJobOptions _options;
    private readonly IReadOnlyList<IVideoOperation> _operations;
    private readonly ILogger _log;
    private readonly MediaInfo _info;
    private SourceScan _scan;
    private readonly NativePool _memory;
    private readonly DeviceSelection _devices;
    private FrameSink? _sink;

    private VideoJob(
        VideoJobOptions options,
        IReadOnlyList<IVideoOperation> operations,
        ILogger log,
        MediaInfo info,
        SourceScan scan,
        FrameTimeline timeline,
        EncodePlan encode,
        OutputFile output,
        JobPapers papers,
        NativePool memory,
        DeviceSelection devices)
    {
        Encode = encode;
        Output = output;
        Papers = papers;
        Timeline = timeline;
        _options = options;
        _operations = operations;
        _log = log;
        _info = info;
        _scan = scan;
        _memory = memory;
        _devices = devices;
        Plan = new JobPlan
        {
            FramesIn = scan.Timeline.Count,
            FramesOut = timeline.Count,
            SourceRate = scan.Timeline.ConstantRate,
            TargetRate = timeline.ConstantRate,
            Format = scan.Format,
            Encoder = encode.Encoder.Name,
            Content = scan.Content,
            Damage = scan.Damage,
            Notes = [.. scan.Notes, .. encode.Notes],
        };
    }

    /// <summary>What the job will do.</summary>
    public JobPlan Plan { get; }

    /// <summary>What is done to the film, in order; owned by the job.</summary>
    public IReadOnlyList<IVideoOperation> Operations => _operations;

    /// <summary>What the source holds.</summary>
    internal SourceScan Scan => _scan;

    /// <summary>The output's times.</summary>
    internal FrameTimeline Timeline { get; }

    /// <summary>How the output is encoded.</summary>
    internal EncodePlan Encode { get; }

    /// <summary>Where the output goes.</summary>
    internal OutputFile Output { get; }

    /// <summary>What goes with the output.</summary>
    internal JobPapers Papers { get; }

    /// <summary>How the pipeline's parts did in the run that ended last; empty before.</summary>
    internal IReadOnlyList<StageRecord> Stages { get; private set; } = [];

    /// <summary>Managed bytes that were allocated while the pipeline ran last.</summary>
    internal long AllocatedBytes { get; private set; }

    /// <summary>Frames handed to the encoder so far; of the part that was begun last, where the job is done in parts.</summary>
    public long FramesDone() => _sink?.FramesWritten ?? 0;

    /// <summary>Checks the request, reads the source once, and plans.</summary>
    /// <param name="options">What every job is asked for.</param>
    /// <param name="operations">What is done to the film, in order; at least one. Owned from here on, also where this throws.</param>
    /// <param name="models">Where models are found.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <param name="knownScan">What an earlier scan of this source with these options found; null for none.</param>
    /// <param name="ownPapers">Full paths of a ledger and a report that may be replaced, since an earlier run of this work published them; null for none.</param>
    /// <param name="devices">The device for networks; null: as the options ask.</param>
    /// <param name="concludeBeyond">
    /// Seconds of source beyond which the scan may be concluded from the packets (<see cref="SourceScanner.ConcludeAsync"/>), since the whole film is decoded before the work; where no network
    /// is at work, any length. Whoever asks for it prepares anew, without it, where decoding refutes it. Null: never.
    /// </param>
    /// <returns>A job that the caller runs once and disposes.</returns>
    /// <exception cref="FrameFlowException">The request, the source, the model, the device or the output's place is refused.</exception>
    public static async Task<VideoJob> PrepareAsync(
        VideoJobOptions options, IReadOnlyList<IVideoOperation> operations, ModelCatalog models, ILogger log, CancellationToken cancellationToken, SourceScan? knownScan = null, IReadOnlySet<string>? ownPapers = null, DeviceSelection? devices = null, double? concludeBeyond = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(log);
        NativePool? memory = null;
        OutputFile? output = null;
        JobPapers? papers = null;
        try
        {
            List<string> faults = [.. operations.SelectMany(o => o.Validate()), .. options.Validate()];
            if (faults.Count > 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"Out of range: {string.Join("; ", faults)}.");
            }

            // What needs no decoding is refused first: an hour's scan before "unknown encoder" would be rude.
            EncoderInfo encoder = await EncoderCatalog.ResolveAsync(EncodePlan.EncoderNameFor(options.Encode, options.Output), cancellationToken);
            if (options.Encode.Validate(encoder) is { Count: > 0 } unfit)
            {
                throw new FrameFlowException(FaultKind.Usage, string.Join("; ", unfit) + ".");
            }

            foreach (IVideoOperation operation in operations)
            {
                operation.CheckModel(models);
            }

            MediaInfo info = await MediaProbe.ProbeAsync(options.Input, cancellationToken, options.Decode.InputRate);
            (string What, string Path)[] reads = [.. options.Reads, .. operations.SelectMany(o => o.Reads)];
            foreach ((string what, string path) in reads)
            {
                OutputFile.ThrowIfPartOf(options.Output, "output", path, what);
            }

            output = OutputFile.Prepare(options.Output, options.Input, options.Overwrite);
            papers = JobPapers.Prepare(options, reads, ownPapers);
            bool mayConclude = concludeBeyond is { } beyond && (info.Duration?.ToDouble() > beyond || operations.All(o => o.Models.Count == 0));
            SourceScan scan = knownScan
                ?? (mayConclude ? await SourceScanner.ConcludeAsync(info, options.Decode, cancellationToken) : null)
                ?? await SourceScanner.ScanAsync(info, options.Decode, cancellationToken);
            if (options.Strict && scan.Damage.Count > 0)
            {
                DamagedStretch first = scan.Damage[0];
                throw new FrameFlowException(FaultKind.Input, FormattableString.Invariant($"The input '{options.Input}' is damaged in {scan.Damage.Count} place(s), first at {first.Start.ToDouble():0.000} s ({first.What}); leave --strict out to process it all the same."));
            }

            FrameTimeline timeline = scan.Timeline;
            foreach (IVideoOperation operation in operations)
            {
                timeline = operation.Map(timeline);
            }

            (options, encoder, string? hardware) = await WithDevicesAsync(options, encoder, info, scan, cancellationToken);
            EncodePlan encode = await EncodePlan.CreateAsync(
                new EncodeRequest
                {
                    Options = options.Encode,
                    Source = info,
                    Format = scan.Format,
                    OutputPath = options.Output,
                    FrameRate = timeline.ConstantRate ?? (timeline.Count / timeline.Duration),
                    Times = timeline.IsEven ? null : timeline,
                    FrameCount = timeline.Count,
                    FirstFrameTime = timeline.First,
                    SourceTimes = scan.Timeline,
                    Decode = options.Decode,
                    GrainTable = operations.Any(o => o.TellsGrain) ? Path.Combine(Path.GetTempPath(), $"frameflow-{Guid.NewGuid():N}.grain") : null,
                    IncludeAudio = operations.All(o => o.KeepsTime),
                },
                encoder,
                cancellationToken);
            memory = new NativePool(options.MemoryBytes);
            devices ??= new DeviceSelection(options.Device, options.OnDeviceLoss, [.. operations.SelectMany(o => o.Models).DistinctBy(m => m.Folder)], line => log.Information("{Line:l}", line));
            foreach (IVideoOperation operation in operations)
            {
                operation.Load(new OperationContext(scan.Format, memory, options, devices, log) { Damage = scan.Damage });
            }

            VideoJob job = new(options, operations, log, info, scan, timeline, encode, output, papers, memory, devices);
            if (hardware is not null)
            {
                log.Information("{Devices:l}", hardware);
            }

            job.Announce();
            return job;
        }
        catch
        {
            Release(operations, memory, output, papers);
            throw;
        }
    }

    // What --hwaccel finds: the options with the decoder, the encoder, and what to say of both; null where nothing was asked.
    private static async Task<(VideoJobOptions Options, EncoderInfo Encoder, string? Words)> WithDevicesAsync(VideoJobOptions options, EncoderInfo encoder, MediaInfo info, SourceScan scan, CancellationToken cancellationToken)
    {
        (string? method, string? reason) = await HardwareDecoder.FindAsync(options.Hwaccel, info, scan, options.Decode, cancellationToken);
        if (reason is null)
        {
            return (options, encoder, null);
        }

        if (method is null && options.Hwaccel != "auto")
        {
            throw new FrameFlowException(FaultKind.Device, $"--hwaccel {options.Hwaccel} does not work here ({reason}); leave it out, or use --hwaccel auto.");
        }

        List<string> words = [method is null ? $"Decoding on the processor ({reason})" : $"Decoding by {reason}"];
        if (options.Encode is { Encoder: null, Crf: null, EncoderArgs: null })
        {
            foreach (EncoderInfo device in options.Hwaccel == "vaapi" ? [] : EncoderCatalog.DevicesFor(encoder, scan.Format.PixelFormat))
            {
                try
                {
                    encoder = await EncoderCatalog.ResolveAsync(device.Name, cancellationToken);
                    break;
                }
                catch (FrameFlowException e) when (e.Kind is FaultKind.Encode or FaultKind.Usage)
                {
                    words.Add(e.Message.Split(';')[0]);
                }
            }
        }
        else
        {
            words.Add($"encoding by {encoder.Name} as asked");
        }

        return (options with { Decode = options.Decode with { HardwareMethod = method } }, encoder, string.Join("; ", words) + ".");
    }

    /// <summary>The plan with the time and the space that it will take, found by making a few frames at the film's beginning.</summary>
    public async Task<JobPlan> EstimateAsync(CancellationToken cancellationToken)
    {
        double? seconds = null;
        int wanted = _operations.Max(o => o.TrialFrames);
        List<Frame> frames = [];
        try
        {
            if (wanted > 0)
            {
                await foreach (Frame frame in Source().ReadAsync(cancellationToken))
                {
                    frames.Add(frame);
                    if (frames.Count == wanted)
                    {
                        break;
                    }
                }

                foreach (IVideoOperation operation in _operations.Where(o => o.TrialFrames > 0))
                {
                    double? more = await Task.Run(() => operation.Measure(frames, cancellationToken), cancellationToken);
                    seconds = more is null ? seconds : (seconds ?? 0) + more;
                }
            }
        }
        finally
        {
            frames.ForEach(f => f.Dispose());
        }

        // What a second of the source takes, times what more frames cost; twice that as a bound for a near-lossless encode.
        double sourceSeconds = Math.Max(0.04, _scan.Timeline.Duration.ToDouble());
        double share = _info.Duration is { } whole && whole > Rational.Zero ? Math.Min(1, sourceSeconds / whole.ToDouble()) : 1;
        long bytes = (long)(_info.SizeBytes * share * 2 * Math.Max(1, Plan.FramesOut / (double)Math.Max(1, Plan.FramesIn)));
        bool lossless = Plan.Encoder is "ffv1" or "prores_ks" or "dnxhd" or "dpx" or "tiff" or "exr" or "png";
        return Plan with { ExpectedSeconds = seconds, ExpectedBytes = lossless ? Plan.FramesOut * _scan.Format.FrameBytes : bytes };
    }

    /// <summary>Does the work and publishes the result.</summary>
    /// <exception cref="FrameFlowException">The first fault; nothing was published.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was published.</exception>
    public async Task<JobSummary> RunAsync(CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        if (_operations.Any(o => o.NeedsAnalysis))
        {
            await AnalyzeAsync(FindsCuts ? [new SceneCutStage(new SceneCutOptions())] : [], null, cancellationToken);
        }

        if (Encode.Request.GrainTable is { } table)
        {
            await File.WriteAllTextAsync(table, _operations.First(o => o.TellsGrain).DescribeGrain(Timeline), cancellationToken);
        }

        SceneCutStage cuts = new(new SceneCutOptions());
        FrameRange all = new(0, Plan.FramesOut);
        List<IFrameStage> stages = [.. FindsCuts ? [cuts] : Array.Empty<IFrameStage>(), .. CreateStages(all, out _)];
        _sink = new FrameSink(Encode, Output);
        IReadOnlyList<StageRecord> run = await RunAsync(Source(), stages, _sink, Papers.LedgerPath, 0, cancellationToken);
        OutputReport report = await OutputCheck.VerifyAsync(Encode, Output.PartialPath, Plan.FramesOut, cancellationToken);
        JobSummary summary = Summarize(report, [.. cuts.Cuts], Counts, clock.Elapsed);
        summary = await WritePapersAsync(summary, run, Output.PartialPath, cancellationToken);
        await Papers.PublishAsync(Output, cancellationToken);
        return summary;
    }

    /// <summary>Reads every frame once: finds the cuts, takes each frame's hash, and lets every operation see it that wants to see the film first.</summary>
    internal async Task<(IReadOnlyList<int> Cuts, IReadOnlyList<ulong> Hashes)> ReadSourceAsync(CancellationToken cancellationToken)
    {
        FrameRegister register = new();
        SceneCutStage cuts = new(new SceneCutOptions());
        await AnalyzeAsync(FindsCuts ? [cuts] : [], register.ConsumeAsync, cancellationToken);
        return (register.SceneStarts, register.Hashes);
    }

    /// <summary>Makes a part of the output, encoded on its own. Does not check it.</summary>
    /// <param name="outputs">Its frames.</param>
    /// <param name="known">What reading the source told.</param>
    /// <param name="file">Where it goes.</param>
    /// <param name="ledger">Where its ledger goes; whole when this returns.</param>
    /// <param name="mayStartInside">Whether decoding may begin shortly before the part.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    internal async Task<IReadOnlyList<StageRecord>> RunPartAsync(FrameRange outputs, SegmentPlan known, OutputFile file, string ledger, bool mayStartInside, CancellationToken cancellationToken)
    {
        Recall(known);
        IReadOnlyList<IFrameStage> stages = CreateStages(outputs, out FrameRange inputs);
        FrameSource source = new(_info, _scan, _options.Decode, new FramePool(_memory, _scan.Format), inputs, mayStartInside);
        _sink = new FrameSink(Encode.ForSegment(outputs), file);
        try
        {
            return await RunAsync(new KnownSource(source, _info.Path, known.Cuts, known.ReadHashes()), stages, _sink, ledger, outputs.First, cancellationToken);
        }
        finally
        {
            _sink = null;
        }
    }

    /// <summary>Tells the operations what was found in the film before, where they have not looked themselves.</summary>
    internal void Recall(SegmentPlan known)
    {
        foreach ((IVideoOperation operation, string? analysis) in _operations.Zip(known.Analyses))
        {
            if (analysis is not null && operation.Analysis is null)
            {
                operation.Analysis = analysis;
            }
        }
    }

    /// <summary>The summary of what the output's check found.</summary>
    internal JobSummary Summarize(OutputReport report, IReadOnlyList<Rational> cuts, IReadOnlyDictionary<string, long> counts, TimeSpan elapsed)
    {
        if (report.SilentTracks > 0)
        {
            _log.Warning("{Silent} sound track(s) have no sample in what was read, and are left out: {Container:l} has no empty tracks.", report.SilentTracks, Encode.Container.Name);
        }

        using Process self = Process.GetCurrentProcess();
        return new JobSummary
        {
            Plan = Plan,
            FramesOut = report.Frames,
            Counts = counts,
            Cuts = cuts,
            Seconds = elapsed.TotalSeconds,
            PeakMemoryBytes = self.PeakWorkingSet64,
            DeviceLosses = _devices.Losses,
            FirstTime = report.FirstTime,
            LastTime = report.LastTime,
            AudioOffsetIn = report.SourceAudioOffset,
            AudioOffsetOut = report.AudioOffset,
        };
    }

    /// <summary>Writes what was asked for of ledger and report; the ledger's lines are there already.</summary>
    /// <param name="summary">What was done.</param>
    /// <param name="stages">How the pipeline's parts did.</param>
    /// <param name="film">The finished film's file.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The summary, with the ledger summed up.</returns>
    internal async Task<JobSummary> WritePapersAsync(JobSummary summary, IReadOnlyList<StageRecord> stages, string film, CancellationToken cancellationToken)
    {
        if (Papers.LedgerPath is not { } path)
        {
            return summary;
        }

        LedgerSummary ledger = await LedgerSummary.OfAsync(LedgerEntry.ReadAsync(path, cancellationToken), Plan.FramesOut);
        summary = summary with { Kinds = ledger.Kinds };
        if (Papers.Report is { } report)
        {
            StillPictures stills = new(_info, _scan, _options.Decode, Encode, _memory);
            await ReportPage.WriteAsync(await JobReports.CreateAsync(_options, this, summary, ledger, stages, stills, film, cancellationToken), report.PartialPath, cancellationToken);
        }

        return summary;
    }

    /// <summary>What the operations counted since their stages were made, by name.</summary>
    internal IReadOnlyDictionary<string, long> Counts => Sum(_operations.SelectMany(o => o.Counts));

    /// <summary>Adds counts up, name by name.</summary>
    internal static IReadOnlyDictionary<string, long> Sum(IEnumerable<KeyValuePair<string, long>> counts) => counts.GroupBy(c => c.Key).ToDictionary(g => g.Key, g => g.Sum(c => c.Value));

    /// <summary>The first output frame that stands at or behind a source frame.</summary>
    internal long FirstOutputAt(long source) => _operations.Aggregate(source, (index, operation) => operation.FirstOutputAt(index));

    // One of each kind looks, the others are told.
    private IVideoOperation[] Analysts => [.. _operations.Where(o => o.NeedsAnalysis).DistinctBy(o => (object?)o.AnalysisKind ?? o)];

    // A pass over the source for all who want to see it, and for one consumer more.
    private async Task AnalyzeAsync(IReadOnlyList<IFrameStage> stages, Func<IAsyncEnumerable<Frame>, CancellationToken, Task>? more, CancellationToken cancellationToken)
    {
        IVideoOperation[] analysts = Analysts;
        List<Func<IAsyncEnumerable<Frame>, CancellationToken, Task>> consumers = [.. analysts.Select(o => (Func<IAsyncEnumerable<Frame>, CancellationToken, Task>)o.AnalyzeAsync)];
        if (more is not null)
        {
            consumers.Add(more);
        }

        await RunAsync(Source(), stages, new BroadcastSink(consumers), cancellationToken);
        _scan = _scan with { IsConcluded = false }; // It is proven.
        foreach (IVideoOperation other in _operations.Where(o => o.NeedsAnalysis && o.AnalysisKind is not null).Except(analysts))
        {
            if (analysts.First(a => a.AnalysisKind == other.AnalysisKind).Analysis is { } found)
            {
                other.Analysis = found;
            }
        }
    }

    private bool FindsCuts => _options.FindCuts && _operations.Any(o => o.NeedsCuts);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Release(_operations, _memory, Output, Papers);
        if (Encode.Request.GrainTable is { } table)
        {
            File.Delete(table);
        }

        return ValueTask.CompletedTask;
    }

    private static void Release(IReadOnlyList<IVideoOperation> operations, NativePool? memory, OutputFile? output, JobPapers? papers)
    {
        foreach (IVideoOperation operation in operations)
        {
            operation.Dispose();
        }

        output?.Dispose();
        papers?.Dispose();
        memory?.Dispose();
    }

    // With a ledger at the sink, where one is wanted.
    private async Task<IReadOnlyList<StageRecord>> RunAsync(IFrameSource source, IReadOnlyList<IFrameStage> stages, FrameSink sink, string? ledgerPath, long first, CancellationToken cancellationToken)
    {
        if (ledgerPath is null)
        {
            return await RunAsync(source, stages, sink, cancellationToken);
        }

        using LedgerWriter ledger = new(ledgerPath, _scan.Timeline, first);
        return await RunAsync(source, stages, new LedgerSink(sink, ledger), cancellationToken);
    }

    private async Task<IReadOnlyList<StageRecord>> RunAsync(IFrameSource source, IReadOnlyList<IFrameStage> stages, IFrameSink sink, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        VideoPipeline pipeline = VideoPipeline.Build(source, stages, sink, ChannelCapacity, _memory.LimitBytes);
        long allocatedBefore = GC.GetTotalAllocatedBytes();
        await pipeline.RunAsync(cancellationToken);
        AllocatedBytes = GC.GetTotalAllocatedBytes() - allocatedBefore;
        _log.Debug("Managed allocation while running: {Bytes} bytes for {Frames} frames", AllocatedBytes, FramesDone());
        foreach (StageMeter meter in pipeline.Meters)
        {
            _log.Debug("Stage {Stage} passed on {Frames} frames, waited {Starved} for frames and {Blocked} for room", meter.Name, meter.Frames, meter.Starved, meter.Blocked);
        }

        return Stages = [.. pipeline.Meters.Select(m => StageRecord.Of(m, clock.Elapsed))];
    }

    // From the last operation back to the first, each says what it needs; stages then run from the first on.
    private List<IFrameStage> CreateStages(FrameRange outputs, out FrameRange inputs)
    {
        List<IFrameStage> stages = [];
        inputs = outputs;
        for (int i = _operations.Count - 1; i >= 0; i--)
        {
            int operation = i;
            stages.InsertRange(0, _operations[i].CreateStages(inputs, index => outputs.Contains(OutputOf(operation, index))));
            inputs = _operations[i].InputFor(inputs);
        }

        return stages;
    }

    // The output frame to which a frame that leaves an operation belongs, so that each is one part's: the last one that stands before the next such frame.
    private long OutputOf(int operation, long index)
    {
        for (int i = operation + 1; i < _operations.Count; i++)
        {
            index = Math.Max(0, _operations[i].FirstOutputAt(index + 1) - 1);
        }

        return index;
    }

    private FrameSource Source() => new(_info, _scan, _options.Decode, new FramePool(_memory, _scan.Format));

    private void Announce()
    {
        _log.Information(
            "{Input}: {FramesIn} frames at {SourceRate:l}; {FramesOut} frames at {TargetRate:l} by {Methods:l} through {Encoder:l}.",
            _options.Input,
            Plan.FramesIn,
            Rate(Plan.SourceRate),
            Plan.FramesOut,
            Rate(Plan.TargetRate),
            string.Join(", ", _operations.Select(o => o.Method)),
            Plan.Encoder);
        foreach (string note in Plan.Notes)
        {
            _log.Information("{Note:l}", note);
        }

        foreach (DamagedStretch damage in Plan.Damage)
        {
            _log.Warning("Damaged from {Start:0.000} s to {End:0.000} s: {What:l}.", damage.Start.ToDouble(), damage.End.ToDouble(), damage.What);
        }

        static string Rate(Rational? rate) => rate is { } even ? $"{even} fps" : "a variable rate";
    }
}
