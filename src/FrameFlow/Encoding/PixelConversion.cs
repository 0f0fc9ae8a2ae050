using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>
/// Which of an encoder's pixel formats a picture is given in, the filters that lead there, and what it means. Every matrix and range is named;
/// nothing is dithered, so that the same samples always come out.
/// </summary>
internal static class PixelConversion
{
    private const string Flags = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none";

    /// <summary>The name, of those that the encoder takes, that keeps the most; null where floats meet codes. Losing is worse than carrying more: alpha first, then chroma, then depth.</summary>
    public static string? Nearest(PixelFormat wanted, EncoderInfo encoder) =>
        encoder.PixelFormats.Where(name => EncoderCatalog.Meaning(name).IsFloat == wanted.IsFloat).MinBy(name =>
        {
            PixelFormat kept = EncoderCatalog.Kept(encoder, name);
            int sampling = wanted.Model == ColorModel.Gray && kept.Model == ColorModel.Yuv ? -(int)kept.Sampling : (int)wanted.Sampling - (int)kept.Sampling;
            int depth = wanted.BitDepth - kept.BitDepth;

            // Grey is lossless in either; between RGB and Y'CbCr codes are rounded.
            int model = kept.Model == wanted.Model ? 0 : wanted.Model == ColorModel.Gray ? 20 + (int)kept.Model : kept.Model == ColorModel.Gray ? 20_000 : 4000;
            int alpha = wanted.HasAlpha && !kept.HasAlpha ? 8000 : kept.HasAlpha && !wanted.HasAlpha ? 5 : 0;
            return model + alpha + (Math.Max(sampling, 0) * 1000) + (Math.Max(depth, 0) * 100) + (Math.Max(-sampling, 0) * 10) + Math.Max(-depth, 0)
                + (name == kept.Name ? 0 : 0.5);
        });

    /// <summary>The colour tags that are true of the converted picture.</summary>
    public static ColorDescription TagsAfter(VideoFormat from, PixelFormat to)
    {
        ColorModel before = from.PixelFormat.Model;
        ColorDescription color = from.Color;
        return (before, to.Model) switch
        {
            (ColorModel.Rgb, ColorModel.Yuv) => color with { Matrix = MatrixTag(from), FullRange = false, ChromaLocation = null },
            (_, ColorModel.Rgb) when before != ColorModel.Rgb => color with { Matrix = null, FullRange = true, ChromaLocation = null },
            (_, ColorModel.Rgb) => color with { Matrix = null, ChromaLocation = null },
            _ => color,
        };
    }

    /// <summary>The filters from a picture to an encoder's format.</summary>
    /// <param name="from">The picture.</param>
    /// <param name="name">The encoder's name of the format.</param>
    /// <param name="to">What it holds.</param>
    /// <param name="tags">The tags that it shall have.</param>
    public static string Filters(VideoFormat from, string name, PixelFormat to, ColorDescription tags)
    {
        ColorModel before = from.PixelFormat.Model;
        string Range(ColorDescription color) => color.FullRange == true ? "pc" : "tv";
        switch (before, to.Model)
        {
            case (ColorModel.Yuv, ColorModel.Yuv):
                return $"scale={Flags}:in_range={Range(from.Color)}:out_range={Range(from.Color)},format={name}";
            case (ColorModel.Yuv, ColorModel.Rgb):
                return $"scale={Flags}:in_color_matrix={MatrixName(MatrixTag(from))}:in_range={Range(from.Color)}:out_range=pc,format={name}";
            case (ColorModel.Rgb, ColorModel.Yuv):
                return $"scale={Flags}:in_range=pc:out_color_matrix={MatrixName(tags.Matrix!)}:out_range=tv,format={name}";
            case (ColorModel.Gray, ColorModel.Rgb) when from.Color.FullRange == false:
                // swscale takes every grey for full: as Y'CbCr it has a range.
                string middle = (to with { Model = ColorModel.Yuv, HasAlpha = false }).Name;
                return $"scale={Flags}:in_range=pc:out_range=pc,format={middle},setparams=range=tv,scale={Flags}:in_color_matrix=bt709:in_range=tv:out_range=pc,format={name}";
            default:
                // Full to full leaves the samples alone, whatever the tag says.
                return $"scale={Flags}:in_range=pc:out_range=pc,format={name}";
        }
    }

    /// <summary>What the user should know of the change, one line.</summary>
    public static string Describe(PixelFormat from, PixelFormat to, EncoderInfo encoder)
    {
        bool rounds = from.Model != to.Model && from.Model != ColorModel.Gray;
        string[] losses =
        [
            .. from.HasAlpha && !to.HasAlpha ? (string[])["the alpha channel"] : [],
            .. (from.Model != ColorModel.Gray && to.Sampling < from.Sampling) || (to.Model == ColorModel.Gray && from.Model != ColorModel.Gray) ? (string[])["chroma detail"] : [],
            .. to.BitDepth < from.BitDepth ? (string[])[$"{from.BitDepth - to.BitDepth} of {from.BitDepth} bits"] : [],
        ];
        string what = losses.Length > 0 ? $", which loses {string.Join(" and ", losses)}{Holders(from)}" : rounds ? $": codes are rounded{Holders(from)}" : ", without loss";
        return $"{encoder.Name} is given {to.Description} instead of the source's {from.Description}{what}.";
    }

    private static string Holders(PixelFormat wanted)
    {
        string[] names = [.. EncoderCatalog.All.Where(e => !e.NeedsDevice && e.PixelFormats.Any(n => EncoderCatalog.Kept(e, n) == wanted)).Select(e => e.Name)];
        return names.Length == 0 ? "" : $" ({string.Join(", ", names)} would keep it)";
    }

    // The picture's own tag, else by what players assume.
    private static string MatrixTag(VideoFormat format) => format.Color.Matrix is { } own && own is not ("gbr" or "rgb" or "unknown" or "unspecified" or "reserved") ? own
        : format.Color.Primaries is "bt2020" ? "bt2020nc"
        : format.Height >= 720 || format.Width >= 1280 ? "bt709" : "smpte170m";

    // The names that the scale filter knows.
    private static string MatrixName(string tag) => tag switch
    {
        "smpte170m" or "bt470bg" => "bt601",
        "bt2020nc" or "bt2020c" => "bt2020",
        "smpte240m" or "fcc" or "bt709" => tag,
        _ => "bt709",
    };
}
