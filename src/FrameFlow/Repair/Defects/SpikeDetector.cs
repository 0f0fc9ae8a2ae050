using System.Numerics.Tensors;
using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Repair.Defects;

/// <summary>One spot that stands out of both neighbours, as <see cref="SpikeDetector"/> measured it.</summary>
/// <param name="Bounds">Its bounding box, pixels.</param>
/// <param name="Area">Its pixels.</param>
/// <param name="IsBright">Whether it is brighter than the neighbours.</param>
/// <param name="Contrast">The mean over its pixels of the smaller of the two differences, code values.</param>
/// <param name="Doubt">The mean over its pixels of what noise and motion let two aligned frames differ by, code values.</param>
/// <param name="Disagreement">The mean over its pixels of |previous - next| once aligned, code values.</param>
/// <param name="Ring">The mean, over a ring around it, of the smaller of the two differences, code values.</param>
/// <param name="Edge">The mean, over its outline, of the step from outside to inside in the frame itself, code values in the spot's own direction.</param>
/// <param name="Score">The log-odds that it is a defect.</param>
internal readonly record struct Spot(Rect Bounds, int Area, bool IsBright, float Contrast, float Doubt, float Disagreement, float Ring, float Edge, float Score);

/// <summary>
/// Finds what stands in one frame alone: pixels that differ from both neighbours, aligned along the motion, to the same side. A seed must leave the range of
/// the 3x3 pixels around its place in both (the rank-order detector: M. J. Nadenau, S. K. Mitra 1997, in the simplified form of J. Biemond, P. M. B. van
/// Roosmalen, R. L. Lagendijk 1999) by a threshold; from there the spot grows over what differs less (hysteresis). The thresholds follow the local
/// disagreement of the two neighbours, which holds noise and motion gone wrong, but not the defect. Each connected spot is then judged as a whole.
/// Stateless, thread-safe.
/// </summary>
internal static class SpikeDetector
{
    // Seeds and growth: factors on the local doubt and floors in code values, at sensitivity 1/2.
    private const float SeedFactor = 1.8f;
    private const float SeedFloor = 2.5f / 255;
    private const float GrowFactor = 1.5f;
    private const float GrowFloor = 2.5f / 255;

    // |a - b| of two frames with noise sigma has the mean 2/sqrt(pi) sigma.
    private const float ToDeviation = 0.8862f;

    // Local doubt is a mean over (2r + 1)^2 pixels.
    private const int DoubtRadius = 4;

    // Light that changes all over is no defect: differences are taken from their mean over cells of so many pixels, smoothed over two.
    private const int LightCell = 16;
    private const float LightCap = 0.1f;

    // Pixels of a spot that differ by less than this part of its contrast are its halo.
    private const float HaloPart = 0.4f;

    // Pixels; of a large picture half a percent. What is larger is no dust: a flash, a cut that was not found, emulsion that burst (s10, frame 22).
    private const int LargestArea = 1600;

    // Pixels. Spots whose surroundings, so wide, touch a burst's, or one another's up to it, are its parts: filled without it they would leave a patchwork.
    private const int BurstReach = 8;

    private const int RingInner = 2;
    private const int RingOuter = 5;

