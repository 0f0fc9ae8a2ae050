using System.Globalization;

namespace FrameFlow.Inference;

/// <summary>What kind of device runs the networks.</summary>
public enum DeviceKind
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>Any GPU that has a Vulkan driver, through WebGPU.</summary>
    WebGpu,

    /// <summary>An NVIDIA GPU through CUDA.</summary>
    Cuda,

    /// <summary>An NVIDIA GPU through TensorRT, which compiles every graph for it; what it cannot runs through CUDA.</summary>
    TensorRt,
}

/// <summary>
/// What <c>--device</c> asks for: <c>auto</c>, <c>cpu</c>, <c>webgpu</c>, or <c>cuda</c> and <c>tensorrt</c> with what they take:
/// <c>cuda:1,memory=4096</c> is the second GPU, of whose memory the arena takes 4096 MiB at most; <c>tensorrt:0,fp16</c> lets TensorRT calculate in half precision,
/// <c>cuda,fp16</c> and <c>webgpu,fp16</c> run a model's graphs of half precision where it has them.
/// </summary>
public sealed record DeviceRequest
{
    /// <summary>What can be asked for, for a message.</summary>
    public const string Allowed = "auto, cpu, webgpu[,fp16], cuda[:GPU][,memory=MiB][,fp16] or tensorrt[:GPU][,memory=MiB][,fp16]";

    /// <summary>What is tried where nothing was said, in order; the processor is what remains.</summary>
    public static IReadOnlyList<DeviceKind> Preference { get; } = [DeviceKind.TensorRt, DeviceKind.Cuda, DeviceKind.WebGpu, DeviceKind.Cpu];

    /// <summary>The kind; null: the first of <see cref="Preference"/> that works.</summary>
    public DeviceKind? Kind { get; init; }

    /// <summary>Which of several NVIDIA GPUs, from 0, as CUDA counts them.</summary>
    public int Index { get; init; }

    /// <summary>The most that the GPU's arena takes, bytes; null: no limit.</summary>
    public long? ArenaBytes { get; init; }

    /// <summary>Whether it may calculate in half precision.</summary>
    public bool IsHalfPrecision { get; init; }

    /// <summary>A kind's word.</summary>
    public static string NameOf(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "cpu",
        DeviceKind.WebGpu => "webgpu",
        DeviceKind.Cuda => "cuda",
        _ => "tensorrt",
    };

    /// <summary>Reads what a user wrote.</summary>
    /// <param name="text">For example <c>cuda:1,memory=4096</c>.</param>
    /// <param name="fault">What is wrong with it and what is allowed, a phrase; null where it is good.</param>
    /// <returns>The request; <c>auto</c> where there is a fault.</returns>
    public static DeviceRequest Parse(string text, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',');
        string[] name = parts[0].Split(':', 2);
        bool isAuto = name[0] == "auto";
        DeviceKind? kind = Preference.Where(k => NameOf(k) == name[0]).Select(k => (DeviceKind?)k).FirstOrDefault();
        DeviceRequest request = new() { Kind = kind };
        bool isNvidia = kind is DeviceKind.Cuda or DeviceKind.TensorRt;
        bool good = isAuto || kind is not null;
        if (name.Length == 2)
        {
            good &= isNvidia & int.TryParse(name[1], NumberStyles.None, CultureInfo.InvariantCulture, out int index);
            request = request with { Index = index };
        }

        foreach (string part in parts[1..])
        {
            if (part == "fp16" && kind is not (null or DeviceKind.Cpu))
            {
                request = request with { IsHalfPrecision = true };
            }
            else if (part.StartsWith("memory=", StringComparison.Ordinal) && isNvidia
                && int.TryParse(part.AsSpan("memory=".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int mebibytes) && mebibytes > 0)
            {
                request = request with { ArenaBytes = (long)mebibytes << 20 };
            }
            else
            {
                good = false;
            }
        }

        fault = good ? null : $"--device {text}: {Allowed}";
        return good ? request : new();
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => Kind is not { } kind ? "auto" : string.Concat(
        NameOf(kind),
        Index > 0 ? string.Create(CultureInfo.InvariantCulture, $":{Index}") : "",
        ArenaBytes is { } bytes ? string.Create(CultureInfo.InvariantCulture, $",memory={bytes >> 20}") : "",
        IsHalfPrecision ? ",fp16" : "");
}
