using System.Globalization;
using System.Runtime.CompilerServices;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.SceneCuts;

namespace FrameFlow.Repair;

/// <summary>
/// Fills the empty places of a <see cref="RebuildPlan"/>: where frames are missing, were named as spoilt, or are found to be. What bounds a hole on both
/// sides must be of one shot; where it is not, and at the film's ends, one side's motion is carried on for a little while, then its last
/// frame is held. All other frames pass as they are.
/// </summary>
public sealed class FrameRebuildStage : IFrameStage
{
    private readonly RebuildPlan _plan;
    private readonly FrameRebuilder _rebuilder;
    private readonly RebuildOptions _options;
    private readonly FrameRange _wanted;
    private readonly Predicate<long>? _isCounted;
    private readonly Action<string> _tell;
    private long _rebuilt;
    private long _extrapolated;
    private long _held;
    private long _tooLong;

    /// <summary>Creates the stage.</summary>
    /// <param name="plan">Where frames stand.</param>
    /// <param name="interpolator">Makes frames between two; not owned.</param>
    /// <param name="motions">Finds motion.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">How.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="places">The places to fill; null for all. The input must be the frames of <see cref="RebuildPlan.InputFor"/>.</param>
    /// <param name="isCounted">Whether a place is counted and told of; null: all are.</param>
    /// <param name="tell">Receives what the user should know, a line each; null for nobody.</param>
    public FrameRebuildStage(
        RebuildPlan plan, IFrameInterpolator interpolator, IMotionEstimator motions, VideoFormat format, RebuildOptions options, NativePool memory, FrameRange? places = null, Predicate<long>? isCounted = null, Action<string>? tell = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        _plan = plan;
        _options = options;
        _wanted = places ?? new FrameRange(0, plan.Output.Count);
        _isCounted = isCounted;
        _rebuilder = new FrameRebuilder(interpolator, motions, format, options, memory);
        _tell = tell ?? (static _ => { });
    }

    /// <inheritdoc/>
    public string Name => "rebuild";

    /// <summary>The anchors and the frame that closes a hole, the frames that are made at once, the middles of halves, and those on trial.</summary>
    public int HeldFrames => 5 + FrameRebuilder.MostAtOnce + 4 + (_plan.Faults == FrameFaults.None ? 0 : FaultFinder.Reach + 1);

    /// <summary>Frames made between two others so far.</summary>
    public long RebuiltFrames => Interlocked.Read(ref _rebuilt);

    /// <summary>Frames made by carrying on the motion of one side so far.</summary>
    public long ExtrapolatedFrames => Interlocked.Read(ref _extrapolated);

    /// <summary>Frames that repeat another where none could be made, so far.</summary>
    public long HeldOutputs => Interlocked.Read(ref _held);

