using System.Runtime.InteropServices;

namespace FrameFlow.Inference;

/// <summary>A kind of device and whether it would be taken.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Verdict">What trying it, or looking for what it needs, showed.</param>
public sealed record DeviceFinding(DeviceKind Kind, DeviceVerdict Verdict);

/// <summary>
/// Finds the device of a job, once, when the first of its networks is loaded, and lends it to all of them. <c>auto</c> takes the first of
/// <see cref="DeviceRequest.Preference"/> that gives the processor's numbers on this job's own networks; each is tried in a process of its own, since a process can
/// use one native library alone and the one with WebGPU shall not do the processor's work. A device that was named is taken at its word; its networks are
/// compared with the processor's when they are loaded.
/// </summary>
/// <param name="request">What was asked for, see <see cref="DeviceRequest"/>.</param>
/// <param name="onLoss">What happens when the device is lost.</param>
/// <param name="models">The models that the job will run.</param>
/// <param name="tell">Receives a line on what was taken and why not the others, and one when the device is lost.</param>
public sealed class DeviceSelection(string request, DeviceLossPolicy onLoss, IReadOnlyList<Model> models, Action<string> tell)
{
    private readonly Lock _gate = new();
    private readonly List<string> _losses = [];
    private DeviceRequest? _taken;

    /// <summary>Opens graphs in place of ONNX Runtime, on a device that is then there without a trial: a device to lose in a test.</summary>
    internal OpenGraph? Open { get; init; }

    /// <summary>What became of the device while the job ran, a line each; empty where it did its work.</summary>
    public IReadOnlyList<string> Losses
    {
        get
        {
            lock (_gate)
            {
                return [.. _losses];
            }
        }
    }

    /// <summary>The device for one stage.</summary>
    /// <param name="threads">Threads that one session may use on the processor.</param>
    /// <exception cref="FrameFlowException">The device was named and is not there (<see cref="FaultKind.Device"/>), or there is no such kind (<see cref="FaultKind.Usage"/>).</exception>
    public ExecutionDevice For(int threads)
    {
        lock (_gate)
        {
            _taken ??= Choose(threads);
            return new ExecutionDevice(_taken, threads, onLoss, OnLoss, Open);
        }
    }

    /// <summary>Every kind with its verdict, in the order in which <c>auto</c> tries them.</summary>
    /// <param name="models">Models whose graphs are tried beside the probe.</param>
    /// <param name="withSoftware">Whether software Vulkan is tried as well, which takes long.</param>
    public static IEnumerable<DeviceFinding> FindAll(IReadOnlyList<Model> models, bool withSoftware) =>
        DeviceRequest.Preference.Select(kind => new DeviceFinding(kind, Lacks(kind, withSoftware) is { } reason ? new DeviceVerdict(false, reason) : DeviceTrial.RunApart(new DeviceRequest { Kind = kind }, models)));

    /// <summary>The first kind that works, and a line that says so and why not those before it.</summary>
    /// <param name="findings">Kinds in order of preference; read no further than the one that is taken.</param>
    internal static (DeviceKind Kind, string Line) Choose(IEnumerable<DeviceFinding> findings)
    {
        List<string> refused = [];
        foreach ((DeviceKind kind, DeviceVerdict verdict) in findings)
        {
            if (verdict.Works)
            {
                return (kind, $"Device: {DeviceRequest.NameOf(kind)}{(verdict.Reason.Length > 0 ? $" ({verdict.Reason})" : "")}{(refused.Count > 0 ? $"; {string.Join("; ", refused)}" : "")}.");
            }

            refused.Add($"not {DeviceRequest.NameOf(kind)}: {verdict.Reason.TrimEnd('.')}");
        }

        throw new FrameFlowException(FaultKind.Device, $"No device works: {string.Join("; ", refused)}.");
    }

    /// <summary>What a kind of device lacks on this machine, in a phrase; null where it is worth a trial. Touches no library of ONNX Runtime.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="withSoftware">Whether software Vulkan counts as a device.</param>
    internal static string? Lacks(DeviceKind kind, bool withSoftware)
    {
        switch (kind)
        {
            case DeviceKind.Cpu:
                return null;
            case DeviceKind.WebGpu:
                if (!WebGpuLibrary.IsInstalled)
                {
                    return WebGpuLibrary.IsSupported ? "its library is not installed ('frameflow devices install webgpu')" : "its library is for Linux on x64";
                }

                IReadOnlyList<VulkanAdapter> adapters = VulkanAdapters.List();
                return adapters.Count == 0 ? "Vulkan finds no device (a driver, or libvulkan1, is missing)"
                    : withSoftware || adapters.Any(a => !a.IsSoftware) ? null
                    : $"Vulkan is played by the processor here ({adapters[0].Name}), some hundred times slower than 'cpu'; --device webgpu takes it all the same";
            default:
                string provider = kind == DeviceKind.Cuda ? "cuda" : "tensorrt";
                if (!HasProvider(provider))
                {
                    return $"this build's ONNX Runtime has no {(kind == DeviceKind.Cuda ? "CUDA" : "TensorRT")} (build with -p:OnnxRuntimeFlavor=Cuda)";
                }

                return !NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out _) ? "no NVIDIA driver" : null;
        }
    }

    private static bool HasProvider(string name)
    {
        string file = OperatingSystem.IsWindows() ? $"onnxruntime_providers_{name}.dll" : $"libonnxruntime_providers_{name}.so";
        string folders = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return folders.Split(Path.PathSeparator).Append(AppContext.BaseDirectory).Any(f => f.Length > 0 && File.Exists(Path.Combine(f, file)));
    }

    private DeviceRequest Choose(int threads)
    {
        DeviceRequest asked = DeviceRequest.Parse(request, out string? fault);
        if (fault is not null)
        {
            throw new FrameFlowException(FaultKind.Usage, $"Out of range: {fault}.");
        }

        if (asked.Kind is { } named)
        {
            return Open is not null || Lacks(named, withSoftware: true) is not { } reason
                ? asked
                : throw new FrameFlowException(FaultKind.Device, $"Device '{asked}' does not work here: {reason}; or give --device auto or cpu.");
        }

        (DeviceKind kind, string line) = Choose(DeviceRequest.Preference.Select(k => new DeviceFinding(
            k,
            k == DeviceKind.Cpu ? new DeviceVerdict(true, $"{threads} thread(s) a session")
                : Lacks(k, withSoftware: false) is { } reason ? new DeviceVerdict(false, reason)
                : DeviceTrial.RunApart(new DeviceRequest { Kind = k }, models))));
        tell(line);
        return new DeviceRequest { Kind = kind };
    }

    private void OnLoss(string line)
    {
        lock (_gate)
        {
            _losses.Add(line);
        }

        tell(line);
    }
}
