using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>The JSON Schema of recipes, made from the types that are read, so that it cannot differ from them. <c>docs/recipe.schema.json</c> is a copy.</summary>
public static class RecipeSchema
{
    /// <summary>The mark of a text that must be a ratio, as <see cref="Rational"/> reads it.</summary>
    internal const string RatioFormat = "frameflow-ratio";

    /// <summary>The mark of a text that must be a frame rate, as <see cref="TargetRate"/> reads it.</summary>
    internal const string RateFormat = "frameflow-rate";

    private static readonly Lazy<JsonObject> Made = new(Make);

    /// <summary>The schema; not to be changed.</summary>
    public static JsonNode Schema => Made.Value;

    /// <summary>The schema as text, indented.</summary>
    public static string Write() => JobJson.WriteIndented(Schema) + "\n";

    private static JsonObject Make()
    {
        JsonNode schema = JobJson.Options.GetJsonSchemaAsNode(typeof(Recipe), new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform });
        JsonObject all = new()
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "FrameFlow recipe",
        };
        foreach ((string key, JsonNode? value) in schema.AsObject().ToArray())
        {
            schema.AsObject().Remove(key);
            all[key] = value;
        }

        // An editor's line in the document itself: it is read over.
        all["properties"]!.AsObject().Insert(0, "$schema", new JsonObject { ["type"] = "string" });
        return all;
    }

    // What has a converter of its own has no schema of its own.
    private static JsonNode Transform(JsonSchemaExporterContext context, JsonNode schema)
    {
        Type type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        bool isNullable = type != context.TypeInfo.Type;
        return type == typeof(Rational) ? Text(RatioFormat, "A ratio or a whole number, such as \"60000/1001\".", isNullable)
            : type == typeof(TargetRate) ? Text(RateFormat, "Frames a second or a multiple, such as 60, \"60000/1001\" or \"x2\".", isNullable)
            : schema;
    }

    private static JsonObject Text(string format, string description, bool isNullable) => new()
    {
        ["description"] = description,
        ["type"] = new JsonArray([.. ((string[])["string", "number", .. isNullable ? ["null"] : Array.Empty<string>()]).Select(t => (JsonNode)t)]),
        ["format"] = format,
    };
}
