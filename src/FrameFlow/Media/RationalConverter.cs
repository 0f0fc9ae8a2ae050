using System.Text.Json;
using System.Text.Json.Serialization;

namespace FrameFlow.Media;

/// <summary>A ratio in JSON: text such as <c>"60000/1001"</c>; a whole number is read as well.</summary>
public sealed class RationalConverter : JsonConverter<Rational>
{
    /// <inheritdoc/>
    public override Rational Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetInt64(out long whole) => whole,
        JsonTokenType.String when Rational.TryParse(reader.GetString(), out Rational value) => value,
        _ => throw new JsonException("expected a ratio such as \"60000/1001\""),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Rational value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString());
    }
}
