using System.Text.Json;
using System.Text.Json.Nodes;
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

    /// <summary>Prints what all results of a kind have, and what this one has beside it, as one object.</summary>
    public static void Print(object common, object more)
    {
        JsonObject whole = JsonSerializer.SerializeToNode(common, Options)!.AsObject();
        foreach ((string name, JsonNode? value) in JsonSerializer.SerializeToNode(more, Options)!.AsObject())
        {
            whole[name] = value?.DeepClone();
        }

        Print(whole);
    }

    public static void Print(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Options));

    /// <summary>Seconds for reading: rounded to a microsecond.</summary>
    public static double? Seconds(Rational? time) => time is { } t ? Math.Round(t.ToDouble(), 6) : null;
}
