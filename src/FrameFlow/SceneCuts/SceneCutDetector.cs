using FrameFlow.Color;
using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.SceneCuts;

/// <summary>A picture's luma (of RGB its green, which is most of it) at 96 x 72, 8 bit. Meant to be reused from frame to frame. The holder disposes it.</summary>
public sealed class Thumbnail : IDisposable
{
    internal const int Width = 96;
    internal const int Height = 72;

    private readonly Mat _small = new();

    internal Mat Luma { get; } = new();

    /// <summary>The mean, codes of 8 bit.</summary>
    public double Mean => Cv2.Mean(Luma).Val0;

    /// <summary>Takes a frame's luma, shrunk by area averaging.</summary>
    public void Take(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        VideoFormat format = frame.Format;
        PixelFormat pixels = format.PixelFormat;
        MatType type = pixels.BytesPerSample switch { 1 => MatType.CV_8UC1, 2 => MatType.CV_16UC1, _ => MatType.CV_32FC1 };
        using Mat luma = Mat.FromPixelData(format.Height, format.Width, type, frame.Address);
        Cv2.Resize(luma, _small, new Size(Width, Height), 0, 0, InterpolationFlags.Area);
        if (pixels.IsFloat)
        {
            foreach (ref float light in _small.AsSpan<float>())
            {
                light = LinearLight.ToCode(light);
            }
        }

        _small.ConvertTo(Luma, MatType.CV_8UC1, pixels.IsFloat ? byte.MaxValue : 1.0 / (1 << (pixels.BitDepth - 8)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Luma.Dispose();
        _small.Dispose();
    }
}

/// <summary>
/// Compares two thumbnails after the motion between them was undone by dense optical flow (Farneback 2003, OpenCV): what is left is
/// the change that no motion explains. Holds scratch pictures; not thread-safe.
/// </summary>
/// <param name="options">The thresholds.</param>
public sealed class SceneCutDetector(SceneCutOptions options) : IDisposable
{
    private readonly Mat _flow = new();
    private readonly Mat _grid = CreateGrid();
    private readonly Mat _map = new();
    private readonly Mat _moved = new();
    private readonly Mat _difference = new();
    private readonly Mat _blocks = new();
    private readonly Mat _noSecondMap = new();

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
        Cv2.CalcOpticalFlowFarneback(first.Luma, second.Luma, _flow, 0.5, 4, 9, 3, 5, 1.1, OpticalFlowFlags.None);
        Cv2.Add(_grid, _flow, _map);
        Cv2.Remap(second.Luma, _moved, _map, _noSecondMap, InterpolationFlags.Linear, BorderTypes.Replicate);
        Cv2.Absdiff(first.Luma, _moved, _difference);
        double difference = Cv2.Mean(_difference).Val0;
        Cv2.MeanStdDev(second.Luma, out _, out Scalar secondDeviation);
        Cv2.MeanStdDev(first.Luma, out Scalar firstMean, out Scalar firstDeviation);
        Cv2.MeanStdDev(_moved, out Scalar movedMean, out Scalar movedDeviation);

        // Two flat pictures (black to black) have no correlation to speak of: 3 codes are the least texture that counts.
        double texture = Math.Max(3, 0.5 * (firstDeviation.Val0 + secondDeviation.Val0));
        double product = 0;
        for (int y = 0; y < Thumbnail.Height; y++)
        {
            ReadOnlySpan<byte> a = first.Luma.AsSpan<byte>().Slice(y * Thumbnail.Width, Thumbnail.Width);
            ReadOnlySpan<byte> b = _moved.AsSpan<byte>().Slice(y * Thumbnail.Width, Thumbnail.Width);
            for (int x = 0; x < Thumbnail.Width; x++)
            {
                product += (a[x] - firstMean.Val0) * (b[x] - movedMean.Val0);
            }
        }

        double norm = firstDeviation.Val0 * movedDeviation.Val0 * Thumbnail.Width * Thumbnail.Height;
        return (1 - (product / (norm + 1e-3)), difference / texture);
    }

    /// <summary>After <see cref="Measure"/>: the largest mean absolute difference that its motion left in a block of 8 x 8 px of the thumbnails, codes of 8 bit.</summary>
    public double WorstBlock() => WorstBlock(_difference);

    /// <summary>The largest mean absolute difference of two thumbnails in a block of 8 x 8 px, codes of 8 bit; no motion is undone.</summary>
    public double Change(Thumbnail first, Thumbnail second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        Cv2.Absdiff(first.Luma, second.Luma, _difference);
        return WorstBlock(_difference);
    }

    /// <summary>The mean of a thumbnail's brightest block of 8 x 8 px, codes of 8 bit.</summary>
    public double Brightest(Thumbnail picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return WorstBlock(picture.Luma);
    }

    private double WorstBlock(Mat difference)
    {
        const int Side = 8;
        Cv2.Resize(difference, _blocks, new Size(Thumbnail.Width / Side, Thumbnail.Height / Side), 0, 0, InterpolationFlags.Area);
        Cv2.MinMaxLoc(_blocks, out double _, out double worst);
        return worst;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _blocks.Dispose();
        _flow.Dispose();
        _grid.Dispose();
        _map.Dispose();
        _moved.Dispose();
        _difference.Dispose();
        _noSecondMap.Dispose();
    }

    private static Mat CreateGrid()
    {
        Mat grid = new(Thumbnail.Height, Thumbnail.Width, MatType.CV_32FC2);
        Span<Vec2f> cells = grid.AsSpan<Vec2f>();
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] = new Vec2f(i % Thumbnail.Width, i / Thumbnail.Width);
        }

        return grid;
    }
}
