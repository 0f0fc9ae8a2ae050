using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>An encoder's quality scale.</summary>
/// <param name="Option">The ffmpeg option that takes it.</param>
/// <param name="Default">The value taken where the user gives none.</param>
/// <param name="Best">The smallest, best value.</param>
/// <param name="Worst">The largest value.</param>
/// <param name="WholeOnly">Whether only whole numbers are taken.</param>
public sealed record QualityScale(string Option, decimal? Default, decimal Best, decimal Worst, bool WholeOnly);

/// <summary>How an encoder is told HDR10 static metadata.</summary>
public enum HdrSyntax
{
    /// <summary>Not at all: it is lost, and that is said.</summary>
    None,

    /// <summary><c>-x264-params mastering-display=..:cll=..</c>.</summary>
    X264,

    /// <summary><c>-x265-params master-display=..:max-cll=..</c>.</summary>
    X265,

    /// <summary><c>-svtav1-params mastering-display=..:content-light=..</c>.</summary>
    SvtAv1,
}

/// <summary>What is known of one video encoder.</summary>
public sealed record EncoderInfo
{
    /// <summary>ffmpeg's name.</summary>
    public required string Name { get; init; }

    /// <summary>ffmpeg's name of the codec that it makes, for example <c>h264</c>.</summary>
    public required string Codec { get; init; }

    /// <summary>The quality scale; null where there is none, with <see cref="NoQualityReason"/>.</summary>
    public QualityScale? Quality { get; init; }

    /// <summary>Why there is no quality scale, as the end of a sentence.</summary>
    public string NoQualityReason { get; init; } = "whose quality scale is not known here (use --encoder-args)";

    /// <summary>Arguments that are always given, defaults that <c>--encoder-args</c> may override.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The pixel formats that it takes, by ffmpeg's names, of those that are of use here.</summary>
    public required IReadOnlyList<string> PixelFormats { get; init; }

    /// <summary>The most bits a sample that it writes, whatever it is given; null where that is what it is given.</summary>
    public int? WrittenDepth { get; init; }

    /// <summary>How it is told HDR10 static metadata.</summary>
    public HdrSyntax Hdr { get; init; }

    /// <summary>Whether 4:2:0 and 4:2:2 pictures must have an even width and height.</summary>
    public bool NeedsEvenSize { get; init; }

    /// <summary>The smallest width and height that it takes.</summary>
    public (int Width, int Height) MinimumSize { get; init; } = (1, 1);

    /// <summary>Whether it needs a device that may be missing though ffmpeg knows the encoder.</summary>
    public bool NeedsDevice { get; init; }

    /// <summary>The parameter list option (<c>-x265-params</c> ...) and its entry for the number of threads, or null where <c>-threads</c> does.</summary>
    public string? ThreadsParameter { get; init; }
}

/// <summary>The video encoders that FrameFlow knows, and those that the installed ffmpeg adds.</summary>
public static class EncoderCatalog
{
    private static readonly string[] AllSix = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"];
    private static readonly string[] TwelveBit = ["yuv420p12le", "yuv422p12le", "yuv444p12le"];

    // The names under which ffmpeg's encoders take carried formats that are laid out otherwise.
    private static readonly Dictionary<string, PixelFormat> OtherLayouts = new(StringComparer.Ordinal)
    {
        ["p010le"] = new(ChromaSampling.Yuv420, 10),
        ["bgr0"] = new(ChromaSampling.Yuv444, 8, ColorModel.Rgb),
        ["rgb24"] = new(ChromaSampling.Yuv444, 8, ColorModel.Rgb),
        ["gbrp10be"] = new(ChromaSampling.Yuv444, 10, ColorModel.Rgb),
        ["gbrp12be"] = new(ChromaSampling.Yuv444, 12, ColorModel.Rgb),
        ["rgb48le"] = new(ChromaSampling.Yuv444, 16, ColorModel.Rgb),
        ["rgb48be"] = new(ChromaSampling.Yuv444, 16, ColorModel.Rgb),
        ["bgra"] = new(ChromaSampling.Yuv444, 8, ColorModel.Rgb, HasAlpha: true),
        ["rgba"] = new(ChromaSampling.Yuv444, 8, ColorModel.Rgb, HasAlpha: true),
        ["rgba64le"] = new(ChromaSampling.Yuv444, 16, ColorModel.Rgb, HasAlpha: true),
        ["rgba64be"] = new(ChromaSampling.Yuv444, 16, ColorModel.Rgb, HasAlpha: true),
        ["gray16be"] = new(ChromaSampling.Yuv444, 16, ColorModel.Gray),
    };

