using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Repair.Defects;

/// <summary>
/// Finds lasting vertical scratches. In one frame: the mean of 16 rows suppresses texture, a line is a column that steps to the same side from both of
/// its sides, measured against what columns near it do, and the best path from band to band (a column a band at most, by dynamic programming) joins what belongs together; it
/// must span much of the height. Both sides must be alike: a line over a picture, not the edge of a thing. In time: it must stand at nearly the same column in most of
/// the frames around while the scene moves past it, which is the proof: in a scene at rest, or one that only the gate shakes, a door post would do the same, so there
/// no line is taken for a scratch; masks of one's own are for that. Stateless, thread-safe.
/// </summary>
internal static class ScratchDetector
{
    /// <summary>Frames on each side in which a line must last.</summary>
    public const int Reach = 3;

    private const int BandRows = ScratchLine.BandRows;
    private const int MostHalfWidth = 3;
    private const int Side = 3;
    private const int ScaleRadius = 24;

    // A line is at least so many times what columns around it differ by, and spans such a part of the height; at sensitivity 1/2.
    private const float LeastStrength = 2.2f;
    private const float LeastSpan = 0.5f;
    private const float Cap = 4;

    // The picture's outer part shows the gate's own edge.
    private const double Border = 0.05;

    // The two sides may differ by this part of the step.
    private const float MostUnlike = 0.7f;

    // A step below this is none, code values.
    private const float LeastStep = 2f / 255;

    // Pixels along x that the scene must pass a line by, from the frame before to the frame behind; to prove it at a shot's end half of it.
    private const float ProvingMotion = 2.5f;

    // What the line itself moves by must stay below this part of what the scene does.
    private const float MostFollowing = 0.34f;

    // Gate weave moves a scratch; px a frame.
    private const float MostDrift = 1.5f;

    /// <summary>Lines of one frame.</summary>
    /// <param name="luma">[1,H,W], code values.</param>
    /// <param name="sensitivity">0..1.</param>
    /// <param name="memory">Scratch.</param>
    public static IReadOnlyList<ScratchLine> FindLines(FloatImage luma, double sensitivity, NativePool memory)
    {
        int width = luma.Width;
        int bands = luma.Height / BandRows;
        if (bands < 3 || width < (4 * (Side + MostHalfWidth)) + 1)
        {
            return [];
        }

        using FloatImage means = memory.RentImage(1, bands, width);
        for (int b = 0; b < bands; b++)
        {
            Span<float> mean = means.Values.Slice(b * width, width);
            mean.Clear();
            for (int y = 0; y < BandRows; y++)
            {
                System.Numerics.Tensors.TensorPrimitives.Add(mean, luma.Values.Slice(((b * BandRows) + y) * width, width), mean);
            }

            System.Numerics.Tensors.TensorPrimitives.Multiply(mean, 1f / BandRows, mean);
        }

        float factor = MathF.Pow(2, (float)(1 - (2 * sensitivity)) / 2);
        List<ScratchLine> lines = [];
        using FloatImage response = memory.RentImage(1, bands, width);
        using FloatImage score = memory.RentImage(1, bands, width);
        for (int half = 0; half <= MostHalfWidth; half++)
        {
            Respond(means, half, response);
            for (int sign = -1; sign <= 1; sign += 2)
            {
                Trace(response, score, half, sign, factor, lines);
            }
        }

        // Of lines on one another the strongest stays.
        lines.Sort((a, b) => b.Strength.CompareTo(a.Strength));
        List<ScratchLine> kept = [];
        foreach (ScratchLine line in lines)
        {
            if (!kept.Exists(k => Math.Abs(k.Middle - line.Middle) <= k.HalfWidth + line.HalfWidth + 2))
            {
                kept.Add(line);
            }
        }

        return kept;
    }

    /// <summary>The lines of a frame that last.</summary>
    /// <param name="frame">The frame; those around it are asked for their lines.</param>
    public static IReadOnlyList<ScratchLine> Confirm(FilmFrame frame)
    {
        List<ScratchLine> confirmed = [];
        foreach (ScratchLine line in frame.Lines)
        {
            // What belongs to the scene moves with it; a scratch keeps to the film, give or take the gate's weave.
            float ahead = Motion(frame.Motion, line) ?? 0;
            float back = -(Motion(frame.Previous?.Motion, line) ?? 0);
            float drift = Math.Min(MostDrift, Math.Max(Math.Abs(ahead), Math.Abs(back)) / 3);
            ScratchLine? next = Same(frame.Next, 1);
            ScratchLine? before = Same(frame.Previous, 1);
            float own = (next?.ShiftFrom(line) ?? 0) - (before?.ShiftFrom(line) ?? 0);
            float scene = (next is null ? 0 : ahead) - (before is null ? 0 : back);
            bool passes = Math.Abs(scene - own) >= ProvingMotion * (next is null || before is null ? 0.5f : 1) && Math.Abs(own) <= MostFollowing * Math.Abs(scene);
            int around = 0;
            int seen = 0;
            for (int side = -1; side <= 1; side += 2)
            {
                FilmFrame? at = frame;
                for (int distance = 1; distance <= Reach; distance++)
                {
                    at = side < 0 ? at.Previous : at.Next;
                    if (at is null)
                    {
                        break;
                    }

                    around++;
                    seen += Same(at, distance) is null ? 0 : 1;
                }
            }

            if (around < 2 || seen * 4 < around * 3)
            {
                continue;
            }

            int border = (int)(Border * frame.Frame.Format.Width);
            if (passes && line.Middle >= border && line.Middle < frame.Frame.Format.Width - border)
            {
                confirmed.Add(line);
            }

            ScratchLine? Same(FilmFrame? other, int distance) => other?.Lines
                .Where(l => l.IsBright == line.IsBright && Math.Abs(l.Middle - line.Middle) <= 1 + (drift * distance))
                .MinBy(l => Math.Abs(l.Middle - line.Middle));
        }

        return confirmed;
    }

