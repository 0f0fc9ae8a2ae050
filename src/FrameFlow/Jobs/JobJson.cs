using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>How requests, recipes, plans and journals are written: camelCase, ratios and rates as text, nothing that is null.</summary>
public static class JobJson
{
    /// <summary>The options; an unknown name is an error, so that a misspelt option is not silently left out.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    private static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true };

    /// <summary>One line of JSON.</summary>
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>JSON for people: indented.</summary>
    public static string WriteIndented<T>(T value) => JsonSerializer.Serialize(value, Indented);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="JsonException">The text is no such JSON.</exception>
    public static T Read<T>(string text) => JsonSerializer.Deserialize<T>(text, Options) ?? throw new JsonException("The text says null.");

    /// <summary>The name of an operation, as recipes have it.</summary>
    public static string NameOf(OperationOptions options) => (string)JsonSerializer.SerializeToNode(options, Options)!["operation"]!;

    private static JsonSerializerOptions Create()
    {
        JsonSerializerOptions options = new(JsonSerializerDefaults.General)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowOutOfOrderMetadataProperties = true,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            IgnoreReadOnlyProperties = true,
            Converters = { new RateConverter(), new PixelFormatConverter(), new NoTimeline(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    private sealed class RateConverter : JsonConverter<TargetRate>
    {
        public override TargetRate Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string? text = reader.TokenType == JsonTokenType.Number ? System.Text.Encoding.UTF8.GetString(reader.ValueSpan) : reader.GetString();
            return TargetRate.TryParse(text, out TargetRate rate) ? rate : throw new JsonException($"'{text}' is no frame rate; expected one such as \"60\", \"60000/1001\" or \"x2\"");
        }

        public override void Write(Utf8JsonWriter writer, TargetRate value, JsonSerializerOptions options) => writer.WriteStringValue((value.IsMultiple ? "x" : "") + value.Value);
    }

    private sealed class PixelFormatConverter : JsonConverter<PixelFormat>
    {
        public override PixelFormat Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            PixelFormat.Known.TryGetValue(reader.GetString() ?? "", out PixelFormat format) ? format : throw new JsonException("expected a pixel format such as \"yuv420p\"");

        public override void Write(Utf8JsonWriter writer, PixelFormat value, JsonSerializerOptions options) => writer.WriteStringValue(value.Name);
    }
}
