using System.Diagnostics;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.SceneCuts;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>
/// One file interpolated into another: probe, scan, plan, run, check, publish. Everything that can be refused is refused while it is
/// prepared; nothing stands under the output's name before the result was read back and found as planned.
/// </summary>
public sealed class InterpolationJob : IAsyncDisposable
{
    // Frames that wait in a channel between two stages: enough to let neighbours overlap, few enough to stay small.
    private const int ChannelCapacity = 3;
    private const int TrialFrames = 3;

    private readonly InterpolationJobOptions _options;
    private readonly ILogger _log;
    private readonly MediaInfo _info;
    private readonly SourceScan _scan;
    private readonly OutputTimeline _timeline;
    private readonly EncodePlan _encode;
    private readonly OutputFile _output;
    private readonly InterpolationOptions _interpolation;
    private readonly NativePool _memory;
    private readonly IFrameInterpolator _interpolator;
    private FrameSink? _sink;

    private InterpolationJob(
        InterpolationJobOptions options,
        ILogger log,
        MediaInfo info,
        SourceScan scan,
        OutputTimeline timeline,
        EncodePlan encode,
        OutputFile output,
        InterpolationOptions interpolation,
        NativePool memory,
        IFrameInterpolator interpolator,
        string device)
    {
        _options = options;
        _log = log;
        _info = info;
        _scan = scan;
        _timeline = timeline;
        _encode = encode;
        _output = output;
        _interpolation = interpolation;
        _memory = memory;
        _interpolator = interpolator;
        Plan = new InterpolationPlan
        {
            FramesIn = scan.Timeline.Count,
            FramesOut = timeline.Count,
            SourceRate = scan.Timeline.ConstantRate,
            TargetRate = timeline.Rate,
            SourceFramesOut = CountSourceFrames(timeline),
            Format = scan.Format,
            Encoder = encode.Encoder.Name,
            Model = interpolator.Name,
            Device = device,
            Content = scan.Content,
            Damage = scan.Damage,
            Notes = [.. scan.Notes, .. encode.Notes],
        };
    }

    /// <summary>What the job will do.</summary>
    public InterpolationPlan Plan { get; }

    /// <summary>Frames handed to the encoder so far.</summary>
    public long FramesDone() => _sink?.FramesWritten ?? 0;

    /// <summary>Checks the request, reads the source once, and plans.</summary>
    /// <param name="options">The request.</param>
    /// <param name="models">Where models are found.</param>
    /// <param name="log">Receives what the user should know.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <returns>A job that the caller runs once and disposes.</returns>
    /// <exception cref="FrameFlowException">The request, the source, the model, the device or the output's place is refused.</exception>
    public static async Task<InterpolationJob> PrepareAsync(InterpolationJobOptions options, ModelCatalog models, ILogger log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(log);
        options.Validate();

        // What needs no decoding is refused first: an hour's scan before "unknown encoder" would be rude.
        _ = await EncoderCatalog.ResolveAsync(EncodePlan.EncoderNameFor(options.Encode, options.Output), cancellationToken);
        Model? model = options.Model is "hold" or "blend" or "flow" ? null : models.Find(options.Model, "interpolate");
        MediaInfo info = await MediaProbe.ProbeAsync(options.Input, cancellationToken);
        OutputFile output = OutputFile.Prepare(options.Output, options.Input, options.Overwrite);
        NativePool? memory = null;
        IFrameInterpolator? interpolator = null;
        try
        {
            SourceScan scan = await SourceScanner.ScanAsync(info, options.Decode, cancellationToken);
            if (options.Strict && scan.Damage.Count > 0)
            {
                DamagedStretch first = scan.Damage[0];
                throw new FrameFlowException(FaultKind.Input, FormattableString.Invariant($"The input '{options.Input}' is damaged in {scan.Damage.Count} place(s), first at {first.Start.ToDouble():0.000} s ({first.What}); leave --strict out to process it all the same."));
            }

            OutputTimeline timeline = new(scan.Timeline, options.Rate.For(scan.Timeline), options.Slow);
            EncodePlan encode = await EncodePlan.CreateAsync(
                new EncodeRequest
                {
                    Options = options.Encode,
                    Source = info,
                    Format = scan.Format,
                    OutputPath = options.Output,
                    FrameRate = timeline.Rate,
                    FrameCount = timeline.Count,
                    FirstFrameTime = scan.Timeline.First,
                    Decode = options.Decode,
                    IncludeAudio = options.Slow == Rational.One,
                },
                cancellationToken);
            memory = new NativePool(options.MemoryBytes);
            string device = "none";
            InterpolationOptions interpolation;
            if (model is null)
            {
                interpolation = options.Interpolation with { Workers = Math.Min(2, options.Threads) };
                interpolator = options.Model switch
                {
                    "hold" => new HoldInterpolator(),
                    "blend" => new BlendInterpolator(),
                    _ => new FlowInterpolator(new DenseInverseSearch(), scan.Format, memory),
                };
            }
            else
            {
                interpolation = ChooseWorkers(options, scan.Format, log);
                ExecutionDevice chosen = ExecutionDevice.Choose(
                    options.Device,
                    Math.Max(1, options.Threads / interpolation.Workers),
                    model.PathOf("synthesis"),
                    line => log.Information("{Line:l}", line));
                device = chosen.Name;
                interpolator = new ResidualDiffusionInterpolator(
                    model, chosen, new DenseInverseSearch(), scan.Format, interpolation, memory);
            }

            InterpolationJob job = new(options, log, info, scan, timeline, encode, output, interpolation, memory, interpolator, device);
            job.Announce();
            return job;
        }
        catch
        {
            interpolator?.Dispose();
            memory?.Dispose();
            output.Dispose();
            throw;
        }
    }