    /// <summary>Finds spots.</summary>
    /// <param name="centre">[1,H,W], luma of the frame in question, code values.</param>
    /// <param name="first">[1,H,W], luma of one neighbour on the centre's grid.</param>
    /// <param name="second">[1,H,W], luma of the other.</param>
    /// <param name="sensitivity">0..1.</param>
    /// <param name="mask">[1,H,W]; receives 1 inside what was found, else 0.</param>
    /// <param name="memory">Scratch.</param>
    /// <param name="candidates">Receives every spot that was judged, with its score; null: not wanted.</param>
    /// <returns>How many spots were found.</returns>
    public static int Find(FloatImage centre, FloatImage first, FloatImage second, double sensitivity, FloatImage mask, NativePool memory, ICollection<Spot>? candidates = null)
    {
        int width = centre.Width;
        int height = centre.Height;
        using FloatImage toFirst = memory.RentImage(1, height, width);
        using FloatImage toSecond = memory.RentImage(1, height, width);
        using FloatImage doubt = memory.RentImage(1, height, width);
        using FloatImage seed = memory.RentImage(1, height, width);
        using FloatImage apart = memory.RentImage(1, height, width);

        // d = centre - neighbour, less the light's change; the neighbour in the centre's light is centre - d.
        TensorPrimitives.Subtract(centre.Values, first.Values, toFirst.Values);
        TensorPrimitives.Subtract(centre.Values, second.Values, toSecond.Values);
        TakeLight(toFirst);
        TakeLight(toSecond);
        TensorPrimitives.Subtract(toFirst.Values, toSecond.Values, apart.Values);
        TensorPrimitives.Abs(apart.Values, apart.Values);
        TensorPrimitives.Multiply(apart.Values, ToDeviation, doubt.Values);
        Filters.Box(doubt, DoubtRadius, memory);
        float floor = 0.5f * TensorPrimitives.Sum<float>(doubt.Values) / doubt.PlaneLength;
        TensorPrimitives.Max(doubt.Values, floor, doubt.Values);

        Seeds(centre, toFirst, toSecond, seed, memory);

        // From here toFirst holds the smaller difference with its sign, 0 where the signs differ.
        Span<float> spike = toFirst.Values;
        ReadOnlySpan<float> other = toSecond.Values;
        for (int i = 0; i < spike.Length; i++)
        {
            float a = spike[i];
            float b = other[i];
            spike[i] = a * b <= 0 ? 0 : MathF.Abs(a) < MathF.Abs(b) ? a : b;
        }

        float factor = MathF.Pow(2, (float)(1 - (2 * sensitivity)));
        mask.Values.Clear();
        List<int> found = []; // of each spot a pixel
        using Mat bursts = new(height, width, MatType.CV_8UC1, Scalar.All(0));
        if (Collect(bright: true) | Collect(bright: false))
        {
            LeaveBursts(mask, bursts, found);
        }

        return found.Count;

        // Whether there are bursts.
        bool Collect(bool bright)
        {
            ReadOnlySpan<float> difference = toFirst.Values;
            ReadOnlySpan<float> level = doubt.Values;
            ReadOnlySpan<float> start = seed.Values;
            float side = bright ? 1 : -1;
            using Mat grown = new(height, width, MatType.CV_8UC1);
            Span<byte> marks = grown.AsSpan<byte>();
            bool any = false;
            for (int i = 0; i < marks.Length; i++)
            {
                bool isGrown = side * difference[i] > factor * ((GrowFactor * level[i]) + GrowFloor);
                marks[i] = isGrown ? (byte)255 : (byte)0;
                any |= isGrown && side * start[i] > factor * ((SeedFactor * level[i]) + SeedFloor);
            }

            if (!any)
            {
                return false;
            }

            using Mat labels = new();
            using Mat stats = new();
            using Mat centroids = new();
            int count = Cv2.ConnectedComponentsWithStats(grown, labels, stats, centroids, PixelConnectivity.Connectivity8, MatType.CV_32SC1);
            Span<int> label = labels.AsSpan<int>();
            bool[] isSeeded = System.Buffers.ArrayPool<bool>.Shared.Rent(count);
            Array.Clear(isSeeded, 0, count);
            bool hasBursts = false;
            try
            {
                for (int i = 0; i < label.Length; i++)
                {
                    if (label[i] != 0 && side * start[i] > factor * ((SeedFactor * level[i]) + SeedFloor))
                    {
                        isSeeded[label[i]] = true;
                    }
                }

                for (int k = 1; k < count; k++)
                {
                    if (!isSeeded[k])
                    {
                        continue;
                    }

                    Rect bounds = new(stats.At<int>(k, 0), stats.At<int>(k, 1), stats.At<int>(k, 2), stats.At<int>(k, 3));
                    if (stats.At<int>(k, 4) > Math.Max(LargestArea, label.Length / 200))
                    {
                        Mark(bursts.AsSpan<byte>(), label, k, bounds, width, (byte)255);
                        hasBursts = true;
                        continue;
                    }

                    int area = Trim(toFirst, label, k, bounds, side, stats.At<int>(k, 4));
                    Spot spot = Judge(centre, toFirst, doubt, apart, label, k, bounds, area, bright);
                    candidates?.Add(spot);
                    if (spot.Score <= SpotJudge.Threshold(sensitivity))
                    {
                        continue;
                    }

                    found.Add(Mark(mask.Values, label, k, bounds, width, 1));
                }
            }
            finally
            {
                System.Buffers.ArrayPool<bool>.Shared.Return(isSeeded);
            }

            return hasBursts;
        }
    }