    // How far the scene beside the line moves across to the next frame, px in the mean.
    private static float? Motion(MotionField? motion, ScratchLine line)
    {
        if (motion?.Forward is not { } flow)
        {
            return null;
        }

        double sum = 0;
        int count = 0;
        for (int band = line.FirstBand; band <= line.LastBand; band++)
        {
            int row = (band * BandRows) + (BandRows / 2);
            for (int side = -1; side <= 1; side += 2)
            {
                int column = Math.Clamp(line.Columns[band] + (side * 12), 0, flow.Width - 1);
                sum += flow.Values[(row * flow.Width) + column];
                count++;
            }
        }

        return (float)(sum / count);
    }

    // The step from both sides to the middle where both go the same way, over the mean of such steps around.
    private static void Respond(FloatImage means, int half, FloatImage response)
    {
        int width = means.Width;
        int border = half + 1 + Side;
        float[] sums = System.Buffers.ArrayPool<float>.Shared.Rent(width + 1);
        float[] steps = System.Buffers.ArrayPool<float>.Shared.Rent(width + 1);
        try
        {
            for (int b = 0; b < means.Height; b++)
            {
                ReadOnlySpan<float> row = means.Values.Slice(b * width, width);
                Span<float> to = response.Values.Slice(b * width, width);
                sums[0] = 0;
                for (int x = 0; x < width; x++)
                {
                    sums[x + 1] = sums[x] + row[x];
                }

                to.Clear();
                steps[0] = 0;
                for (int x = 0; x < width; x++)
                {
                    if (x >= border && x + border < width)
                    {
                        float middle = (sums[x + half + 1] - sums[x - half]) / ((2 * half) + 1);
                        float left = middle - ((sums[x - half - 1] - sums[x - half - 1 - Side]) / Side);
                        float right = middle - ((sums[x + half + 2 + Side] - sums[x + half + 2]) / Side);
                        to[x] = left * right <= 0 || Math.Abs(left - right) > MostUnlike * Math.Min(Math.Abs(left), Math.Abs(right)) ? 0 : Math.Abs(left) < Math.Abs(right) ? left : right;
                    }

                    steps[x + 1] = steps[x] + Math.Abs(to[x]);
                }

                for (int x = 0; x < width; x++)
                {
                    int first = Math.Max(0, x - ScaleRadius);
                    int end = Math.Min(width, x + ScaleRadius + 1);
                    float scale = (steps[end] - steps[first]) / (end - first);
                    to[x] = Math.Clamp(to[x] / (scale + LeastStep), -Cap, Cap);
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(sums);
            System.Buffers.ArrayPool<float>.Shared.Return(steps);
        }
    }

    private static void Trace(FloatImage response, FloatImage score, int half, int sign, float factor, List<ScratchLine> lines)
    {
        int width = response.Width;
        int bands = response.Height;
        float least = LeastStrength * factor;
        int span = (int)Math.Ceiling(LeastSpan * bands);
        Span<float> total = score.Values;
        ReadOnlySpan<float> step = response.Values;

        // score = the best sum, along a path that ends here, of what the steps are above half the threshold: a path ends where it stops paying.
        for (int b = 0; b < bands; b++)
        {
            for (int x = 0; x < width; x++)
            {
                float before = 0;
                for (int dx = -1; b > 0 && dx <= 1; dx++)
                {
                    int from = x + dx;
                    before = from >= 0 && from < width ? Math.Max(before, total[((b - 1) * width) + from] - (dx == 0 ? 0 : 0.25f)) : before;
                }

                total[(b * width) + x] = Math.Max(0, before + (sign * step[(b * width) + x]) - (0.5f * least));
            }
        }

        while (true)
        {
            int best = total.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max<float>(total));
            if (total[best] < 0.5f * least * span)
            {
                return;
            }

            int last = best / width;
            int x = best % width;
            int[] columns = new int[bands];
            float sum = 0;
            int band = last;
            while (true)
            {
                columns[band] = x;
                sum += sign * step[(band * width) + x];
                int next = -1;
                float most = 0;
                for (int dx = -1; band > 0 && dx <= 1; dx++)
                {
                    int from = x + dx;
                    if (from >= 0 && from < width && total[((band - 1) * width) + from] - (dx == 0 ? 0 : 0.25f) > most)
                    {
                        most = total[((band - 1) * width) + from] - (dx == 0 ? 0 : 0.25f);
                        next = from;
                    }
                }

                if (next < 0)
                {
                    break;
                }

                x = next;
                band--;
            }

            // No second line on this one.
            for (int b = 0; b < bands; b++)
            {
                int middle = columns[Math.Clamp(b, band, last)];
                for (int near = Math.Max(0, middle - 4); near <= Math.Min(width - 1, middle + 4); near++)
                {
                    total[(b * width) + near] = 0;
                }
            }

            float strength = sum / (last - band + 1);
            if (last - band + 1 >= span && strength >= least)
            {
                lines.Add(new ScratchLine(columns, half, sign > 0, band, last, strength));
            }
        }
    }
}
