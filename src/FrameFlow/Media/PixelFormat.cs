namespace FrameFlow.Media;

/// <summary>How densely the two chroma planes of a Y'CbCr picture are sampled.</summary>
public enum ChromaSampling
{
    /// <summary>Half the width, half the height.</summary>
    Yuv420,

    /// <summary>Half the width, full height.</summary>
    Yuv422,

    /// <summary>Full width and height; also said of RGB and grey.</summary>
    Yuv444,
}

/// <summary>What the planes of a picture mean.</summary>
public enum ColorModel
{
    /// <summary>Y', Cb, Cr.</summary>
    Yuv,

    /// <summary>G, B, R: the order of ffmpeg's planar RGB.</summary>
    Rgb,

    /// <summary>One plane of grey.</summary>
    Gray,
}

/// <summary>
/// A planar pixel format that the pipeline carries: 8 bit in bytes, 9 to 16 bit in little-endian 16-bit words (value in the low bits), or
/// 32-bit floats of linear light, as ffmpeg's rawvideo lays them out. Alpha, where there is one, is the last plane, at full size.
/// </summary>
/// <param name="Sampling">The chroma sampling; <see cref="ChromaSampling.Yuv444"/> for RGB and grey.</param>
/// <param name="BitDepth">8, 9, 10, 12, 14, 16, or 32 for float.</param>
/// <param name="Model">What the planes mean.</param>
/// <param name="HasAlpha">Whether an alpha plane follows.</param>
public readonly record struct PixelFormat(ChromaSampling Sampling, int BitDepth, ColorModel Model = ColorModel.Yuv, bool HasAlpha = false)
{
    private const int FloatBits = 32;

    /// <summary>The formats that the pipeline carries, by ffmpeg's names.</summary>
    public static IReadOnlyDictionary<string, PixelFormat> Known { get; } = All().ToDictionary(f => f.Name, StringComparer.Ordinal);

    /// <summary>ffmpeg's name of the format, for example <c>yuv420p10le</c>. Full range is a matter of <see cref="ColorDescription"/>, not of the name.</summary>
    public string Name
    {
        get
        {
            string planes = Model switch
            {
                ColorModel.Rgb => HasAlpha ? "gbrap" : "gbrp",
                ColorModel.Gray => "gray",
                _ => (HasAlpha ? "yuva" : "yuv") + Sampling switch { ChromaSampling.Yuv420 => "420p", ChromaSampling.Yuv422 => "422p", _ => "444p" },
            };
            return planes + BitDepth switch { 8 => "", FloatBits => "f32le", _ => $"{BitDepth}le" };
        }
    }

    /// <summary>The name in words, for example <c>4:2:0 10 bit</c> or <c>RGB 16 bit with alpha</c>.</summary>
    public string Description
    {
        get
        {
            string model = Model switch
            {
                ColorModel.Rgb => "RGB",
                ColorModel.Gray => "grey",
                _ => Sampling switch { ChromaSampling.Yuv420 => "4:2:0", ChromaSampling.Yuv422 => "4:2:2", _ => "4:4:4" },
            };
            return $"{model} {(IsFloat ? "float" : $"{BitDepth} bit")}{(HasAlpha ? " with alpha" : "")}";
        }
    }

    /// <summary>Whether samples are floats of linear light, unbounded, rather than codes.</summary>
    public bool IsFloat => BitDepth == FloatBits;

    /// <summary>Bytes a sample: 1, 2 or 4.</summary>
    public int BytesPerSample => BitDepth switch { <= 8 => 1, <= 16 => 2, _ => 4 };

    /// <summary>Planes a picture, alpha included: 1 to 4.</summary>
    public int PlaneCount => (Model == ColorModel.Gray ? 1 : 3) + (HasAlpha ? 1 : 0);

    /// <summary>The index of the alpha plane, or -1.</summary>
    public int AlphaPlane => HasAlpha ? PlaneCount - 1 : -1;

    /// <summary>The largest code; 1 for float.</summary>
    public float MaxCode => IsFloat ? 1 : (1 << BitDepth) - 1;

    /// <summary>The distance of two codes in code values of 0..1, 1/255 for 8 bit; 0 for float.</summary>
    public float CodeStep => IsFloat ? 0 : 1 / MaxCode;

    /// <summary>How far the chroma width is shifted right: 0 or 1.</summary>
    public int ChromaShiftX => Sampling == ChromaSampling.Yuv444 ? 0 : 1;

    /// <summary>How far the chroma height is shifted right: 0 or 1.</summary>
    public int ChromaShiftY => Sampling == ChromaSampling.Yuv420 ? 1 : 0;

    // What ffmpeg 5.1 has a name for: no yuva420p12, no grey with alpha in planes.
    private static IEnumerable<PixelFormat> All()
    {
        foreach (ChromaSampling sampling in Enum.GetValues<ChromaSampling>())
        {
            foreach (int depth in (int[])[8, 9, 10, 12, 14, 16])
            {
                yield return new(sampling, depth);
                if (depth is not (12 or 14) || (depth == 12 && sampling != ChromaSampling.Yuv420))
                {
                    yield return new(sampling, depth, ColorModel.Yuv, HasAlpha: true);
                }
            }
        }

        foreach (int depth in (int[])[8, 9, 10, 12, 14, 16, FloatBits])
        {
            yield return new(ChromaSampling.Yuv444, depth, ColorModel.Rgb);
            yield return new(ChromaSampling.Yuv444, depth, ColorModel.Gray);
            if (depth is not (9 or 14))
            {
                yield return new(ChromaSampling.Yuv444, depth, ColorModel.Rgb, HasAlpha: true);
            }
        }
    }
}
