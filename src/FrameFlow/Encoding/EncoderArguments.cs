using System.Collections.Frozen;
using System.Globalization;

namespace FrameFlow.Encoding;

/// <summary>What <see cref="EncodeOptions.EncoderArgs"/> may say: they come last on ffmpeg's command line and win, so none may settle what this program answers for.</summary>
internal static class EncoderArguments
{
    private const string Frames = "which frames stand when is settled by --fps, --start and --duration";
    private const string Streams = "which streams are carried is settled by the source and the container";
    private const string Filters = "the pictures are encoded as they were made; filter the source or the result";
    private const string Kind = "the encoder is named by --encoder, the container by the output's ending";

    // By the option's name without its dash and stream.
    private static readonly FrozenDictionary<string, string> _settled = new (string Reason, string Names)[]
    {
        (Frames, "t to ss sseof fs frames vframes r fpsmax vsync fps_mode shortest itsoffset copyts output_ts_offset enc_time_base start_number"),
        (Streams, "i map map_chapters map_metadata vn an sn dn"),
        (Filters, "vf filter filter_complex lavfi s"),
        (Kind, "c codec vcodec f"),
    }.SelectMany(g => g.Names.Split(' ').Select(n => (Name: n, g.Reason))).ToFrozenDictionary(p => p.Name, p => p.Reason, StringComparer.Ordinal);

    /// <summary>Every reason why they are refused; empty where they are good.</summary>
    /// <param name="arguments">The arguments, split.</param>
    public static IEnumerable<string> Faults(IReadOnlyList<string> arguments)
    {
        bool mayFollow = false;
        foreach (string argument in arguments)
        {
            bool isOption = argument.Length > 1 && argument[0] == '-' && !decimal.TryParse(argument, CultureInfo.InvariantCulture, out _);
            if (!isOption && !mayFollow)
            {
                yield return $"--encoder-args: '{argument}' follows no option; ffmpeg would take it for another output";
            }

            mayFollow = isOption;
            string[] parts = argument.Split(':', 2);
            bool isOfSound = parts is [_, ['a' or 's' or 'd', ..]];
            if (isOption && !isOfSound && _settled.GetValueOrDefault(parts[0][1..]) is { } reason)
            {
                yield return $"--encoder-args {argument}: {reason}";
            }
        }
    }
}
