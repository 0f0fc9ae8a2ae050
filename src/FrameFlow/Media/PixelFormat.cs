namespace FrameFlow.Media;

/// <summary>How densely the two chroma planes of a Y'CbCr picture are sampled.</summary>
public enum ChromaSampling
{
    /// <summary>Half the width, half the height.</summary>
    Yuv420,

    /// <summary>Half the width, full height.</summary>
    Yuv422,

    /// <summary>Full width and height.</summary>
    Yuv444,
}

/// <summary>
/// A planar Y'CbCr pixel format that the pipeline carries: three planes, 8 bit in bytes or 10 bit in little-endian
/// 16-bit words (value in the low bits), as ffmpeg's rawvideo lays them out.
/// </summary>
/// <param name="Sampling">The chroma sampling.</param>
/// <param name="BitDepth">8 or 10.</param>
public readonly record struct PixelFormat(ChromaSampling Sampling, int BitDepth)
{
    /// <summary>The formats that the pipeline carries, by ffmpeg's names.</summary>
    public static IReadOnlyDictionary<string, PixelFormat> Known { get; } = new Dictionary<string, PixelFormat>(StringComparer.Ordinal)
    {
        ["yuv420p"] = new(ChromaSampling.Yuv420, 8),
        ["yuv422p"] = new(ChromaSampling.Yuv422, 8),
        ["yuv444p"] = new(ChromaSampling.Yuv444, 8),
        ["yuv420p10le"] = new(ChromaSampling.Yuv420, 10),
        ["yuv422p10le"] = new(ChromaSampling.Yuv422, 10),
        ["yuv444p10le"] = new(ChromaSampling.Yuv444, 10),
    };

    /// <summary>ffmpeg's name of the format, for example <c>yuv420p10le</c>. Full range is a matter of <see cref="ColorDescription"/>, not of the name.</summary>
    public string Name
    {
        get
        {
            string sampling = Sampling switch { ChromaSampling.Yuv420 => "yuv420p", ChromaSampling.Yuv422 => "yuv422p", _ => "yuv444p" };
            return BitDepth == 8 ? sampling : sampling + "10le";
        }
    }

    /// <summary>Bytes a sample: 1 or 2.</summary>
    public int BytesPerSample => BitDepth > 8 ? 2 : 1;

    /// <summary>How far the chroma width is shifted right: 0 or 1.</summary>
    public int ChromaShiftX => Sampling == ChromaSampling.Yuv444 ? 0 : 1;

    /// <summary>How far the chroma height is shifted right: 0 or 1.</summary>
    public int ChromaShiftY => Sampling == ChromaSampling.Yuv420 ? 1 : 0;
}