    // The last pixel that was marked.
    private static int Mark<T>(Span<T> marks, ReadOnlySpan<int> label, int k, Rect bounds, int width, T mark)
    {
        int last = -1;
        for (int y = bounds.Top; y < bounds.Bottom; y++)
        {
            for (int x = bounds.Left; x < bounds.Right; x++)
            {
                int at = (y * width) + x;
                if (label[at] == k)
                {
                    marks[at] = mark;
                    last = at;
                }
            }
        }

        return last;
    }

    // Takes out of the mask, and of what was found, the spots that are part of a burst.
    private static void LeaveBursts(FloatImage mask, Mat bursts, List<int> found)
    {
        using Mat near = new();
        using Mat labels = new();
        Span<byte> burst = bursts.AsSpan<byte>();
        Span<float> marked = mask.Values;
        using (Mat all = bursts.Clone())
        {
            Span<byte> any = all.AsSpan<byte>();
            for (int i = 0; i < any.Length; i++)
            {
                any[i] = marked[i] > 0 ? (byte)255 : any[i];
            }

            using Mat kernel = Cv2.GetStructuringElement(MorphShapes.Ellipse, new Size((2 * BurstReach) + 1, (2 * BurstReach) + 1));
            Cv2.Dilate(all, near, kernel);
        }

        bool[] isBurst = new bool[Cv2.ConnectedComponents(near, labels, PixelConnectivity.Connectivity8, MatType.CV_32SC1)];
        Span<int> label = labels.AsSpan<int>();
        for (int i = 0; i < label.Length; i++)
        {
            isBurst[label[i]] |= burst[i] != 0;
        }

        for (int i = 0; i < label.Length; i++)
        {
            marked[i] = isBurst[label[i]] ? 0 : marked[i];
        }

        found.RemoveAll(at => isBurst[labels.At<int>(at / mask.Width, at % mask.Width)]);
    }

    /// <summary>A header over a tensor's first channel; nothing is copied.</summary>
    internal static unsafe Mat Wrap(FloatImage image) => Mat.FromPixelData(image.Height, image.Width, MatType.CV_32FC1, (nint)image.Data);

    private static void TakeLight(FloatImage difference)
    {
        using Mat whole = Wrap(difference);
        using Mat capped = new();
        Cv2.Min(whole, LightCap, capped);
        Cv2.Max(capped, -LightCap, capped);
        using Mat cells = new();
        Cv2.Resize(capped, cells, new Size(Math.Max(1, difference.Width / LightCell), Math.Max(1, difference.Height / LightCell)), 0, 0, InterpolationFlags.Area);
        Cv2.GaussianBlur(cells, cells, new Size(0, 0), 2, 2, BorderTypes.Replicate);
        Cv2.Resize(cells, capped, new Size(difference.Width, difference.Height), 0, 0, InterpolationFlags.Linear);
        Cv2.Subtract(whole, capped, whole);
    }