    /// <summary>The plan with the time and the space that it will take, found by making a few frames at the film's beginning.</summary>
    public async Task<InterpolationPlan> EstimateAsync(CancellationToken cancellationToken)
    {
        long generated = Plan.FramesOut - Plan.SourceFramesOut;
        double? seconds = null;
        if (generated > 0 && Plan.FramesIn > 1 && Plan.Device != "none")
        {
            FramePool frames = new(_memory, _scan.Format);
            FrameSource source = new(_info, _scan, _options.Decode, frames);
            Frame? left = null;
            try
            {
                await foreach (Frame frame in source.ReadAsync(cancellationToken))
                {
                    if (left is null)
                    {
                        left = frame;
                        continue;
                    }

                    using (frame)
                    {
                        seconds = await Task.Run(() => Try(left, frame, frames, cancellationToken), cancellationToken) * generated / _interpolation.Workers;
                    }

                    break;
                }
            }
            finally
            {
                left?.Dispose();
            }
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
    public async Task<InterpolationSummary> RunAsync(CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        FrameSource source = new(_info, _scan, _options.Decode, new FramePool(_memory, _scan.Format));
        SceneCutStage cuts = new(new SceneCutOptions());
        InterpolationStage interpolation = new(_timeline, _scan.Timeline, _interpolator, _interpolation, _memory);
        _sink = new FrameSink(_encode, _output);
        VideoPipeline pipeline = VideoPipeline.Build(
            source,
            _options.FindCuts && _interpolator is not HoldInterpolator ? [cuts, interpolation] : [interpolation],
            _sink,
            ChannelCapacity,
            _memory.LimitBytes);
        long allocatedBefore = GC.GetTotalAllocatedBytes();
        await pipeline.RunAsync(cancellationToken);
        _log.Debug("Managed allocation while running: {Bytes} bytes for {Frames} frames", GC.GetTotalAllocatedBytes() - allocatedBefore, _timeline.Count);
        foreach (StageMeter meter in pipeline.Meters)
        {
            _log.Debug("Stage {Stage} passed on {Frames} frames", meter.Name, meter.Frames);
        }

        OutputReport report = await OutputCheck.VerifyAsync(_encode, _output.PartialPath, _timeline.Count, cancellationToken);
        await _output.PublishAsync(cancellationToken);
        using Process self = Process.GetCurrentProcess();
        return new InterpolationSummary
        {
            Plan = Plan,
            FramesOut = report.Frames,
            Generated = interpolation.GeneratedFrames,
            Held = interpolation.HeldOutputs,
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
        _interpolator.Dispose();
        _output.Dispose();
        _memory.Dispose();
        return ValueTask.CompletedTask;
    }

    // Motion, warping and conversion use one thread a pair, so two pairs at once keep two cores busy; more sessions than that cost memory.
    private static InterpolationOptions ChooseWorkers(InterpolationJobOptions options, VideoFormat format, ILogger log)
    {
        int workers = Math.Min(2, options.Threads);
        long each = ResidualDiffusionInterpolator.WorkingBytes(format, options.Interpolation);
        if (workers > 1 && each * workers > options.MemoryBytes / 2)
        {
            workers = 1;
            log.Information("One pair of frames at a time: two would take {Needed} MiB of the {Limit} MiB of --memory.", each * 2 >> 20, options.MemoryBytes >> 20);
        }

        return each * workers <= options.MemoryBytes
            ? options.Interpolation with { Workers = workers }
            : throw new FrameFlowException(FaultKind.Usage, $"A pair of {format.Width}x{format.Height} takes {each >> 20} MiB, --memory allows {options.MemoryBytes >> 20} MiB; raise it, or lower --batch.");
    }

    private static long CountSourceFrames(OutputTimeline timeline)
    {
        long count = 0;
        for (long k = 0; k < timeline.Count; k++)
        {
            count += timeline.At(k).IsSource ? 1 : 0;
        }

        return count;
    }

    private double Try(Frame left, Frame right, FramePool frames, CancellationToken cancellationToken)
    {
        List<InterpolationRequest> requests = [];
        try
        {
            for (int i = 1; i <= TrialFrames; i++)
            {
                requests.Add(new InterpolationRequest(i / (TrialFrames + 1.0), frames.Rent(left.Time, left.SourceIndex)));
            }

            Stopwatch clock = Stopwatch.StartNew();
            _interpolator.Interpolate(left, right, requests, cancellationToken);
            return clock.Elapsed.TotalSeconds / TrialFrames;
        }
        finally
        {
            foreach (InterpolationRequest request in requests)
            {
                request.Target.Dispose();
            }
        }
    }

    private void Announce()
    {
        _log.Information(
            "{Input}: {FramesIn} frames at {SourceRate:l} fps; {FramesOut} frames at {TargetRate:l} fps by {Model:l} through {Encoder:l}.",
            _options.Input,
            Plan.FramesIn,
            Plan.SourceRate?.ToString() ?? "a variable rate of",
            Plan.FramesOut,
            Plan.TargetRate.ToString(),
            Plan.Model,
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
}
