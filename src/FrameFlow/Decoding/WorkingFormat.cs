using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// Which of the carried formats a source is worked on in: its own where it is carried, else the nearest that loses nothing where there is one
/// (packed samples become planes), with the filters that lead there. Every matrix and range is named; ffmpeg's defaults (BT.601, limited) are never used.
/// </summary>
/// <param name="Format">What frames look like.</param>
/// <param name="RawName">ffmpeg's name of the raw output.</param>
/// <param name="Conversion">The filters, or null where samples are taken as they are.</param>
/// <param name="Note">What to tell the user, or null.</param>
internal sealed partial record WorkingFormat(VideoFormat Format, string RawName, string? Conversion, string? Note)
{
    // full_chroma_*: chroma at full resolution inside; no dither, so that the same samples always come out.
    private const string Flags = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none";

    /// <summary>Chooses for a video stream.</summary>
    /// <exception cref="FrameFlowException">ffmpeg cannot name the source's format (<see cref="FaultKind.Input"/>).</exception>
    public static async Task<WorkingFormat> ChooseAsync(string path, VideoDescription video, CancellationToken cancellationToken)
    {
        string name = video.SourcePixelFormat;
        VideoFormat As(PixelFormat format, ColorDescription color) => new()
        {
            Width = video.Width,
            Height = video.Height,
            PixelFormat = format,
            SampleAspect = video.SampleAspect,

            // What no tag says of RGB and grey is what everybody, swscale too, takes them for: all codes.
            Color = format.Model == ColorModel.Yuv ? color : color with { FullRange = color.FullRange ?? true, ChromaLocation = null },
        };

        if (PixelFormat.Known.TryGetValue(name, out PixelFormat own))
        {
            return new(As(own, video.Color), name, null, null);
        }

        // yuvj420p is yuv420p by another name; asking for yuv420p would make ffmpeg squeeze the range.
        if (name.StartsWith("yuvj", StringComparison.Ordinal) && PixelFormat.Known.TryGetValue("yuv" + name[4..], out own))
        {
            return new(As(own, video.Color with { FullRange = true }), name, null, null);
        }

        Layout layout = await LayoutOfAsync(name, cancellationToken)
            ?? throw new FrameFlowException(FaultKind.Input, $"Input '{path}' has pixel format '{name}', which ffmpeg here cannot describe; install a newer ffmpeg or convert the file to yuv422p10le.");
        PixelFormat meant = Meant(name, layout);
        PixelFormat target = PixelFormat.Known.Values.Where(f => f.Model == meant.Model && f.Sampling == meant.Sampling && f.IsFloat == meant.IsFloat && f.BitDepth >= meant.BitDepth && f.HasAlpha == meant.HasAlpha)
            .OrderBy(f => f.BitDepth).First();
        string conversion;
        if (target is { Model: ColorModel.Rgb, BitDepth: 8, HasAlpha: true } && layout.IsRgb)
        {
            // swscale's own way from packed 8-bit pixels changes some alphas by a code.
            conversion = "format=rgba,extractplanes=r+g+b+a[r][g][b][a];[g][b][r][a]mergeplanes=0x00102030:gbrap";
        }
        else if (target.Model == ColorModel.Yuv)
        {
            string matrix = MatrixOf(video.Color, video);
            string range = video.Color.FullRange == true ? "pc" : "tv";
            conversion = $"scale=in_color_matrix={matrix}:out_color_matrix={matrix}:in_range={range}:out_range={range}:{Flags},format={target.Name}";
        }
        else
        {
            // RGB to RGB, grey to grey: no matrix is asked, and full to full leaves the samples alone, whatever the tag says.
            conversion = $"scale=in_range=pc:out_range=pc:{Flags},format={target.Name}";
        }

        string lost = layout.HasAlpha && !target.HasAlpha ? ", the alpha channel is dropped" : "";
        return new(As(target, video.Color), target.Name, conversion, $"{name} is worked on as {target.Name}{lost}.");
    }

