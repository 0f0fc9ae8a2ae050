using System.Numerics.Tensors;
using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>
/// What the denoising network N sees of five frames and their noise, and what D is made of it: D = 1/2 + c_skip (y - 1/2) + c_out N with EDM's preconditioning (Karras 2022) per pixel and channel of the
/// centre y. models/training/denoise.py computes the same (Denoiser.inputs and forward); in a graph's operators it took a quarter of the network's time, here each row stays in the cache.
/// </summary>
/// <param name="sigmaData">EDM's sigma_data, code values.</param>
/// <param name="boxes">Sides of the boxes between which detail is told, px, odd, ascending.</param>
/// <param name="memory">Scratch; not owned.</param>
internal sealed class NetworkInputs(float sigmaData, IReadOnlyList<int> boxes, NativePool memory)
{
    private const int Frames = FrameDenoiser.Window;
    private const int Centre = 6; // its first channel
    private const float LevelFloor = 1e-7f; // squared code values: levels below .08/255 look alike
    private const float DifferenceFloor = 1e-6f;
    private const float DifferenceLimit = 6; // standard deviations
    private const int Mean = 3; // planes of what is found once a window: the centre, the frames' mean weighed by precision, its variance
    private const int MeanVariance = 6;

    private readonly int _reach = boxes.Sum(b => b / 2);

    /// <summary>Channels of x: 15 frames scaled, 15 levels, the mean and its level, the neighbours' 12 differences to the centre, and centre's and mean's detail for each box.</summary>
    public int Channels { get; } = ChannelsOf(boxes.Count);

    /// <summary>Floats a pixel of a window that x, n and the scratch take.</summary>
    public static int FloatsPerPixel(int boxes) => ChannelsOf(boxes) + 3 + 9 + 1 + (6 * boxes);

    /// <summary>Fills x [1,C,h,w] for a window; what lies outside the picture repeats its border.</summary>
    /// <param name="plan">The windows.</param>
    /// <param name="tile">The window.</param>
    /// <param name="frames">[15,H,W], see <see cref="IDenoiser.Denoise"/>.</param>
    /// <param name="sigma">[15,H,W].</param>
    /// <param name="x">Receives it.</param>
    public void Fill(TilePlan plan, Tile tile, FloatImage frames, FloatImage sigma, Span<float> x)
    {
        (int left, int top) = (Math.Max(0, tile.X - _reach), Math.Max(0, tile.Y - _reach));
        int inside = Math.Min(plan.WindowWidth, frames.Width - tile.X);
        int rows = Math.Min(plan.WindowHeight, frames.Height - tile.Y);
        int height = Math.Min(frames.Height, tile.Y + rows + _reach) - top;
        int width = Math.Min(frames.Width, tile.X + inside + _reach) - left;
        using FloatImage found = memory.RentImage(9, height, width);
        for (int y = 0; y < height; y++)
        {
            Average(frames, sigma, ((top + y) * frames.Width) + left, found, y);
        }

        using FloatImage smooth = memory.RentImage(6 * boxes.Count, height, width);
        using FloatImage across = memory.RentImage(1, height, width);
        for (int b = 0; b < boxes.Count; b++)
        {
            for (int c = 0; c < 6; c++)
            {
                Box(b == 0 ? found.Channel(c) : smooth.Channel((6 * (b - 1)) + c), width, boxes[b], across.Values, smooth.Channel((6 * b) + c));
            }
        }

        using FloatImage scratch = memory.RentImage((3 * Frames) + 1, 1, inside);
        for (int y = 0; y < rows; y++)
        {
            Row row = new(x, plan, y, inside);
            Tell(frames, sigma, ((tile.Y + y) * frames.Width) + tile.X, found, smooth, ((tile.Y + y - top) * width) + tile.X - left, row, scratch);
            for (int c = 0; c < Channels; c++)
            {
                row.Pad(c);
            }
        }

        for (int y = rows; y < plan.WindowHeight; y++)
        {
            for (int c = 0; c < Channels; c++)
            {
                new Row(x, plan, rows - 1, inside).Whole(c).CopyTo(new Row(x, plan, y, inside).Whole(c));
            }
        }
    }