    // Defaults aim at an archive: visually near-lossless at a moderate speed. x264's and x265's "visually lossless" is about crf 17-18
    // (trac.ffmpeg.org/wiki/Encode/H.264, H.265); one or two steps below leave room for another generation.
    private static readonly EncoderInfo[] Rows =
    [
        new()
        {
            Name = "libx264", Codec = "h264", Quality = new("-crf", 16, 0, 51, WholeOnly: false), Arguments = ["-preset", "medium"],
            PixelFormats = AllSix, Hdr = HdrSyntax.X264, NeedsEvenSize = true,
        },
        new()
        {
            Name = "libx265", Codec = "hevc", Quality = new("-crf", 18, 0, 51, WholeOnly: false), Arguments = ["-preset", "medium"],
            PixelFormats = [.. AllSix, .. TwelveBit, "gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le"], Hdr = HdrSyntax.X265, NeedsEvenSize = true, ThreadsParameter = "pools", MinimumSize = (64, 64),
        },
        new()
        {
            Name = "libsvtav1", Codec = "av1", Quality = new("-crf", 20, 1, 63, WholeOnly: true), Arguments = ["-preset", "6"],
            PixelFormats = ["yuv420p", "yuv420p10le"], Hdr = HdrSyntax.SvtAv1, NeedsEvenSize = true, ThreadsParameter = "lp", MinimumSize = (64, 64),
        },
        new()
        {
            Name = "libaom-av1", Codec = "av1", Quality = new("-crf", 18, 0, 63, WholeOnly: true), Arguments = ["-b:v", "0", "-cpu-used", "4", "-row-mt", "1"],
            PixelFormats = [.. AllSix, .. TwelveBit, "gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le"],
        },
        new()
        {
            Name = "libvpx-vp9", Codec = "vp9", Quality = new("-crf", 18, 0, 63, WholeOnly: true), Arguments = ["-b:v", "0", "-deadline", "good", "-cpu-used", "2", "-row-mt", "1"],
            PixelFormats = [.. AllSix, .. TwelveBit, "gbrp", "gbrp10le", "gbrp12le"],
        },
        new()
        {
            // RFC 9043 version 3, range coder, intra only, checksummed slices: what archives ask for.
            Name = "ffv1", Codec = "ffv1", NoQualityReason = "which is lossless",
            Arguments = ["-level", "3", "-coder", "1", "-context", "1", "-g", "1", "-slices", "16", "-slicecrc", "1"],
            PixelFormats =
            [
                .. AllSix, .. TwelveBit, "yuv420p9le", "yuv422p9le", "yuv444p9le", "yuv420p14le", "yuv422p14le", "yuv444p14le", "yuv420p16le", "yuv422p16le", "yuv444p16le",
                "yuva420p", "yuva422p", "yuva444p", "yuva420p9le", "yuva422p9le", "yuva444p9le", "yuva420p10le", "yuva422p10le", "yuva444p10le", "yuva420p16le", "yuva422p16le", "yuva444p16le",
                "gray", "gray9le", "gray10le", "gray12le", "gray16le", "bgr0", "gbrp9le", "gbrp10le", "gbrp12le", "gbrp14le", "gbrp16le", "bgra", "gbrap10le", "gbrap12le", "gbrap16le",
            ],
        },
        new()
        {
            // The profile follows the pixel format: 422 HQ, or 4444.
            Name = "prores_ks", Codec = "prores", Quality = new("-q:v", null, 1, 31, WholeOnly: true), Arguments = ["-vendor", "apl0"],
            PixelFormats = ["yuv422p10le", "yuv444p10le", "yuva444p10le"], NeedsEvenSize = true,
        },
        new()
        {
            // DNxHR: HQ (8 bit), HQX (10 bit), 444 follow the pixel format.
            Name = "dnxhd", Codec = "dnxhd", NoQualityReason = "whose profile fixes the rate",
            PixelFormats = ["yuv422p", "yuv422p10le", "yuv444p10le", "gbrp10le"], NeedsEvenSize = true, MinimumSize = (256, 120),
        },
        new()
        {
            Name = "mpeg2video", Codec = "mpeg2video", Quality = new("-q:v", 2, 1, 31, WholeOnly: true), Arguments = ["-bf", "2"],
            PixelFormats = ["yuv420p", "yuv422p"], NeedsEvenSize = true,
        },
        new()
        {
            // The byte order follows a DPX source's; else the high byte first, as scanners write.
            Name = "dpx", Codec = "dpx", NoQualityReason = "which is not compressed",
            PixelFormats = ["gray", "gray16be", "rgb24", "gbrp10be", "gbrp12be", "rgb48be", "rgba", "rgba64be"],
        },
        new()
        {
            Name = "tiff", Codec = "tiff", NoQualityReason = "which is lossless", Arguments = ["-compression_algo", "lzw"],
            PixelFormats = ["gray", "gray16le", "rgb24", "rgb48le", "rgba", "rgba64le"],
        },
        new()
        {
            // Half or float as the source's; zip of 16 lines, which every reader has.
            Name = "exr", Codec = "exr", NoQualityReason = "which is lossless", Arguments = ["-compression", "zip16"],
            PixelFormats = ["grayf32le", "gbrpf32le", "gbrapf32le"],
        },
        new()
        {
            Name = "png", Codec = "png", NoQualityReason = "which is lossless", Arguments = ["-pred", "mixed"],
            PixelFormats = ["gray", "gray16be", "rgb24", "rgb48be", "rgba", "rgba64be"],
        },
        new()
        {
            Name = "h264_nvenc", Codec = "h264", Quality = new("-cq", 18, 1, 51, WholeOnly: true), Arguments = ["-preset", "p5", "-rc", "vbr", "-b:v", "0"],
            PixelFormats = ["yuv420p", "yuv444p"], NeedsEvenSize = true, NeedsDevice = true, MinimumSize = (146, 50),
        },
        new()
        {
            Name = "hevc_nvenc", Codec = "hevc", Quality = new("-cq", 20, 1, 51, WholeOnly: true), Arguments = ["-preset", "p5", "-rc", "vbr", "-b:v", "0"],
            PixelFormats = ["yuv420p", "yuv444p", "p010le", "yuv444p16le"], WrittenDepth = 10, NeedsEvenSize = true, NeedsDevice = true, MinimumSize = (130, 34),
        },
        new()
        {
            Name = "av1_nvenc", Codec = "av1", Quality = new("-cq", 22, 1, 51, WholeOnly: true), Arguments = ["-preset", "p5", "-rc", "vbr", "-b:v", "0"],
            PixelFormats = ["yuv420p", "p010le"], NeedsEvenSize = true, NeedsDevice = true, MinimumSize = (192, 128),
        },
    ];

