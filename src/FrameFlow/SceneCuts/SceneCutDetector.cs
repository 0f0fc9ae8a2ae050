using System.Numerics.Tensors;
using OpenCvSharp;
using OpenCvSharp.Internal;

namespace FrameFlow.SceneCuts;

/// <summary>
/// Compares two thumbnails after the motion between them was undone by dense optical flow (Farneback 2003, OpenCV): what is left is
/// the change that no motion explains. Holds scratch pictures; not thread-safe.
/// </summary>
/// <param name="options">The thresholds.</param>
public sealed class SceneCutDetector(SceneCutOptions options) : IDisposable
{
    private readonly Picture _flow = new(MatType.CV_32FC2);
    private readonly Picture _map = new(MatType.CV_32FC2);
    private readonly Picture _noSecondMap = new(new Mat());
    private readonly Picture _moved = new(MatType.CV_8UC1);
    private readonly float[] _grid = CreateGrid();
    private readonly byte[] _difference = new byte[Thumbnail.Pixels];

    /// <summary>Whether two pictures show two scenes.</summary>
    public bool AreDifferentScenes(Thumbnail first, Thumbnail second)
    {
        (double decorrelation, double difference) = Measure(first, second);
        return decorrelation >= options.MinDecorrelation && difference >= options.MinDifference;
    }

    /// <summary>1 - correlation, and the mean absolute difference over the standard deviation, of two pictures after motion.</summary>
    public (double Decorrelation, double Difference) Measure(Thumbnail first, Thumbnail second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        NativeMethods.HandleException(NativeMethods.video_calcOpticalFlowFarneback(first.Picture.Input, second.Picture.Input, _flow.InputOutput, 0.5, 4, 9, 3, 5, 1.1, (int)OpticalFlowFlags.None));
        TensorPrimitives.Add(_grid, _flow.Values<float>(), _map.Values<float>());
        NativeMethods.HandleException(NativeMethods.imgproc_remap(second.Picture.Input, _moved.Output, _map.Input, _noSecondMap.Input, (int)InterpolationFlags.Linear, (int)BorderTypes.Replicate, default));
        ReadOnlySpan<byte> a = first.Samples;
        ReadOnlySpan<byte> b = _moved.Values<byte>();
        double difference = Difference(a, b);
        (double firstMean, double firstDeviation) = Thumbnail.Deviation(a);
        (double movedMean, double movedDeviation) = Thumbnail.Deviation(b);
        double secondDeviation = Thumbnail.Deviation(second.Samples).Deviation;

        // Two flat pictures (black to black) have no correlation to speak of: 3 codes are the least texture that counts.
        double texture = Math.Max(3, 0.5 * (firstDeviation + secondDeviation));
        double product = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += (a[i] - firstMean) * (b[i] - movedMean);
        }

        double norm = firstDeviation * movedDeviation * Thumbnail.Pixels;
        return (1 - (product / (norm + 1e-3)), difference / texture);
    }

    /// <summary>After <see cref="Measure"/>: the largest mean absolute difference that its motion left in a block of 8 x 8 px of the thumbnails, codes of 8 bit.</summary>
    public double WorstBlock() => WorstBlock(_difference);

    /// <summary>The largest mean absolute difference of two thumbnails in a block of 8 x 8 px, codes of 8 bit; no motion is undone.</summary>
    public double Change(Thumbnail first, Thumbnail second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        Difference(first.Samples, second.Samples);
        return WorstBlock(_difference);
    }

    /// <summary>The mean of a thumbnail's brightest block of 8 x 8 px, codes of 8 bit.</summary>
    public static double Brightest(Thumbnail picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return WorstBlock(picture.Samples);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flow.Dispose();
        _map.Dispose();
        _noSecondMap.Dispose();
        _moved.Dispose();
    }

    // Of means to the nearest code.
    private static double WorstBlock(ReadOnlySpan<byte> samples)
    {
        const int Side = 8;
        double worst = 0;
        for (int top = 0; top < Thumbnail.Height; top += Side)
        {
            for (int left = 0; left < Thumbnail.Width; left += Side)
            {
                int sum = 0;
                for (int y = top; y < top + Side; y++)
                {
                    foreach (byte sample in samples.Slice((y * Thumbnail.Width) + left, Side))
                    {
                        sum += sample;
                    }
                }

                worst = Math.Max(worst, Math.Round(sum / (double)(Side * Side)));
            }
        }

        return worst;
    }

    private static float[] CreateGrid()
    {
        float[] grid = new float[2 * Thumbnail.Pixels];
        for (int i = 0; i < Thumbnail.Pixels; i++)
        {
            grid[2 * i] = i % Thumbnail.Width;
            grid[(2 * i) + 1] = i / Thumbnail.Width;
        }

        return grid;
    }

    // |a - b| of each pixel into the scratch; its mean.
    private double Difference(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        long sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            int difference = Math.Abs(a[i] - b[i]);
            _difference[i] = (byte)difference;
            sum += difference;
        }

        return sum / (double)a.Length;
    }
}
