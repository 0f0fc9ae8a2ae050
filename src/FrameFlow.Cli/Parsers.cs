using System.CommandLine;
using System.CommandLine.Parsing;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Cli;

/// <summary>How option values are read; each says what it wants when it does not get it.</summary>
internal static class Parsers
{
    /// <summary>A frame rate or a multiple.</summary>
    public static TargetRate? Rate(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (TargetRate.TryParse(text, out TargetRate rate))
        {
            return rate;
        }

        result.AddError($"--fps '{text}' is no frame rate; give a number or ratio above 0 and up to {TargetRate.Highest}, such as 60, 60000/1001 or x2.");
        return null;
    }

    /// <summary>A sequence's frame rate.</summary>
    public static Rational? InputRate(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (TargetRate.TryParse(text, out TargetRate rate) && !rate.IsMultiple)
        {
            return rate.Value;
        }

        result.AddError($"--input-fps '{text}' is no frame rate; give a number or ratio above 0 and up to {TargetRate.Highest}, such as 24 or 24000/1001.");
        return null;
    }

    /// <summary>A positive factor.</summary>
    public static Rational Factor(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (Rational.TryParse(text, out Rational factor) && factor > Rational.Zero && factor <= 100)
        {
            return factor;
        }

        result.AddError($"--slow '{text}' is no factor; give a number above 0 and up to 100, such as 2.5.");
        return Rational.One;
    }

    /// <summary>Seconds (<c>12.5</c>) or <c>[HH:]MM:SS[.fraction]</c>.</summary>
    public static Func<ArgumentResult, Rational?> Time(string option) => result =>
    {
        string text = result.Tokens[^1].Value;
        string[] parts = text.Split(':');
        Rational total = Rational.Zero;
        bool good = parts.Length is >= 1 and <= 3;
        for (int i = 0; good && i < parts.Length; i++)
        {
            good = Rational.TryParse(parts[i], out Rational part) && part >= Rational.Zero && !parts[i].Contains('/', StringComparison.Ordinal) && part < 1_000_000;
            total = good ? (total * 60) + part : total;
        }

        if (good)
        {
            return total;
        }

        result.AddError($"{option} '{text}' is no time; give seconds such as 12.5, or HH:MM:SS.");
        return null;
    };

    /// <summary>An option of two words. (An Option of bool would take no word after it.)</summary>
    public static Option<string> Switch(string name, string standard, string other, string description, params string[] aliases)
    {
        Option<string> option = new(name, aliases) { Description = $"{description} ({standard}|{other})", DefaultValueFactory = _ => standard };
        option.AcceptOnlyFromAmong(standard, other);
        return option;
    }
}
