using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Denoising;

/// <summary>A source frame with what is derived from it, each found once, by whoever asks first.</summary>
/// <param name="frame">The frame; owned.</param>
/// <param name="converter">To RGB.</param>
/// <param name="noise">Its shot's noise.</param>
/// <param name="strength">The factor on the noise's deviation.</param>
/// <param name="memory">Where the tensors come from.</param>
internal sealed class SourcePicture(Frame frame, FrameConverter converter, NoiseModel noise, float strength, NativePool memory) : Counted
{
    // sigma(u) is read at the mean of 5x5 pixels, as the network was trained on.
    public const int LevelRadius = 2;

    private readonly Lock _gate = new();
    private readonly SourceFrame _source = new(frame);
    private FloatImage? _calm;
    private FloatImage? _sigma;

    public Frame Frame => _source.Frame;

    public NoiseModel Noise => noise;

    /// <summary>The same frame with nothing derived yet, so that what was derived can be freed.</summary>
    public SourcePicture Again() => new(Frame.Share(), converter, noise, strength, memory);

    /// <summary>Noise of the frame's law. The design of its filter is kept with the model.</summary>
    public GrainField Grain => noise.Grain;

    /// <summary>[3,H,W], code values.</summary>
    public FloatImage Rgb => _source.Rgb(converter, memory);

    /// <summary>[3,H,W], blurred for the search for motion.</summary>
    public FloatImage Calm
    {
        get
        {
            lock (_gate)
            {
                return _calm ??= NoiseAnalysis.Calm(Rgb, memory);
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
                    FloatImage sigma = memory.RentImage(3, Frame.Format.Height, Frame.Format.Width);
                    Rgb.Values.CopyTo(sigma.Values);
                    Filters.Box(sigma, LevelRadius, memory);
                    noise.Fill(sigma, sigma);
                    System.Numerics.Tensors.TensorPrimitives.Multiply(sigma.Values, strength, sigma.Values);
                    _sigma = sigma;
                }

                return _sigma;
            }
        }
    }

    protected override void Free()
    {
        _source.Dispose();
        _calm?.Dispose();
        _sigma?.Dispose();
    }
}

/// <summary>The motion between two source frames. Does not hold them: who asks for the motion does.</summary>
internal sealed class SharedMotion(IMotionEstimator estimator, SourcePicture first, SourcePicture second, NativePool memory) : Counted
{
    private readonly Lock _gate = new();
    private MotionField? _motion;

    public MotionField Motion
    {
        get
        {
            lock (_gate)
            {
                return _motion ??= estimator.Estimate(first.Calm, second.Calm, memory);
            }
        }
    }

    protected override void Free() => _motion?.Dispose();
}

/// <summary>One frame's work: the frame, its neighbours -2, -1, +1, +2 or what stands in for them, and the motion to each. Owns a hold on all.</summary>
internal sealed class Unit : IDisposable
{
    private readonly SourcePicture?[] _neighbours = new SourcePicture?[4];
    private readonly SharedMotion?[] _motions = new SharedMotion?[4];
    private readonly int[] _distances = new int[4];

    public Unit(SourcePicture centre)
    {
        centre.Hold();
        Centre = centre;
    }

    public SourcePicture Centre { get; }

    /// <summary>Whether the frame enters what is told of the film; else it is another part's.</summary>
    public bool IsCounted { get; set; }

    /// <summary>Whether this frame and the next are compared for the report.</summary>
    public bool StartsPair { get; set; }

    /// <summary>Whether the result is compared, with the frame before or behind.</summary>
    public bool IsCompared { get; set; }

    /// <summary>The motion between the frame before and this one; null where that is of another shot.</summary>
    public SharedMotion? BackwardPair => _distances[1] == -1 ? _motions[1] : null;

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

    public void Dispose()
    {
        Centre.Dispose();
        for (int i = 0; i < 4; i++)
        {
            _neighbours[i]?.Dispose();
            _motions[i]?.Dispose();
        }
    }
}

/// <summary>
/// The frames around the one whose turn it is, and the pairs among them. Neighbours end at scene starts; where they are missing, the next ones further off on
/// the other side take their slots: a shot's first frame is made from the four behind it (.7 dB at sigma 50 for a clip's ends, models/training/evaluate_denoise.py).
/// </summary>
/// <param name="radius">Neighbours on each side, 0..2.</param>
/// <param name="pair">Makes a pair of an earlier and a later picture.</param>
internal sealed class Neighbourhood(int radius, Func<SourcePicture, SourcePicture, SharedMotion> pair) : IDisposable
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
        Unit unit = new(centre);
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
            motion = pair(first, second);
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