    /// <summary>Puts D of a window's core into the picture.</summary>
    /// <param name="plan">The windows.</param>
    /// <param name="tile">The window.</param>
    /// <param name="frames">[15,H,W].</param>
    /// <param name="sigma">[15,H,W].</param>
    /// <param name="n">N [1,3,h,w] of the window.</param>
    /// <param name="clean">[3,H,W]; receives D.</param>
    public void Finish(TilePlan plan, Tile tile, FloatImage frames, FloatImage sigma, ReadOnlySpan<float> n, FloatImage clean)
    {
        using FloatImage scratch = memory.RentImage(1, 1, tile.CoreWidth);
        Span<float> inverse = scratch.Values;
        for (int c = 0; c < 3; c++)
        {
            for (int y = tile.CoreY; y < tile.CoreY + tile.CoreHeight; y++)
            {
                int at = (y * clean.Width) + tile.CoreX;
                ReadOnlySpan<float> s = sigma.Channel(Centre + c).Slice(at, tile.CoreWidth);
                Span<float> to = clean.Channel(c).Slice(at, tile.CoreWidth);
                TensorPrimitives.Multiply(s, s, inverse);
                TensorPrimitives.Add(inverse, sigmaData * sigmaData, inverse);
                TensorPrimitives.ReciprocalSqrt(inverse, inverse);

                // c_skip (y - 1/2) = (sigma_data / root)^2 (y - 1/2); c_out N = sigma_data sigma / root N.
                TensorPrimitives.Add(frames.Channel(Centre + c).Slice(at, tile.CoreWidth), -0.5f, to);
                TensorPrimitives.Multiply(to, sigmaData, to);
                TensorPrimitives.Multiply(to, inverse, to);
                TensorPrimitives.MultiplyAdd(s, n.Slice((((c * plan.WindowHeight) + y - tile.Y) * plan.WindowWidth) + tile.CoreX - tile.X, tile.CoreWidth), to, to);
                TensorPrimitives.Multiply(to, inverse, to);
                TensorPrimitives.Multiply(to, sigmaData, to);
                TensorPrimitives.Add(to, 0.5f, to);
            }
        }
    }

    private static int ChannelsOf(int boxes) => (12 * (Frames - 1)) + (6 * boxes);

    // One row of the centre, of the frames' mean weighed by precision, and of its variance.
    private static void Average(FloatImage frames, FloatImage sigma, int at, FloatImage found, int y)
    {
        int width = found.Width;
        for (int i = 0; i < 3; i++)
        {
            // The centre's row is scratch until all is read.
            Span<float> precision = found.Channel(i).Slice(y * width, width);
            Span<float> mean = found.Channel(Mean + i).Slice(y * width, width);
            Span<float> variance = found.Channel(MeanVariance + i).Slice(y * width, width);
            mean.Clear();
            variance.Clear();
            for (int channel = i; channel < 3 * Frames; channel += 3)
            {
                ReadOnlySpan<float> s = sigma.Channel(channel).Slice(at, width);
                TensorPrimitives.Multiply(s, s, precision);
                TensorPrimitives.Add(precision, LevelFloor, precision);
                TensorPrimitives.Reciprocal(precision, precision);
                TensorPrimitives.Add(variance, precision, variance);
                TensorPrimitives.MultiplyAdd(precision, frames.Channel(channel).Slice(at, width), mean, mean);
            }

            TensorPrimitives.Reciprocal(variance, variance);
            TensorPrimitives.Multiply(mean, variance, mean);
            frames.Channel(Centre + i).Slice(at, width).CopyTo(precision);
        }
    }

    // One row of all that is seen. `at`: where it begins in the frames; `here`: where in what was found.
    private void Tell(FloatImage frames, FloatImage sigma, int at, FloatImage found, FloatImage smooth, int here, Row row, FloatImage scratch)
    {
        int length = scratch.Width;
        Span<float> work = scratch.Channel(3 * Frames);
        for (int c = 0; c < 3 * Frames; c++)
        {
            ReadOnlySpan<float> s = sigma.Channel(c).Slice(at, length);
            Span<float> variance = scratch.Channel(c);
            TensorPrimitives.Multiply(s, s, variance);
            Scale(frames.Channel(c).Slice(at, length), variance, work, row[c]);
            TensorPrimitives.Add(variance, LevelFloor, work);
            Level(work, row[(3 * Frames) + c]);
        }

        int next = 6 * Frames;
        for (int i = 0; i < 3; i++)
        {
            ReadOnlySpan<float> variance = found.Channel(MeanVariance + i).Slice(here, length);
            Scale(found.Channel(Mean + i).Slice(here, length), variance, work, row[next + i]);
            Level(variance, row[next + 3 + i]);
        }

        next += 6;
        for (int c = 0; c < 3 * Frames; c++)
        {
            int centre = Centre + (c % 3);
            if (c / 3 != Centre / 3)
            {
                TensorPrimitives.Add(scratch.Channel(c), scratch.Channel(centre), work);
                Standardise(frames.Channel(c).Slice(at, length), frames.Channel(centre).Slice(at, length), work, 1, row[next++]);
            }
        }

        for (int b = 0; b < boxes.Count; b++)
        {
            for (int c = 0; c < 6; c++)
            {
                ReadOnlySpan<float> finer = b == 0 ? found.Channel(c) : smooth.Channel((6 * (b - 1)) + c);
                (c < 3 ? scratch.Channel(Centre + c) : found.Channel(MeanVariance + c - 3).Slice(here, length)).CopyTo(work);

                // White noise of deviation 1, averaged over a box, has 1 / its side.
                Standardise(finer.Slice(here, length), smooth.Channel((6 * b) + c).Slice(here, length), work, b == 0 ? 1 : boxes[b - 1], row[next++]);
            }
        }
    }

