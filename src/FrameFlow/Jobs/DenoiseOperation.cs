using System.Diagnostics;
using FrameFlow.Denoising;
using FrameFlow.Diffusion;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Reporting;

namespace FrameFlow.Jobs;

/// <summary>What a denoising is asked for, beside what every job is.</summary>
public sealed record DenoiseOperationOptions : OperationOptions
{
    /// <summary>The noise's deviation in codes of 8 bit (of 255), 0..100; null: found shot by shot, with its curve and correlations.</summary>
    public double? Sigma { get; init; }

    /// <summary>A model's name, or the built-in method <c>average</c>.</summary>
    public string Model { get; init; } = "denoise-light";

    /// <summary>How the model is used. Its seed is the job's; its number of workers is chosen by the operation.</summary>
    public DenoiseOptions Denoising { get; init; } = new();

    /// <inheritdoc/>
    public override IVideoOperation Create() => new DenoiseOperation(this);

    /// <inheritdoc/>
    public override OperationOptions OfPictures() => this with { Denoising = Denoising with { Workers = 1 } };
}

/// <summary>Takes the noise away, frame for frame, at the source's own times.</summary>
/// <param name="options">The request.</param>
public sealed class DenoiseOperation(DenoiseOperationOptions options) : IVideoOperation
{
    // For a trial, before any noise was measured.
    private const float TrialSigma = 10f / 255;

    private readonly DenseInverseSearch _motions = new();
    private Model? _model;
    private OperationContext? _context;
    private FrameTimeline? _timeline;
    private DenoiseOptions _denoising = options.Denoising;
    private IDenoiser? _denoiser;
    private DenoiseStage? _stage;
    private DenoiseReport? _whole;

    /// <inheritdoc/>
    public OperationOptions? Request => options;

    /// <inheritdoc/>
    public string Method => options.Model;

    /// <inheritdoc/>
    public string Device { get; private set; } = "none";

    /// <inheritdoc/>
    public bool NeedsCuts => true;

    /// <inheritdoc/>
    public bool KeepsTime => true;

    /// <inheritdoc/>
    public bool NeedsAnalysis => options.Sigma is null;

    /// <inheritdoc/>
    public int TrialFrames => _model is null ? 0 : 1 + (2 * _denoising.Temporal);

    /// <summary>Evaluations of the network a frame.</summary>
    public int Steps => _denoising.Steps ?? SamplerCatalog.Find(_denoising.Sampler)!.DefaultSteps;

    /// <summary>The noise of each shot; empty before the analysis.</summary>
    public IReadOnlyList<ShotNoise> Shots { get; private set; } = [];

    /// <summary>What was done to it so far; null before the run.</summary>
    public DenoiseReport? Report => _whole ?? _stage?.Report;

    /// <inheritdoc/>
    public string? AnalysisKind => NeedsAnalysis ? ShotNoise.AnalysisKind : null;

    /// <inheritdoc/>
    public string? Analysis
    {
        get => NeedsAnalysis && Shots.Count > 0 ? JobJson.Write(Shots.Select(StoredShot.From)) : null;
        set => Shots = [.. JobJson.Read<StoredShot[]>(value!).Select(s => s.ToShot())];
    }

    /// <inheritdoc/>
    public string? Findings => _stage is null ? null : JobJson.Write(StoredReport.From(_stage.Report));

