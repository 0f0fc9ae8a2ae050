using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>Averages the two frames by time, (1-t) I0 + t I1 on code values: a trivial method, for comparison.</summary>
public sealed class BlendInterpolator : IFrameInterpolator
{
    private const int WeightBits = 14;

    /// <inheritdoc/>
    public string Name => "blend";

    /// <inheritdoc/>
    public void Interpolate(Frame left, Frame right, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentNullException.ThrowIfNull(requests);
        foreach (InterpolationRequest request in requests)
        {
            int weight = (int)Math.Round(request.Position * (1 << WeightBits));
            if (left.Format.PixelFormat.BytesPerSample == 1)
            {
                ReadOnlySpan<byte> a = left.Bytes;
                ReadOnlySpan<byte> b = right.Bytes;
                Span<byte> to = request.Target.Bytes;
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = (byte)(((a[i] << WeightBits) + ((b[i] - a[i]) * weight) + (1 << (WeightBits - 1))) >> WeightBits);
                }
            }
            else
            {
                for (int plane = 0; plane < 3; plane++)
                {
                    ReadOnlySpan<ushort> a = left.Plane<ushort>(plane);
                    ReadOnlySpan<ushort> b = right.Plane<ushort>(plane);
                    Span<ushort> to = request.Target.Plane<ushort>(plane);
                    for (int i = 0; i < to.Length; i++)
                    {
                        to[i] = (ushort)(((a[i] << WeightBits) + ((b[i] - a[i]) * weight) + (1 << (WeightBits - 1))) >> WeightBits);
                    }
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
