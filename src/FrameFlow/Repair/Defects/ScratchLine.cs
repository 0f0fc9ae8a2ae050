using FrameFlow.Media;

namespace FrameFlow.Repair.Defects;

/// <summary>A thin line from top to bottom, or much of that way: a column for each band of rows.</summary>
/// <param name="Columns">The middle column of each band.</param>
/// <param name="HalfWidth">Pixels on each side of the middle that belong to it.</param>
/// <param name="IsBright">Whether it is brighter than its sides.</param>
/// <param name="FirstBand">The first band that it stands in.</param>
/// <param name="LastBand">The last one.</param>
/// <param name="Strength">The mean, over its bands, of its step over what columns differ by there.</param>
internal sealed record ScratchLine(int[] Columns, int HalfWidth, bool IsBright, int FirstBand, int LastBand, float Strength)
{
    /// <summary>Rows of a band.</summary>
    public const int BandRows = 16;

    /// <summary>The middle column of the line as a whole.</summary>
    public int Middle => Columns[(FirstBand + LastBand) / 2];

    /// <summary>Pixels from another line to this one, in the mean over the bands that both stand in; 0 where there are none.</summary>
    public float ShiftFrom(ScratchLine other)
    {
        int first = Math.Max(FirstBand, other.FirstBand);
        int last = Math.Min(LastBand, other.LastBand);
        return last < first ? 0 : (float)Enumerable.Range(first, last - first + 1).Average(b => Columns[b] - other.Columns[b]);
    }

    /// <summary>Sets 1 where the line stands.</summary>
    public void Mark(FloatImage mask)
    {
        Span<float> marks = mask.Values;
        for (int y = FirstBand * BandRows; y < End(mask.Height); y++)
        {
            int column = ColumnAt(y);
            for (int x = Math.Max(0, column - HalfWidth); x <= Math.Min(mask.Width - 1, column + HalfWidth); x++)
            {
                marks[(y * mask.Width) + x] = 1;
            }
        }
    }

    /// <summary>Fills the line linearly between its sides, row by row.</summary>
    public void FillFromTheSides(FloatImage image)
    {
        for (int c = 0; c < image.Channels; c++)
        {
            Span<float> channel = image.Channel(c);
            for (int y = FirstBand * BandRows; y < End(image.Height); y++)
            {
                Span<float> row = channel.Slice(y * image.Width, image.Width);
                int left = Math.Max(0, ColumnAt(y) - HalfWidth - 2);
                int right = Math.Min(image.Width - 1, ColumnAt(y) + HalfWidth + 2);
                for (int x = left + 1; x < right; x++)
                {
                    row[x] = row[left] + ((row[right] - row[left]) * (x - left) / (right - left));
                }
            }
        }
    }

    private int End(int height) => Math.Min(height, (LastBand + 1) * BandRows);

    // Linear between the bands' middles.
    private int ColumnAt(int row)
    {
        double place = ((row + 0.5) / BandRows) - 0.5;
        int band = Math.Clamp((int)Math.Floor(place), FirstBand, LastBand);
        int next = Math.Min(band + 1, LastBand);
        double part = Math.Clamp(place - band, 0, 1);
        return (int)Math.Round(Columns[band] + (part * (Columns[next] - Columns[band])));
    }
}
