using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>What the frames before and behind a pair tell of what lies between its two: how paths bend, and what moves where one of the two shows it alone.</summary>
public readonly record struct MotionAround : IDisposable
{
    private MotionAround(PathBend bend, Uncovered uncovered) => (Bend, Uncovered) = (bend, uncovered);

    /// <summary>How paths bend; this object's own.</summary>
    public PathBend Bend { get; }

    /// <summary>What one frame shows alone; this object's own.</summary>
    public Uncovered Uncovered { get; }

    /// <summary>Finds both from the motion of three successive pairs at half size (<see cref="MotionField.Halved"/>).</summary>
    /// <param name="before">The motion between the frame before and frame 0, at half size.</param>
    /// <param name="pair">The motion of the pair, at half size.</param>
    /// <param name="after">The motion between frame 1 and the one behind it, at half size.</param>
    /// <param name="h0">How far the frame before stands from frame 0, in units of the pair's interval, above 0.</param>
    /// <param name="h1">How far frame 1 stands from the one behind it.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <returns>What was found; the caller disposes it.</returns>
    public static MotionAround Find(MotionField before, MotionField pair, MotionField after, double h0, double h1, NativePool pool)
    {
        PathBend bend = PathBend.Find(before, pair, after, h0, h1, pool);
        try
        {
            return new MotionAround(bend, Uncovered.Find(bend, before, pair, after, pool));
        }
        catch
        {
            bend.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Bend.Dispose();
        Uncovered.Dispose();
    }
}
