using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Denoising;

/// <summary>A source frame with what is derived from it, each found once, by whoever asks first.</summary>
internal sealed class SourcePicture : Counted
{
    // sigma(u) is read at the mean of 5x5 pixels, as the network was trained on.
    public const int LevelRadius = 2;

    private readonly Lock _gate = new();
    private SourceFrame? _source; // null once nobody holds it
    private Shot? _shot;
    private FloatImage? _calm;
    private FloatImage? _sigma;

    private SourcePicture()
    {
    }

    public Frame Frame => Source.Frame;

    public NoiseModel Noise => _shot!.Noise;

    private SourceFrame Source => _source ?? throw new ObjectDisposedException(nameof(SourcePicture));

    /// <summary>Takes a frame over, into an object that served before or a new one.</summary>
    public static SourcePicture Of(Frame frame, Shot shot)
    {
        SourcePicture picture = frame.Memory.TakeEnded<SourcePicture>() ?? new SourcePicture();
        picture.Renew();
        (picture._source, picture._shot) = (SourceFrame.Of(frame), shot);
        return picture;
    }

    /// <summary>The same frame with nothing derived yet, so that what was derived can be freed.</summary>
    public SourcePicture Again() => Of(Frame.Share(), _shot!);

    /// <summary>Noise of the frame's law. The design of its filter is kept with the model.</summary>
    public GrainField Grain => Noise.Grain;

    /// <summary>[3,H,W], code values.</summary>
    public FloatImage Rgb => Source.Rgb(_shot!.Converter, Frame.Memory);

    /// <summary>[3,H,W], blurred for the search for motion.</summary>
    public FloatImage Calm
    {
        get
        {
            lock (_gate)
            {
                return _calm ??= NoiseAnalysis.Calm(Rgb, Frame.Memory);
            }
        }
    }

    /// <summary>[3,H,W], the deviation of the noise.</summary>
    public FloatImage Sigma
    {
        get
        {
            lock (_gate)
            {
                if (_sigma is null)
                {
                    FloatImage sigma = Frame.Memory.RentImage(3, Frame.Format.Height, Frame.Format.Width);
                    Rgb.Values.CopyTo(sigma.Values);
                    Filters.Box(sigma, LevelRadius, Frame.Memory);
                    Noise.Fill(sigma, sigma);
                    System.Numerics.Tensors.TensorPrimitives.Multiply(sigma.Values, _shot!.Strength, sigma.Values);
                    _sigma = sigma;
                }

                return _sigma;
            }
        }
    }

    protected override void Free()
    {
        NativePool memory = Frame.Memory;
        _source!.Dispose();
        _calm?.Dispose();
        _sigma?.Dispose();
        (_source, _shot, _calm, _sigma) = (null, null, null, null);
        memory.KeepEnded(this);
    }

    /// <summary>What all pictures of a shot share.</summary>
    /// <param name="Converter">To RGB.</param>
    /// <param name="Noise">The shot's noise.</param>
    /// <param name="Strength">The factor on the noise's deviation.</param>
    public sealed record Shot(FrameConverter Converter, NoiseModel Noise, float Strength);
}

/// <summary>The motion between two source frames. Does not hold them: who asks for the motion does.</summary>
internal sealed class SharedMotion : Counted
{
    private readonly Lock _gate = new();
    private NativePool? _memory;
    private IMotionEstimator? _estimator;
    private SourcePicture? _first;
    private SourcePicture? _second;
    private MotionField? _motion;

    private SharedMotion()
    {
    }

    public MotionField Motion
    {
        get
        {
            lock (_gate)
            {
                return _motion ??= _estimator!.Estimate(_first!.Calm, _second!.Calm, _memory!);
            }
        }
    }

