using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>Averages the two frames by time, (1-t) I0 + t I1 on code values: a trivial method, for comparison.</summary>
public sealed class BlendInterpolator : IFrameInterpolator
{
    private const int WeightBits = 14;

    /// <inheritdoc/>
    public string Name => "blend";

    /// <inheritdoc/>
    public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        (Frame left, Frame right) = (pair.Pair.Left.Frame, pair.Pair.Right.Frame);
        for (int i = 0; i < requests.Count; i++)
        {
            InterpolationRequest request = requests[i];
            int weight = (int)Math.Round(request.Position * (1 << WeightBits));
            for (int plane = 0; plane < left.Format.PixelFormat.PlaneCount; plane++)
            {
                switch (left.Format.PixelFormat.BytesPerSample)
                {
                    case 1:
                        Blend(left.Plane<byte>(plane), right.Plane<byte>(plane), request.Target.Plane<byte>(plane), weight);
                        break;
                    case 2:
                        Blend(left.Plane<ushort>(plane), right.Plane<ushort>(plane), request.Target.Plane<ushort>(plane), weight);
                        break;
                    default:
                        // Linear light: what an exposure over both would have gathered.
                        TensorPrimitives.Lerp(left.Plane<float>(plane), right.Plane<float>(plane), (float)request.Position, request.Target.Plane<float>(plane));
                        break;
                }
            }
        }
    }

    private static void Blend(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> to, int weight)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = (byte)(((a[i] << WeightBits) + ((b[i] - a[i]) * weight) + (1 << (WeightBits - 1))) >> WeightBits);
        }
    }

    // 65535 << 14 is below 2^30: no sum overflows.
    private static void Blend(ReadOnlySpan<ushort> a, ReadOnlySpan<ushort> b, Span<ushort> to, int weight)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = (ushort)(((a[i] << WeightBits) + ((b[i] - a[i]) * weight) + (1 << (WeightBits - 1))) >> WeightBits);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