    // (f - 1/2) / sqrt(v + sigma_data^2)
    private void Scale(ReadOnlySpan<float> frame, ReadOnlySpan<float> variance, Span<float> work, Span<float> to)
    {
        TensorPrimitives.Add(variance, sigmaData * sigmaData, work);
        TensorPrimitives.ReciprocalSqrt(work, work);
        TensorPrimitives.Add(frame, -0.5f, to);
        TensorPrimitives.Multiply(to, work, to);
    }

    private static void Level(ReadOnlySpan<float> variance, Span<float> to)
    {
        TensorPrimitives.Log(variance, to);
        TensorPrimitives.Multiply(to, 0.125f, to);
        TensorPrimitives.Add(to, 0.6f, to);
    }

    // Half of the difference in standard deviations, at most 6 of them; the variance is scratch afterwards.
    private static void Standardise(ReadOnlySpan<float> one, ReadOnlySpan<float> other, Span<float> variance, float factor, Span<float> to)
    {
        TensorPrimitives.Add(variance, DifferenceFloor, variance);
        TensorPrimitives.ReciprocalSqrt(variance, variance);
        TensorPrimitives.Subtract(one, other, to);
        TensorPrimitives.Multiply(to, variance, to);
        TensorPrimitives.Multiply(to, factor / 2, to);
        TensorPrimitives.Min(to, DifferenceLimit / 2, to);
        TensorPrimitives.Max(to, -DifferenceLimit / 2, to);
    }

    // Means over side x side px, of fewer at the borders.
    private static void Box(ReadOnlySpan<float> plane, int width, int side, Span<float> across, Span<float> result)
    {
        int radius = side / 2;
        int height = plane.Length / width;
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<float> from = plane.Slice(y * width, width);
            Span<float> to = across.Slice(y * width, width);
            from.CopyTo(to);
            for (int i = 1; i <= Math.Min(radius, width - 1); i++)
            {
                TensorPrimitives.Add(to[i..], from[..^i], to[i..]);
                TensorPrimitives.Add(to[..^i], from[i..], to[..^i]);
            }

            int whole = Math.Max(radius, width - radius);
            for (int x = 0; x < Math.Min(radius, width); x++)
            {
                to[x] /= Math.Min(x + radius, width - 1) + 1;
            }

            if (whole > radius)
            {
                TensorPrimitives.Multiply(to[radius..whole], 1f / side, to[radius..whole]);
            }

            for (int x = whole; x < width; x++)
            {
                to[x] /= width - Math.Max(x - radius, 0);
            }
        }

        for (int y = 0; y < height; y++)
        {
            int first = Math.Max(0, y - radius);
            int last = Math.Min(height - 1, y + radius);
            Span<float> to = result.Slice(y * width, width);
            across.Slice(first * width, width).CopyTo(to);
            for (int i = first + 1; i <= last; i++)
            {
                TensorPrimitives.Add(to, across.Slice(i * width, width), to);
            }

            TensorPrimitives.Multiply(to, 1f / (last - first + 1), to);
        }
    }

    // A row of a window's tensor: its first columns lie in the picture.
    private readonly ref struct Row(Span<float> x, TilePlan plan, int y, int inside)
    {
        private readonly Span<float> _x = x;

        public Span<float> this[int channel] => Whole(channel)[..inside];

        public Span<float> Whole(int channel) => _x.Slice(((channel * plan.WindowHeight) + y) * plan.WindowWidth, plan.WindowWidth);

        public void Pad(int channel) => Whole(channel)[inside..].Fill(Whole(channel)[inside - 1]);
    }
}
