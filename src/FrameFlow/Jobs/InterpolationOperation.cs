using System.Diagnostics;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;

namespace FrameFlow.Jobs;

/// <summary>What an interpolation is asked for, beside what every job is.</summary>
public sealed record InterpolationOperationOptions : OperationOptions
{
    /// <summary>The target rate.</summary>
    public TargetRate Rate { get; init; } = new(60, false);

    /// <summary>The factor by which time is stretched; 1 for none.</summary>
    public Rational Slow { get; init; } = Rational.One;

    /// <summary>A model's name, or a built-in method: <c>hold</c>, <c>blend</c>, <c>flow</c>.</summary>
    public string Model { get; init; } = "light";

    /// <summary>How the model samples. Its seed is the job's; its number of workers is chosen by the operation.</summary>
    public InterpolationOptions Sampling { get; init; } = new();

    /// <inheritdoc/>
    public override IVideoOperation Create() => new InterpolationOperation(this);

    /// <inheritdoc/>
    public override OperationOptions OfPictures() => this with { Sampling = Sampling with { Batch = 1, Workers = 1 } };
}

/// <summary>Frames between frames: to another rate, or slower.</summary>
/// <param name="options">The request.</param>
public sealed class InterpolationOperation(InterpolationOperationOptions options) : IVideoOperation
{
    private const int MadeInTrial = 3;

    private Model? _model;
    private FrameTimeline? _input;
    private OutputTimeline? _timeline;
    private OperationContext? _context;
    private InterpolationOptions _sampling = Asked(options);
    private IFrameInterpolator? _interpolator;
    private InterpolationStage? _stage;

    /// <inheritdoc/>
    public OperationOptions? Request => options;

    /// <inheritdoc/>
    public string Method => options.Model;

    /// <inheritdoc/>
    public string Device { get; private set; } = "none";

    /// <inheritdoc/>
    public bool NeedsCuts => options.Model != "hold";

    /// <inheritdoc/>
    public bool KeepsTime => options.Slow == Rational.One;

    /// <summary>Output frames that are source frames; known once mapped.</summary>
    public long SourceFramesOut { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => _model is null ? [] : [_model];

    /// <summary>
    /// <c>generated</c>: frames made. <c>held</c>: source frames that stand where a made one would otherwise, at cuts. <c>fellBack</c>: source frames that stand
    /// where the model did not trust its own. <c>bypassed</c>: source frames between two that are the same.
    /// </summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long>
    {
        ["generated"] = _stage?.GeneratedFrames ?? 0,
        ["held"] = _stage?.HeldOutputs ?? 0,
        ["fellBack"] = _stage?.FellBackFrames ?? 0,
        ["bypassed"] = _stage?.BypassedFrames ?? 0,
    };

    /// <inheritdoc/>
    public int TrialFrames => Device != "none" && _timeline!.Count > SourceFramesOut ? 2 : 0;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() =>
        [.. options.Slow > Rational.Zero && options.Slow <= 100 ? [] : (string[])[$"--slow {options.Slow}: above 0, up to 100"], .. options.Sampling.Validate()];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
        ArgumentNullException.ThrowIfNull(models);
        _model = options.Model is "hold" or "blend" or "flow" ? null : models.Find(options.Model, "interpolate");
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _input = input;
        _timeline = new OutputTimeline(input, options.Rate.For(input), options.Slow);
        if (_timeline.Count > int.MaxValue)
        {
            throw new FrameFlowException(FaultKind.Usage, $"A rate of {_timeline.Rate} frames a second is too fine for this input; give a smaller --fps.");
        }

        for (long k = 0; k < _timeline.Count; k++)
        {
            SourceFramesOut += _timeline.At(k).IsSource ? 1 : 0;
        }

        return FrameTimeline.Even(input.First, _timeline.Rate, (int)_timeline.Count);
    }

    /// <inheritdoc/>
    public void Load(OperationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _sampling = Asked(options) with { Seed = context.Options.Seed };
        if (_model is null)
        {
            _sampling = _sampling with { Workers = Math.Min(2, context.Options.Threads) };
            _interpolator = options.Model switch
            {
                "hold" => new HoldInterpolator(),
                "blend" => new BlendInterpolator(),
                _ => new FlowInterpolator(MotionFor(context.Format), context.Format, context.Memory),
            };
            return;
        }

        _sampling = _sampling.For(_model.Manifest, context.Format);
        _sampling = ChoosePlan(context, _model);
        ExecutionDevice device = context.Devices.For(context.Options.Threads, inTurns: true);
        Device = device.Name;
        _interpolator = ResidualDiffusionInterpolator.Create(_model, device, context.Format, _sampling, context.Memory);
    }

