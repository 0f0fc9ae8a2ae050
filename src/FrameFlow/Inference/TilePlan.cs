namespace FrameFlow.Inference;

/// <summary>One tile: the window that is computed, and the part of it that counts.</summary>
/// <param name="X">Left of the window, a multiple of the alignment.</param>
/// <param name="Y">Top of the window, a multiple of the alignment.</param>
/// <param name="CoreX">Left of the core, in the picture.</param>
/// <param name="CoreY">Top of the core, in the picture.</param>
/// <param name="CoreWidth">Columns of the core.</param>
/// <param name="CoreHeight">Rows of the core.</param>
public readonly record struct Tile(int X, int Y, int CoreX, int CoreY, int CoreWidth, int CoreHeight);

/// <summary>
/// How a picture is cut into windows of one size for a network with a finite receptive field: cores tile the picture, windows reach
/// beyond them by the field, so that tiled equals whole. Windows never leave the padded picture, so its border is the same in both.
/// </summary>
public sealed record TilePlan
{
    // Windows around a part of a picture grow in steps of so many pixels, so that few sizes occur.
    private const int RegionStep = 64;

    // Below this a window is mostly what it shares with its neighbours.
    private const int LeastPixels = 128 * 128;

    private readonly (int Width, int Height, int Alignment, int Radius) _picture;

    private TilePlan((int Width, int Height, int Alignment, int Radius) picture, int windowWidth, int windowHeight, IReadOnlyList<Tile> tiles)
    {
        _picture = picture;
        WindowWidth = windowWidth;
        WindowHeight = windowHeight;
        Tiles = tiles;
    }

    /// <summary>Columns of every window, a multiple of the alignment.</summary>
    public int WindowWidth { get; }

    /// <summary>Rows of every window, a multiple of the alignment.</summary>
    public int WindowHeight { get; }

    /// <summary>The tiles, row by row.</summary>
    public IReadOnlyList<Tile> Tiles { get; }

    /// <summary>Plans the tiles.</summary>
    /// <param name="width">The picture's columns.</param>
    /// <param name="height">The picture's rows.</param>
    /// <param name="alignment">Windows begin and end at multiples of this.</param>
    /// <param name="radius">The receptive field's radius in pixels.</param>
    /// <param name="maxPixels">The most pixels of a window.</param>
    /// <exception cref="FrameFlowException">The window holds no core (<see cref="FaultKind.Model"/>).</exception>
    public static TilePlan Create(int width, int height, int alignment, int radius, long maxPixels) => Find(width, height, alignment, radius, maxPixels)
        ?? throw new FrameFlowException(FaultKind.Model, $"No tile of at most {maxPixels} pixels fits a receptive field of {radius} pixels at {width}x{height}; raise the tile size.");

    private static TilePlan? Find(int width, int height, int alignment, int radius, long maxPixels)
    {
        int paddedWidth = RoundUp(width, alignment);
        int paddedHeight = RoundUp(height, alignment);
        if ((long)paddedWidth * paddedHeight <= maxPixels)
        {
            return new TilePlan((width, height, alignment, radius), paddedWidth, paddedHeight, [new Tile(0, 0, 0, 0, width, height)]);
        }

        int halo = RoundUp(radius, alignment);
        (int columns, int rows) = Enumerable.Range(1, 64)
            .SelectMany(c => Enumerable.Range(1, 64).Select(r => (Columns: c, Rows: r)))
            .Where(g => (long)Window(paddedWidth, g.Columns, halo, alignment) * Window(paddedHeight, g.Rows, halo, alignment) <= maxPixels)
            .OrderBy(g => (long)g.Columns * g.Rows * Window(paddedWidth, g.Columns, halo, alignment) * Window(paddedHeight, g.Rows, halo, alignment))
            .FirstOrDefault();
        if (columns == 0)
        {
            return null;
        }

        int windowWidth = Window(paddedWidth, columns, halo, alignment);
        int windowHeight = Window(paddedHeight, rows, halo, alignment);
        List<Tile> tiles = [];
        foreach ((int y, int coreY, int coreHeight) in Axis(height, paddedHeight, rows, windowHeight, alignment, halo))
        {
            foreach ((int x, int coreX, int coreWidth) in Axis(width, paddedWidth, columns, windowWidth, alignment, halo))
            {
                tiles.Add(new Tile(x, y, coreX, coreY, coreWidth, coreHeight));
            }
        }

        return new TilePlan((width, height, alignment, radius), windowWidth, windowHeight, tiles);
    }

