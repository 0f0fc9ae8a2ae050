namespace FrameFlow.Media;

/// <summary>
/// A float tensor [C,H,W] in native memory: a picture in linear index order, channel planes one after the other, rows without padding.
/// Lent by <see cref="NativePool.RentImage"/>; the holder owns and disposes it, and forgets it then: the object serves again. What the channels mean (RGB code values 0..1, flow in pixels ...) is said where it is made.
/// </summary>
public sealed unsafe class FloatImage : IDisposable
{
    private NativeBlock? _block; // null once disposed

    private FloatImage()
    {
    }

    /// <summary>C.</summary>
    public int Channels { get; private set; }

    /// <summary>H.</summary>
    public int Height { get; private set; }

    /// <summary>W.</summary>
    public int Width { get; private set; }

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
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _block, null) is { } block)
        {
            block.Dispose();
            block.Pool.KeepEnded(this);
        }
    }

    /// <summary>Stands for a block of [C,H,W] floats, which it takes over.</summary>
    internal static FloatImage Over(NativeBlock block, int channels, int height, int width)
    {
        FloatImage image = block.Pool.TakeEnded<FloatImage>() ?? new FloatImage();
        (image._block, image.Channels, image.Height, image.Width) = (block, channels, height, width);
        return image;
    }
}
