using System.Text.Json;
using System.Text.Json.Serialization;
using FrameFlow.Media;

namespace FrameFlow.Cli;

/// <summary>How results are printed as JSON: one object, ratios as strings, nothing null left out.</summary>
internal static class Json
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Print(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Options));

    /// <summary>Seconds for reading: rounded to a microsecond.</summary>
    public static double? Seconds(Rational? time) => time is { } t ? Math.Round(t.ToDouble(), 6) : null;
}
