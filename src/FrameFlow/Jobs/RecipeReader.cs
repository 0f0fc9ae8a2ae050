using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Jobs;

/// <summary>
/// Reads a recipe and finds everything that is wrong with it at once: first what <see cref="RecipeSchema"/> refuses, with the place in the document and the nearest
/// known word, then what the options themselves refuse. (A general validator of schemas would tell of neither nearness nor ranges.)
/// </summary>
public static class RecipeReader
{
    /// <summary>Reads.</summary>
    /// <param name="text">JSON.</param>
    /// <param name="faults">What is wrong: place, what, mend; empty where nothing is.</param>
    /// <returns>The recipe; null where anything is wrong.</returns>
    public static Recipe? Read(string text, out IReadOnlyList<string> faults)
    {
        List<string> found = [];
        faults = found;
        JsonNode? document;
        try
        {
            document = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            string place = e.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $"line {line + 1}, column {e.BytePositionInLine + 1}: ") : "";
            found.Add($"{place}no JSON ({e.Message.Split(" LineNumber:")[0].Split(" Path:")[0].TrimEnd('.')})");
            return null;
        }
        catch (InvalidOperationException)
        {
            found.Add("a name ends within a character: half of a surrogate pair, such as \\ud800, stands alone");
            return null;
        }

        FindHalfCharacters(document, "", found);
        if (found.Count > 0)
        {
            return null;
        }

        if (document is not JsonObject recipe)
        {
            found.Add("a recipe is an object: { \"name\": ..., \"operations\": [ ... ] }");
            return null;
        }

        recipe.Remove("$schema");
        Check(recipe, RecipeSchema.Schema, "", found);
        bool isFormed = found.Count == 0;

        // Options that are well formed say themselves what they take; one that is not keeps no other from being looked at.
        if (recipe["operations"] is JsonArray operations)
        {
            if (operations.Count == 0)
            {
                found.Add("operations: empty; name at least one");
            }

            for (int i = 0; i < operations.Count; i++)
            {
                string place = string.Create(CultureInfo.InvariantCulture, $"operations[{i}]");
                if (!found.Any(f => f.StartsWith(place, StringComparison.Ordinal)) && TryRead(operations[i], place, found, out OperationOptions? options))
                {
                    using IVideoOperation operation = options!.Create();
                    found.AddRange(operation.Validate().Select(f => Named(place, f)));
                }
            }
        }

        if (recipe["name"] is JsonValue name && name.GetValueKind() == JsonValueKind.String && string.IsNullOrWhiteSpace((string)name!))
        {
            found.Add($"name '{(string)name!}': empty; one character or more");
        }

        if (recipe["decode"] is { } decode && !found.Any(f => f.StartsWith("decode", StringComparison.Ordinal)) && TryRead(decode, "decode", found, out DecodeOptions? decoding))
        {
            found.AddRange(decoding!.Validate().Select(f => Named("decode", f)));
        }

        if (recipe["encode"] is { } encode && !found.Any(f => f.StartsWith("encode", StringComparison.Ordinal)) && TryRead(encode, "encode", found, out EncodeOptions? encoding))
        {
            found.AddRange(encoding!.Validate().Select(f => Named("encode", f)));
        }

        if (recipe["container"] is JsonValue container && container.GetValueKind() == JsonValueKind.String && !ContainerCatalog.Knows((string)container!))
        {
            found.Add($"container '{(string)container!}': no container that is known ('frameflow formats'); give its ending, such as \".mkv\"");
        }

        if (recipe["device"] is JsonValue device && device.GetValueKind() == JsonValueKind.String)
        {
            _ = DeviceRequest.Parse((string)device!, out string? fault);
            if (fault is not null)
            {
                found.Add($"device '{(string)device!}': {DeviceRequest.Allowed}");
            }
        }

        if (recipe["hwaccel"] is JsonValue hwaccel && hwaccel.GetValueKind() == JsonValueKind.String && !HardwareDecoder.IsAllowed((string)hwaccel!))
        {
            found.Add($"hwaccel '{(string)hwaccel!}': {HardwareDecoder.Allowed}");
        }