    /// <summary>Of an earlier and a later picture, in an object that served before or a new one.</summary>
    public static SharedMotion Of(IMotionEstimator estimator, SourcePicture first, SourcePicture second)
    {
        NativePool memory = first.Frame.Memory;
        SharedMotion motion = memory.TakeEnded<SharedMotion>() ?? new SharedMotion();
        motion.Renew();
        (motion._memory, motion._estimator, motion._first, motion._second) = (memory, estimator, first, second);
        return motion;
    }

    protected override void Free()
    {
        _motion?.Dispose();
        (_estimator, _first, _second, _motion) = (null, null, null, null);
        _memory!.KeepEnded(this);
    }
}

/// <summary>One frame's work: the frame, its neighbours -2, -1, +1, +2 or what stands in for them, the motion to each, and what was made of them. Owns a hold on all.</summary>
internal sealed class Unit : IDisposable
{
    private readonly SourcePicture?[] _neighbours = new SourcePicture?[4];
    private readonly SharedMotion?[] _motions = new SharedMotion?[4];
    private readonly int[] _distances = new int[4];
    private SourcePicture? _centre; // null once disposed
    private Frame? _made;

    private Unit()
    {
    }

    public SourcePicture Centre => _centre ?? throw new ObjectDisposedException(nameof(Unit));

    /// <summary>The result as a picture, where it is compared.</summary>
    public FloatImage? Result { get; private set; }

    /// <summary>Whether the frame enters what is told of the film; else it is another part's.</summary>
    public bool IsCounted { get; set; }

    /// <summary>Whether this frame and the next are compared for the report.</summary>
    public bool StartsPair { get; set; }

    /// <summary>Whether the result is compared, with the frame before or behind.</summary>
    public bool IsCompared { get; set; }

    /// <summary>The motion between the frame before and this one; null where that is of another shot.</summary>
    public SharedMotion? BackwardPair => _distances[1] == -1 ? _motions[1] : null;

    /// <summary>Around a frame, in an object that served before or a new one.</summary>
    public static Unit Of(SourcePicture centre)
    {
        Unit unit = centre.Frame.Memory.TakeEnded<Unit>() ?? new Unit();
        centre.Hold();
        (unit._centre, unit.IsCounted) = (centre, false);
        return unit;
    }

    /// <summary>Fills a slot with the frame so many frames before (negative) or behind the centre.</summary>
    public void Set(int slot, int distance, SourcePicture neighbour, SharedMotion motion)
    {
        _distances[slot] = distance;
        neighbour.Hold();
        motion.Hold();
        _neighbours[slot] = neighbour;
        _motions[slot] = motion;
    }

    /// <summary>Of a pair the earlier frame is the first.</summary>
    public Neighbour Neighbour(int slot) => _neighbours[slot] is { } picture
        ? new Neighbour(picture.Rgb, picture.Sigma, _distances[slot] < 0 ? _motions[slot]!.Motion.Backward : _motions[slot]!.Motion.Forward)
        : default;

    /// <summary>Takes the result over.</summary>
    public void Finish(Frame made, FloatImage? result) => (_made, Result) = (made, result);

    /// <summary>The finished frame, which the caller then owns.</summary>
    public Frame TakeFrame() => Interlocked.Exchange(ref _made, null)!;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _centre, null) is not { } centre)
        {
            return;
        }

        NativePool memory = centre.Frame.Memory;
        centre.Dispose();
        for (int i = 0; i < 4; i++)
        {
            _neighbours[i]?.Dispose();
            _motions[i]?.Dispose();
            (_neighbours[i], _motions[i]) = (null, null);
        }

        _made?.Dispose();
        Result?.Dispose();
        (_made, Result) = (null, null);
        memory.KeepEnded(this);
    }
}

