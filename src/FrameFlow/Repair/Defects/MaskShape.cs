using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Repair.Defects;

/// <summary>Works on masks [1,H,W]: above 1/2 is inside.</summary>
internal static class MaskShape
{
    /// <summary>Adds what lies within some pixels (chessboard distance).</summary>
    /// <param name="mask">0 or 1.</param>
    /// <param name="pixels">At least 1.</param>
    /// <param name="result">Receives 0 or 1; may be the mask.</param>
    public static void Widen(FloatImage mask, int pixels, FloatImage result)
    {
        using Mat from = SpikeDetector.Wrap(mask);
        using Mat to = SpikeDetector.Wrap(result);
        using Mat kernel = Cv2.GetStructuringElement(MorphShapes.Ellipse, new Size((2 * pixels) + 1, (2 * pixels) + 1));
        Cv2.Dilate(from, to, kernel, borderType: BorderTypes.Replicate);
    }

    /// <summary>
    /// Weights that fall from 1 inside to 0: 1 up to <paramref name="whole"/> pixels outside of the mask, 0 from <paramref name="whole"/> + <paramref name="feather"/> pixels on,
    /// half a cosine between.
    /// </summary>
    public static void Feather(FloatImage mask, float whole, float feather, FloatImage weights)
    {
        using Mat outside = new(mask.Height, mask.Width, MatType.CV_8UC1);
        Span<byte> marks = outside.AsSpan<byte>();
        ReadOnlySpan<float> inside = mask.Values;
        for (int i = 0; i < marks.Length; i++)
        {
            marks[i] = inside[i] > 0.5f ? (byte)0 : (byte)1;
        }

        using Mat distance = SpikeDetector.Wrap(weights);
        Cv2.DistanceTransform(outside, distance, DistanceTypes.L2, DistanceTransformMasks.Mask5);
        Span<float> weight = weights.Values;
        for (int i = 0; i < weight.Length; i++)
        {
            float part = (weight[i] - whole) / feather;
            weight[i] = part <= 0 ? 1 : part >= 1 ? 0 : 0.5f + (0.5f * MathF.Cos(MathF.PI * part));
        }
    }

    /// <summary>Fills what is masked from around it, by means of what is not masked over ever larger squares.</summary>
    /// <param name="image">[C,H,W]; filled in place.</param>
    /// <param name="mask">0 or 1.</param>
    /// <param name="memory">Scratch.</param>
    public static void FillFromAround(FloatImage image, FloatImage mask, NativePool memory)
    {
        using FloatImage known = memory.RentImage(1, mask.Height, mask.Width);
        System.Numerics.Tensors.TensorPrimitives.Subtract(1, mask.Values, known.Values);
        List<(Mat Weight, Mat[] Values)> levels = [];
        try
        {
            Mat weight = SpikeDetector.Wrap(known);
            Mat[] values = new Mat[image.Channels];
            for (int c = 0; c < values.Length; c++)
            {
                using Mat channel = Wrap(image, c);
                values[c] = channel.Mul(weight).ToMat();
            }

            levels.Add((weight, values));
            while (levels[^1].Weight is { Width: > 2, Height: > 2 } last)
            {
                Size half = new((last.Width + 1) / 2, (last.Height + 1) / 2);
                levels.Add((Shrink(last, half), [.. levels[^1].Values.Select(v => Shrink(v, half))]));
            }

            // From the coarsest level up: where a level knows nothing, the one below it speaks.
            for (int i = levels.Count - 2; i >= 0; i--)
            {
                (Mat fine, Mat[] fineValues) = levels[i];
                (Mat coarse, Mat[] coarseValues) = levels[i + 1];
                for (int c = 0; c < fineValues.Length; c++)
                {
                    Add(fine, fineValues[c], coarse, coarseValues[c]);
                }

                using Mat more = new();
                Cv2.Resize(coarse, more, fine.Size(), 0, 0, InterpolationFlags.Linear);
                Cv2.ScaleAdd(more, Faint, fine, fine);
            }

            for (int c = 0; c < image.Channels; c++)
            {
                Span<float> to = image.Channel(c);
                ReadOnlySpan<float> sum = levels[0].Values[c].AsSpan<float>();
                ReadOnlySpan<float> total = levels[0].Weight.AsSpan<float>();
                ReadOnlySpan<float> masked = mask.Values;
                for (int i = 0; i < to.Length; i++)
                {
                    if (masked[i] > 0.5f && total[i] > 0)
                    {
                        to[i] = sum[i] / total[i];
                    }
                }
            }
        }
        finally
        {
            foreach ((Mat weight, Mat[] values) in levels)
            {
                weight.Dispose();
                Array.ForEach(values, v => v.Dispose());
            }
        }
    }

    // What a coarser level may say against a finer one: next to nothing, unless that one knows nothing.
    private const double Faint = 1e-3;

    private static void Add(Mat fineWeight, Mat fineValues, Mat coarseWeight, Mat coarseValues)
    {
        using Mat more = new();
        Cv2.Resize(coarseValues, more, fineWeight.Size(), 0, 0, InterpolationFlags.Linear);
        Cv2.ScaleAdd(more, Faint, fineValues, fineValues);
    }

    private static Mat Shrink(Mat image, Size size)
    {
        Mat small = new();
        Cv2.Resize(image, small, size, 0, 0, InterpolationFlags.Area);
        return small;
    }

    private static unsafe Mat Wrap(FloatImage image, int channel) =>
        Mat.FromPixelData(image.Height, image.Width, MatType.CV_32FC1, (nint)(image.Data + ((long)channel * image.PlaneLength)));
}