        return isFormed && found.Count == 0 && TryRead(document, "", found, out Recipe? read) ? read : null;
    }

    /// <summary>The word that was probably meant; null where none is near.</summary>
    internal static string? Nearest(string word, IEnumerable<string> known) => known
        .Select(k => (Word: k, Distance: Distance(word.ToLowerInvariant(), k.ToLowerInvariant())))
        .Where(k => k.Distance <= Math.Max(1, Math.Min(word.Length, k.Word.Length) / 2))
        .OrderBy(k => k.Distance).Select(k => k.Word).FirstOrDefault();

    // JSON may spell half of a surrogate pair, which no text can hold; the parser lets it stand until it is asked for.
    private static void FindHalfCharacters(JsonNode? node, string place, List<string> faults)
    {
        try
        {
            if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
            {
                _ = (string)value!;
            }
            else if (node is JsonArray list)
            {
                for (int i = 0; i < list.Count; i++)
                {
                    FindHalfCharacters(list[i], string.Create(CultureInfo.InvariantCulture, $"{place}[{i}]"), faults);
                }
            }
            else if (node is JsonObject fields)
            {
                foreach ((string name, JsonNode? field) in fields)
                {
                    FindHalfCharacters(field, place.Length == 0 ? name : $"{place}.{name}", faults);
                }
            }
        }
        catch (InvalidOperationException)
        {
            faults.Add($"{(place.Length == 0 ? "the recipe" : place)}: a text ends within a character: half of a surrogate pair, such as \\ud800, stands alone");
        }
    }

    private static bool TryRead<T>(JsonNode? node, string place, List<string> faults, out T? value)
    {
        try
        {
            value = node.Deserialize<T>(JobJson.Options);
            return value is not null;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            faults.Add($"{(place.Length == 0 ? "the recipe" : place)}: {e.Message.Split(" Path:")[0].ReplaceLineEndings(" ").TrimEnd('.')}");
            value = default;
            return false;
        }
    }

    // Options tell of themselves by the names that they have on a command line.
    private static string Named(string place, string fault) => $"{place}: {(fault.StartsWith("--", StringComparison.Ordinal) ? fault[2..] : fault).TrimEnd('.')}";

    private static void Check(JsonNode? node, JsonNode? schema, string place, List<string> faults)
    {
        if (schema is not JsonObject rules)
        {
            return;
        }

        if (rules["anyOf"] is JsonArray kinds)
        {
            CheckKind(node, kinds, place, faults);
            return;
        }

        string shown = place.Length == 0 ? "the recipe" : place;
        string[] types = rules["type"] switch { JsonArray several => [.. several.Select(t => (string)t!)], JsonValue one => [(string)one!], _ => [] };
        if (types.Length > 0 && !types.Any(t => Is(node, t)))
        {
            faults.Add($"{shown}: {Show(node)} is no {string.Join(" or ", types.Where(t => t != "null"))}");
            return;
        }

        if (node is null)
        {
            return;
        }

        if (rules["enum"] is JsonArray words && !words.Any(w => JsonNode.DeepEquals(w, node)))
        {
            string[] known = [.. words.OfType<JsonNode>().Select(w => (string)w!)];
            faults.Add($"{shown}: {Show(node)} is not known; {Meant(node.GetValueKind() == JsonValueKind.String ? (string)node! : "", known)}{string.Join(", ", known)}");
        }

        string text = node is JsonValue value ? (value.GetValueKind() == JsonValueKind.String ? (string)value! : value.ToJsonString()) : "";
        switch ((string?)rules["format"])
        {
            case RecipeSchema.RateFormat when !TargetRate.TryParse(text, out _):
                faults.Add($"{shown}: '{text}' is no frame rate; give one such as 60, \"60000/1001\" or \"x2\"");
                break;
            case RecipeSchema.RatioFormat when !Rational.TryParse(text, out _):
                faults.Add($"{shown}: '{text}' is no ratio; give one such as \"3/2\" or 2");
                break;
        }

        if (node is JsonArray list)
        {
            for (int i = 0; i < list.Count; i++)
            {
                Check(list[i], rules["items"], string.Create(CultureInfo.InvariantCulture, $"{place}[{i}]"), faults);
            }
        }

        if (node is JsonObject fields && rules["properties"] is JsonObject known2)
        {
            CheckFields(fields, rules, known2, place, faults);
        }
    }

    private static void CheckFields(JsonObject fields, JsonObject rules, JsonObject properties, string place, List<string> faults)
    {
        string within = place.Length == 0 ? "" : place + ".";
        string[] known = [.. properties.Select(p => p.Key).Where(k => k != "$schema")];
        foreach ((string name, JsonNode? value) in fields)
        {
            if (properties.TryGetPropertyValue(name, out JsonNode? its))
            {
                Check(value, its, within + name, faults);
            }
            else
            {
                faults.Add($"{within}{name}: unknown; {Meant(name, known)}known: {string.Join(", ", known)}");
            }
        }

        foreach (string name in (rules["required"] as JsonArray ?? []).Select(r => (string)r!).Where(r => !fields.ContainsKey(r)))
        {
            faults.Add($"{within}{name}: missing");
        }
    }

    // Several forms, told apart by the one word that each has fixed.
    private static void CheckKind(JsonNode? node, JsonArray kinds, string place, List<string> faults)
    {
        string key = kinds.OfType<JsonObject>().SelectMany(k => k["properties"]!.AsObject()).First(p => p.Value is JsonObject o && o.ContainsKey("const")).Key;
        Dictionary<string, JsonNode> byName = kinds.OfType<JsonObject>().ToDictionary(k => (string)k["properties"]![key]!["const"]!, k => (JsonNode)k, StringComparer.Ordinal);
        if (node is not JsonObject fields)
        {
            faults.Add($"{place}: {Show(node)} is no object such as {{ \"{key}\": \"{byName.Keys.First()}\" }}");
        }
        else if (fields[key] is not JsonValue name || name.GetValueKind() != JsonValueKind.String)
        {
            faults.Add($"{place}.{key}: missing; one of {string.Join(", ", byName.Keys)}");
        }
        else if (!byName.TryGetValue((string)name!, out JsonNode? schema))
        {
            faults.Add($"{place}.{key}: '{(string)name!}' is not known; {Meant((string)name!, byName.Keys)}known: {string.Join(", ", byName.Keys)}");
        }
        else
        {
            // The exporter leaves the type of derived forms to their base.
            CheckFields(fields, (JsonObject)schema, schema["properties"]!.AsObject(), place, faults);
        }
    }

    private static string Meant(string word, IEnumerable<string> known) => Nearest(word, known) is { } near ? $"did you mean '{near}'? " : "";

    private static string Show(JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => $"'{(string)node!}'",
        _ => node!.ToJsonString(),
    };

    private static bool Is(JsonNode? node, string type) => type switch
    {
        "null" => node is null,
        "string" => node?.GetValueKind() == JsonValueKind.String,
        "boolean" => node?.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
        "number" => node?.GetValueKind() == JsonValueKind.Number,
        "integer" => node?.GetValueKind() == JsonValueKind.Number && decimal.TryParse(node.ToJsonString(), CultureInfo.InvariantCulture, out decimal number) && decimal.Truncate(number) == number,
        "object" => node is JsonObject,
        "array" => node is JsonArray,
        _ => true,
    };

    // Levenshtein's.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
