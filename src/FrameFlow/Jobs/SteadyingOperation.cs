using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair.Steadying;

namespace FrameFlow.Jobs;

/// <summary>What the taking away of flicker is asked for: nothing beside what every job is.</summary>
public sealed record DeflickerOperationOptions : OperationOptions
{
    /// <inheritdoc/>
    public override IVideoOperation Create() => new DeflickerOperation();
}

/// <summary>What stabilising against gate weave is asked for: nothing beside what every job is.</summary>
public sealed record StabiliseOperationOptions : OperationOptions
{
    /// <inheritdoc/>
    public override IVideoOperation Create() => new StabiliseOperation();
}

/// <summary>Takes flicker away.</summary>
public sealed class DeflickerOperation : SteadyingOperation
{
    /// <inheritdoc/>
    public override OperationOptions? Request => new DeflickerOperationOptions();

    /// <inheritdoc/>
    public override string Method => "deflicker";

    /// <inheritdoc/>
    protected override string CountName => "framesDeflickered";

    /// <inheritdoc/>
    protected override SteadyingStage CreateStage(IMotionEstimator motions, OperationContext context, FrameRange outputs, Predicate<long>? isCounted) => new DeflickerStage(motions, context.Format, context.Memory, outputs, isCounted);
}

/// <summary>Takes gate weave away.</summary>
public sealed class StabiliseOperation : SteadyingOperation
{
    /// <inheritdoc/>
    public override OperationOptions? Request => new StabiliseOperationOptions();

    /// <inheritdoc/>
    public override string Method => "stabilise";

    /// <inheritdoc/>
    protected override string CountName => "framesStabilised";

    /// <inheritdoc/>
    protected override SteadyingStage CreateStage(IMotionEstimator motions, OperationContext context, FrameRange outputs, Predicate<long>? isCounted) => new StabiliseStage(motions, context.Format, context.Memory, outputs, isCounted);
}

/// <summary>Holds something steady within each shot, at the source's own times.</summary>
public abstract class SteadyingOperation : IVideoOperation
{
    private readonly DenseInverseSearch _motions = new();
    private OperationContext? _context;
    private FrameTimeline? _timeline;
    private SteadyingStage? _stage;

    /// <inheritdoc/>
    public abstract OperationOptions? Request { get; }

    /// <inheritdoc/>
    public abstract string Method { get; }

    /// <inheritdoc/>
    public string Device => "none";

    /// <inheritdoc/>
    public bool NeedsCuts => true;

    /// <inheritdoc/>
    public bool KeepsTime => true;

    /// <inheritdoc/>
    public bool NeedsAnalysis => false;

    /// <inheritdoc/>
    public int TrialFrames => 0;

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => [];

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <summary>How many frames were changed.</summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long> { [CountName] = _stage?.ChangedFrames ?? 0 };

    /// <summary>The name under which changed frames are counted.</summary>
    protected abstract string CountName { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() => [];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input) => _timeline = input;

    /// <inheritdoc/>
    public void Load(OperationContext context) => _context = context;

    /// <inheritdoc/>
    public Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public FrameRange InputFor(FrameRange outputs) => outputs.Widen(SteadyingStage.Reach, _timeline!.Count);

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => input;

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null) => [_stage = CreateStage(_motions, _context!, outputs, isCounted)];

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken) => null;

    /// <inheritdoc/>
    public void Dispose() => GC.SuppressFinalize(this);

    /// <summary>A fresh stage.</summary>
    protected abstract SteadyingStage CreateStage(IMotionEstimator motions, OperationContext context, FrameRange outputs, Predicate<long>? isCounted);
}
