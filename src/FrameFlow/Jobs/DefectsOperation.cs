using System.Diagnostics;
using FrameFlow.Denoising;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair.Defects;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>What a repair of defects is asked for, beside what every job is.</summary>
public sealed record DefectsOperationOptions : OperationOptions
{
    /// <summary>What is looked for.</summary>
    public DefectKinds Find { get; init; } = DefectKinds.Auto;

    /// <summary>0 (only what is beyond doubt) to 1 (all that may be one).</summary>
    public double Sensitivity { get; init; } = 0.5;

    /// <summary>The user's own masks, repaired beside what is found: a folder with a PNG for each frame that has one (the last number in its name is the frame's, from 0), or a video. White is repaired.</summary>
    public string? Mask { get; init => field = value is null ? null : Path.GetFullPath(value); }

    /// <summary>Whether the masks leave instead of the repaired frames: white where a repair would be. What leaves can be given as <see cref="Mask"/>.</summary>
    public bool ShowMask { get; init; }

    /// <summary>The name of a model of task <c>denoise</c> that fills, or a built-in method: <c>median</c> (along the motion), <c>average</c>.</summary>
    public string Model { get; init; } = "denoise-light";

    /// <summary>Whether a fill gets grain like that of the frame around it.</summary>
    public bool Grain { get; init; } = true;

    /// <inheritdoc/>
    public override IVideoOperation Create() => new DefectsOperation(this);
}

/// <summary>Finds dust, dirt, hairs and scratches and fills them, at the source's own times.</summary>
/// <param name="options">The request.</param>
public sealed class DefectsOperation(DefectsOperationOptions options) : IVideoOperation
{
    private readonly DenseInverseSearch _motions = new();
    private DefectOptions _defects = new() { Find = options.Find, Sensitivity = options.Sensitivity, Grain = options.Grain };
    private Model? _model;
    private OperationContext? _context;
    private FrameTimeline? _timeline;
    private IDenoiser? _denoiser;
    private DefectStage? _stage;

    /// <inheritdoc/>
    public OperationOptions? Request => options;

    /// <inheritdoc/>
    public IReadOnlyList<(string What, string Path)> Reads => options.Mask is { } mask ? [("mask", mask)] : [];

    /// <inheritdoc/>
    public string Method => options.ShowMask ? "masks" : options.Model;

    /// <inheritdoc/>
    public string Device { get; private set; } = "none";

    /// <inheritdoc/>
    public bool NeedsCuts => true;

    /// <inheritdoc/>
    public bool KeepsTime => true;

    /// <inheritdoc/>
    public bool NeedsAnalysis => false;

    /// <inheritdoc/>
    public int TrialFrames => (2 * DefectStage.Reach) + 1;

    /// <inheritdoc/>
    public IReadOnlyList<Model> Models => _model is null ? [] : [_model];

    /// <inheritdoc/>
    public bool WorksInParts => true;

    /// <summary>
    /// <c>defects</c>: dust, dirt and hairs. <c>defectPixels</c>: their pixels. <c>scratches</c>: lasting lines, counted in every frame. <c>framesRepaired</c>: frames in which
    /// something was filled. <c>framesAlone</c>: frames of shots too short to look for dust.
    /// </summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long>
    {
        ["defects"] = _stage?.Spots ?? 0,
        ["defectPixels"] = _stage?.SpotPixels ?? 0,
        ["scratches"] = _stage?.Scratches ?? 0,
        ["framesRepaired"] = _stage?.RepairedFrames ?? 0,
        ["framesAlone"] = _stage?.FramesAlone ?? 0,
    };

    /// <inheritdoc/>
    public IReadOnlyList<string> Validate() =>
    [
        .. _defects.Validate(),
        .. options.Find == DefectKinds.Off && options.Mask is null ? ["--defects off without --mask: there is nothing to repair"] : Array.Empty<string>(),
    ];

    /// <inheritdoc/>
    public void CheckModel(ModelCatalog models)
    {
        ArgumentNullException.ThrowIfNull(models);
        _model = options.ShowMask || options.Model is "median" or "average" ? null : models.Find(options.Model, "denoise");
        if (options.Mask is { } mask && !Directory.Exists(mask) && !File.Exists(mask))
        {
            throw new FrameFlowException(FaultKind.Input, $"The masks '{mask}' do not exist; give a folder of PNG files or a video.");
        }
    }

    /// <inheritdoc/>
    public FrameTimeline Map(FrameTimeline input) => _timeline = input;

    /// <inheritdoc/>
    public void Load(OperationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _defects = _defects with { Seed = context.Options.Seed };
        _defects = _defects with { Workers = context.ChooseWorkers("Repairing", "raise it", w => DefectStage.WorkingBytes(context.Format, _defects with { Workers = w })) };
        if (Directory.Exists(options.Mask))
        {
            CheckMasks(new MaskFolder(options.Mask).Frames, _timeline!.Count, context.Log);
        }

        if (options.ShowMask)
        {
            return;
        }

        if (_model is null)
        {
            _denoiser = options.Model == "median" ? new MedianFill() : new AverageDenoiser();
            return;
        }

        ExecutionDevice device = context.Devices.For(Math.Max(1, context.Options.Threads / _defects.Workers));
        Device = device.Name;
        VideoFormat window = DefectStage.WindowOf(context.Format);
        _denoiser = new NetworkDenoiser(_model, device, window, long.MaxValue, context.Memory);
    }

    /// <inheritdoc/>
    public Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public FrameRange InputFor(FrameRange outputs) => outputs.Widen(DefectStage.Reach, _timeline!.Count);

    /// <inheritdoc/>
    public long FirstOutputAt(long input) => input;

    /// <inheritdoc/>
    public IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null) =>
        [_stage = new DefectStage(_denoiser, _motions, _context!.Format, _defects, _context.Memory, outputs, isCounted, options.Mask is null ? null : OpenMasks)];

    /// <inheritdoc/>
    public double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        Stopwatch clock = Stopwatch.StartNew();
        DefectStage stage = new(_denoiser, _motions, _context!.Format, _defects, _context.Memory, new FrameRange(0, long.MaxValue));
        stage.Try(frames, cancellationToken);
        return clock.Elapsed.TotalSeconds / frames.Count * _timeline!.Count / _defects.Workers;
    }

    /// <inheritdoc/>
    public void Dispose() => _denoiser?.Dispose();

    // Masks of a part of the film may be a whole film's; masks of which none fits are numbered otherwise, such as by a sequence's numbers.
    private static void CheckMasks(IReadOnlyCollection<long> masks, long frames, ILogger log)
    {
        int outside = masks.Count(m => m >= frames);
        if (outside == masks.Count)
        {
            throw new FrameFlowException(FaultKind.Input, $"No mask is of a frame that is read: what is read has {frames}, counted from 0 to {frames - 1}, the first mask's number is {masks.Min()}; number them so.");
        }

        if (outside > 0)
        {
            log.Information("{Outside} mask(s) are of no frame that is read: these count from 0 to {Last}.", outside, frames - 1);
        }
    }

    private IFrameMasks OpenMasks() => Directory.Exists(options.Mask) ? new MaskFolder(options.Mask) : new MaskVideo(options.Mask!, _timeline!.Count, _context!.Memory, _context.Log);
}
