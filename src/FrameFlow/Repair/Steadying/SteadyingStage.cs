using System.Runtime.CompilerServices;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using OpenCvSharp;

namespace FrameFlow.Repair.Steadying;

/// <summary>
/// Holds something steady within a shot: measures how it changes from frame to frame, takes what is slow of that for meant, and the rest away. One
/// frame in, one out. Looks <see cref="Reach"/> frames ahead and back; what leaves depends on no more than these.
/// </summary>
public abstract class SteadyingStage : IFrameStage
{
    /// <summary>Frames on each side that a correction is found from: at 24 fps a third of a second.</summary>
    public const int Reach = 8;

    private readonly IMotionEstimator _motions;
    private readonly FrameRange _outputs;
    private readonly Predicate<long>? _isCounted;
    private readonly int _longest;
    private long _changed;

    /// <summary>Creates the stage.</summary>
    /// <param name="motions">Finds motion.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="outputs">The frames that shall leave, by index. As many as <see cref="Reach"/> on either side must come, where the film has them.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    /// <param name="longest">Changes are measured on pictures whose longer side is at most this, pixels.</param>
    protected SteadyingStage(IMotionEstimator motions, VideoFormat format, NativePool memory, FrameRange outputs, Predicate<long>? isCounted, int longest)
    {
        ArgumentNullException.ThrowIfNull(format);
        _motions = motions;
        Format = format;
        Memory = memory;
        Converter = new FrameConverter(format);
        _outputs = outputs;
        _isCounted = isCounted;
        _longest = longest;
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public int HeldFrames => (2 * Reach) + 2;

    /// <summary>Frames that were changed; the others had nothing to correct and left as they came.</summary>
    public long ChangedFrames => Interlocked.Read(ref _changed);

    /// <summary>The frames' format.</summary>
    protected VideoFormat Format { get; }

    /// <summary>Where tensors come from.</summary>
    protected NativePool Memory { get; }

    /// <summary>To RGB and back.</summary>
    protected FrameConverter Converter { get; }

    /// <summary>A step above this that is not taken back is meant.</summary>
    protected abstract float Jump { get; }

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        List<Held> window = [];
        int next = 0;
        long index = Math.Max(0, _outputs.First - Reach);
        FloatImage? last = null;
        try
        {
            await foreach (Frame frame in input.WithCancellation(cancellationToken))
            {
                Held held = new(frame);
                window.Add(held);
                FloatImage picture = Picture(frame);
                if (last is not null && !frame.IsSceneStart)
                {
                    try
                    {
                        using MotionField motion = _motions.Estimate(last, picture, Memory);
                        held.Step = Measure(last, picture, motion);
                    }
                    catch
                    {
                        picture.Dispose();
                        throw;
                    }
                }

                last?.Dispose();
                last = picture;
                if (window.Count - next > Reach && Next() is { } done)
                {
                    yield return done;
                }
            }

            while (next < window.Count)
            {
                if (Next() is { } done)
                {
                    yield return done;
                }
            }
        }
        finally
        {
            last?.Dispose();
            window.ForEach(h => h.Frame?.Dispose());
        }

        Frame? Next()
        {
            Held held = window[next];
            using Frame frame = held.Frame!;
            held.Frame = null;
            Frame? result = null;
            if (_outputs.Contains(index))
            {
                result = Correct(frame, window, next);
                _changed += ReferenceEquals(result, frame) || _isCounted?.Invoke(index) == false ? 0 : 1;
                result = ReferenceEquals(result, frame) ? frame.Share() : result;
            }

            index++;
            next++;
            while (next > Reach)
            {
                window.RemoveAt(0);
                next--;
            }

            return result;
        }
    }

    /// <summary>Measures the change from one picture to the next.</summary>
    /// <param name="first">[3,H,W], three equal channels of luma, small.</param>
    /// <param name="second">The next, of the same shape.</param>
    /// <param name="motion">The motion between the two; not disposed.</param>
    /// <returns>As many numbers as the stage wants, always the same.</returns>
    protected abstract float[] Measure(FloatImage first, FloatImage second, MotionField motion);

    /// <summary>Corrects a frame.</summary>
    /// <param name="frame">The frame; not disposed.</param>
    /// <param name="correction">What is to be added to each number that was measured.</param>
    /// <returns>A new frame, or the same where the correction is too small to be seen.</returns>
    protected abstract Frame Apply(Frame frame, float[] correction);

    /// <summary>A new frame in the place of another.</summary>
    /// <param name="frame">The other; not disposed.</param>
    /// <param name="work">What was done to it.</param>
    /// <param name="write">Writes its samples.</param>
    protected Frame Make(Frame frame, FrameWork work, Action<Frame> write)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(write);
        Frame output = new FramePool(Memory, Format).Rent(frame.Time, frame.SourceIndex);
        try
        {
            output.TakeMarksOf(frame);
            write(output);
            output.Work |= work;
            return output;
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    /// <summary>The middle one of some numbers, which it sorts.</summary>
    private protected static float Median(Span<float> values)
    {
        values.Sort();
        return values[values.Length / 2];
    }

    private Frame Correct(Frame frame, List<Held> window, int at)
    {
        int first = at;
        while (first > 0 && window[first].Step is not null)
        {
            first--;
        }

        int last = at;
        while (last + 1 < window.Count && window[last + 1].Step is not null)
        {
            last++;
        }

        if (first == last)
        {
            return frame;
        }

        int numbers = window[last].Step!.Length;
        Span<float> steps = stackalloc float[(2 * Reach) + 1];
        float[] correction = new float[numbers];
        for (int n = 0; n < numbers; n++)
        {
            for (int i = first; i < last; i++)
            {
                steps[i - first] = window[i + 1].Step![n];
            }

            correction[n] = SlowTrend.Correction(steps[..(last - first)], at - first, Reach, Jump);
        }

        return Apply(frame, correction);
    }

    private FloatImage Picture(Frame frame)
    {
        using FloatImage rgb = Memory.RentImage(3, Format.Height, Format.Width);
        Converter.ToRgb(frame, rgb);
        double scale = Math.Min(1, (double)_longest / Math.Max(Format.Width, Format.Height));
        int width = Math.Max(1, (int)Math.Round(Format.Width * scale));
        int height = Math.Max(1, (int)Math.Round(Format.Height * scale));
        using FloatImage luma = Memory.RentImage(1, Format.Height, Format.Width);
        System.Numerics.Tensors.TensorPrimitives.Multiply(rgb.Channel(0), 0.299f, luma.Values);
        System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(rgb.Channel(1), 0.587f, luma.Values, luma.Values);
        System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(rgb.Channel(2), 0.114f, luma.Values, luma.Values);
        FloatImage picture = Memory.RentImage(3, height, width);
        using Mat from = Wrap(luma);
        using Mat to = Wrap(picture);
        Cv2.Resize(from, to, new Size(width, height), 0, 0, InterpolationFlags.Area);
        picture.Channel(0).CopyTo(picture.Channel(1));
        picture.Channel(0).CopyTo(picture.Channel(2));
        return picture;
    }

    // A header over the first channel; nothing is copied.
    private protected static unsafe Mat Wrap(FloatImage image) => Mat.FromPixelData(image.Height, image.Width, MatType.CV_32FC1, (nint)image.Data);

    private sealed class Held(Frame frame)
    {
        public Frame? Frame { get; set; } = frame;

        // The change from the frame before; null at a shot's first.
        public float[]? Step { get; set; }
    }
}
