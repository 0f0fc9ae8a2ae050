using System.Numerics.Tensors;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>
/// Motion-compensated averaging without any network: both frames are fetched along the motion at t and averaged by time, or the one whose
/// look-up stays inside the picture is taken. What the networks start from, for comparison and speed.
/// </summary>
/// <param name="estimator">Finds the motion of a pair.</param>
/// <param name="format">The frames' format.</param>
/// <param name="memory">Where working memory comes from; not owned.</param>
public sealed class FlowInterpolator(IMotionEstimator estimator, VideoFormat format, NativePool memory) : IFrameInterpolator
{
    private readonly FrameConverter _converter = new(format);

    /// <inheritdoc/>
    public string Name => "flow";

    /// <inheritdoc/>
    public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        (Frame left, Frame right) = (pair.Pair.Left.Frame, pair.Pair.Right.Frame);
        int height = left.Format.Height;
        int width = left.Format.Width;
        FloatImage rgb0 = pair.Pair.Left.Rgb(_converter, memory);
        FloatImage rgb1 = pair.Pair.Right.Rgb(_converter, memory);
        MotionField motion = pair.Pair.Motion(estimator, _converter, memory);
        using MotionAround? around = pair.Around(estimator, _converter, memory);
        using FloatImage look0 = memory.RentImage(3, height, width);
        using FloatImage look1 = memory.RentImage(3, height, width);
        using FloatImage? apart = IntermediateMotion.IsHalved(width, height) ? null : memory.RentImage(4, height, width);
        using FloatImage flow0 = memory.RentImage(2, height, width);
        using FloatImage flow1 = memory.RentImage(2, height, width);
        using FloatImage inside0 = memory.RentImage(1, height, width);
        using FloatImage inside1 = memory.RentImage(1, height, width);
        using AlphaPair? alpha = left.Format.PixelFormat.HasAlpha ? new AlphaPair(_converter, left, right, memory) : null;
        for (int i = 0; i < requests.Count; i++)
        {
            InterpolationRequest request = requests[i];
            cancellationToken.ThrowIfCancellationRequested();
            float t = (float)request.Position;
            using FloatImage velocity = IntermediateMotion.At(motion, rgb0, rgb1, t, memory, apart);
            TensorPrimitives.Multiply(velocity.Values, -t, flow0.Values);
            TensorPrimitives.Multiply(velocity.Values, 1 - t, flow1.Values);
            MotionAround? known = request.Around ?? around;
            known?.Bend.Apply(velocity, t, flow0, flow1, memory);
            Warp.Bicubic(rgb0, flow0, 1, look0, apart, -t);
            Warp.Bicubic(rgb1, flow1, 1, look1, apart, 1 - t);
            known?.Uncovered.Apply(rgb0, rgb1, t, look0, look1, memory);
            Warp.Inside(velocity, -t, inside0);
            Warp.Inside(velocity, 1 - t, inside1);
            Average(look0, look1, inside0.Values, inside1.Values, t);
            _converter.FromRgb(look0, request.Target);

            // Average has left the first look-up's share in inside0.
            alpha?.Write(request.Target, flow0, 1, flow1, 1, inside0.Values);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    // m = (1-t) v0 / ((1-t) v0 + t v1), with a thousandth added to v so that two look-ups outside are averaged; the result into look0.
    private static void Average(FloatImage look0, FloatImage look1, Span<float> inside0, Span<float> inside1, float t)
    {
        const float Least = 1e-3f;
        TensorPrimitives.Add(inside0, Least, inside0);
        TensorPrimitives.Add(inside1, Least, inside1);
        TensorPrimitives.Multiply(inside0, 1 - t, inside0);
        TensorPrimitives.Multiply(inside1, t, inside1);
        TensorPrimitives.Add(inside0, inside1, inside1);
        TensorPrimitives.Divide(inside0, inside1, inside0);
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Subtract(look0.Channel(c), look1.Channel(c), look0.Channel(c));
            TensorPrimitives.MultiplyAdd(look0.Channel(c), inside0, look1.Channel(c), look0.Channel(c));
        }
    }
}
