using System.Security.Cryptography;
using System.Text.Json;

namespace FrameFlow.Inference;

/// <summary>A model found in a catalogue: its manifest and where it lies.</summary>
/// <param name="Manifest">The manifest.</param>
/// <param name="Folder">The folder that holds <c>model.json</c> and the weights.</param>
public sealed record Model(ModelManifest Manifest, string Folder)
{
    private const int UnknownActivationBytes = 1000;

    /// <summary>The absolute path of one of the model's graphs.</summary>
    /// <param name="graph">The graph's task name, for example <c>synthesis</c>.</param>
    /// <exception cref="FrameFlowException">The manifest has no such graph (<see cref="FaultKind.Model"/>).</exception>
    public string PathOf(string graph) => Manifest.Files.TryGetValue(graph, out ModelFile? file)
        ? Path.Combine(Folder, file.Path)
        : throw new FrameFlowException(FaultKind.Model, $"Model '{Manifest.Name}' has no '{graph}' graph in {Path.Combine(Folder, ModelCatalog.ManifestName)}; give another --model.");

    /// <summary>The most that a run of one of its graphs takes inside ONNX Runtime on the processor, bytes, beside inputs and outputs.</summary>
    /// <param name="pixels">Pixels of all windows that run together.</param>
    public long ActivationBytes(long pixels) => Manifest.Files.Keys.Max(g => ActivationBytes(g, pixels));

    /// <summary>The same for one of its graphs.</summary>
    /// <param name="graph">The graph's task name.</param>
    /// <param name="pixels">Pixels of all windows that run together.</param>
    public long ActivationBytes(string graph, long pixels) => pixels * (Manifest.Files[graph].ActivationBytes is > 0 and int known ? known : UnknownActivationBytes);

    /// <summary>One of the model's graphs, as a session is opened on it.</summary>
    /// <param name="graph">The graph's task name.</param>
    /// <exception cref="FrameFlowException">The manifest has no such graph (<see cref="FaultKind.Model"/>).</exception>
    internal ModelGraph Graph(string graph)
    {
        string path = PathOf(graph);
        ModelFile file = Manifest.Files[graph];
        return new ModelGraph(path, file.Sha256, file.ProcessorNodes) { HalfPath = file.Half is { } half ? Path.Combine(Folder, half.Path) : null };
    }
}

/// <summary>A graph to open: where it lies, and what a device must know of it.</summary>
/// <param name="Path">The .onnx file; words where there is <paramref name="Content"/>.</param>
/// <param name="Sha256">Its hash as the manifest states it.</param>
/// <param name="ProcessorNodes">See <see cref="ModelFile.ProcessorNodes"/>.</param>
/// <param name="Content">The graph itself, where it is no file.</param>
internal sealed record ModelGraph(string Path, string Sha256, IReadOnlyList<string> ProcessorNodes, byte[]? Content = null)
{
    /// <summary>The same graph in half precision; null where there is none.</summary>
    public string? HalfPath { get; init; }
}

/// <summary>A folder of models: each sub-folder with a <c>model.json</c> is one. Adding a model of a known task takes no code.</summary>
/// <param name="folder">The folder, which may be missing (then there are no models).</param>
public sealed class ModelCatalog(string folder)
{
    /// <summary>The manifest's file name.</summary>
    public const string ManifestName = "model.json";

    /// <summary>Where the catalogue looks.</summary>
    public string Folder { get; } = folder;

    /// <summary>Every model, by name. A broken manifest is an error, since leaving it out would look as if it were not there.</summary>
    /// <exception cref="FrameFlowException">A manifest cannot be read (<see cref="FaultKind.Model"/>).</exception>
    public IReadOnlyList<Model> List() => !Directory.Exists(Folder)
        ? []
        : [.. Directory.EnumerateDirectories(Folder)
            .Where(d => File.Exists(Path.Combine(d, ManifestName)))
            .Order(StringComparer.Ordinal)
            .Select(Read)];

    /// <summary>Finds a model by name.</summary>
    /// <exception cref="FrameFlowException">It is not there, or its task is another (<see cref="FaultKind.Model"/>).</exception>
    public Model Find(string name, string task)
    {
        string path = Path.Combine(Folder, name);
        if (name.AsSpan().ContainsAny('/', '\\') || !File.Exists(Path.Combine(path, ManifestName)))
        {
            string known = string.Join(", ", List().Where(m => m.Manifest.Task == task).Select(m => m.Manifest.Name));
            throw new FrameFlowException(FaultKind.Model, $"There is no model '{name}' in {Folder}; known for {task}: {(known.Length == 0 ? "none" : known)}.");
        }

        Model model = Read(path);
        return model.Manifest.Task == task
            ? model
            : throw new FrameFlowException(FaultKind.Model, $"Model '{name}' is made for {model.Manifest.Task}, not for {task}; 'frameflow models' lists what there is.");
    }

    /// <summary>Compares the weights with the manifest's SHA-256.</summary>
    /// <returns>A line for each file that is missing or differs; empty where all is well.</returns>
    public static async Task<IReadOnlyList<string>> VerifyAsync(Model model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        List<string> faults = [];
        foreach ((string name, string sha256) in model.Manifest.Files.Values.SelectMany(f => f.Half is { } half ? [(f.Path, f.Sha256), (half.Path, half.Sha256)] : new[] { (f.Path, f.Sha256) }))
        {
            string path = Path.Combine(model.Folder, name);
            if (!File.Exists(path))
            {
                faults.Add($"{path} is missing; restore it with git.");
                continue;
            }

            await using FileStream stream = File.OpenRead(path);
            string actual = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
            if (!string.Equals(actual, sha256, StringComparison.OrdinalIgnoreCase))
            {
                faults.Add($"{path} has SHA-256 {actual}, its manifest says {sha256}; restore it with git.");
            }
        }

        return faults;
    }

    /// <summary>Reads the model of a folder.</summary>
    internal static Model Read(string folder)
    {
        string path = Path.Combine(folder, ManifestName);
        try
        {
            using FileStream stream = File.OpenRead(path);
            ModelManifest manifest = JsonSerializer.Deserialize<ModelManifest>(stream)
                ?? throw new JsonException("the file holds null");
            return new Model(manifest, folder);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Model, $"The manifest {path} cannot be read ({e.Message.ReplaceLineEndings(" ")}); restore it with git.", e);
        }
    }
}