    /// <summary>The same picture in windows of at most half the pixels; null where that is too small to be of use.</summary>
    public TilePlan? Halved()
    {
        long half = (long)WindowWidth * WindowHeight / 2;
        return half >= LeastPixels ? Find(_picture.Width, _picture.Height, _picture.Alignment, _picture.Radius, half) : null;
    }

    /// <summary>The same picture where only a part of it is wanted: one window around it, if that is no larger than this plan's, else those of this plan's that are needed.</summary>
    /// <param name="region">Inside the picture; not empty.</param>
    internal TilePlan Around(PictureRegion region)
    {
        (int width, int height, int alignment, int radius) = _picture;
        (int x, int windowWidth) = Span(region.X, region.Width, width);
        (int y, int windowHeight) = Span(region.Y, region.Height, height);
        Tile core = new(x, y, region.X, region.Y, region.Width, region.Height);
        return (long)windowWidth * windowHeight < (long)WindowWidth * WindowHeight
            ? new TilePlan(_picture, windowWidth, windowHeight, [core])
            : new TilePlan(_picture, WindowWidth, WindowHeight, Within([core]));

        (int Start, int Length) Span(int begin, int length, int whole)
        {
            int halo = RoundUp(radius, alignment);
            int padded = RoundUp(whole, alignment);
            int start = Math.Max(0, begin - halo) / alignment * alignment;
            int end = Math.Min(padded, RoundUp(begin + length + halo, alignment));
            int window = Math.Min(padded, RoundUp(end - start, Math.Max(alignment, RegionStep / alignment * alignment)));
            return (Math.Min(start, padded - window), window);
        }
    }

    /// <summary>This plan's windows for a part of the picture alone.</summary>
    /// <param name="part">Tiles of this or another plan of the same picture, whose cores are the part.</param>
    /// <returns>Tiles whose cores are exactly those of the part, together.</returns>
    public IReadOnlyList<Tile> Within(IReadOnlyList<Tile> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        List<Tile> tiles = [];
        foreach (Tile wanted in part)
        {
            foreach (Tile tile in Tiles)
            {
                int x = Math.Max(tile.CoreX, wanted.CoreX);
                int y = Math.Max(tile.CoreY, wanted.CoreY);
                int right = Math.Min(tile.CoreX + tile.CoreWidth, wanted.CoreX + wanted.CoreWidth);
                int bottom = Math.Min(tile.CoreY + tile.CoreHeight, wanted.CoreY + wanted.CoreHeight);
                if (x < right && y < bottom)
                {
                    tiles.Add(new Tile(tile.X, tile.Y, x, y, right - x, bottom - y));
                }
            }
        }

        return tiles;
    }

    private static int Core(int padded, int count, int alignment) => RoundUp((padded + count - 1) / count, alignment);

    private static int Window(int padded, int count, int halo, int alignment) => Math.Min(padded, Core(padded, count, alignment) + (2 * halo));

    private static IEnumerable<(int Start, int Core, int Length)> Axis(int length, int padded, int count, int window, int alignment, int halo)
    {
        int core = Core(padded, count, alignment);
        for (int begin = 0; begin < length; begin += core)
        {
            int start = Math.Clamp(begin - halo, 0, padded - window);
            yield return (start, begin, Math.Min(core, length - begin));
        }
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
