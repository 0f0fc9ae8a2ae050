using System.Diagnostics;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Pipeline;
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
    private readonly SourceScan _scan;
    private readonly EncodePlan _encode;
    private readonly OutputFile _output;
    private readonly NativePool _memory;
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
        NativePool memory)
    {
        _options = options;
        _operations = operations;
        _log = log;
        _info = info;
        _scan = scan;
        _encode = encode;
        _output = output;
        _memory = memory;
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

    /// <summary>Frames handed to the encoder so far.</summary>
    public long FramesDone() => _sink?.FramesWritten ?? 0;

    /// <summary>Checks the request, reads the source once, and plans.</summary>
    /// <param name="options">What every job is asked for.</param>
    /// <param name="operations">What is done to the film, in order; at least one. Owned from here on, also where this throws.</param>
    /// <param name="models">Where models are found.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <returns>A job that the caller runs once and disposes.</returns>
    /// <exception cref="FrameFlowException">The request, the source, the model, the device or the output's place is refused.</exception>
    public static async Task<VideoJob> PrepareAsync(
        VideoJobOptions options, IReadOnlyList<IVideoOperation> operations, ModelCatalog models, ILogger log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(log);
        NativePool? memory = null;
        OutputFile? output = null;
        try
        {
            List<string> faults = [.. operations.SelectMany(o => o.Validate()), .. options.Validate()];
            if (faults.Count > 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"Out of range: {string.Join("; ", faults)}.");
            }

            // What needs no decoding is refused first: an hour's scan before "unknown encoder" would be rude.
            _ = await EncoderCatalog.ResolveAsync(EncodePlan.EncoderNameFor(options.Encode, options.Output), cancellationToken);
            foreach (IVideoOperation operation in operations)
            {
                operation.CheckModel(models);
            }

            MediaInfo info = await MediaProbe.ProbeAsync(options.Input, cancellationToken);
            output = OutputFile.Prepare(options.Output, options.Input, options.Overwrite);
            SourceScan scan = await SourceScanner.ScanAsync(info, options.Decode, cancellationToken);
            if (options.Strict && scan.Damage.Count > 0)
            {
                DamagedStretch first = scan.Damage[0];
                throw new FrameFlowException(FaultKind.Input, FormattableString.Invariant($"The input '{options.Input}' is damaged in {scan.Damage.Count} place(s), first at {first.Start.ToDouble():0.000} s ({first.What}); leave --strict out to process it all the same."));
            }

            FrameTimeline timeline = operations.Aggregate(scan.Timeline, (times, operation) => operation.Map(times));
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
                    Decode = options.Decode,
                    IncludeAudio = operations.All(o => o.KeepsTime),
                },
                cancellationToken);
            memory = new NativePool(options.MemoryBytes);
            foreach (IVideoOperation operation in operations)
            {
                operation.Load(new OperationContext(scan.Format, memory, options, log));
            }

            VideoJob job = new(options, operations, log, info, scan, timeline, encode, output, memory);
            job.Announce();
            return job;
        }
        catch
        {
            Release(operations, memory, output);
            throw;
        }
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
        bool lossless = Plan.Encoder is "ffv1" or "prores_ks" or "dnxhd";
        return Plan with { ExpectedSeconds = seconds, ExpectedBytes = lossless ? Plan.FramesOut * _scan.Format.FrameBytes : bytes };
    }

    /// <summary>Does the work and publishes the result.</summary>
    /// <exception cref="FrameFlowException">The first fault; nothing was published.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was published.</exception>
    public async Task<JobSummary> RunAsync(CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < _operations.Count; i++)
        {
            if (_operations[i].NeedsAnalysis)
            {
                await VideoPipeline.Build(Source(), Stages(new SceneCutStage(new SceneCutOptions()), i), new AnalysisSink(_operations[i]), ChannelCapacity, _memory.LimitBytes).RunAsync(cancellationToken);
            }
        }

        SceneCutStage cuts = new(new SceneCutOptions());
        List<IFrameStage> stages = Stages(cuts, _operations.Count);
        _sink = new FrameSink(_encode, _output);
        VideoPipeline pipeline = VideoPipeline.Build(Source(), stages, _sink, ChannelCapacity, _memory.LimitBytes);
        long allocatedBefore = GC.GetTotalAllocatedBytes();
        await pipeline.RunAsync(cancellationToken);
        _log.Debug("Managed allocation while running: {Bytes} bytes for {Frames} frames", GC.GetTotalAllocatedBytes() - allocatedBefore, Plan.FramesOut);
        foreach (StageMeter meter in pipeline.Meters)
        {
            _log.Debug("Stage {Stage} passed on {Frames} frames", meter.Name, meter.Frames);
        }

        OutputReport report = await OutputCheck.VerifyAsync(_encode, _output.PartialPath, Plan.FramesOut, cancellationToken);
        await _output.PublishAsync(cancellationToken);
        using Process self = Process.GetCurrentProcess();
        return new JobSummary
        {
            Plan = Plan,
            FramesOut = report.Frames,
            Cuts = [.. cuts.Cuts],
            Seconds = clock.Elapsed.TotalSeconds,
            PeakMemoryBytes = self.PeakWorkingSet64,
            FirstTime = report.FirstTime,
            LastTime = report.LastTime,
            AudioOffsetIn = report.SourceAudioOffset,
            AudioOffsetOut = report.AudioOffset,
        };
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Release(_operations, _memory, _output);
        return ValueTask.CompletedTask;
    }

    private static void Release(IReadOnlyList<IVideoOperation> operations, NativePool? memory, OutputFile? output)
    {
        foreach (IVideoOperation operation in operations)
        {
            operation.Dispose();
        }

        output?.Dispose();
        memory?.Dispose();
    }

    // The stages of the first operations.
    private List<IFrameStage> Stages(SceneCutStage cuts, int operations) =>
    [
        .. _options.FindCuts && _operations.Any(o => o.NeedsCuts) ? [cuts] : Array.Empty<IFrameStage>(),
        .. _operations.Take(operations).SelectMany(o => o.CreateStages()),
    ];

    private FrameSource Source() => new(_info, _scan, _options.Decode, new FramePool(_memory, _scan.Format));

    private void Announce()
    {
        _log.Information(
            "{Input}: {FramesIn} frames at {SourceRate:l} fps; {FramesOut} frames at {TargetRate:l} fps by {Methods:l} through {Encoder:l}.",
            _options.Input,
            Plan.FramesIn,
            Plan.SourceRate?.ToString() ?? "a variable rate of",
            Plan.FramesOut,
            Plan.TargetRate?.ToString() ?? "a variable rate of",
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
    }

    private sealed class AnalysisSink(IVideoOperation operation) : IFrameSink
    {
        public int HeldFrames => 1;

        public Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => operation.AnalyzeAsync(frames, cancellationToken);
    }
}
