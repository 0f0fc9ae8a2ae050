using System.Text.Json;
using System.Text.Json.Serialization;

namespace FrameFlow.Inference;

/// <summary>A graph that computes the same as another in half precision; it takes and gives float32.</summary>
/// <param name="Path">The file's name inside the model's folder.</param>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal.</param>
public sealed record HalfFile([property: JsonPropertyName("path")] string Path, [property: JsonPropertyName("sha256")] string Sha256);

/// <summary>One weights file of a model.</summary>
public sealed record ModelFile
{
    /// <summary>The file's name inside the model's folder.</summary>
    [JsonPropertyName("path")]
    public required string Path { get; init; }

    /// <summary>SHA-256 of the file, lower-case hexadecimal.</summary>
    [JsonPropertyName("sha256")]
    public required string Sha256 { get; init; }

    /// <summary>The same graph in half precision, for devices that were told <c>fp16</c>; null where there is none.</summary>
    [JsonPropertyName("half")]
    public HalfFile? Half { get; init; }

    /// <summary>The graph's input tensors by name.</summary>
    [JsonPropertyName("inputs")]
    public IReadOnlyList<string> Inputs { get; init; } = [];

    /// <summary>The graph's output tensors by name.</summary>
    [JsonPropertyName("outputs")]
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>
    /// Nodes, by name, that run on the processor also where WebGPU runs the rest: a shader reaches at most 16 buffers, so that a Split into 16 parts or more
    /// does not fit one.
    /// </summary>
    [JsonPropertyName("processorNodes")]
    public IReadOnlyList<string> ProcessorNodes { get; init; } = [];

    /// <summary>
    /// Bytes that a run takes on the processor for each pixel of a window, inside ONNX Runtime, beside inputs and outputs: measured. 0: not known, and then
    /// taken for more than any of ours takes.
    /// </summary>
    [JsonPropertyName("activationBytes")]
    public int ActivationBytes { get; init; }

    /// <summary>How many weights it holds.</summary>
    [JsonPropertyName("parameters")]
    public long Parameters { get; init; }

    /// <summary>What one evaluation computes for a pixel of the picture: the convolutions' multiplications and additions, two for each weight used. 0: not said.</summary>
    [JsonPropertyName("flopsPerPixel")]
    public long FlopsPerPixel { get; init; }
}

/// <summary>The noise levels that sampling visits.</summary>
/// <param name="Start">sigma_1, the first, of z = u + sigma n with unit-variance u.</param>
public sealed record SigmaRange([property: JsonPropertyName("start")] double Start);

/// <summary>The range of the residual's scale s at t = 1/2, in code values 0..1.</summary>
/// <param name="Min">The least s.</param>
/// <param name="Max">The largest s.</param>
public sealed record ScaleRange(
    [property: JsonPropertyName("min")] double Min,
    [property: JsonPropertyName("max")] double Max);

/// <summary>A model's folder in words: <c>model.json</c> beside its weights.</summary>
public sealed record ModelManifest
{
    /// <summary>The name by which <c>--model</c> chooses it; the folder's name.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>What it does: <c>interpolate</c>, <c>denoise</c> ...</summary>
    [JsonPropertyName("task")]
    public required string Task { get; init; }

    /// <summary>The version of these weights, counting up.</summary>
    [JsonPropertyName("version")]
    public int Version { get; init; } = 1;

    /// <summary>Licence of the weights and where the training material's credits stand.</summary>
    [JsonPropertyName("licence")]
    public string Licence { get; init; } = "";

    /// <summary>The graphs by their task name (<c>synthesis</c>, <c>residual</c> ...).</summary>
    [JsonPropertyName("files")]
    public required IReadOnlyDictionary<string, ModelFile> Files { get; init; }

    /// <summary>H and W of every tensor are multiples of this.</summary>
    [JsonPropertyName("alignment")]
    public int Alignment { get; init; } = 8;

    /// <summary>H and W of the <c>flow</c> graph's tensors are multiples of this.</summary>
    [JsonPropertyName("flowAlignment")]
    public int FlowAlignment { get; init; } = 32;

    /// <summary>Receptive field's radius in pixels, a graph: tiles overlap by it.</summary>
    [JsonPropertyName("receptiveField")]
    public IReadOnlyDictionary<string, int> ReceptiveField { get; init; } = new Dictionary<string, int>();

    /// <summary>Frames whose shorter side has at least so many pixels are shown to the networks at half size, if the user says nothing else; 0: none.</summary>
    [JsonPropertyName("halveFrom")]
    public int HalveFrom { get; init; }

    /// <summary>The noise levels that sampling visits.</summary>
    [JsonPropertyName("sigma")]
    public SigmaRange Sigma { get; init; } = new(1);

    /// <summary>The range of the residual's scale.</summary>
    [JsonPropertyName("residualScale")]
    public ScaleRange ResidualScale { get; init; } = new(2.0 / 255, 0.25);

    /// <summary>Of a denoiser: EDM's sigma_data, code values.</summary>
    [JsonPropertyName("sigmaData")]
    public double SigmaData { get; init; } = 0.25;

    /// <summary>Of a denoiser: the sides of the boxes between which its network is told of detail, px; null where nothing is said of them.</summary>
    [JsonPropertyName("boxes")]
    public IReadOnlyList<int>? Boxes { get; init; }

    /// <summary>Everything else that the manifest says (training, measured quality), as it stands.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? More { get; init; }
}
