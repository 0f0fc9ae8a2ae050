using System.Numerics.Tensors;
using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>The alpha planes of the two frames that frames are made between: carried by the same motion and mixed in the same shares as the colours. Not thread-safe.</summary>
internal sealed class AlphaPair : IDisposable
{
    private readonly FrameConverter _converter;
    private readonly FloatImage _left;
    private readonly FloatImage _right;
    private readonly FloatImage _look0;
    private readonly FloatImage _look1;

    /// <summary>Loads both planes.</summary>
    /// <param name="converter">Of the frames' format, which has alpha.</param>
    /// <param name="left">The first frame; stays the caller's.</param>
    /// <param name="right">The second frame; stays the caller's.</param>
    /// <param name="memory">Working memory.</param>
    public AlphaPair(FrameConverter converter, Frame left, Frame right, NativePool memory)
    {
        _converter = converter;
        _left = memory.RentImage(1, left.Format.Height, left.Format.Width);
        _right = memory.RentImage(1, left.Format.Height, left.Format.Width);
        _look0 = memory.RentImage(1, left.Format.Height, left.Format.Width);
        _look1 = memory.RentImage(1, left.Format.Height, left.Format.Width);
        converter.LoadAlpha(left, _left);
        converter.LoadAlpha(right, _right);
    }

    /// <summary>Writes a frame's alpha, m a0(p + s0 f0) + (1 - m) a1(p + s1 f1).</summary>
    /// <param name="target">Receives it.</param>
    /// <param name="flow0">f0, [2,H,W] px.</param>
    /// <param name="scale0">s0.</param>
    /// <param name="flow1">f1, [2,H,W] px.</param>
    /// <param name="scale1">s1.</param>
    /// <param name="share">m by pixel, 0..1.</param>
    public void Write(Frame target, FloatImage flow0, float scale0, FloatImage flow1, float scale1, ReadOnlySpan<float> share)
    {
        Warp.Bicubic(_left, flow0, scale0, _look0);
        Warp.Bicubic(_right, flow1, scale1, _look1);
        TensorPrimitives.Subtract(_look0.Values, _look1.Values, _look0.Values);
        TensorPrimitives.MultiplyAdd(_look0.Values, share, _look1.Values, _look0.Values);
        _converter.StoreAlpha(_look0, target);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Dispose();
        _right.Dispose();
        _look0.Dispose();
        _look1.Dispose();
    }
}
