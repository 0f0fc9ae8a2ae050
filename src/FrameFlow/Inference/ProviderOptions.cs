using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>
/// What each provider is told, by the names of ONNX Runtime 1.31's options. Unknown keys are ignored without a word (WebGPU), so what they do is tested by
/// results: <see cref="DeviceTrial"/>.
/// </summary>
internal static partial class ProviderOptions
{
    /// <summary>For CUDA.</summary>
    public static Dictionary<string, string> Cuda(DeviceRequest request)
    {
        Dictionary<string, string> options = new(StringComparer.Ordinal)
        {
            ["device_id"] = request.Index.ToString(CultureInfo.InvariantCulture),
            ["arena_extend_strategy"] = "kSameAsRequested", // the other one doubles, and keeps what it never uses
            ["use_tf32"] = "0", // ten bits of mantissa would show in flat gradients
        };
        if (request.ArenaBytes is { } bytes)
        {
            options["gpu_mem_limit"] = bytes.ToString(CultureInfo.InvariantCulture);
        }

        return options;
    }

    /// <summary>For TensorRT. Compiling a graph takes minutes, so that the engines are kept.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cacheFolder">Where engines of this graph on this driver are kept, see <see cref="EngineFolder"/>.</param>
    public static Dictionary<string, string> TensorRt(DeviceRequest request, string cacheFolder)
    {
        Dictionary<string, string> options = new(StringComparer.Ordinal)
        {
            ["device_id"] = request.Index.ToString(CultureInfo.InvariantCulture),
            ["trt_fp16_enable"] = request.IsHalfPrecision ? "1" : "0",
            ["trt_engine_cache_enable"] = "1",
            ["trt_engine_cache_path"] = cacheFolder,
            ["trt_timing_cache_enable"] = "1",
            ["trt_timing_cache_path"] = cacheFolder,
        };
        if (request.ArenaBytes is { } bytes)
        {
            options["trt_max_workspace_size"] = bytes.ToString(CultureInfo.InvariantCulture);
        }

        return options;
    }

    /// <summary>For WebGPU.</summary>
    /// <param name="processorNodes">Nodes that the GPU cannot hold, by name (<see cref="ModelFile.ProcessorNodes"/>).</param>
    public static Dictionary<string, string> WebGpu(IReadOnlyList<string> processorNodes)
    {
        // With NHWC, the default, 1.30 calculates a 3x3 convolution wrongly, in silence, whose input channels are a multiple of 3 and not of 4.
        Dictionary<string, string> options = new(StringComparer.Ordinal) { ["preferredLayout"] = "NCHW" };
        if (processorNodes.Count > 0)
        {
            options["forceCpuNodeNames"] = string.Join('\n', processorNodes); // an empty value is refused
        }

        return options;
    }

    /// <summary>Where a graph's compiled engines lie: they are of these weights, this driver, this ONNX Runtime, this GPU and this precision, and of no other.</summary>
    /// <param name="graphSha256">SHA-256 of the graph's file, hexadecimal.</param>
    /// <param name="driver">The driver's version.</param>
    /// <param name="request">The request.</param>
    public static string EngineFolder(string graphSha256, string driver, DeviceRequest request)
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        string root = string.IsNullOrEmpty(cache) ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache") : cache;
        string runtime = typeof(OrtEnv).Assembly.GetName().Version?.ToString(3) ?? "0";
        string name = string.Create(CultureInfo.InvariantCulture, $"{graphSha256[..16]}-{driver}-{runtime}-gpu{request.Index}-{(request.IsHalfPrecision ? "fp16" : "fp32")}");
        return Path.Combine(root, "frameflow", "tensorrt", name);
    }

    /// <summary>The NVIDIA driver's version, from what Linux tells of its module; <c>unknown</c> elsewhere.</summary>
    public static string NvidiaDriver(string procFile = "/proc/driver/nvidia/version")
    {
        try
        {
            return DriverVersion().Match(File.ReadAllText(procFile)) is { Success: true } found ? found.Value : "unknown";
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    [GeneratedRegex(@"\b\d{3,}\.\d+(\.\d+)?\b")]
    private static partial Regex DriverVersion();
}
