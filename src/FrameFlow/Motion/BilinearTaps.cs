using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FrameFlow.Motion;

/// <summary>Where eight bilinear look-ups read a plane (rows without padding, borders replicated), and how they weigh it.</summary>
internal readonly unsafe struct BilinearTaps
{
    private readonly Vector256<int> _topLeft;
    private readonly Vector256<int> _topRight;
    private readonly Vector256<int> _bottomLeft;
    private readonly Vector256<int> _bottomRight;
    private readonly Vector256<float> _fractionX;
    private readonly Vector256<float> _fractionY;

    /// <summary>Look-ups at positions in pixels; outside of the plane (and where a position is no number) its border is read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BilinearTaps(Vector256<float> x, Vector256<float> y, int width, int height)
    {
        x = Vector256.MaxNative(Vector256.MinNative(x, Vector256.Create(width - 1f)), Vector256<float>.Zero);
        y = Vector256.MaxNative(Vector256.MinNative(y, Vector256.Create(height - 1f)), Vector256<float>.Zero);
        Vector256<float> left = Vector256.Floor(x);
        Vector256<float> top = Vector256.Floor(y);
        _fractionX = x - left;
        _fractionY = y - top;
        Vector256<int> column = Vector256.ConvertToInt32Native(left);
        Vector256<int> row = Vector256.ConvertToInt32Native(top);
        Vector256<int> upper = row * width;
        Vector256<int> lower = Vector256.Min(row + Vector256<int>.One, Vector256.Create(height - 1)) * width;
        Vector256<int> next = Vector256.Min(column + Vector256<int>.One, Vector256.Create(width - 1));
        _topLeft = upper + column;
        _topRight = upper + next;
        _bottomLeft = lower + column;
        _bottomRight = lower + next;
    }

    /// <summary>The eight values of a plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Read(float* plane)
    {
        Vector256<float> top = Lanes.Gather(plane, _topLeft);
        Vector256<float> bottom = Lanes.Gather(plane, _bottomLeft);
        top = Vector256.FusedMultiplyAdd(_fractionX, Lanes.Gather(plane, _topRight) - top, top);
        bottom = Vector256.FusedMultiplyAdd(_fractionX, Lanes.Gather(plane, _bottomRight) - bottom, bottom);
        return Vector256.FusedMultiplyAdd(_fractionY, bottom - top, top);
    }
}
