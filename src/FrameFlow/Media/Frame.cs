using System.Runtime.CompilerServices;

namespace FrameFlow.Media;

/// <summary>
/// One picture in native memory, laid out as <see cref="VideoFormat"/> says. Whoever holds it owns it: yielding it into a channel or
/// a stage hands it over, the last holder disposes it. <see cref="Share"/> makes a second frame over the same samples.
/// </summary>
public sealed class Frame : IDisposable
{
    // Null once disposed. The object comes back as another frame's when the pool has seen many others end.
    private NativeBlock? _block;

    private Frame(VideoFormat format) => Format = format;

    /// <summary>The format.</summary>
    public VideoFormat Format { get; private set; }

    /// <summary>Presentation time in seconds on the output's clock.</summary>
    public Rational Time { get; set; }

    /// <summary>Zero-based index, counted over the whole source, of the frame that this is, or that stands left of it.</summary>
    public long SourceIndex { get; set; }

    /// <summary>True where a new scene starts at this frame: nothing may be morphed from the frame before.</summary>
    public bool IsSceneStart { get; set; }

    /// <summary>All that was done to the picture so far; of a picture made from two, what was done to either as well.</summary>
    public FrameWork Work { get; set; }

    /// <summary>Where between two frames the picture was made, 0 (the left one) to 1; 0 for one that was not.</summary>
    public double Position { get; set; }

    /// <summary>The share of its pixels that a repair changed, 0..1.</summary>
    public float ChangedShare { get; set; }

    /// <summary>
    /// The error that the maker of a generated picture expects of it: root mean square in code values of 0..1 (RGB). 0 for a source's picture, and where
    /// the maker cannot tell.
    /// </summary>
    public float ExpectedError { get; set; }

    /// <summary>All samples, plane after plane, as bytes. Written only by whoever rented the frame, before sharing it.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public unsafe Span<byte> Bytes => new((void*)Address, checked((int)Format.FrameBytes));

    /// <summary>The address of the first byte; valid until the frame is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public nint Address
    {
        get
        {
            NativeBlock? block = _block;
            ObjectDisposedException.ThrowIf(block is null, this);
            return block.Address;
        }
    }

    /// <summary>Where its memory comes from.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    internal NativePool Memory
    {
        get
        {
            NativeBlock? block = _block;
            ObjectDisposedException.ThrowIf(block is null, this);
            return block.Pool;
        }
    }

    /// <summary>The samples of a plane, in the order of <see cref="ColorModel"/>, alpha last: <see cref="byte"/> for 8 bit, <see cref="ushort"/> for more, <see cref="float"/> for float.</summary>
    /// <typeparam name="T"><see cref="byte"/>, <see cref="ushort"/> or <see cref="float"/>, of the size that the format has.</typeparam>
    public unsafe Span<T> Plane<T>(int index)
        where T : unmanaged
    {
        PlaneLayout layout = Format.Plane(index);
        if (Unsafe.SizeOf<T>() != layout.BytesPerSample)
        {
            throw new ArgumentException($"A {Format.PixelFormat.Name} plane has {layout.BytesPerSample}-byte samples.", nameof(index));
        }

        return new((void*)(Address + (nint)layout.Offset), layout.Width * layout.Height);
    }

    /// <summary>Copies another frame's alpha plane; does nothing where the format has none.</summary>
    /// <param name="other">A frame of the same format.</param>
    /// <exception cref="ArgumentException">The formats differ.</exception>
    public void TakeAlphaOf(Frame other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Format != Format)
        {
            throw new ArgumentException($"The frames are {other.Format.PixelFormat.Name} and {Format.PixelFormat.Name}.", nameof(other));
        }

        if (Format.PixelFormat.HasAlpha)
        {
            PlaneLayout alpha = Format.Plane(Format.PixelFormat.AlphaPlane);
            Range place = checked((int)alpha.Offset)..checked((int)(alpha.Offset + alpha.Bytes));
            other.Bytes[place].CopyTo(Bytes[place]);
        }
    }

    /// <summary>Takes over everything that is known about another frame but its samples: time, index and what was done to it.</summary>
    public void TakeMarksOf(Frame other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Time = other.Time;
        SourceIndex = other.SourceIndex;
        IsSceneStart = other.IsSceneStart;
        Work = other.Work;
        Position = other.Position;
        ChangedShare = other.ChangedShare;
        ExpectedError = other.ExpectedError;
    }

    /// <summary>A second frame over the same samples, with its own time and marks; the caller owns and disposes it.</summary>
    public Frame Share()
    {
        NativeBlock? block = _block;
        ObjectDisposedException.ThrowIf(block is null, this);
        block.Hold();
        Frame second = Over(block, Format);
        second.TakeMarksOf(this);
        return second;
    }

    /// <summary>Ends this frame; with the last one over the same samples the memory goes back to the pool.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _block, null) is { } block)
        {
            block.LetGo();
            block.Pool.KeepEnded(this);
        }
    }

    /// <summary>A frame that takes over a hold on a block, without any marks.</summary>
    internal static Frame Over(NativeBlock block, VideoFormat format)
    {
        Frame frame = block.Pool.TakeEnded<Frame>() ?? new Frame(format);
        frame.Format = format;
        frame.Time = default;
        frame.SourceIndex = 0;
        frame.IsSceneStart = false;
        frame.Work = FrameWork.None;
        frame.Position = 0;
        frame.ChangedShare = 0;
        frame.ExpectedError = 0;
        frame._block = block;
        return frame;
    }
}
