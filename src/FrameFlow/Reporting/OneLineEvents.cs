using System.Globalization;
using System.Text;
using Serilog.Core;
using Serilog.Events;

namespace FrameFlow.Reporting;

/// <summary>
/// Keeps what is logged of a film in its line: control characters in names and reasons, which come from outside, are written as <c>\n</c> or <c>\u001b</c>.
/// What a tool printed stays in its lines, since it is asked for as such.
/// </summary>
public sealed class OneLineEvents : ILogEventEnricher
{
    private const string OfManyLines = "ToolOutput";

    /// <inheritdoc/>
    public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
    {
        ArgumentNullException.ThrowIfNull(logEvent);
        List<LogEventProperty>? escaped = null;
        foreach ((string name, LogEventPropertyValue value) in logEvent.Properties)
        {
            if (name != OfManyLines && value is ScalarValue { Value: string text } && text.Any(IsBreaking))
            {
                (escaped ??= []).Add(new LogEventProperty(name, new ScalarValue(Escape(text))));
            }
        }

        escaped?.ForEach(logEvent.AddOrUpdateProperty);
    }

    private static string Escape(string text)
    {
        StringBuilder written = new(text.Length + 8);
        foreach (char c in text)
        {
            _ = c switch
            {
                '\n' => written.Append("\\n"),
                '\r' => written.Append("\\r"),
                '\t' => written.Append("\\t"),
                _ when IsBreaking(c) => written.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => written.Append(c),
            };
        }

        return written.ToString();
    }

    // Control characters, and Unicode's own line and paragraph separators.
    private static bool IsBreaking(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}
