using FrameFlow.Color;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>The source's frames from the one that stands left of the next output on, and the pairs around it.</summary>
/// <param name="first">The index of the first one that comes.</param>
/// <param name="hasNeighbours">Whether a pair's neighbours are asked for as well.</param>
/// <param name="memory">Where memory comes from.</param>
internal sealed class FrameWindow(long first, bool hasNeighbours, NativePool memory) : IDisposable
{
    private readonly List<(SourceFrame Frame, FramePair? Pair)> _held = []; // a frame, and the pair of it and the next once that was asked for

    /// <summary>How many frames there are, the left one among them.</summary>
    public int Count => _held.Count;

    /// <summary>The left frame's index.</summary>
    public long Index { get; private set; } = first;

    /// <summary>The left frame.</summary>
    public SourceFrame Left => _held[0].Frame;

    /// <summary>The pair that ends with the left frame; null where there is none of its shot, or nobody asks for it.</summary>
    public FramePair? Before { get; private set; }

    /// <summary>Takes the next frame over.</summary>
    public void Add(Frame frame) => _held.Add((SourceFrame.Of(frame), null));

    /// <summary>The pair that begins so many frames behind the left one; null across a cut or a gap, and where its frames were not read.</summary>
    public FramePair? Pair(int behind)
    {
        if (behind + 1 >= _held.Count)
        {
            return null;
        }

        (SourceFrame left, FramePair? pair) = _held[behind];
        SourceFrame right = _held[behind + 1].Frame;
        if (pair is null && !right.Frame.IsSceneStart && right.Frame.Time - left.Frame.Time <= OutputTimeline.LongestBridge)
        {
            pair = FramePair.Of(left, right);
            _held[behind] = (left, pair);
        }

        return pair;
    }

    /// <summary>Makes the next frame, which must be there, the left one.</summary>
    public void Advance()
    {
        FramePair? passed = hasNeighbours ? Pair(0) : _held[0].Pair;
        Before?.Dispose();
        Before = null;
        if (hasNeighbours)
        {
            passed?.Finish(memory);
            Before = passed;
        }
        else
        {
            passed?.Dispose();
        }

        _held[0].Frame.Dispose();
        _held.RemoveAt(0);
        Index++;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Before?.Dispose();
        Before = null;
        foreach ((SourceFrame frame, FramePair? pair) in _held)
        {
            frame.Dispose();
            pair?.Dispose();
        }

        _held.Clear();
    }
}
