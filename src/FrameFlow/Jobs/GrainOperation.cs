using FrameFlow.Denoising;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;

namespace FrameFlow.Jobs;

/// <summary>How much grain is put on a film, beside what every job is asked for.</summary>
public sealed record GrainOperationOptions : OperationOptions
{
    /// <summary>The share of the grain's deviation that the source has, 0..1: 0 for none, 1 for as much.</summary>
    public double Amount { get; init; } = 0.5;

    /// <summary>The grain's deviation in codes of 8 bit (of 255), 0..100, white; null: as each shot of the source has it, with its curve and correlations.</summary>
    public double? Sigma { get; init; }

    /// <inheritdoc/>
    public override IVideoOperation Create() => new GrainOperation(this);
}

/// <summary>
/// Puts grain on every frame, of the law that the source's noise was found to have: after denoising, which took it away, and after interpolation, so that made frames and
/// given ones have grain alike, fresh in each.
/// </summary>
/// <param name="options">The request.</param>
public sealed class GrainOperation(GrainOperationOptions options) : IVideoOperation
{
    private readonly DenseInverseSearch _motions = new();
    private OperationContext? _context;
    private FrameTimeline? _timeline;
    private IReadOnlyList<ShotNoise> _shots = [];
    private GrainStage? _stage;

    /// <inheritdoc/>
    public OperationOptions? Request => options;

    /// <inheritdoc/>
    public string Method => "grain";

    /// <inheritdoc/>
    public string Device => "none";

    /// <inheritdoc/>
    public bool NeedsCuts => NeedsAnalysis;

    /// <inheritdoc/>
    public bool KeepsTime => true;

    /// <inheritdoc/>
    public bool NeedsAnalysis => options.Sigma is null && options.Amount > 0;

    /// <inheritdoc/>
    public string? AnalysisKind => NeedsAnalysis ? ShotNoise.AnalysisKind : null;

    /// <inheritdoc/>
    public string? Analysis
    {
        get => NeedsAnalysis && _shots.Count > 0 ? JobJson.Write(_shots.Select(StoredShot.From)) : null;
        set => _shots = [.. JobJson.Read<StoredShot[]>(value!).Select(s => s.ToShot())];
    }

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => [];

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <summary><c>grained</c>: frames on which grain was put.</summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long> { ["grained"] = _stage?.GrainedFrames ?? 0 };

    /// <inheritdoc/>
    public int TrialFrames => 0;

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() =>
    [
        .. options.Amount is >= 0 and <= 1 ? Array.Empty<string>() : [FormattableString.Invariant($"--grain {options.Amount}: 0 to 1")],
        .. options.Sigma is null or (>= 0 and <= 100) ? Array.Empty<string>() : [FormattableString.Invariant($"--grain sigma {options.Sigma}: 0 to 100")],
    ];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input) => _timeline = input;

    /// <inheritdoc/>
    public void Load(OperationContext context)
    {
        _context = context;
        if (options.Sigma is { } sigma)
        {
            _shots = [new ShotNoise(_timeline!.First, NoiseModel.Flat((float)(sigma / 255)))];
        }
    }

    /// <inheritdoc/>
    public async Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) =>
        _shots = await NoiseAnalysis.FindAsync(frames, _motions, _context!.Memory, cancellationToken);

    /// <inheritdoc/>
    public FrameRange InputFor(FrameRange outputs) => outputs;

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => input;

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null) =>
        [_stage = new GrainStage(_shots, _context!.Format, options.Amount, _context.Options.Seed, Math.Min(2, _context.Options.Threads), _context.Memory, outputs.First, isCounted)];

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
