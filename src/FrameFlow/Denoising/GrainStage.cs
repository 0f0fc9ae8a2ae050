using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Denoising;

/// <summary>
/// Puts grain on every frame: out(p) = in(p) + amount sigma(in(p)) n(p), n of unit variance with the shot's correlations, a pure function of (seed, the frame's time,
/// pixel). So frames of one time are alike however the film was cut up, and no two times are.
/// </summary>
public sealed class GrainStage : IFrameStage
{
    // The frame's time is the key; samplers and the denoiser's own grain draw by frame numbers.
    private const int Draw = (1 << 20) + 1;

    private readonly IReadOnlyList<ShotNoise> _shots;
    private readonly VideoFormat _format;
    private readonly double _amount;
    private readonly ulong _seed;
    private readonly int _workers;
    private readonly NativePool _memory;
    private readonly FramePool _frames;
    private readonly FrameConverter _converter;
    private readonly long _first;
    private readonly Predicate<long>? _isCounted;
    private long _grained;

    /// <summary>Creates the stage.</summary>
    /// <param name="shots">The grain of each shot, in order of time, at least one.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="amount">The share of each shot's deviation that is put on, 0..1.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="workers">Frames that are worked on at once, at least 1. Changes speed and memory, not the pictures.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="first">The index of the first frame that comes.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    public GrainStage(IReadOnlyList<ShotNoise> shots, VideoFormat format, double amount, ulong seed, int workers, NativePool memory, long first = 0, Predicate<long>? isCounted = null)
    {
        ArgumentNullException.ThrowIfNull(shots);
        ArgumentOutOfRangeException.ThrowIfZero(shots.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        _shots = shots;
        _format = format;
        _amount = amount;
        _seed = seed;
        _workers = workers;
        _memory = memory;
        _frames = new FramePool(memory, format);
        _first = first;
        _isCounted = isCounted;
        _converter = new FrameConverter(format);
    }

    /// <inheritdoc/>
    public string Name => "grain";

    /// <inheritdoc/>
    public int HeldFrames => (2 * _workers) + 3;

    /// <summary>Frames on which grain was put so far.</summary>
    public long GrainedFrames => Interlocked.Read(ref _grained);

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long index = _first;
        await foreach (Frame frame in OrderedBatches.RunAsync(input, _workers, Grain, static f => f.Dispose(), cancellationToken))
        {
            _grained += HasGrain(NoiseAt(frame.Time)) && _isCounted?.Invoke(index) != false ? 1 : 0;
            index++;
            yield return frame;
        }
    }

    // The same for the same time, in every process.
    private static long KeyOf(Rational time)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, time.Numerator);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], time.Denominator);
        return (long)XxHash3.HashToUInt64(bytes);
    }

    private bool HasGrain(NoiseModel noise) => _amount > 0 && noise.MeanSigma > 0;

    private Frame Grain(Frame frame, CancellationToken cancellationToken)
    {
        NoiseModel noise = NoiseAt(frame.Time);
        if (!HasGrain(noise))
        {
            return frame;
        }

        Frame? output = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            using FloatImage rgb = _memory.RentImage(3, _format.Height, _format.Width);
            _converter.ToRgb(frame, rgb);
            noise.AddGrain(rgb, (float)_amount, _seed, KeyOf(frame.Time), Draw, _memory);
            output = _frames.Rent(frame.Time, frame.SourceIndex);
            output.TakeMarksOf(frame);
            output.Work |= FrameWork.Grained;
            _converter.FromRgb(rgb, output, alphaOf: frame);
            return output;
        }
        catch
        {
            output?.Dispose();
            throw;
        }
        finally
        {
            frame.Dispose();
        }
    }

    // The last shot that began; before the first one, the first.
    private NoiseModel NoiseAt(Rational time)
    {
        int low = 0;
        for (int high = _shots.Count; high - low > 1;)
        {
            int middle = (low + high) / 2;
            (low, high) = _shots[middle].Start <= time ? (middle, high) : (low, middle);
        }

        return _shots[low].Noise;
    }
}
