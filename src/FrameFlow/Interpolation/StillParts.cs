using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>
/// The parts of a pair of frames that are bit for bit the same in both, with nothing that changes near them: there the source stands, and the networks see the rest
/// alone. Judged in cells of <see cref="Cell"/> px; used again from pair to pair. Not thread-safe.
/// </summary>
internal sealed class StillParts
{
    /// <summary>The side of a cell in px of luma; whole in every plane, whatever its sampling.</summary>
    public const int Cell = 32;

    /// <summary>
    /// So many cells around a cell must be the same as well: something that moves could pass over it between the two frames, and what the networks make of a place depends on
    /// what lies this far off.
    /// </summary>
    public const int Reach = 2;

    private int _columns;
    private int _rows;
    private bool[] _changes = [];
    private bool[] _near = [];

    /// <summary>The smallest rectangle, px, that holds all that is not still; of no width where all is.</summary>
    public PictureRegion Changing { get; private set; }

    /// <summary>Cells that are still.</summary>
    public int Count { get; private set; }

    /// <summary>Compares two frames.</summary>
    /// <param name="left">A frame.</param>
    /// <param name="right">The next, of the same format.</param>
    public void Find(Frame left, Frame right)
    {
        VideoFormat format = left.Format;
        _columns = (format.Width + Cell - 1) / Cell;
        _rows = (format.Height + Cell - 1) / Cell;
        if (_changes.Length != _columns * _rows)
        {
            _changes = new bool[_columns * _rows];
            _near = new bool[_columns * _rows];
        }

        Array.Clear(_changes);
        Array.Clear(_near);
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            Compare(format, plane, left.Bytes, right.Bytes);
        }

        (int firstColumn, int firstRow, int endColumn, int endRow) = (_columns, _rows, 0, 0);
        for (int i = 0; i < _changes.Length; i++)
        {
            if (_changes[i])
            {
                (int column, int row) = (i % _columns, i / _columns);
                (int left0, int right0) = (Math.Max(0, column - Reach), Math.Min(_columns, column + Reach + 1));
                (int top, int bottom) = (Math.Max(0, row - Reach), Math.Min(_rows, row + Reach + 1));
                for (int y = top; y < bottom; y++)
                {
                    _near.AsSpan((y * _columns) + left0, right0 - left0).Fill(true);
                }

                (firstColumn, firstRow) = (Math.Min(firstColumn, left0), Math.Min(firstRow, top));
                (endColumn, endRow) = (Math.Max(endColumn, right0), Math.Max(endRow, bottom));
            }
        }

        Count = _near.AsSpan().Count(false);
        Changing = endColumn == 0
            ? default
            : new PictureRegion(firstColumn * Cell, firstRow * Cell, Math.Min(format.Width, endColumn * Cell) - (firstColumn * Cell), Math.Min(format.Height, endRow * Cell) - (firstRow * Cell));
    }

    /// <summary>Puts the source's samples into the still parts of a made frame.</summary>
    /// <param name="source">One of the two frames.</param>
    /// <param name="made">A frame between them.</param>
    public void Restore(Frame source, Frame made)
    {
        if (Count == 0)
        {
            return;
        }

        VideoFormat format = source.Format;
        for (int plane = 0; plane < format.PixelFormat.PlaneCount; plane++)
        {
            PlaneLayout layout = format.Plane(plane);
            (int cellWidth, int cellHeight) = CellIn(layout, format);
            for (int y = 0; y < layout.Height; y++)
            {
                ReadOnlySpan<bool> near = _near.AsSpan(y / cellHeight * _columns, _columns);
                for (int column = 0; column < _columns; column++)
                {
                    if (!near[column])
                    {
                        Range place = Part(layout, cellWidth, column, y);
                        source.Bytes[place].CopyTo(made.Bytes[place]);
                    }
                }
            }
        }
    }

    // A plane of half the samples has half the columns of a cell.
    private static (int Width, int Height) CellIn(PlaneLayout layout, VideoFormat format) =>
        (layout.Width == format.Width ? Cell : Cell >> format.PixelFormat.ChromaShiftX, layout.Height == format.Height ? Cell : Cell >> format.PixelFormat.ChromaShiftY);

    private static Range Part(PlaneLayout layout, int cellWidth, int column, int y)
    {
        int begin = checked((int)layout.Offset) + (y * layout.Stride);
        return (begin + (column * cellWidth * layout.BytesPerSample))..(begin + (Math.Min((column + 1) * cellWidth, layout.Width) * layout.BytesPerSample));
    }

    private void Compare(VideoFormat format, int plane, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        PlaneLayout layout = format.Plane(plane);
        (int cellWidth, int cellHeight) = CellIn(layout, format);
        for (int y = 0; y < layout.Height; y++)
        {
            Span<bool> changes = _changes.AsSpan(y / cellHeight * _columns, _columns);
            for (int column = 0; column < _columns; column++)
            {
                if (!changes[column])
                {
                    Range place = Part(layout, cellWidth, column, y);
                    changes[column] = !left[place].SequenceEqual(right[place]);
                }
            }
        }
    }
}
