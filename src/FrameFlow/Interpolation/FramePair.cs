using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>
/// Two successive frames of a shot and their motion, found once, by whoever asks first: it serves the frames made between them, and the paths of those made between their
/// neighbours, for which it stays at half size when the pair's own are made.
/// </summary>
public sealed class FramePair : Counted
{
    private readonly Lock _gate = new();
    private NativePool? _memory;
    private int _users;
    private SourceFrame? _left;
    private SourceFrame? _right;
    private MotionField? _motion;
    private MotionField? _half;

    private FramePair()
    {
    }

    /// <summary>How far the frames are apart, s.</summary>
    public double Seconds { get; private set; }

    /// <summary>The frame at t = 0.</summary>
    /// <exception cref="ObjectDisposedException">The pair was finished.</exception>
    public SourceFrame Left => _left ?? throw new ObjectDisposedException(nameof(FramePair));

    /// <summary>The frame at t = 1.</summary>
    /// <exception cref="ObjectDisposedException">The pair was finished.</exception>
    public SourceFrame Right => _right ?? throw new ObjectDisposedException(nameof(FramePair));

    /// <summary>Holds two frames.</summary>
    /// <param name="left">The frame at t = 0.</param>
    /// <param name="right">The frame at t = 1.</param>
    /// <returns>The pair, which the caller disposes, and forgets then: the object serves again.</returns>
    public static FramePair Of(SourceFrame left, SourceFrame right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        NativePool memory = left.Frame.Memory;
        FramePair pair = memory.TakeEnded<FramePair>() ?? new FramePair();
        pair.Renew();
        left.Hold();
        right.Hold();
        (pair._memory, pair._left, pair._right, pair._users) = (memory, left, right, 1);
        pair.Seconds = (right.Frame.Time - left.Frame.Time).ToDouble();
        return pair;
    }

    /// <summary>The motion; this object's own, valid until it is finished.</summary>
    /// <param name="estimator">Finds it at the first call.</param>
    /// <param name="converter">Gives the frames' pictures.</param>
    /// <param name="memory">Where it comes from.</param>
    public MotionField Motion(IMotionEstimator estimator, FrameConverter converter, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        lock (_gate)
        {
            return _motion ??= estimator.Estimate(Left.Rgb(converter, memory), Right.Rgb(converter, memory), memory);
        }
    }

    /// <summary>The motion at half size, in px of that size; this object's own.</summary>
    /// <inheritdoc cref="Motion"/>
    public MotionField Half(IMotionEstimator estimator, FrameConverter converter, NativePool memory)
    {
        lock (_gate)
        {
            return _half ??= Motion(estimator, converter, memory).Halved(memory);
        }
    }

    /// <summary>One more makes frames between the two, and finishes when it has.</summary>
    public void Use() => Interlocked.Increment(ref _users);

    /// <summary>One less makes frames between the two; first there is one, who made the pair. Without any, all goes that neighbours do not need.</summary>
    /// <param name="memory">Where the motion at half size comes from.</param>
    public void Finish(NativePool memory)
    {
        if (Interlocked.Decrement(ref _users) > 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_half is null)
            {
                if (_motion is null)
                {
                    return; // a neighbour that asks for the motion needs the frames
                }

                _half = _motion.Halved(memory);
            }

            LetGo();
        }
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        LetGo();
        _half?.Dispose();
        _half = null;
        _memory!.KeepEnded(this);
    }

    private void LetGo()
    {
        _left?.Dispose();
        _right?.Dispose();
        _motion?.Dispose();
        (_left, _right, _motion) = (null, null, null);
    }
}

/// <summary>A pair of frames between which others are made, and the pairs beside it of the same shot, which tell of what lies between (<see cref="MotionAround"/>). Not owned.</summary>
/// <param name="Pair">The pair.</param>
/// <param name="Before">The frame before and the pair's left one; null: nothing is known of it.</param>
/// <param name="After">The pair's right frame and the next; null: nothing is known of it.</param>
public readonly record struct PairInShot(FramePair Pair, FramePair? Before = null, FramePair? After = null)
{
    /// <summary>What the pairs beside it tell; null where one of them is missing. The caller disposes it.</summary>
    /// <param name="estimator">Finds what motion was not found yet.</param>
    /// <param name="converter">Gives the frames' pictures.</param>
    /// <param name="memory">Where memory comes from.</param>
    public MotionAround? Around(IMotionEstimator estimator, FrameConverter converter, NativePool memory) => Before is null || After is null ? null : MotionAround.Find(
        Before.Half(estimator, converter, memory), Pair.Half(estimator, converter, memory), After.Half(estimator, converter, memory), Before.Seconds / Pair.Seconds, After.Seconds / Pair.Seconds, memory);
}
