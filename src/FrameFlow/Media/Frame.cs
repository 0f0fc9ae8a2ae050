using System.Runtime.CompilerServices;

namespace FrameFlow.Media;

/// <summary>
/// One picture in native memory, laid out as <see cref="VideoFormat"/> says. Whoever holds it owns it: yielding it into a channel or
/// a stage hands it over, the last holder disposes it. <see cref="AddReference"/> lends it to a second holder.
/// </summary>
public sealed class Frame : IDisposable
{
    private readonly NativeBlock _block;
    private int _references = 1;

    internal Frame(NativeBlock block, VideoFormat format)
    {
        _block = block;
        Format = format;
    }

    /// <summary>The format.</summary>
    public VideoFormat Format { get; }

    /// <summary>Presentation time in seconds on the output's clock.</summary>
    public Rational Time { get; set; }

    /// <summary>Zero-based index, counted over the whole source, of the frame that this is, or that stands left of it.</summary>
    public long SourceIndex { get; set; }

    /// <summary>True where a new scene starts at this frame: nothing may be morphed from the frame before.</summary>
    public bool IsSceneStart { get; set; }

    /// <summary>True for a picture that a model or a blend made; false for one that the source holds.</summary>
    public bool IsGenerated { get; set; }

    /// <summary>All samples, plane after plane, as bytes.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public unsafe Span<byte> Bytes => new((void*)_block.Address, checked((int)Format.FrameBytes));

    /// <summary>The address of the first byte; valid until the frame is disposed.</summary>
    public nint Address => _block.Address;

    /// <summary>The samples of plane 0 (Y'), 1 (Cb) or 2 (Cr): <see cref="byte"/> for 8 bit, <see cref="ushort"/> for 10.</summary>
    /// <typeparam name="T"><see cref="byte"/> or <see cref="ushort"/>, of the size that the format has.</typeparam>
    public unsafe Span<T> Plane<T>(int index)
        where T : unmanaged
    {
        PlaneLayout layout = Format.Plane(index);
        if (Unsafe.SizeOf<T>() != layout.BytesPerSample)
        {
            throw new ArgumentException($"A {Format.PixelFormat.Name} plane has {layout.BytesPerSample}-byte samples.", nameof(index));
        }

        return new((void*)(_block.Address + (nint)layout.Offset), layout.Width * layout.Height);
    }

    /// <summary>Lends the frame to one more holder, who disposes it too.</summary>
    /// <returns>This frame.</returns>
    public Frame AddReference()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _references) <= 0, this);
        Interlocked.Increment(ref _references);
        return this;
    }

    /// <summary>Ends one holder's claim; with the last one the memory goes back to the pool.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            _block.Dispose();
        }
    }
}
