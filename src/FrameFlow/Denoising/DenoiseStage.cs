using System.Runtime.CompilerServices;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;

namespace FrameFlow.Denoising;

/// <summary>
/// Denoises every frame with its neighbours of the same shot: one frame in, one out, at its own time. Looks as many frames ahead as it takes
/// neighbours. Motion is found once a pair and shared by the two frames that ask for it; the work on one frame is one batch of
/// <see cref="OrderedBatches"/>.
/// </summary>
public sealed class DenoiseStage : IFrameStage
{
    private readonly FrameDenoiser _process;
    private readonly IMotionEstimator _motions;
    private readonly DenoiseOptions _options;
    private readonly NativePool _memory;
    private readonly FramePool _frames;
    private readonly IReadOnlyList<ShotNoise> _shots;
    private readonly NoiseEstimator _before;
    private readonly NoiseEstimator _after;
    private readonly FrameConverter _converter;
    private readonly SourcePicture.Shot[] _shared;
    private readonly VideoFormat _format;
    private readonly FrameRange? _outputs;
    private readonly Predicate<long>? _isCounted;
    private int _pairs;
    private long _denoised;

    /// <summary>Creates the stage.</summary>
    /// <param name="denoiser">D; not owned.</param>
    /// <param name="motions">Finds motion.</param>
    /// <param name="shots">The noise of each shot, in order of time, at least one.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="outputs">Which frames are denoised, by index, and leave; null for all that come. As many as <see cref="ReachOf"/> on either side must come, where the film has them.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    public DenoiseStage(
        IDenoiser denoiser, IMotionEstimator motions, IReadOnlyList<ShotNoise> shots, VideoFormat format, DenoiseOptions options, NativePool memory, FrameRange? outputs = null, Predicate<long>? isCounted = null)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(shots);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(shots.Count);
        _motions = motions;
        _shots = shots;
        _format = format;
        _options = options;
        _memory = memory;
        _frames = new FramePool(memory, format);
        _outputs = outputs;
        _isCounted = isCounted;
        _process = new FrameDenoiser(denoiser, options, memory);
        _converter = new FrameConverter(format);
        _shared = [.. shots.Select(s => new SourcePicture.Shot(_converter, s.Noise, (float)options.Strength))];
        float step = format.PixelFormat.CodeStep;
        _before = new NoiseEstimator(step);
        _after = new NoiseEstimator(step);
    }

    /// <inheritdoc/>
    public string Name => "denoise";

    /// <inheritdoc/>
    public int HeldFrames => (2 * ReachOf(_options)) + 1 + (2 * (_options.Workers + 3));

    /// <summary>How many frames before and behind a frame its picture may depend on: at an end of a shot, frames from further off stand in for those that are missing.</summary>
    public static int ReachOf(DenoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return 2 * options.Temporal;
    }

    /// <summary>Bytes of working memory beside frames, an upper bound.</summary>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Neighbours, workers and tile size.</param>
    /// <param name="model">The network's model, of which one run at a time counts; null where there is none.</param>
    public static long WorkingBytes(VideoFormat format, DenoiseOptions options, FrameFlow.Inference.Model? model = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        long pixels = (long)format.Width * format.Height;
        long tile = Math.Min((long)(format.Width + 7) * (format.Height + 7), options.TilePixels);
        long inFlight = (2 * options.Temporal) + 1 + options.Workers + 3;

        // A source frame: picture, calm copy, noise. Its pairs: two flows each, and what the search keeps (about 12) for each worker.
        long frame = 9 + (4 * options.Temporal);
        return sizeof(float) * ((inFlight * frame * pixels) + (options.Workers * (FrameDenoiser.FloatsPerPixel + 12) * pixels) + (NetworkInputs.FloatsPerPixel(model?.Manifest.Boxes?.Count ?? 0) * tile)) + (model?.ActivationBytes(tile) ?? 0);
    }

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <summary>Frames from which noise was taken so far.</summary>
    public long DenoisedFrames => Interlocked.Read(ref _denoised);

    /// <summary>What was done to the noise so far.</summary>
    public DenoiseReport Report => new()
    {
        After = _pairs == 0 ? null : _after.Solve(),
        PathVarianceBefore = _before.PathVariance,
        PathVarianceAfter = _after.PathVariance,
        Pairs = _pairs,
    };

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Unit? previous = null;
        try
        {
            await foreach (Unit done in OrderedBatches.RunAsync(PlanAsync(input, cancellationToken), _options.Workers, Make, static d => d.Dispose(), cancellationToken))
            {
                try
                {
                    Compare(previous, done);
                }
                catch
                {
                    done.Dispose();
                    throw;
                }

                previous?.Dispose();
                previous = done;
                yield return done.TakeFrame();
            }
        }
        finally
        {
            previous?.Dispose();
        }
    }

    /// <summary>Denoises the middle one of some successive frames on the calling thread: for a trial.</summary>
    /// <param name="frames">At least one; they stay the caller's.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The frame, which the caller disposes.</returns>
    public Frame DenoiseOne(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        using Neighbourhood window = Around();
        foreach (Frame frame in frames)
        {
            window.Add(Picture(frame.Share(), 0));
        }

        for (int i = 0; i < frames.Count / 2; i++)
        {
            window.Next().Dispose();
        }

        using Unit done = Make(window.Next(), cancellationToken);
        return done.TakeFrame();
    }

    private Neighbourhood Around() => new(_options.Temporal, _motions);

    private SourcePicture Picture(Frame frame, int shot) => SourcePicture.Of(frame, _shared[shot]);

    // Reads ahead and says, for every frame, which neighbours and which pairs it has.
    private async IAsyncEnumerable<Unit> PlanAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using Neighbourhood window = Around();
        int shot = 0;

        // Not its source index: an operation before this one may have added frames.
        long next = _outputs is { } all ? Math.Max(0, all.First - ReachOf(_options)) : 0;
        await foreach (Frame frame in input.WithCancellation(cancellationToken))
        {
            while (shot + 1 < _shots.Count && _shots[shot + 1].Start <= frame.Time)
            {
                shot++;
            }

            window.Add(Picture(frame, shot));
            if (window.IsReady && Wanted(window.Next(), next++) is { } unit)
            {
                yield return unit;
            }
        }

        while (!window.IsEmpty)
        {
            if (Wanted(window.Next(), next++) is { } unit)
            {
                yield return unit;
            }
        }
    }

    // The others came for their neighbours' sake.
    private Unit? Wanted(Unit unit, long index)
    {
        if (_outputs is not { } outputs || outputs.Contains(index))
        {
            unit.IsCounted = _isCounted?.Invoke(index) != false;
            return unit;
        }

        unit.Dispose();
        return null;
    }

    private Unit Make(Unit unit, CancellationToken cancellationToken)
    {
        FloatImage? result = null;
        Frame? output = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            SourcePicture centre = unit.Centre;
            if (_options.Strength == 0 || centre.Noise.MeanSigma == 0)
            {
                unit.Finish(centre.Frame.Share(), null);
                return unit;
            }

            result = _memory.RentImage(3, _format.Height, _format.Width);
            Span<Neighbour> neighbours = [unit.Neighbour(0), unit.Neighbour(1), unit.Neighbour(2), unit.Neighbour(3)];
            _process.Denoise(centre.Rgb, centre.Sigma, neighbours, centre.Noise, centre.Grain, centre.Frame.SourceIndex, result, cancellationToken);
            output = _frames.Rent(centre.Frame.Time, centre.Frame.SourceIndex);
            output.TakeMarksOf(centre.Frame);
            output.Work |= FrameWork.Denoised | (_options.Grain == GrainMode.Resynthesise ? FrameWork.Grained : FrameWork.None);
            _converter.FromRgb(result, output, alphaOf: centre.Frame);
            Interlocked.Add(ref _denoised, unit.IsCounted ? 1 : 0);
            if (!unit.IsCompared)
            {
                result.Dispose();
                result = null;
            }

            unit.Finish(output, result);
            return unit;
        }
        catch
        {
            result?.Dispose();
            output?.Dispose();
            unit.Dispose();
            throw;
        }
    }

    // In order, on the consumer's side: a frame and the next, before and after, on the same patches.
    private void Compare(Unit? previous, Unit done)
    {
        if (previous is { Result: { } before, StartsPair: true } && done is { Result: { } after, IsCounted: true, BackwardPair: { } pair })
        {
            IReadOnlyList<NoiseEstimator.ComparedPatch> patches = _before.AddPair(previous.Centre.Rgb, done.Centre.Rgb, pair.Motion, _memory);
            _after.AddPair(before, after, patches);
            _pairs++;
        }
    }
}
