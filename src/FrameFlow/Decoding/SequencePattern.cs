using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace FrameFlow.Decoding;

/// <summary>
/// The name of a numbered sequence of pictures, a file each, as ffmpeg and editing programs write it: <c>scan/frame_%06d.dpx</c>, the number with
/// six digits and leading zeros, or <c>%d</c> without.
/// </summary>
public sealed partial record SequencePattern
{
    // Digits of long.MaxValue less one: every number of so many fits.
    private const int MostDigits = 18;

    /// <summary>The extensions that are read and written as sequences, with the dot.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".dpx", ".tif", ".tiff", ".exr", ".png"];

    private SequencePattern(string path, string folder, string prefix, int digits, string suffix)
    {
        Path = path;
        Folder = folder;
        Prefix = prefix;
        Digits = digits;
        Suffix = suffix;
    }

    /// <summary>The pattern as given.</summary>
    public string Path { get; }

    /// <summary>The folder's full path.</summary>
    public string Folder { get; }

    /// <summary>What stands before the number.</summary>
    public string Prefix { get; }

    /// <summary>The least digits of the number; 0 for no leading zeros.</summary>
    public int Digits { get; }

    /// <summary>What stands behind the number, extension included.</summary>
    public string Suffix { get; }

    /// <summary>The extension with its dot, lower case.</summary>
    public string Extension => System.IO.Path.GetExtension(Suffix).ToLowerInvariant();

    /// <summary>Whether an extension, with its dot, is that of a sequence's pictures.</summary>
    public static bool Knows(string extension) => Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a path as a pattern: one <c>%d</c> or <c>%0Nd</c> in its last part, and a known extension.</summary>
    /// <returns>The pattern, or null where the path is none, or names a file that exists.</returns>
    public static SequencePattern? TryParse(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string full = System.IO.Path.GetFullPath(path);
        string name = System.IO.Path.GetFileName(full);
        Match place = Place().Match(name);
        if (!place.Success || place.NextMatch().Success || !Knows(System.IO.Path.GetExtension(name)) || File.Exists(full))
        {
            return null;
        }

        int digits = place.Groups[1].Length == 0 ? 0 : int.Parse(place.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        return digits > MostDigits ? null : new SequencePattern(path, System.IO.Path.GetDirectoryName(full)!, name[..place.Index], digits, name[(place.Index + place.Length)..]);
    }

    /// <summary>The file name of a number.</summary>
    public string NameOf(long number) => Prefix + number.ToString(Digits == 0 ? "0" : "D" + Digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) + Suffix;

    /// <summary>The full path of a number's file.</summary>
    public string PathOf(long number) => System.IO.Path.Combine(Folder, NameOf(number));

    /// <summary>The number in a file name, or null where the name is none of the sequence's.</summary>
    public long? NumberOf(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        if (fileName.Length <= Prefix.Length + Suffix.Length || !fileName.StartsWith(Prefix, StringComparison.Ordinal) || !fileName.EndsWith(Suffix, StringComparison.Ordinal))
        {
            return null;
        }

        ReadOnlySpan<char> digits = fileName.AsSpan(Prefix.Length, fileName.Length - Prefix.Length - Suffix.Length);
        return digits.Length <= MostDigits && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && NameOf(number) == fileName ? number : null;
    }

    /// <summary>The numbers whose files exist, in order; empty where there is no such folder.</summary>
    public IReadOnlyList<long> FindNumbers() => !Directory.Exists(Folder) ? [] :
        [.. Directory.EnumerateFiles(Folder).Select(f => NumberOf(System.IO.Path.GetFileName(f))).Where(n => n is not null).Select(n => n!.Value).Order()];

    /// <summary>What ffmpeg's image2 demuxer takes, with <c>-pattern_type glob</c>, to read the files that exist in the order of their numbers: a missing one does not end it.</summary>
    /// <param name="last">The largest number.</param>
    public string Glob(long last)
    {
        int most = last.ToString(CultureInfo.InvariantCulture).Length;
        int least = Math.Max(1, Digits);
        string start = Escape(Folder + System.IO.Path.DirectorySeparatorChar + Prefix);

        // glob(3) sorts by the alphabet, but takes the alternatives in a brace one after the other: fewer digits first. A lone one needs no brace.
        string[] alternatives = [.. Enumerable.Range(least, Math.Max(1, most - least + 1)).Select(count => start + (count > least ? "[1-9]" : "[0-9]") + string.Concat(Enumerable.Repeat("[0-9]", count - 1)) + Escape(Suffix))];
        return alternatives.Length == 1 ? alternatives[0] : "{" + string.Join(',', alternatives) + "}";
    }

    private static string Escape(string text)
    {
        StringBuilder escaped = new();
        foreach (char c in text)
        {
            if (c is '*' or '?' or '[' or ']' or '{' or '}' or '\\' or ',' or '~')
            {
                escaped.Append('\\');
            }

            escaped.Append(c);
        }

        return escaped.ToString();
    }

    [GeneratedRegex(@"%(?:0(\d{1,2}))?d")]
    private static partial Regex Place();
}