/// <summary>
/// The frames around the one whose turn it is, and the pairs among them. Neighbours end at scene starts; where they are missing, the next ones further off on
/// the other side take their slots: a shot's first frame is made from the four behind it (.7 dB at sigma 50 for a clip's ends, models/training/evaluate_denoise.py).
/// </summary>
/// <param name="radius">Neighbours on each side, 0..2.</param>
/// <param name="motions">Finds motion.</param>
internal sealed class Neighbourhood(int radius, IMotionEstimator motions) : IDisposable
{
    // The slots in the order in which they are filled, and the neighbour that each is for.
    private static readonly (int Slot, int Distance)[] Slots = [(1, -1), (2, 1), (0, -2), (3, 2)];

    private readonly List<SourcePicture> _pictures = [];
    private readonly Dictionary<(SourcePicture, SourcePicture), SharedMotion> _pairs = [];
    private int _next;
    private int _frameOfShot = -1;
    private bool _startedPair;

    /// <summary>Whether all that the next frame may need is there.</summary>
    public bool IsReady => _pictures.Count - _next > 2 * radius;

    /// <summary>Whether every frame had its turn.</summary>
    public bool IsEmpty => _next == _pictures.Count;

    /// <summary>Takes a picture over.</summary>
    public void Add(SourcePicture picture) => _pictures.Add(picture);

    /// <summary>The next frame's work.</summary>
    public Unit Next()
    {
        SourcePicture centre = _pictures[_next];
        Unit unit = Unit.Of(centre);
        _frameOfShot = centre.Frame.IsSceneStart ? 0 : _frameOfShot + 1;
        int before = Extent(-1);
        int behind = Extent(1);
        int further = radius + 1;
        foreach ((int slot, int distance) in Slots)
        {
            if (Math.Abs(distance) > radius)
            {
                continue;
            }

            int taken = distance;
            if (distance < 0 ? -distance > before : distance > behind)
            {
                // Only one side can be short and the other reach so far; where neither does, the slot stays empty.
                taken = distance < 0 ? further : -further;
                if (further > (distance < 0 ? behind : before))
                {
                    continue;
                }

                further++;
            }

            SourcePicture neighbour = _pictures[_next + taken];
            unit.Set(slot, taken, neighbour, taken < 0 ? Pair(neighbour, centre) : Pair(centre, neighbour));
        }

        unit.StartsPair = radius > 0 && NoiseAnalysis.IsSampled(_frameOfShot);
        unit.IsCompared = unit.StartsPair || (_startedPair && _frameOfShot > 0);
        _startedPair = unit.StartsPair;
        _next++;
        if (_next > radius)
        {
            // Needed again at the shot's end only: the frame is kept, what was derived from it is not.
            SourcePicture left = _pictures[_next - radius - 1];
            _pictures[_next - radius - 1] = left.Again();
            Forget(left);
        }

        while (_next > 2 * radius)
        {
            Forget(_pictures[0]);
            _pictures.RemoveAt(0);
            _next--;
        }

        return unit;
    }

    public void Dispose()
    {
        while (_pictures.Count > 0)
        {
            Forget(_pictures[0]);
            _pictures.RemoveAt(0);
        }
    }

    // How many frames of the same shot there are on a side, as far as any is asked for.
    private int Extent(int side)
    {
        int count = 0;
        while (count < 2 * radius && _next + (side * (count + 1)) is int at && at >= 0 && at < _pictures.Count && !_pictures[side < 0 ? at + 1 : at].Frame.IsSceneStart)
        {
            count++;
        }

        return count;
    }

    private SharedMotion Pair(SourcePicture first, SourcePicture second)
    {
        if (!_pairs.TryGetValue((first, second), out SharedMotion? motion))
        {
            motion = SharedMotion.Of(motions, first, second);
            _pairs.Add((first, second), motion);
        }

        return motion;
    }

    private void Forget(SourcePicture picture)
    {
        foreach (((SourcePicture first, SourcePicture second), SharedMotion motion) in _pairs)
        {
            if (first == picture || second == picture)
            {
                _pairs.Remove((first, second));
                motion.Dispose();
            }
        }

        picture.Dispose();
    }
}