    /// <summary>Black or frozen runs so far that were left as they are, being longer than a fault is taken to last.</summary>
    public long LongRuns => Interlocked.Read(ref _tooLong);

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);

        // Before and left are shares of the good frames that passed last; right bounds a hole, and waits for the frame behind it.
        using Hole hole = new();
        long index = _plan.InputFor(_wanted).First;
        hole.LeftPlace = _plan.PlaceOf(index) - 1;
        long seen = hole.LeftPlace;
        await foreach ((Frame frame, bool isFaulty, bool isTooLong) in FaultFinder.FindAsync(input, _plan.Faults, _options, cancellationToken))
        {
            long place = _plan.PlaceOf(index);
            seen = place;
            hole.Current = frame;
            bool isSpoilt = isFaulty || _plan.IsNamed(index);
            if (isTooLong && !isSpoilt && IsCounted(place))
            {
                _tooLong++;
                _tell(string.Create(CultureInfo.InvariantCulture, $"Black or frozen for more than {FaultFinder.LongestRun} frames from {frame.Time.ToDouble():0.000} s (frame {index}): taken for content and left; name the frames to have them rebuilt."));
            }

            index++;
            if (hole.Right is { } bound)
            {
                hole.After = !isSpoilt && place == hole.RightPlace + 1 && !frame.IsSceneStart ? frame : null;
                foreach (Frame closed in Close(hole, bound, cancellationToken))
                {
                    yield return closed;
                }
            }

            if (isSpoilt)
            {
                hole.AddSpoilt(place);
                continue;
            }

            frame.Time = _plan.Output[(int)place];
            if (place != hole.LeftPlace + 1)
            {
                hole.Bound(place);
                continue;
            }

            hole.Pass(place);
            if (IsWanted(place))
            {
                yield return frame;
            }
            else
            {
                frame.Dispose();
            }
        }

        if (hole.Right is { } last)
        {
            foreach (Frame closed in Close(hole, last, cancellationToken))
            {
                yield return closed;
            }
        }

        foreach (Frame made in Fill(hole, seen + 1, cancellationToken))
        {
            yield return made;
        }
    }

    private bool IsWanted(long place) => _wanted.Contains(place);

    private bool IsCounted(long place) => IsWanted(place) && _isCounted?.Invoke(place) != false;

    private void Count(ref long count, long place) => Interlocked.Add(ref count, IsCounted(place) ? 1 : 0);

    private bool IsWanted(EmptyPlace place) => IsWanted(place.Place);

    // The places between left and right, and right itself.
    private IEnumerable<Frame> Close(Hole hole, Frame right, CancellationToken cancellationToken)
    {
        foreach (Frame made in Fill(hole, hole.RightPlace, cancellationToken))
        {
            yield return made;
        }

        hole.Close();
        if (IsWanted(hole.LeftPlace))
        {
            yield return right;
        }
        else
        {
            right.Dispose();
        }
    }

    // The places between left and an end, that of right or the film's.
    private IEnumerable<Frame> Fill(Hole hole, long end, CancellationToken cancellationToken)
    {
        long first = hole.LeftPlace + 1;
        if (end <= first)
        {
            yield break;
        }

        bool isOneShot = hole.Left is not null && hole.Right is not null && IsOneShot(hole);
        if (isOneShot && hole.Right is { } opens)
        {
            opens.IsSceneStart = false; // a cut that was seen from spoilt pictures
        }

        if (end <= _wanted.First || first >= _wanted.End || (hole.Left is null && hole.Right is null))
        {
            yield break;
        }

        cancellationToken.ThrowIfCancellationRequested();
        List<EmptyPlace> places = Places(hole, first, end);
        if (isOneShot && places.Count <= RebuildPlan.LongestHole)
        {
            IEnumerable<Frame> made = _rebuilder.Between(new Anchors(hole.Before, hole.Left, hole.Right, hole.After), places, Periods(hole), IsWanted, cancellationToken);
            foreach ((Frame frame, EmptyPlace place) in made.Zip(places.Where(IsWanted)))
            {
                Count(ref frame.Work.HasFlag(FrameWork.Held) ? ref _held : ref _rebuilt, place.Place);
                yield return frame;
            }

            yield break;
        }

        long split = hole.Left is null ? first : hole.Right is null ? end : isOneShot ? first + ((end - first + 1) / 2) : Split(hole, first, end);
        if (IsCounted(first))
        {
            Tell(hole, places, isOneShot);
        }

        bool startsScene = !isOneShot && hole.Left is not null;
        foreach (EmptyPlace place in places.Where(IsWanted))
        {
            (Frame? outer, Frame anchor, long distance) = place.Place < split ? (hole.Before, hole.Left!, place.Place - first + 1) : (hole.After, hole.Right!, end - place.Place);
            bool carriesOn = !isOneShot && outer is not null && distance <= FrameRebuilder.MostExtrapolated;
            Frame frame = carriesOn ? _rebuilder.Beyond(outer!, anchor, (int)distance, place) : FrameRebuilder.Hold(anchor, place);
            frame.IsSceneStart = startsScene && place.Place == split;
            Count(ref carriesOn ? ref _extrapolated : ref _held, place.Place);
            yield return frame;
        }

        // The scene begins with the first frame that belongs to it.
        if (hole.Right is { } right)
        {
            right.IsSceneStart = startsScene && split == end;
        }
    }

    private List<EmptyPlace> Places(Hole hole, long first, long end)
    {
        List<EmptyPlace> places = [];
        Rational from = _plan.Output[(int)Math.Max(0, hole.LeftPlace)];
        Rational? span = hole.Left is null || hole.Right is null ? null : _plan.Output[(int)end] - from;
        for (long place = first; place < end; place++)
        {
            Rational time = _plan.Output[(int)place];
            places.Add(new EmptyPlace(place, time, span is { } whole ? ((time - from) / whole).ToDouble() : 0, _plan.FrameAt(place)));
        }

        return places;
    }

    // How many periods of the outer pairs' mean length lie between the anchors.
    private double Periods(Hole hole)
    {
        Rational span = _plan.Output[(int)hole.RightPlace] - _plan.Output[(int)hole.LeftPlace];
        if (hole.Before is null || hole.After is null)
        {
            return 0;
        }

        Rational outer = hole.Left!.Time - hole.Before.Time + hole.After.Time - hole.Right!.Time;
        return (span * 2 / outer).ToDouble();
    }

    // Where no cut was seen on the way there is none, however far the motion goes. One that was may be the spoilt pictures' own: then the anchors are compared.
    private bool IsOneShot(Hole hole)
    {
        bool sawCut = hole.SawCut || hole.Right!.IsSceneStart;
        if (!_options.FindCuts || !sawCut || hole.Spoilt.Count == 0)
        {
            return !_options.FindCuts || !sawCut;
        }

        using SceneCutDetector detector = new(new SceneCutOptions());
        using Thumbnail left = new();
        using Thumbnail right = new();
        left.Take(hole.Left!);
        right.Take(hole.Right!);
        return !detector.AreDifferentScenes(left, right);
    }

    // The first place of the right anchor's shot: where the spoilt pictures, compared with both anchors, fit best; the middle where they do not tell.
    private static long Split(Hole hole, long first, long end)
    {
        using SceneCutDetector detector = new(new SceneCutOptions());
        using Thumbnail left = new();
        using Thumbnail right = new();
        left.Take(hole.Left!);
        right.Take(hole.Right!);
        double[] worseOnRight = new double[end - first];
        foreach ((long place, Thumbnail picture) in hole.Spoilt)
        {
            worseOnRight[place - first] = detector.Measure(picture, right).Decorrelation - detector.Measure(left, picture).Decorrelation;
        }

        double best = double.NegativeInfinity;
        double sum = 0;
        long middle = first + ((end - first + 1) / 2);
        long split = middle;
        for (long place = first; place <= end; place++)
        {
            // All before the place to the left: the gain over having them on the right.
            const double Telling = 0.1;
            if (sum > best + Telling || (sum > best - Telling && Math.Abs(place - middle) < Math.Abs(split - middle)))
            {
                best = Math.Max(best, sum);
                split = place;
            }

            sum += place < end ? worseOnRight[place - first] : 0;
        }

        return split;
    }

    private void Tell(Hole hole, List<EmptyPlace> places, bool isOneShot)
    {
        string why = isOneShot ? $"more than {RebuildPlan.LongestHole} in a row are not rebuilt"
            : hole.Left is null ? "nothing stands before them"
            : hole.Right is null ? "nothing stands behind them"
            : "a cut lies among them";
        _tell(string.Create(CultureInfo.InvariantCulture, $"{places.Count} frame(s) from {places[0].Time.ToDouble():0.000} s cannot be made from both sides ({why}): the motion is carried on for up to {FrameRebuilder.MostExtrapolated} frames, then one is held."));
    }

    /// <summary>What surrounds the empty places that are gathered just now; owns what it holds.</summary>
    private sealed class Hole : IDisposable
    {
        /// <summary>The frame that came last, until it is passed on, bounds a hole or is spoilt.</summary>
        public Frame? Current { get; set; }

        public Frame? Before { get; private set; }

        public Frame? Left { get; private set; }

        public Frame? Right { get; private set; }

        /// <summary>Not owned here: it is the current frame.</summary>
        public Frame? After { get; set; }

        public long LeftPlace { get; set; }

        public long RightPlace { get; private set; }

        public List<(long Place, Thumbnail Picture)> Spoilt { get; } = [];

        /// <summary>Whether a cut was seen at a spoilt picture.</summary>
        public bool SawCut { get; private set; }

        /// <summary>The current frame is spoilt: only its thumbnail stays.</summary>
        public void AddSpoilt(long place)
        {
            Thumbnail picture = new();
            Spoilt.Add((place, picture));
            SawCut |= Current!.IsSceneStart;
            picture.Take(Current!);
            Current!.Dispose();
            Current = null;
        }

        /// <summary>The current frame bounds the hole.</summary>
        public void Bound(long place)
        {
            Right = Current;
            RightPlace = place;
            Current = null;
        }

        /// <summary>The current frame, which follows left, goes on; the caller has it.</summary>
        public void Pass(long place)
        {
            Before?.Dispose();
            Before = Left;
            if (Current!.IsSceneStart)
            {
                Before?.Dispose();
                Before = null;
            }

            Left = Current.Share();
            LeftPlace = place;
            Current = null;
        }

        /// <summary>The hole is filled: right, which the caller has from here on, becomes left.</summary>
        public void Close()
        {
            Before?.Dispose();
            Before = null;
            Left?.Dispose();
            Left = Right!.Share();
            LeftPlace = RightPlace;
            Right = null;
            After = null;
            Forget();
        }

        public void Dispose()
        {
            Current?.Dispose();
            Before?.Dispose();
            Left?.Dispose();
            Right?.Dispose();
            Forget();
        }

        private void Forget()
        {
            Spoilt.ForEach(s => s.Picture.Dispose());
            Spoilt.Clear();
            SawCut = false;
        }
    }
}
