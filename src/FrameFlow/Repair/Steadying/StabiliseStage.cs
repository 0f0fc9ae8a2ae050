using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Repair.Steadying;

/// <summary>
/// Takes gate weave away: the picture as a whole, moved by the median of the dense motion from frame to frame; the slow part of that path, a pan, stays. Frames are
/// moved by fractions of a pixel through Keys' cubic; what comes in at the borders is mirrored there.
/// </summary>
public sealed class StabiliseStage : SteadyingStage
{
    private const int LongestSide = 640;

    // Motion that the two directions do not agree on, px, is not asked; nor is an outer part of the picture, where things come and go.
    private const float MostInconsistency = 0.5f;
    private const double Border = 0.04;
    private const int LeastPixels = 100;

    // A correction below this is not worth a resampling, px; none is larger than this part of the longer side.
    private const float Least = 0.04f;
    private const float MostPart = 0.02f;

    private readonly float _scale;

    /// <summary>Creates the stage.</summary>
    /// <param name="motions">Finds motion.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="outputs">The frames that shall leave, by index.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    public StabiliseStage(IMotionEstimator motions, VideoFormat format, NativePool memory, FrameRange outputs, Predicate<long>? isCounted = null)
        : base(motions, format, memory, outputs, isCounted, LongestSide) => _scale = Math.Max(1, Math.Max(Format.Width, Format.Height) / (float)LongestSide);

    /// <inheritdoc/>
    public override string Name => "stabilise";

    /// <inheritdoc/>
    protected override float Jump => float.PositiveInfinity;

    /// <inheritdoc/>
    protected override float[] Measure(FloatImage first, FloatImage second, MotionField motion)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(motion);
        int length = first.PlaneLength;
        float[] values = System.Buffers.ArrayPool<float>.Shared.Rent(length);
        try
        {
            // Where the picture goes: x, y in pixels of the frame.
            return [Median(motion, 0, values) * _scale, Median(motion, 1, values) * _scale];
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(values);
        }
    }

    /// <inheritdoc/>
    protected override Frame Apply(Frame frame, float[] correction)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(correction);
        float most = MostPart * Math.Max(Format.Width, Format.Height);
        float moveX = Math.Clamp(correction[0], -most, most);
        float moveY = Math.Clamp(correction[1], -most, most);
        if (Math.Abs(moveX) < Least && Math.Abs(moveY) < Least)
        {
            return frame;
        }

        using FloatImage flow = Memory.RentImage(2, Format.Height, Format.Width);
        Shift(flow, moveX, moveY);
        using FloatImage rgb = Memory.RentImage(3, Format.Height, Format.Width);
        using FloatImage moved = Memory.RentImage(3, Format.Height, Format.Width);
        Converter.ToRgb(frame, rgb);
        Warp.Bicubic(rgb, flow, 1, moved);
        return Make(frame, FrameWork.Stabilised, output =>
        {
            Converter.FromRgb(moved, output);
            if (Format.PixelFormat.HasAlpha)
            {
                using FloatImage alpha = Memory.RentImage(1, Format.Height, Format.Width);
                using FloatImage movedAlpha = Memory.RentImage(1, Format.Height, Format.Width);
                Converter.LoadAlpha(frame, alpha);
                Warp.Bicubic(alpha, flow, 1, movedAlpha);
                Converter.StoreAlpha(movedAlpha, output);
            }
        });
    }

    // destination(p) = source(p - move), mirrored at the outer pixels' middles.
    private static void Shift(FloatImage flow, float moveX, float moveY)
    {
        Span<float> x = flow.Channel(0);
        Span<float> y = flow.Channel(1);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = Mirror((i % flow.Width) - moveX, flow.Width) - (i % flow.Width);
            y[i] = Mirror((i / flow.Width) - moveY, flow.Height) - (i / flow.Width);
        }

        static float Mirror(float place, int length) => place < 0 ? Math.Min(-place, length - 1) : place > length - 1 ? Math.Max((2 * (length - 1)) - place, 0) : place;
    }

    private static float Median(MotionField motion, int axis, float[] values)
    {
        int width = motion.Width;
        int left = (int)(Border * width);
        int top = (int)(Border * motion.Height);
        ReadOnlySpan<float> flow = motion.Forward.Channel(axis);
        ReadOnlySpan<float> doubt = motion.Inconsistency0.Values;
        int count = 0;
        for (int y = top; y < motion.Height - top; y++)
        {
            for (int x = left; x < width - left; x++)
            {
                if (doubt[(y * width) + x] < MostInconsistency)
                {
                    values[count++] = flow[(y * width) + x];
                }
            }
        }

        return count < LeastPixels ? 0 : Median(values.AsSpan(0, count));
    }
}
