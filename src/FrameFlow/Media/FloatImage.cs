namespace FrameFlow.Media;

/// <summary>
/// A float tensor [C,H,W] in native memory: a picture in linear index order, channel planes one after the other, rows without padding.
/// The holder owns and disposes it. What the channels mean (RGB code values 0..1, flow in pixels ...) is said where it is made.
/// </summary>
public sealed unsafe class FloatImage : IDisposable
{
    private NativeBlock? _block;

    /// <summary>Rents memory for a tensor; content undefined.</summary>
    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="channels">C, at least 1.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    public FloatImage(NativePool pool, int channels, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Channels = channels;
        Height = height;
        Width = width;
        _block = pool.Rent(checked((long)channels * height * width * sizeof(float)));
    }

    /// <summary>C.</summary>
    public int Channels { get; }

    /// <summary>H.</summary>
    public int Height { get; }

    /// <summary>W.</summary>
    public int Width { get; }

    /// <summary>H * W.</summary>
    public int PlaneLength => Height * Width;

    /// <summary>The first float; valid until disposed.</summary>
    public float* Data
    {
        get
        {
            NativeBlock? block = _block;
            ObjectDisposedException.ThrowIf(block is null, this);
            return (float*)block.Memory;
        }
    }

    /// <summary>All values.</summary>
    public Span<float> Values => new(Data, checked(Channels * PlaneLength));

    /// <summary>The H*W values of one channel.</summary>
    public Span<float> Channel(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Channels);
        return new(Data + ((long)index * PlaneLength), PlaneLength);
    }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _block, null)?.Dispose();
}
