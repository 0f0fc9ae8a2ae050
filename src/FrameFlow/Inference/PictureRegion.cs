namespace FrameFlow.Inference;

/// <summary>A rectangle of a picture.</summary>
/// <param name="X">Left column.</param>
/// <param name="Y">Top row.</param>
/// <param name="Width">Columns; 0 where there is none.</param>
/// <param name="Height">Rows.</param>
internal readonly record struct PictureRegion(int X, int Y, int Width, int Height)
{
    /// <summary>Grown by so many pixels on every side, as far as the picture goes.</summary>
    public PictureRegion Grown(int by, int pictureWidth, int pictureHeight)
    {
        int left = Math.Max(0, X - by);
        int top = Math.Max(0, Y - by);
        return new(left, top, Math.Min(pictureWidth, X + Width + by) - left, Math.Min(pictureHeight, Y + Height + by) - top);
    }

    /// <summary>The same part of the picture at half its size.</summary>
    public PictureRegion Halved() => new(X / 2, Y / 2, ((X + Width + 1) / 2) - (X / 2), ((Y + Height + 1) / 2) - (Y / 2));
}
