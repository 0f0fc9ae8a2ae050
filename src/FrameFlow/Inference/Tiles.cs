using FrameFlow.Media;

namespace FrameFlow.Inference;

/// <summary>Moves windows between pictures [C,H,W] and the networks' tensors [N,C,h,w].</summary>
internal static class Tiles
{
    /// <summary>Copies a window of every channel into batch entry <paramref name="n"/>; what lies outside the picture repeats its border.</summary>
    public static void Load(TilePlan plan, Tile tile, FloatImage picture, Span<float> tensor, int n) =>
        Load(plan, tile, picture, 0, Planes(plan, tensor, picture.Channels, n, 0, picture.Channels));

    /// <summary>The same of the channels from <paramref name="first"/> on, as many as <paramref name="planes"/> holds.</summary>
    public static void Load(TilePlan plan, Tile tile, FloatImage picture, int first, Span<float> planes)
    {
        int width = plan.WindowWidth;
        int inside = Math.Min(width, picture.Width - tile.X);
        for (int c = 0; c < planes.Length / (width * plan.WindowHeight); c++)
        {
            ReadOnlySpan<float> from = picture.Channel(first + c);
            for (int row = 0; row < plan.WindowHeight; row++)
            {
                int y = Math.Min(tile.Y + row, picture.Height - 1);
                Span<float> to = planes.Slice(((c * plan.WindowHeight) + row) * width, width);
                from.Slice((y * picture.Width) + tile.X, inside).CopyTo(to);
                to[inside..].Fill(to[inside - 1]);
            }
        }
    }

    /// <summary><paramref name="count"/> channels from <paramref name="first"/> on of batch entry <paramref name="n"/> of a tensor [N,channels,h,w].</summary>
    public static Span<float> Planes(TilePlan plan, Span<float> tensor, int channels, int n, int first, int count)
    {
        int plane = plan.WindowWidth * plan.WindowHeight;
        return tensor.Slice(((n * channels) + first) * plane, count * plane);
    }

    /// <summary>Copies the core of batch entry <paramref name="n"/> into the picture, whose channels are the first of the tensor's.</summary>
    public static void Store(TilePlan plan, Tile tile, ReadOnlySpan<float> tensor, int n, int tensorChannels, FloatImage picture)
    {
        for (int c = 0; c < picture.Channels; c++)
        {
            for (int row = 0; row < tile.CoreHeight; row++)
            {
                Core(plan, tile, tensor, (n * tensorChannels) + c, row).CopyTo(Row(tile, picture, c, row));
            }
        }
    }

    private static ReadOnlySpan<float> Core(TilePlan plan, Tile tile, ReadOnlySpan<float> tensor, int plane, int row) =>
        tensor.Slice((((plane * plan.WindowHeight) + tile.CoreY - tile.Y + row) * plan.WindowWidth) + tile.CoreX - tile.X, tile.CoreWidth);

    private static Span<float> Row(Tile tile, FloatImage picture, int channel, int row) =>
        picture.Channel(channel).Slice(((tile.CoreY + row) * picture.Width) + tile.CoreX, tile.CoreWidth);
}