    /// <summary>What a name of <see cref="EncoderInfo.PixelFormats"/> holds.</summary>
    internal static PixelFormat Meaning(string pixelFormat) => PixelFormat.Known.TryGetValue(pixelFormat, out PixelFormat own) ? own : OtherLayouts[pixelFormat];

    /// <summary>What an encoder keeps of pictures that it is given under a name.</summary>
    internal static PixelFormat Kept(EncoderInfo encoder, string pixelFormat)
    {
        PixelFormat given = Meaning(pixelFormat);
        return encoder.WrittenDepth is { } most && most < given.BitDepth ? given with { BitDepth = most } : given;
    }

    /// <summary>Every encoder in the table.</summary>
    public static IReadOnlyList<EncoderInfo> All => Rows;

    /// <summary>The table's names, joined for a message.</summary>
    public static string Names => string.Join(", ", Rows.Select(r => r.Name));

    /// <summary>The table as Markdown, for the README.</summary>
    public static string ToMarkdown()
    {
        System.Text.StringBuilder text = new();
        text.AppendLine("| encoder | default quality | other defaults | pictures taken without conversion (bits) |");
        text.AppendLine("|---|---|---|---|");
        foreach (EncoderInfo row in Rows)
        {
            string quality = row.Quality is { } scale
                ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{scale.Option} {scale.Default?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "by the profile"} ({scale.Best} to {scale.Worst})")
                : row.NoQualityReason;
            text.AppendLine($"| {row.Name} | {quality} | {string.Join(' ', row.Arguments)} | {Describe(row.PixelFormats)} |");
        }

        return text.ToString();
    }

