using System.Buffers;
using System.Text;

namespace FrameFlow.Encoding;

/// <summary>
/// Arguments in one string, as FFMpegCore hands them to <see cref="System.Diagnostics.ProcessStartInfo.Arguments"/>: quotes group,
/// a backslash counts only before a quote.
/// </summary>
internal static class CommandLine
{
    private static readonly SearchValues<char> NeedQuotes = SearchValues.Create(" \t\n\v\"'");

    /// <summary>All arguments, each quoted where it must be.</summary>
    public static string Join(IEnumerable<string> arguments) => string.Join(' ', arguments.Select(Quote));

    /// <summary>One argument, quoted where it must be.</summary>
    public static string Quote(string argument) =>
        argument.Length > 0 && !argument.AsSpan().ContainsAny(NeedQuotes) ? argument : '"' + Inner(argument) + '"';

    /// <summary>One argument for a place that is already between quotes.</summary>
    public static string Inner(string argument)
    {
        StringBuilder text = new();
        int slashes = 0;
        foreach (char c in argument)
        {
            if (c == '\\')
            {
                slashes++;
                continue;
            }

            text.Append('\\', c == '"' ? (slashes * 2) + 1 : slashes).Append(c);
            slashes = 0;
        }

        return text.Append('\\', slashes * 2).ToString();
    }
}