    // The planes that hold all that the format does.
    private static PixelFormat Meant(string name, Layout layout)
    {
        int depth = name.Contains("f32", StringComparison.Ordinal) || name.Contains("f16", StringComparison.Ordinal) ? 32 : Math.Max(8, layout.Depth);
        if (layout.IsRgb || layout is { Components: 2 })
        {
            // Grey with alpha has no planes of its own: three equal ones.
            return new PixelFormat(ChromaSampling.Yuv444, layout.HasAlpha && depth is 9 or 14 ? depth + 1 : depth, ColorModel.Rgb, layout.HasAlpha);
        }

        if (layout.Components < 3)
        {
            return new PixelFormat(ChromaSampling.Yuv444, depth, ColorModel.Gray);
        }

        ChromaSampling sampling = (layout.ShiftX, layout.ShiftY) switch
        {
            (0, _) => ChromaSampling.Yuv444,
            (1, 0) => ChromaSampling.Yuv422,
            (1, _) => ChromaSampling.Yuv420,
            (_, 0) => ChromaSampling.Yuv422,
            _ => ChromaSampling.Yuv420,
        };
        return new PixelFormat(sampling, depth, ColorModel.Yuv, layout.HasAlpha);
    }

    /// <summary>Bits a sample, from what the stream says or else from the format's name.</summary>
    public static int BitDepthOf(string pixelFormat, int? stated)
    {
        if (stated > 0)
        {
            return stated.Value;
        }

        Match digits = DepthPattern().Match(pixelFormat);
        return digits.Success ? int.Parse(digits.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : pixelFormat.Contains("f32", StringComparison.Ordinal) ? 32
            : pixelFormat.StartsWith("rgb48", StringComparison.Ordinal) || pixelFormat.StartsWith("bgr48", StringComparison.Ordinal) || pixelFormat.StartsWith("rgba64", StringComparison.Ordinal) || pixelFormat.StartsWith("bgra64", StringComparison.Ordinal) ? 16
            : pixelFormat.StartsWith("p010", StringComparison.Ordinal) || pixelFormat.StartsWith("p210", StringComparison.Ordinal) || pixelFormat.StartsWith("p410", StringComparison.Ordinal) || pixelFormat.StartsWith("y210", StringComparison.Ordinal) ? 10
            : 8;
    }

    // The names that the scale filter knows.
    private static string MatrixOf(ColorDescription color, VideoDescription video) => color.Matrix switch
    {
        "bt709" => "bt709",
        "smpte170m" or "bt470bg" => "bt601",
        "smpte240m" => "smpte240m",
        "fcc" => "fcc",
        "bt2020nc" or "bt2020c" => "bt2020",
        _ => video.Height >= 720 || video.Width >= 1280 ? "bt709" : "bt601",
    };

    private static async Task<Layout?> LayoutOfAsync(string name, CancellationToken cancellationToken)
    {
        MemoryStream json = new();
        await ExternalTool.RunAsync("ffprobe", ["-v", "error", "-of", "json", "-show_pixel_formats"], r => r.BaseStream.CopyToAsync(json, cancellationToken), static _ => { }, cancellationToken);
        json.Position = 0;
        using JsonDocument document = await JsonDocument.ParseAsync(json, cancellationToken: cancellationToken);
        foreach (JsonElement e in document.RootElement.GetProperty("pixel_formats").EnumerateArray())
        {
            if (e.GetProperty("name").GetString() != name)
            {
                continue;
            }

            JsonElement flags = e.GetProperty("flags");
            bool Has(string flag) => flags.TryGetProperty(flag, out JsonElement value) && value.GetInt32() != 0;
            int Number(string key) => e.TryGetProperty(key, out JsonElement value) ? value.GetInt32() : 0;
            int depth = e.TryGetProperty("components", out JsonElement components) ? components.EnumerateArray().Max(c => c.GetProperty("bit_depth").GetInt32()) : 8;
            return new Layout(Number("nb_components"), Number("log2_chroma_w"), Number("log2_chroma_h"), depth, Has("rgb") || Has("palette"), Has("alpha"));
        }

        return null;
    }

    [GeneratedRegex(@"(?:p|gray|gbrp|gbrap|rgb|x2rgb|x2bgr|xyz|v)(9|10|12|14|16)(?:le|be|$)")]
    private static partial Regex DepthPattern();

    private sealed record Layout(int Components, int ShiftX, int ShiftY, int Depth, bool IsRgb, bool HasAlpha);
}