    // "4:2:0 8 10 12, RGB 8 16 ..." instead of thirty names.
    private static string Describe(IReadOnlyList<string> pixelFormats) => string.Join(", ", pixelFormats.Select(Meaning).Distinct()
        .GroupBy(f => f.Description.Replace($" {f.BitDepth} bit", "", StringComparison.Ordinal))
        .Select(g => g.First().IsFloat ? g.Key : g.Key + " " + string.Join(' ', g.Select(f => f.BitDepth).Order())));

    /// <summary>The table's row, or null.</summary>
    public static EncoderInfo? Find(string name) => Array.Find(Rows, r => r.Name == name);

    /// <summary>The device encoders that make the same codec of such pictures and lose none of their bits.</summary>
    internal static IEnumerable<EncoderInfo> DevicesFor(EncoderInfo software, PixelFormat format) =>
        Rows.Where(r => r.NeedsDevice && r.Codec == software.Codec && r.PixelFormats.Any(p => Kept(r, p) == format));

    /// <summary>The first line that ffmpeg says of itself: its version and build.</summary>
    /// <exception cref="FrameFlowException">ffmpeg is missing (<see cref="FaultKind.Encode"/>).</exception>
    public static async Task<string> FfmpegVersionAsync(CancellationToken cancellationToken) =>
        (await Tool.RunAsync("ffmpeg", ["-version"], cancellationToken)).Output.Split('\n')[0].Trim();

    /// <summary>
    /// The encoder as the installed ffmpeg has it: the table's row, or for another name what <c>ffmpeg -h encoder=NAME</c> says.
    /// A device encoder is tried on one small picture.
    /// </summary>
    /// <exception cref="FrameFlowException">ffmpeg has no such video encoder (<see cref="FaultKind.Usage"/>), ffmpeg is missing or the
    /// encoder's device is (<see cref="FaultKind.Encode"/>).</exception>
    public static async Task<EncoderInfo> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ToolResult help = await Tool.RunAsync("ffmpeg", ["-hide_banner", "-h", "encoder=" + name], cancellationToken);
        string? formats = help.Output.Split('\n').Select(l => l.Trim()).FirstOrDefault(l => l.StartsWith("Supported pixel formats:", StringComparison.Ordinal));
        bool known = help.Output.Contains($"Encoder {name} ", StringComparison.Ordinal);
        EncoderInfo? row = Find(name);
        if (!known || (row is null && formats is null))
        {
            string why = row is null ? "is no video encoder that ffmpeg knows" : "is not in the installed ffmpeg";
            throw new FrameFlowException(FaultKind.Usage, $"The encoder '{name}' {why}; choose one of {Names}, or see ffmpeg -encoders.") { ToolOutput = help.Describe() };
        }

        if (row is null)
        {
            string[] offered = formats!["Supported pixel formats:".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] usable = [.. offered.Where(PixelFormat.Known.ContainsKey)];
            if (usable.Length == 0)
            {
                throw new FrameFlowException(FaultKind.Usage, $"The encoder '{name}' takes none of the planar pictures that are carried here; choose one of {Names}.") { ToolOutput = help.Describe() };
            }

            return new EncoderInfo { Name = name, Codec = await CodecOfAsync(name, cancellationToken), PixelFormats = usable, NeedsEvenSize = true };
        }

        if (row.NeedsDevice)
        {
            ToolResult trial = await Tool.RunAsync(
                "ffmpeg",
                ["-hide_banner", "-v", "error", "-f", "lavfi", "-i", "color=s=256x256:r=25:d=0.04", "-pix_fmt", "yuv420p", "-c:v", name, "-f", "null", "-"],
                cancellationToken);
            if (trial.ExitCode != 0)
            {
                throw new FrameFlowException(FaultKind.Encode, $"The encoder {name} does not work here ({trial.FirstErrorLine()}); choose another, for example --encoder libx264.") { ToolOutput = trial.Describe() };
            }
        }

        return row;
    }

    // "V....D libx264   libx264 H.264 / AVC (codec h264)"; without the bracket, the codec is called like the encoder.
    private static async Task<string> CodecOfAsync(string name, CancellationToken cancellationToken)
    {
        ToolResult list = await Tool.RunAsync("ffmpeg", ["-hide_banner", "-encoders"], cancellationToken);
        foreach (string line in list.Output.Split('\n'))
        {
            string[] parts = line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 3 && parts[1] == name)
            {
                int open = line.LastIndexOf("(codec ", StringComparison.Ordinal);
                return open < 0 ? name : line[(open + 7)..].TrimEnd(')', ' ', '\r');
            }
        }

        return name;
    }
}
