using FrameFlow.Media;

namespace FrameFlow.Repair;

/// <summary>
/// Where frames stand after a repair, from times alone: every frame that came keeps its place, and where times are missing in an even stream
/// (a gap of k periods) places are added. A place is empty where a frame is missing or was named as spoilt. Immutable.
/// </summary>
public sealed class RebuildPlan
{
    /// <summary>More empty places in a row than this are not rebuilt but filled by holding what stands on either side: nothing is known of so long a time.</summary>
    public const int LongestHole = 64;

    // The gaps in order: the frame before each, and how many places were added up to and with it.
    private readonly int[] _gapAfter;
    private readonly long[] _addedUpTo;
    private readonly IReadOnlyList<FrameRange> _named;
    private readonly int _frames;

    private RebuildPlan(FrameTimeline output, int frames, int[] gapAfter, long[] addedUpTo, FrameSelection selection)
    {
        Output = output;
        _frames = frames;
        _gapAfter = gapAfter;
        _addedUpTo = addedUpTo;
        _named = selection.Ranges;
        Faults = selection.Faults;
    }

    /// <summary>The times of all places.</summary>
    public FrameTimeline Output { get; }

    /// <summary>What is looked for in the pictures.</summary>
    public FrameFaults Faults { get; }

    /// <summary>Places added where frames are missing.</summary>
    public long Added => _addedUpTo.Length == 0 ? 0 : _addedUpTo[^1];

    /// <summary>Places that are known to be empty: <see cref="Added"/>, and the frames that were named.</summary>
    public long KnownEmpty => Added + _named.Sum(r => r.Count);

    /// <summary>Whether there is nothing to do.</summary>
    public bool IsEmpty => KnownEmpty == 0 && Faults == FrameFaults.None;

    /// <summary>Plans.</summary>
    /// <param name="input">The times of the frames that come; at least one.</param>
    /// <param name="fillsGaps">Whether places are added.</param>
    /// <param name="selection">The frames that were named.</param>
    /// <exception cref="FrameFlowException">A frame that was named is not there, or all are named (<see cref="FaultKind.Usage"/>).</exception>
    public static RebuildPlan Create(FrameTimeline input, bool fillsGaps, FrameSelection selection)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(selection);
        if (input.Count == 0)
        {
            throw new FrameFlowException(FaultKind.Input, "No frame of the input can be decoded; check the file with 'frameflow probe'.");
        }

        if (selection.Ranges.FirstOrDefault(r => r.End > input.Count) is { Count: > 0 } outside)
        {
            throw new FrameFlowException(FaultKind.Usage, $"--frames names frame {Math.Max(outside.First, input.Count)}, but what is read has {input.Count}, counted from 0 to {input.Count - 1}; mend the list.");
        }

        if (selection.Ranges.Sum(r => r.Count) == input.Count)
        {
            throw new FrameFlowException(FaultKind.Usage, $"--frames names all {input.Count} frames: nothing is left to rebuild them from; leave out those that are good.");
        }

        List<int> after = [];
        List<long> upTo = [];
        if (fillsGaps && input.GridRate is { } rate)
        {
            long added = 0;
            for (int i = 1; i < input.Count; i++)
            {
                long missing = ((input[i] - input.First) * rate).Round() - ((input[i - 1] - input.First) * rate).Round() - 1;
                if (missing > 0)
                {
                    added += missing;
                    after.Add(i - 1);
                    upTo.Add(added);
                }
            }

            if (input.Count + added > int.MaxValue)
            {
                throw new FrameFlowException(FaultKind.Usage, $"The gaps in the times stand for {added} frames at {rate} fps; that is more than a film holds: give --gaps off.");
            }

            // A frame that stands where it should stays bit for bit what it was also in time.
            FrameTimeline output = added == 0 ? input : FrameTimeline.Even(input.First, rate, (int)(input.Count + added));
            return new RebuildPlan(output, input.Count, [.. after], [.. upTo], selection);
        }

        return new RebuildPlan(input, input.Count, [], [], selection);
    }

    /// <summary>The place of a frame that comes; the count of places for the count of frames.</summary>
    public long PlaceOf(long frame)
    {
        if (frame >= _frames)
        {
            return Output.Count;
        }

        // The last gap that lies before the frame.
        int gaps = Array.BinarySearch(_gapAfter, (int)frame);
        gaps = gaps < 0 ? ~gaps : gaps;
        return frame + (gaps == 0 ? 0 : _addedUpTo[gaps - 1]);
    }

    /// <summary>The last frame whose place is at or before one.</summary>
    public long FrameAt(long place)
    {
        long low = 0;
        long high = _frames - 1L;
        while (low < high)
        {
            long middle = low + ((high - low + 1) / 2);
            if (PlaceOf(middle) <= place)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    /// <summary>Whether a frame was named.</summary>
    public bool IsNamed(long frame) => RangeOf(frame) is not null;

    /// <summary>The frames that must come for places to be filled.</summary>
    /// <param name="places">Not empty.</param>
    public FrameRange InputFor(FrameRange places)
    {
        if (IsEmpty)
        {
            return places;
        }

        int reach = FaultFinder.ReachFor(Faults);
        // A hole that is found may lie beside the part, as long as a hole may be, and is judged by what lies around it.
        long margin = reach == 0 ? 0 : LongestHole + reach;
        long first = Math.Max(0, FrameAt(places.First) - margin);
        long last = FrameAt(places.End - 1);
        last = Math.Min(_frames - 1L, last + margin + (PlaceOf(last) < places.End - 1 ? 1 : 0));

        // The anchor on each side, and the frame beside it, which tells how it moves.
        while (first > 0 && RangeOf(first) is { } named)
        {
            first = Math.Max(0, named.First - 1);
        }

        while (last < _frames - 1 && RangeOf(last) is { } named)
        {
            last = Math.Min(_frames - 1, named.End);
        }

        first -= first > 0 && !IsNamed(first - 1) ? 1 : 0;
        last += last < _frames - 1 && !IsNamed(last + 1) ? 1 : 0;
        return new FrameRange(first, last + 1);
    }

    private FrameRange? RangeOf(long frame)
    {
        int low = 0;
        int high = _named.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_named[middle].End <= frame)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < _named.Count && _named[low].First <= frame ? _named[low] : null;
    }
}
