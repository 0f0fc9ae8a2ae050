using System.Globalization;
using System.Text;

namespace FrameFlow.Encoding;

/// <summary>How the result is encoded.</summary>
public sealed record EncodeOptions
{
    /// <summary>ffmpeg's name of the video encoder (<c>libx264</c>, <c>ffv1</c> ...), or null for the container's default.</summary>
    public string? Encoder { get; init; }

    /// <summary>The encoder's quality, on its own scale (crf, cq or quantiser: smaller is better), or null for its default.</summary>
    public decimal? Crf { get; init; }

    /// <summary>More arguments for ffmpeg's output, as one would write them in a shell; they come last and so win. Null for none.</summary>
    public string? EncoderArgs { get; init; }

    /// <summary>Encoder threads; 0 lets the encoder choose.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Every reason why the options cannot be used, a line each; empty where they can. What depends on the container or on the
    /// installed ffmpeg is found by <see cref="EncodePlan.Create"/> and <see cref="EncoderCatalog.ResolveAsync"/>.
    /// </summary>
    /// <param name="used">The encoder where <see cref="Encoder"/> names none; null where that is not known yet.</param>
    public IReadOnlyList<string> Validate(EncoderInfo? used = null)
    {
        List<string> errors = [];
        EncoderInfo? row = Encoder is null ? used : EncoderCatalog.Find(Encoder);
        if (Encoder is not null && (Encoder.Length == 0 || !Encoder.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')))
        {
            errors.Add($"--encoder '{Encoder}' is no encoder's name; known here: {EncoderCatalog.Names}");
        }

        if (Crf is { } crf && row is not null)
        {
            if (row.Quality is not { } scale)
            {
                errors.Add($"--crf has no meaning for {row.Name}, {row.NoQualityReason}; leave it out");
            }
            else if (crf < scale.Best || crf > scale.Worst || (scale.WholeOnly && decimal.Truncate(crf) != crf))
            {
                string kind = scale.WholeOnly ? "whole number" : "number";
                errors.Add(string.Create(CultureInfo.InvariantCulture, $"--crf {crf} is out of range for {row.Name}: a {kind} from {scale.Best} (best) to {scale.Worst}"));
            }
        }
        else if (Crf is { } any && (any < 0 || any > 255))
        {
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"--crf {any} is out of range: 0 (best) and up"));
        }

        if (Threads is < 0 or > 1024)
        {
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"--threads {Threads} is out of range: 0 (automatic) to 1024"));
        }

        if (EncoderArgs is not null)
        {
            errors.AddRange(TrySplit(EncoderArgs, out IReadOnlyList<string> arguments, out string? error) ? EncoderArguments.Faults(arguments) : [$"--encoder-args: {error}"]);
        }

        return errors;
    }

    /// <summary>Splits text into arguments as a POSIX shell does: blanks separate, quotes and backslashes protect; nothing is expanded.</summary>
    /// <param name="text">The text.</param>
    /// <param name="arguments">The arguments; empty where the text cannot be split.</param>
    /// <param name="error">What is wrong with the text, or null.</param>
    public static bool TrySplit(string text, out IReadOnlyList<string> arguments, out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<string> found = [];
        StringBuilder word = new();
        bool inWord = false;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quote == '\'')
            {
                if (c == quote)
                {
                    quote = '\0';
                }
                else
                {
                    word.Append(c);
                }
            }
            else if (c == '\\' && (quote == '\0' || (i + 1 < text.Length && text[i + 1] is '"' or '\\')))
            {
                if (++i == text.Length)
                {
                    (arguments, error) = ([], "a backslash at the end protects nothing");
                    return false;
                }

                word.Append(text[i]);
                inWord = true;
            }
            else if (quote == '"')
            {
                if (c == quote)
                {
                    quote = '\0';
                }
                else
                {
                    word.Append(c);
                }
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                {
                    found.Add(word.ToString());
                    word.Clear();
                    inWord = false;
                }
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (quote != '\0')
        {
            (arguments, error) = ([], $"a {quote} is opened and never closed");
            return false;
        }

        if (inWord)
        {
            found.Add(word.ToString());
        }

        (arguments, error) = (found, null);
        return true;
    }
}
