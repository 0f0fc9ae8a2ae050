namespace FrameFlow.Verification;

/// <summary>A small picture of a source frame.</summary>
/// <param name="Pixels">Luma code values, <see cref="DecodedVideo.PictureWidth"/> x <see cref="DecodedVideo.PictureHeight"/>.</param>
/// <param name="OpensScene">Whether no motion leads to it from the frame before: a cut.</param>
internal sealed record SourcePicture(byte[] Pixels, bool OpensScene)
{
    private const int Width = DecodedVideo.PictureWidth;
    private const int Height = DecodedVideo.PictureHeight;

    // Blocks are sought so far: a tenth of the picture's width from one frame to the next.
    private const int Block = 6;
    private const int Reach = 6;

    // What is left of the change after the best shift of every block, over the picture's own spread. At the cuts of 23 real clips
    // 0.50 and more; elsewhere (fast pans, flashes, whip focus, blur) 0.40 at the most, mostly below 0.2.
    private const double LeastUnexplained = 0.45;

    // A change below this root mean square is no cut, however flat the pictures.
    private const double LeastChange = 10;

    /// <summary>Compares a frame with the one before it.</summary>
    public static SourcePicture Of(byte[] pixels, byte[]? before) => new(pixels, before is not null && IsNewScene(before, pixels));

    private static bool IsNewScene(byte[] before, byte[] after)
    {
        (double spread, double change) = Statistics(before, after);
        double limit = LeastUnexplained * (spread + 1);
        return change > Math.Max(LeastChange, limit) && Unexplained(before, after) > limit && Unexplained(after, before) > limit;
    }

    private static (double Spread, double Change) Statistics(byte[] before, byte[] after)
    {
        double mean = after.Average(v => (double)v);
        double spread = 0;
        double change = 0;
        for (int i = 0; i < after.Length; i++)
        {
            spread += (after[i] - mean) * (after[i] - mean);
            change += (after[i] - before[i]) * (after[i] - before[i]);
        }

        return (Math.Sqrt(spread / after.Length), Math.Sqrt(change / after.Length));
    }

    // Root mean square of what remains when every block of one picture is taken from the best place in the other.
    private static double Unexplained(byte[] from, byte[] to)
    {
        long sum = 0;
        for (int top = 0; top + Block <= Height; top += Block)
        {
            for (int left = 0; left + Block <= Width; left += Block)
            {
                sum += BestMatch(from, to, left, top);
            }
        }

        return Math.Sqrt((double)sum / (Width / Block * Block * (Height / Block * Block)));
    }

    private static int BestMatch(byte[] from, byte[] to, int left, int top)
    {
        int best = int.MaxValue;
        for (int dy = -Reach; dy <= Reach; dy++)
        {
            for (int dx = -Reach; dx <= Reach; dx++)
            {
                int sum = 0;
                for (int y = top; y < top + Block && sum < best; y++)
                {
                    int row = Math.Clamp(y + dy, 0, Height - 1) * Width;
                    for (int x = left; x < left + Block; x++)
                    {
                        int difference = to[(y * Width) + x] - from[row + Math.Clamp(x + dx, 0, Width - 1)];
                        sum += difference * difference;
                    }
                }

                best = Math.Min(best, sum);
            }
        }

        return best;
    }
}
