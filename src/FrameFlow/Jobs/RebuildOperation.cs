using System.Diagnostics;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair;

namespace FrameFlow.Jobs;

/// <summary>Which frames are rebuilt, beside what every job is asked for.</summary>
public sealed record RebuildOperationOptions : OperationOptions
{
    /// <summary>
    /// Frames to rebuild, between commas: numbers from 0 and stretches (<c>120,240-246</c>), <c>auto</c> (black and corrupt ones are found), <c>black</c>,
    /// <c>corrupt</c>, <c>frozen</c>; empty for none.
    /// </summary>
    public string Frames { get; init; } = "";

    /// <summary>Whether missing times of an even stream are filled; the count grows by exactly these.</summary>
    public bool Gaps { get; init; } = true;

    /// <summary>Whether a frame that repeats the one before, while the picture moves, is made anew.</summary>
    public bool Duplicates { get; init; }

    /// <summary>A model's name, or a built-in method: <c>hold</c>, <c>blend</c>, <c>flow</c>.</summary>
    public string Model { get; init; } = "light";

    /// <summary>Whether rebuilt frames get the grain that their neighbours have.</summary>
    public bool Grain { get; init; } = true;

    /// <inheritdoc/>
    public override IVideoOperation Create() => new RebuildOperation(this);
}

/// <summary>Makes missing and spoilt frames anew from those around them.</summary>
/// <param name="options">The request.</param>
public sealed class RebuildOperation(RebuildOperationOptions options) : IVideoOperation
{
    private readonly DenseInverseSearch _motions = new();
    private Model? _model;
    private RebuildPlan? _plan;
    private OperationContext? _context;
    private RebuildOptions _rebuilding = new();
    private IFrameInterpolator _interpolator = new HoldInterpolator();
    private FrameRebuildStage? _stage;

    /// <inheritdoc/>
    public OperationOptions? Request => options;

    /// <inheritdoc/>
    public string Method => options.Model;

    /// <inheritdoc/>
    public string Device { get; private set; } = "none";

    /// <inheritdoc/>
    public bool NeedsCuts => !_plan!.IsEmpty;

    /// <inheritdoc/>
    public bool KeepsTime => true;

    /// <inheritdoc/>
    public bool NeedsAnalysis => false;

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <summary>Where frames will stand; known once mapped.</summary>
    public RebuildPlan Plan => _plan ?? throw new InvalidOperationException("Not mapped yet.");

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => _model is null ? [] : [_model];

    /// <summary>
    /// <c>rebuilt</c>: frames made between two others. <c>extrapolated</c>: frames made by carrying on one side's motion. <c>heldFrames</c>: frames that repeat
    /// another where none could be made. <c>longRuns</c>: black or frozen runs that were left, being longer than a fault is taken to last.
    /// </summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long>
    {
        ["rebuilt"] = _stage?.RebuiltFrames ?? 0,
        ["extrapolated"] = _stage?.ExtrapolatedFrames ?? 0,
        ["heldFrames"] = _stage?.HeldOutputs ?? 0,
        ["longRuns"] = _stage?.LongRuns ?? 0,
    };

    /// <inheritdoc/>
    public int TrialFrames => Device != "none" && _plan!.KnownEmpty > 0 ? 2 : 0;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() =>
        FrameSelection.TryParse(options.Frames, out _, out string? fault) ? [] : [$"--frames '{options.Frames}': '{fault}' is none of {FrameSelection.Allowed}"];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
        ArgumentNullException.ThrowIfNull(models);
        _model = options.Model is "hold" or "blend" or "flow" ? null : models.Find(options.Model, "interpolate");
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input)
    {
        _ = FrameSelection.TryParse(options.Frames, out FrameSelection frames, out _);
        _plan = RebuildPlan.Create(input, options.Gaps, options.Duplicates ? frames.With(FrameFaults.Repeated) : frames);
        return _plan.Output;
    }

    /// <inheritdoc/>
    public void Load(OperationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _rebuilding = new RebuildOptions
        {
            FindCuts = context.Options.FindCuts,
            Grain = options.Grain,
            Seed = context.Options.Seed,
            Damaged = [.. context.Damage.Select(d => (d.Start, d.End))],
        };
        if (_plan!.Added > 0)
        {
            context.Log.Information("{Missing} frame(s) are missing in the times; their places are filled.", _plan.Added);
        }

        if (_plan.IsEmpty || options.Model == "hold")
        {
            return;
        }

        if (_model is null)
        {
            DenseInverseSearch between = new(DenseInverseSearchOptions.ForInterpolation(context.Format.Width, context.Format.Height));
            _interpolator = options.Model == "blend" ? new BlendInterpolator() : new FlowInterpolator(between, context.Format, context.Memory);
            return;
        }

        InterpolationOptions sampling = new InterpolationOptions { Seed = context.Options.Seed }.For(_model.Manifest, context.Format);
        long needed = ResidualDiffusionInterpolator.WorkingBytes(_model, context.Format, sampling);
        if (needed > context.Options.MemoryBytes)
        {
            throw new FrameFlowException(FaultKind.Usage, $"A pair of {context.Format.Width}x{context.Format.Height} takes {needed >> 20} MiB, --memory allows {context.Options.MemoryBytes >> 20} MiB; raise it.");
        }

        ExecutionDevice device = context.Devices.For(context.Options.Threads);
        Device = device.Name;
        _interpolator = ResidualDiffusionInterpolator.Create(_model, device, context.Format, sampling, context.Memory);
    }

    /// <inheritdoc/>
    public Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public FrameRange InputFor(FrameRange outputs) => _plan!.InputFor(outputs);

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => _plan!.PlaceOf(input);

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null)
    {
        _stage = null;
        return _plan!.IsEmpty ? []
            : [_stage = new FrameRebuildStage(_plan, _interpolator, _motions, _context!.Format, _rebuilding, _context.Memory, outputs, isCounted, line => _context.Log.Information("{Line:l}", line))];
    }

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        if (frames.Count < 2)
        {
            return null;
        }

        using Frame target = new FramePool(_context!.Memory, _context.Format).Rent(frames[0].Time, frames[0].SourceIndex);
        Stopwatch clock = Stopwatch.StartNew();
        _interpolator.Interpolate(frames[0], frames[1], [new InterpolationRequest(0.5, target)], cancellationToken);
        return clock.Elapsed.TotalSeconds * _plan!.KnownEmpty;
    }

    /// <inheritdoc/>
    public void Dispose() => _interpolator.Dispose();
}
