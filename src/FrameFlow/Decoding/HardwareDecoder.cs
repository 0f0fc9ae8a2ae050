using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// Finds the decoder of a device that gives the very samples that ffmpeg's own decoder gives. It is believed after a trial on the film's first frames; the scan,
/// which says what is damaged, is the processor's always.
/// </summary>
public static class HardwareDecoder
{
    /// <summary>What may be asked for, for a message.</summary>
    public const string Allowed = "off, auto, cuda or vaapi";

    // In the order of trial. Others of ffmpeg's (vdpau, qsv, vulkan ...) are older ways to the same decoders, or decode nothing in ffmpeg 5.1.
    private static readonly string[] Kinds = ["cuda", "vaapi"];

    private const int TrialFrames = 8;

    /// <summary>Whether a word is one of <see cref="Allowed"/>.</summary>
    public static bool IsAllowed(string word) => word is "off" or "auto" || Kinds.Contains(word);

    /// <summary>Looks for a device's decoder that is as good as the processor's for this film.</summary>
    /// <param name="wanted">One of <see cref="Allowed"/>.</param>
    /// <param name="info">What the probe found.</param>
    /// <param name="scan">What the scan found.</param>
    /// <param name="options">The options of the scan.</param>
    /// <param name="cancellationToken">Ends the trials.</param>
    /// <returns>ffmpeg's name of the method (<c>cuda</c>, <c>vaapi</c>), null for none; and in words why, null where nothing was asked.</returns>
    public static async Task<(string? Method, string? Reason)> FindAsync(string wanted, MediaInfo info, SourceScan scan, DecodeOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(scan);
        ArgumentNullException.ThrowIfNull(options);
        if (wanted == "off")
        {
            return (null, null);
        }

        if (info.Sequence is not null || scan.Damage.Count > 0 || scan.Conversion is not null || DownloadFormat(scan.Format.PixelFormat) is not { } download)
        {
            string what = info.Sequence is not null ? "single pictures" : scan.Damage.Count > 0 ? "a damaged film, since devices hide faults," : scan.RawPixelFormat;
            return (null, $"no device decodes {what} here");
        }

        List<string> offered = [];
        await ExternalTool.RunAsync("ffmpeg", ["-hide_banner", "-v", "error", "-hwaccels"], output => ExternalTool.ReadLinesAsync(output, line => offered.Add(line.Trim())), static _ => { }, cancellationToken);
        DecodePlan plan = new(info, info.Video!, options);
        string format = "format=" + scan.RawPixelFormat;
        (List<string> Hashes, string? Fault)? own = null;
        List<string> reasons = [];
        foreach (string method in Kinds.Where(k => wanted == "auto" || wanted == k))
        {
            if (!offered.Contains(method))
            {
                reasons.Add($"{method} is not in the installed ffmpeg");
                continue;
            }

            (List<string> hashes, string? fault) = await DecodeAsync(["-hwaccel", method, "-hwaccel_output_format", method], $"hwdownload,format={download},{format}");
            if (fault is not null || hashes.Count == 0)
            {
                reasons.Add($"{method}: {fault ?? "no picture came"}");
                continue;
            }

            own ??= await DecodeAsync([], format);
            if (hashes.SequenceEqual(own.Value.Hashes))
            {
                return (method, string.Create(CultureInfo.InvariantCulture, $"{method}, whose first {hashes.Count} pictures are those of the processor bit for bit"));
            }

            reasons.Add($"{method} gives other pictures than the processor");
        }

        return (null, string.Join("; ", reasons));

        async Task<(List<string> Hashes, string? Fault)> DecodeAsync(string[] before, string filters)
        {
            List<string> hashes = [];
            string? first = null;
            int exitCode = await ExternalTool.RunAsync(
                "ffmpeg",
                ["-hide_banner", "-nostats", "-nostdin", "-v", "error", .. before, .. plan.InputOptions, "-i", plan.Input, .. plan.OutputOptions, "-frames:v", TrialFrames.ToString(CultureInfo.InvariantCulture), "-vf", DecodePlan.Chain(plan.Trim, filters)!, "-f", "framemd5", "-"],
                output => ExternalTool.ReadLinesAsync(output, line => hashes.AddRange(line.StartsWith('#') ? [] : [line[(line.LastIndexOf(',') + 1)..].Trim()])),
                line => first ??= line.StartsWith('[') && line.IndexOf("] ", StringComparison.Ordinal) is > 0 and int end ? line[(end + 2)..] : line,
                cancellationToken);
            return (hashes, exitCode == 0 ? null : first ?? FormattableString.Invariant($"ffmpeg ended with {exitCode}"));
        }
    }

    // How the device's pictures lie in memory once they are fetched.
    private static string? DownloadFormat(PixelFormat format) => format switch
    {
        { Model: ColorModel.Yuv, HasAlpha: false, Sampling: ChromaSampling.Yuv420, BitDepth: 8 } => "nv12",
        { Model: ColorModel.Yuv, HasAlpha: false, Sampling: ChromaSampling.Yuv420, BitDepth: 10 } => "p010le",
        { Model: ColorModel.Yuv, HasAlpha: false, Sampling: ChromaSampling.Yuv444, BitDepth: 8 } => "yuv444p",
        _ => null,
    };
}