    /// <inheritdoc/>
    public void TakeFindings(IReadOnlyList<string> parts) => _whole = DenoiseReport.Of([.. parts.Select(p => JobJson.Read<StoredReport>(p).ToReport())]);

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() =>
    [
        .. options.Sigma is null or (>= 0 and <= 100) ? Array.Empty<string>() : [FormattableString.Invariant($"--sigma {options.Sigma}: auto, or 0 to 100")],
        .. options.Model != "average" || options.Denoising.Sampler == "mmse" ? Array.Empty<string>() : [$"--sampler {options.Denoising.Sampler}: not with the model average, which has no network to sample with"],
        .. options.Denoising.Validate(),
    ];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
        ArgumentNullException.ThrowIfNull(models);
        _model = options.Model == "average" ? null : models.Find(options.Model, "denoise");
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input) => _timeline = input;

    /// <inheritdoc/>
    public void Load(OperationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _denoising = options.Denoising with { Seed = context.Options.Seed };
        _denoising = _denoising with { Workers = context.ChooseWorkers("Denoising", "raise it, or lower --temporal", w => DenoiseStage.WorkingBytes(context.Format, _denoising with { Workers = w }, _model)) };
        if (options.Sigma is { } sigma)
        {
            Shots = [new ShotNoise(_timeline!.First, NoiseModel.Flat((float)(sigma / 255)))];
        }

        if (_model is null)
        {
            _denoiser = new AverageDenoiser();
            return;
        }

        ExecutionDevice device = context.Devices.For(context.Options.Threads, inTurns: true);
        Device = device.Name;
        _denoiser = new NetworkDenoiser(_model, device, context.Format, _denoising.TilePixels, context.Memory);
    }

    /// <inheritdoc/>
    public async Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        Shots = await NoiseAnalysis.FindAsync(frames, _motions, _context!.Memory, cancellationToken);
        foreach (ShotNoise shot in Shots)
        {
            _context.Log.Information(
                "Noise from {Start:0.000} s: sigma {Sigma:0.0} of 255 in the mean, correlation {RhoX:0.00} across, {RhoY:0.00} down{How:l}.",
                shot.Start.ToDouble(),
                shot.Noise.MeanSigma * 255,
                shot.Noise.RhoX,
                shot.Noise.RhoY,
                shot.Noise.Evidence == NoiseEvidence.Spatial ? " (from single frames: texture may count as noise)" : "");
        }
    }

    /// <inheritdoc/>
    public bool TellsGrain => options.Denoising.Grain == GrainMode.Table;

    /// <inheritdoc/>
    public string DescribeGrain(FrameTimeline output) => FilmGrainTable.Write(Shots, output, _context!.Format, _context.Options.Seed);

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => _model is null ? [] : [_model];

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <inheritdoc/>
    public FrameRange InputFor(FrameRange outputs) => outputs.Widen(DenoiseStage.ReachOf(_denoising), _timeline!.Count);

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => input;

    /// <summary><c>denoised</c>: frames from which noise was taken; the others had none.</summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long> { ["denoised"] = _stage?.DenoisedFrames ?? 0 };

    /// <inheritdoc/>
    public IReadOnlyList<Measurement> Measurements => NoiseCharts.Of(Shots, Report?.After, _timeline is { Count: > 0 } times ? (times.First + times.Duration).ToDouble() : 0);

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null) => [_stage = CreateStage(Shots, outputs, isCounted)];

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        DenoiseStage stage = CreateStage([new ShotNoise(frames[0].Time, NoiseModel.Flat(TrialSigma))], new FrameRange(0, frames.Count));
        Stopwatch clock = Stopwatch.StartNew();
        stage.DenoiseOne(frames, cancellationToken).Dispose();
        return clock.Elapsed.TotalSeconds * _timeline!.Count / _denoising.Workers;
    }

    /// <inheritdoc/>
    public void Dispose() => _denoiser?.Dispose();

    private DenoiseStage CreateStage(IReadOnlyList<ShotNoise> shots, FrameRange outputs, Predicate<long>? isCounted = null) =>
        new(_denoiser!, _motions, shots, _context!.Format, _denoising, _context.Memory, outputs, isCounted);
}

/// <summary>A noise model as JSON holds it.</summary>
/// <param name="Curves">R, G, B: <see cref="NoiseModel.Points"/> deviations each.</param>
/// <param name="Correlations">See <see cref="NoiseModel.Correlation"/>, row by row.</param>
/// <param name="Chroma">The correlation between channels.</param>
/// <param name="Evidence">How it was found.</param>
/// <param name="Samples">From how many pairs or frames.</param>
internal sealed record StoredNoise(float[][] Curves, float[] Correlations, float Chroma, NoiseEvidence Evidence, int Samples)
{
    public static StoredNoise From(NoiseModel noise) => new([.. noise.Curves], [.. noise.Correlations], noise.Chroma, noise.Evidence, noise.Samples);

    public NoiseModel ToNoise() => new(Curves, Correlations, Chroma, Evidence) { Samples = Samples };
}

/// <summary>A shot's noise as JSON holds it.</summary>
internal sealed record StoredShot(Rational Start, StoredNoise Noise)
{
    public static StoredShot From(ShotNoise shot) => new(shot.Start, StoredNoise.From(shot.Noise));

    public ShotNoise ToShot() => new(Start, Noise.ToNoise());
}

/// <summary>A <see cref="DenoiseReport"/> as JSON holds it.</summary>
internal sealed record StoredReport(StoredNoise? After, double PathVarianceBefore, double PathVarianceAfter, int Pairs)
{
    public static StoredReport From(DenoiseReport report) => new(report.After is { } after ? StoredNoise.From(after) : null, report.PathVarianceBefore, report.PathVarianceAfter, report.Pairs);

    public DenoiseReport ToReport() => new() { After = After?.ToNoise(), PathVarianceBefore = PathVarianceBefore, PathVarianceAfter = PathVarianceAfter, Pairs = Pairs };
}
