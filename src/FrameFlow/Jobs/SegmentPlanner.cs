using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>Cuts a job's output into segments, at scene cuts where there are any near.</summary>
public static class SegmentPlanner
{
    /// <summary>Plans.</summary>
    /// <param name="frames">How many output frames there are, at least 1.</param>
    /// <param name="target">How many frames a segment should hold, at least 1.</param>
    /// <param name="cuts">Output frames at which a scene begins, in order; those outside 1 .. frames - 1 are passed over.</param>
    /// <returns>
    /// Segments in order, without gap or overlap, each from half to one and a half times the target (the last may be shorter where the whole is): it ends at the
    /// cut nearest to the target's length, and at that length where there is none.
    /// </returns>
    public static IReadOnlyList<FrameRange> Plan(long frames, long target, IReadOnlyList<long> cuts)
    {
        ArgumentNullException.ThrowIfNull(cuts);
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(target, 1);
        List<FrameRange> segments = [];
        long start = 0;
        int next = 0;

        // What is left is one segment where two would be shorter than half the target each.
        long least = (target + 1) / 2;
        while (frames - start > target + least)
        {
            while (next < cuts.Count && cuts[next] < start + least)
            {
                next++;
            }

            long end = start + target;
            long nearest = long.MaxValue;
            for (int i = next; i < cuts.Count && cuts[i] <= Math.Min(start + target + (target / 2), frames - 1); i++)
            {
                long distance = Math.Abs(cuts[i] - (start + target));
                if (distance < nearest)
                {
                    (nearest, end) = (distance, cuts[i]);
                }
            }

            segments.Add(new FrameRange(start, end));
            start = end;
        }

        segments.Add(new FrameRange(start, frames));
        return segments;
    }
}
