using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Interpolation;

/// <summary>
/// Turns the source's frames into the output timeline's: a source frame stands where the times coincide, is held at cuts, gaps and the
/// end, and elsewhere the interpolator makes a frame. The work on one pair of frames is one batch of <see cref="OrderedBatches"/>.
/// </summary>
public sealed class InterpolationStage : IFrameStage
{
    private readonly OutputTimeline _timeline;
    private readonly IFrameInterpolator _interpolator;
    private readonly InterpolationOptions _options;
    private readonly NativePool _memory;
    private readonly int _mostPerPair;
    private readonly int _reach;
    private readonly FrameRange _outputs;
    private readonly Predicate<long>? _isCounted;
    private readonly ConcurrentBag<Unit> _idle = [];
    private FramePool? _frames;
    private long _generated;
    private long _held;
    private long _fellBack;
    private long _bypassed;

    /// <summary>Creates the stage.</summary>
    /// <param name="timeline">The output's frames.</param>
    /// <param name="sourceTimeline">The source's times, to size the memory plan.</param>
    /// <param name="interpolator">The method; not owned.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="memory">Where frames come from.</param>
    /// <param name="outputs">Which output frames are made, by index; null for all. The input must hold the frames of <see cref="OutputTimeline.SourceFor"/>, and so many more on both sides as <see cref="ReachOf"/> says, where the film has them.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    public InterpolationStage(
        OutputTimeline timeline, FrameTimeline sourceTimeline, IFrameInterpolator interpolator, InterpolationOptions options, NativePool memory, FrameRange? outputs = null, Predicate<long>? isCounted = null)
    {
        ArgumentNullException.ThrowIfNull(timeline);
        ArgumentNullException.ThrowIfNull(sourceTimeline);
        _timeline = timeline;
        _interpolator = interpolator;
        _options = options;
        _memory = memory;
        _outputs = outputs ?? new FrameRange(0, timeline.Count);
        _isCounted = isCounted;
        _reach = ReachOf(options);

        // A long step or a strong slow motion would mean many frames at once: a unit of work is cut there.
        Rational step = sourceTimeline.ConstantRate?.Inverse ?? (sourceTimeline.Duration / Math.Max(1, sourceTimeline.Count));
        _mostPerPair = (int)Math.Clamp((step * timeline.Slow * timeline.Rate).Ceiling() + 1, 2, 8);
    }

    /// <inheritdoc/>
    public string Name => "interpolate";

    /// <inheritdoc/>
    public int HeldFrames => ((_options.Workers + 1) * _mostPerPair) + ((_options.Workers + 3) * 2) + (2 * _reach);

    /// <summary>How many frames before and behind a pair what is made between may depend on.</summary>
    public static int ReachOf(InterpolationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.AsksNeighbours ? 1 : 0;
    }

    /// <summary>Frames that a model or a blend made so far.</summary>
    public long GeneratedFrames => Interlocked.Read(ref _generated);

    /// <summary>Source frames that stand more than once so far: at cuts, in gaps, at the end.</summary>
    public long HeldOutputs => Interlocked.Read(ref _held);

    /// <summary>Made frames so far that gave way to a source frame, see <see cref="InterpolationOptions.FallBack"/>.</summary>
    public long FellBackFrames => Interlocked.Read(ref _fellBack);

    /// <summary>Source frames so far that stand where a frame would be made between two that are bit for bit the same, see <see cref="InterpolationOptions.BypassStatic"/>.</summary>
    public long BypassedFrames => Interlocked.Read(ref _bypassed);

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerable<Unit> units = PlanAsync(input, cancellationToken);
        await foreach (Unit done in OrderedBatches.RunAsync(units, _options.Workers, Run, static u => u.Dispose(), cancellationToken))
        {
            using (done)
            {
                while (done.TryTake(out Frame? frame))
                {
                    yield return frame;
                }
            }
        }
    }

    // A unit's object serves again when its frames have left.
    private Unit NextUnit() => _idle.TryTake(out Unit? unit) ? unit : new Unit(_idle, _reach > 0 ? _memory : null);

    // Reads the source and says, for every output frame, from what it comes.
    private async IAsyncEnumerable<Unit> PlanAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Unit unit = NextUnit();
        await using IAsyncEnumerator<Frame> frames = input.GetAsyncEnumerator(cancellationToken);
        try
        {
            // Not its source index: an operation before this one may have added frames.
            using (FrameWindow window = new(Math.Max(0, _timeline.SourceFor(_outputs).First - _reach), _reach > 0, _memory))
            {
                int lastLeft = -1;
                for (long k = _outputs.First; k < _outputs.End; k++)
                {
                    OutputPosition position = _timeline.At(k);

                    // A unit ends where its pair does, or where it is full.
                    if (unit.Items.Count > 0 && (position.Left != lastLeft || unit.Items.Count >= _mostPerPair))
                    {
                        Unit full = unit;
                        unit = NextUnit();
                        yield return full;
                    }

                    lastLeft = position.Left;
                    int behind = position.IsSource ? 0 : 1 + _reach;
                    while (window.Index < position.Left || window.Count <= behind)
                    {
                        if (window.Index < position.Left && window.Count > 1)
                        {
                            window.Advance();
                        }
                        else if (await frames.MoveNextAsync())
                        {
                            window.Add(frames.Current);
                        }
                        else
                        {
                            break;
                        }
                    }

                    if (window.Index < position.Left || window.Count == 0)
                    {
                        // The source ended before the scan said so; it has reported that itself, or will.
                        yield break;
                    }

                    FramePair? pair = position.IsSource ? null : window.Pair(0);
                    bool isCounted = _isCounted?.Invoke(k) != false;
                    unit.Take(window.Left);
                    if (pair is null)
                    {
                        unit.Items.Add(new Item(_timeline.TimeOf(k), 0, IsHeld: !position.IsSource, isCounted));
                        Interlocked.Add(ref _held, isCounted && !position.IsSource ? 1 : 0);
                        continue;
                    }

                    unit.Take(new PairInShot(pair, window.Before, _reach > 0 ? window.Pair(1) : null));
                    unit.Items.Add(new Item(_timeline.TimeOf(k), position.Position, IsHeld: false, isCounted));
                }
            }

            if (unit.Items.Count > 0)
            {
                Unit rest = unit;
                unit = NextUnit();
                yield return rest;
            }

            // What stands behind the last output frame (60 -> 24) is read to the end: the source checks its count.
            while (await frames.MoveNextAsync())
            {
                frames.Current.Dispose();
            }
        }
        finally
        {
            unit.Dispose();
        }
    }

    private Unit Run(Unit unit, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Frame left = unit.Left!.Frame;
            Frame? right = unit.Pair?.Pair.Right.Frame;
            FramePool pool = Frames(left.Format);
            bool isRepeat = _options.BypassStatic && right is not null && left.Bytes.SequenceEqual(right.Bytes);
            int made = 0;
            foreach (Item item in unit.Items)
            {
                if (item.Position > 0 && !isRepeat)
                {
                    made += item.IsCounted ? 1 : 0;
                    Frame target = unit.Add(pool.Rent(item.Time, left.SourceIndex));
                    target.Work = left.Work | right!.Work | FrameWork.Interpolated;
                    target.Position = item.Position;
                    unit.Requests.Add(new InterpolationRequest(item.Position, target));
                }
                else
                {
                    // The source's own samples go on as they are, without a copy.
                    Frame same = unit.Add(left.Share());
                    same.Time = item.Time;
                    same.Work |= item.IsHeld || item.Position > 0 ? FrameWork.Held : FrameWork.None;
                    Interlocked.Add(ref _bypassed, item.Position > 0 && item.IsCounted ? 1 : 0);
                }
            }

            if (unit.Requests.Count > 0)
            {
                _interpolator.Interpolate(unit.Pair!.Value, unit.Requests, cancellationToken);
                if (_options.EvenPhases)
                {
                    Sharpen(left, right!, unit.Requests);
                }

                int fellBack = _options.FallBack ? FallBack(unit) : 0;
                Interlocked.Add(ref _generated, made - fellBack);
                Interlocked.Add(ref _fellBack, fellBack);
            }

            unit.LetSourcesGo();
            return unit;
        }
        catch
        {
            unit.Dispose();
            throw;
        }
    }

    private FramePool Frames(VideoFormat format)
    {
        FramePool? pool = _frames;
        return pool?.Format == format ? pool : _frames = new FramePool(_memory, format);
    }

    private void Sharpen(Frame left, Frame right, List<InterpolationRequest> requests)
    {
        double first = SharpnessMatch.DetailOf(left, _memory);
        double last = SharpnessMatch.DetailOf(right, _memory);
        foreach (InterpolationRequest request in requests)
        {
            SharpnessMatch.Sharpen(request.Target, first + (request.Position * (last - first)), _memory);
        }
    }

    private static int FallBack(Unit unit)
    {
        int count = 0;
        for (int i = 0; i < unit.Items.Count; i++)
        {
            Item item = unit.Items[i];
            if (item.Position > 0 && InterpolationOptions.AreShreds(unit.Made[i].ExpectedError, item.Position))
            {
                Frame nearer = (item.Position <= 0.5 ? unit.Left! : unit.Pair!.Value.Pair.Right).Frame.Share();
                nearer.Time = item.Time;
                nearer.Work |= FrameWork.Held;
                unit.Made[i].Dispose();
                unit.Made[i] = nearer;
                count += item.IsCounted ? 1 : 0;
            }
        }

        return count;
    }

    private readonly record struct Item(Rational Time, double Position, bool IsHeld, bool IsCounted);

    // Some output frames between two of the source: first what they come from, then the frames. Owns all of them; disposed, it is idle.
    private sealed class Unit(ConcurrentBag<Unit> idle, NativePool? finishing) : IDisposable
    {
        private int _next;

        public SourceFrame? Left { get; private set; }

        public PairInShot? Pair { get; private set; }

        public List<Item> Items { get; } = [];

        public List<InterpolationRequest> Requests { get; } = [];

        public List<Frame> Made { get; } = [];

        public Frame Add(Frame frame)
        {
            Made.Add(frame);
            return frame;
        }

        /// <summary>The next frame in order of time, which the caller then owns.</summary>
        public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Frame? frame)
        {
            frame = _next < Made.Count ? Made[_next++] : null;
            return frame is not null;
        }

        /// <summary>Holds the left frame; the same one for all items.</summary>
        public void Take(SourceFrame left)
        {
            if (Left is null)
            {
                left.Hold();
                Left = left;
            }
        }

        /// <summary>Holds the pair and its neighbours; the same ones for all items.</summary>
        public void Take(PairInShot pair)
        {
            if (Pair is null)
            {
                pair.Pair.Hold();
                pair.Pair.Use();
                pair.Before?.Hold();
                pair.After?.Hold();
                Pair = pair;
            }
        }

        public void LetSourcesGo()
        {
            PairInShot? held = Pair;
            Left?.Dispose();
            (Left, Pair) = (null, null);
            if (held is not { } pair)
            {
                return;
            }

            try
            {
                if (finishing is not null)
                {
                    pair.Pair.Finish(finishing);
                }
            }
            finally
            {
                // Also where memory ran out for what the neighbours need.
                pair.Pair.Dispose();
                pair.Before?.Dispose();
                pair.After?.Dispose();
            }
        }

        public void Dispose()
        {
            LetSourcesGo();
            while (TryTake(out Frame? frame))
            {
                frame.Dispose();
            }

            Items.Clear();
            Requests.Clear();
            Made.Clear();
            _next = 0;
            idle.Add(this);
        }
    }
}