    // How far the centre leaves the range of both neighbours' 3x3 pixels; negative below it.
    private static void Seeds(FloatImage centre, FloatImage toFirst, FloatImage toSecond, FloatImage seed, NativePool memory)
    {
        using FloatImage neighbour = memory.RentImage(1, centre.Height, centre.Width);
        using FloatImage most = memory.RentImage(1, centre.Height, centre.Width);
        using FloatImage least = memory.RentImage(1, centre.Height, centre.Width);
        using FloatImage range = memory.RentImage(1, centre.Height, centre.Width);
        using Mat from = Wrap(neighbour);
        using Mat to = Wrap(range);
        using Mat kernel = Cv2.GetStructuringElement(MorphShapes.Rect, new Size(3, 3));
        for (int side = 0; side < 2; side++)
        {
            TensorPrimitives.Subtract(centre.Values, (side == 0 ? toFirst : toSecond).Values, neighbour.Values);
            Cv2.Dilate(from, to, kernel, borderType: BorderTypes.Replicate);
            Keep(most, isMost: true);
            Cv2.Erode(from, to, kernel, borderType: BorderTypes.Replicate);
            Keep(least, isMost: false);

            void Keep(FloatImage extreme, bool isMost)
            {
                if (side == 0)
                {
                    range.Values.CopyTo(extreme.Values);
                }
                else if (isMost)
                {
                    TensorPrimitives.Max(extreme.Values, range.Values, extreme.Values);
                }
                else
                {
                    TensorPrimitives.Min(extreme.Values, range.Values, extreme.Values);
                }
            }
        }

        Span<float> result = seed.Values;
        ReadOnlySpan<float> y = centre.Values;
        ReadOnlySpan<float> high = most.Values;
        ReadOnlySpan<float> low = least.Values;
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = y[i] > high[i] ? y[i] - high[i] : y[i] < low[i] ? y[i] - low[i] : 0;
        }
    }

    // What grew far beyond the spot's own contrast is its halo: pixels below a part of its upper fifth are let go.
    private static int Trim(FloatImage spike, Span<int> label, int k, Rect bounds, float side, int area)
    {
        float[] values = System.Buffers.ArrayPool<float>.Shared.Rent(area);
        int count = 0;
        int width = spike.Width;
        for (int y = bounds.Top; y < bounds.Bottom; y++)
        {
            for (int x = bounds.Left; x < bounds.Right; x++)
            {
                if (label[(y * width) + x] == k)
                {
                    values[count++] = side * spike.Values[(y * width) + x];
                }
            }
        }

        values.AsSpan(0, count).Sort();
        float least = HaloPart * values[count * 4 / 5];
        System.Buffers.ArrayPool<float>.Shared.Return(values);
        int left = 0;
        for (int y = bounds.Top; y < bounds.Bottom; y++)
        {
            for (int x = bounds.Left; x < bounds.Right; x++)
            {
                int at = (y * width) + x;
                if (label[at] == k)
                {
                    bool stays = side * spike.Values[at] >= least;
                    label[at] = stays ? k : 0;
                    left += stays ? 1 : 0;
                }
            }
        }

        return left;
    }

    private static Spot Judge(FloatImage centre, FloatImage spike, FloatImage doubt, FloatImage apart, ReadOnlySpan<int> label, int k, Rect bounds, int area, bool bright)
    {
        int width = centre.Width;
        float side = bright ? 1 : -1;
        double contrast = 0, unsure = 0, disagreement = 0, ring = 0, step = 0;
        int ringPixels = 0, steps = 0;
        ReadOnlySpan<float> y = centre.Values;
        for (int v = Math.Max(0, bounds.Top - RingOuter); v < Math.Min(centre.Height, bounds.Bottom + RingOuter); v++)
        {
            for (int u = Math.Max(0, bounds.Left - RingOuter); u < Math.Min(width, bounds.Right + RingOuter); u++)
            {
                int at = (v * width) + u;
                if (label[at] == k)
                {
                    contrast += side * spike.Values[at];
                    unsure += doubt.Values[at];
                    disagreement += apart.Values[at];
                    continue;
                }

                int distance = Distance(label, k, u, v, width, bounds);
                if (distance > RingInner && distance <= RingOuter)
                {
                    ring += MathF.Abs(spike.Values[at]);
                    ringPixels++;
                }

                if (distance == RingInner)
                {
                    // The nearest pixel of the spot, two steps inwards, against this one outside.
                    int inside = Nearest(label, k, u, v, width, centre.Height);
                    if (inside >= 0)
                    {
                        step += side * (y[inside] - y[at]);
                        steps++;
                    }
                }
            }
        }

        Spot spot = new(
            bounds,
            area,
            bright,
            (float)(contrast / area),
            (float)(unsure / area),
            (float)(disagreement / area),
            ringPixels == 0 ? 0 : (float)(ring / ringPixels),
            steps == 0 ? 0 : (float)(step / steps),
            0);
        return spot with { Score = SpotJudge.Score(spot) };
    }

    // Chessboard distance to the spot, up to RingOuter; beyond: RingOuter + 1.
    private static int Distance(ReadOnlySpan<int> label, int k, int u, int v, int width, Rect bounds)
    {
        int least = RingOuter + 1;
        for (int y = Math.Max(bounds.Top, v - RingOuter); y <= Math.Min(bounds.Bottom - 1, v + RingOuter); y++)
        {
            for (int x = Math.Max(bounds.Left, u - RingOuter); x <= Math.Min(bounds.Right - 1, u + RingOuter); x++)
            {
                int distance = Math.Max(Math.Abs(x - u), Math.Abs(y - v));
                if (distance < least && label[(y * width) + x] == k)
                {
                    least = distance;
                }
            }
        }

        return least;
    }

    private static int Nearest(ReadOnlySpan<int> label, int k, int u, int v, int width, int height)
    {
        for (int y = Math.Max(0, v - RingInner); y <= Math.Min(height - 1, v + RingInner); y++)
        {
            for (int x = Math.Max(0, u - RingInner); x <= Math.Min(width - 1, u + RingInner); x++)
            {
                if (label[(y * width) + x] == k)
                {
                    return (y * width) + x;
                }
            }
        }

        return -1;
    }
}
