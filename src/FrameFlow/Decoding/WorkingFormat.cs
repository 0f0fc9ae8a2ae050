using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// Which of the carried formats a source is worked on in: its own where it is carried, else the nearest, with the filters that lead
/// there. Every matrix and range is named; ffmpeg's defaults (BT.601, limited) are never used.
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
        VideoFormat As(PixelFormat format, ColorDescription color) =>
            new() { Width = video.Width, Height = video.Height, PixelFormat = format, Color = color, SampleAspect = video.SampleAspect };

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
        int depth = layout.Depth > 8 ? 10 : 8;
        ChromaSampling sampling = layout.IsRgb ? ChromaSampling.Yuv444
            : layout.Components < 3 ? ChromaSampling.Yuv420
            : (layout.ShiftX, layout.ShiftY) switch
            {
                (0, _) => ChromaSampling.Yuv444,
                (1, 0) => ChromaSampling.Yuv422,
                (1, _) => ChromaSampling.Yuv420,
                (_, 0) => ChromaSampling.Yuv422,
                _ => ChromaSampling.Yuv420,
            };
        PixelFormat target = new(sampling, depth);
        ColorDescription color = video.Color;
        string conversion;
        string how = "";
        if (layout.IsRgb)
        {
            bool wide = color.Primaries is "bt2020";
            bool high = video.Height >= 720 || video.Width >= 1280;
            (string tag, string matrix) = wide ? ("bt2020nc", "bt2020") : high ? ("bt709", "bt709") : ("smpte170m", "bt601");
            color = color with { Matrix = tag, FullRange = false, ChromaLocation = null };
            conversion = $"scale=in_range=pc:out_color_matrix={matrix}:out_range=tv:{Flags},format={target.Name}";
            how = $" (matrix {tag}, limited range)";
        }
        else if (layout.Components < 3)
        {
            // swscale takes every grey as full range; full to full leaves the samples alone, whatever the tag says.
            color = color with { FullRange = color.FullRange ?? true };
            conversion = $"scale=in_range=pc:out_range=pc:{Flags},format={target.Name}";
            how = color.FullRange == true ? " (full range, no colour)" : " (no colour)";
        }
        else
        {
            string matrix = MatrixOf(color, video);
            string range = color.FullRange == true ? "pc" : "tv";
            conversion = $"scale=in_color_matrix={matrix}:out_color_matrix={matrix}:in_range={range}:out_range={range}:{Flags},format={target.Name}";
        }

        string lost = (layout.HasAlpha ? ", the alpha channel is dropped" : "")
            + (layout.Depth > 10 ? string.Create(CultureInfo.InvariantCulture, $", {layout.Depth} bits become 10") : "");
        return new(As(target, color), target.Name, conversion, $"{name} is worked on as {target.Name}{how}{lost}.");
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
