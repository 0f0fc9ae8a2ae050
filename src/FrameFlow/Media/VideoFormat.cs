namespace FrameFlow.Media;

/// <summary>Everything about a stream of frames that does not change from frame to frame.</summary>
public sealed record VideoFormat
{
    /// <summary>Luma width in samples, at least 1, as coded (before rotation and aspect).</summary>
    public required int Width { get; init; }

    /// <summary>Luma height in samples, at least 1.</summary>
    public required int Height { get; init; }

    /// <summary>The sample layout.</summary>
    public required PixelFormat PixelFormat { get; init; }

    /// <summary>The colour tags.</summary>
    public ColorDescription Color { get; init; } = ColorDescription.Unspecified;

    /// <summary>Sample (pixel) aspect ratio; 1 where unknown.</summary>
    public Rational SampleAspect { get; init; } = Rational.One;

    /// <summary>Bytes of one frame: the planes one after the other, without padding (ffmpeg's rawvideo).</summary>
    public long FrameBytes
    {
        get
        {
            PlaneLayout last = Plane(PixelFormat.PlaneCount - 1);
            return last.Offset + last.Bytes;
        }
    }

    /// <summary>Where plane <paramref name="index"/> lies in a frame's buffer, in the order of <see cref="ColorModel"/>, alpha last.</summary>
    public PlaneLayout Plane(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, PixelFormat.PlaneCount);
        int bytesPerSample = PixelFormat.BytesPerSample;
        int chromaWidth = (Width + PixelFormat.ChromaShiftX) >> PixelFormat.ChromaShiftX;
        int chromaHeight = (Height + PixelFormat.ChromaShiftY) >> PixelFormat.ChromaShiftY;
        long full = (long)Width * Height * bytesPerSample;
        long chroma = (long)chromaWidth * chromaHeight * bytesPerSample;
        return index switch
        {
            0 => new PlaneLayout(0, Width, Height, bytesPerSample),
            3 => new PlaneLayout(full + (2 * chroma), Width, Height, bytesPerSample),
            _ => new PlaneLayout(full + ((index - 1) * chroma), chromaWidth, chromaHeight, bytesPerSample),
        };
    }
}

/// <summary>A plane's place and size inside a frame's buffer.</summary>
/// <param name="Offset">Bytes from the buffer's start.</param>
/// <param name="Width">Samples a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="BytesPerSample">1, 2 or 4.</param>
public readonly record struct PlaneLayout(long Offset, int Width, int Height, int BytesPerSample)
{
    /// <summary>Bytes from one row to the next.</summary>
    public int Stride => Width * BytesPerSample;

    /// <summary>Bytes of the whole plane.</summary>
    public long Bytes => (long)Stride * Height;
}