    // What has no motion asks no neighbours for theirs.
    private static InterpolationOptions Asked(InterpolationOperationOptions options) =>
        options.Sampling with { AsksNeighbours = options.Sampling.AsksNeighbours && options.Model is not ("hold" or "blend") };

    private static DenseInverseSearch MotionFor(VideoFormat format) => new(DenseInverseSearchOptions.ForInterpolation(format.Width, format.Height));

    /// <inheritdoc/>
    public bool NeedsAnalysis => false;

    /// <inheritdoc/>
    public Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <summary>At a lower rate also those that stand behind the last frame and before the next part's, so that every frame is some part's.</summary>
    public FrameRange InputFor(FrameRange outputs)
    {
        FrameRange needed = _timeline!.SourceFor(outputs).Widen(InterpolationStage.ReachOf(_sampling), _input!.Count);
        long next = outputs.End < _timeline.Count ? _timeline.At(outputs.End).Left : _input!.Count;
        return needed with { End = Math.Max(needed.End, next) };
    }

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => _timeline!.FirstAtOrAfter(input);

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null) =>
        [_stage = new InterpolationStage(_timeline!, _input!, _interpolator!, _sampling, _context!.Memory, outputs, isCounted)];

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        if (frames.Count < 2)
        {
            return null;
        }

        FramePool pool = new(_context!.Memory, _context.Format);
        List<InterpolationRequest> requests = [];
        try
        {
            for (int i = 1; i <= MadeInTrial; i++)
            {
                requests.Add(new InterpolationRequest(i / (MadeInTrial + 1.0), pool.Rent(frames[0].Time, frames[0].SourceIndex)));
            }

            Stopwatch clock = Stopwatch.StartNew();
            _interpolator!.Interpolate(frames[0], frames[1], requests, cancellationToken);
            return clock.Elapsed.TotalSeconds / MadeInTrial * (_timeline!.Count - SourceFramesOut) / _sampling.Workers;
        }
        finally
        {
            foreach (InterpolationRequest request in requests)
            {
                request.Target.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _interpolator?.Dispose();

    // Motion, warping and conversion use one thread a pair, so two pairs at once keep two cores busy; their networks take turns, each on all cores. Where that does not
    // fit, smaller tiles cost least at first (what they overlap is calculated twice), then one pair at a time does.
    private InterpolationOptions ChoosePlan(OperationContext context, Model model)
    {
        long most = _sampling.TilePixels;
        long parted = Math.Min(most, (long)context.Format.Width * context.Format.Height);
        int workers = Math.Min(2, context.Options.Threads);
        (int Workers, long Pixels)[] ways = [(workers, most), (workers, parted * 3 / 4), (1, most), (1, parted / 2), (1, parted / 4), (1, parted / 8)];
        InterpolationOptions[] plans = [.. ways.Select(w => _sampling with { Workers = w.Workers, TilePixels = Math.Max(1 << 16, w.Pixels) })];
        foreach (InterpolationOptions plan in plans)
        {
            long needed = ResidualDiffusionInterpolator.WorkingBytes(model, context.Format, plan);
            if (needed <= context.WorkingBytes)
            {
                if (plan != plans[0])
                {
                    context.Log.Information(
                        "{Workers} pair(s) of frames at a time, in tiles of up to {Pixels} pixels: {Most} in larger ones would take {Needed} MiB, --memory allows {Limit} MiB beside the frames.",
                        plan.Workers, plan.TilePixels, plans[0].Workers, ResidualDiffusionInterpolator.WorkingBytes(model, context.Format, plans[0]) >> 20, context.WorkingBytes >> 20);
                }

                context.Log.Debug("Predicted working memory beside frames: {Needed} MiB.", needed >> 20);
                return plan;
            }
        }

        throw new FrameFlowException(
            FaultKind.Usage, $"A pair of {context.Format.Width}x{context.Format.Height} takes {ResidualDiffusionInterpolator.WorkingBytes(model, context.Format, plans[^1]) >> 20} MiB beside the frames, --memory allows {context.WorkingBytes >> 20} MiB for that; raise it, or lower --batch.");
    }
}
