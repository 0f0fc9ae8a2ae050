using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>What kind of device runs the networks.</summary>
public enum DeviceKind
{
    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU through CUDA.</summary>
    Cuda,
}

/// <summary>
/// The device that was chosen, and how sessions are opened on it. Whether a provider works is known only by creating a session:
/// ONNX Runtime lists providers whose libraries are missing.
/// </summary>
public sealed class ExecutionDevice
{
    private readonly int _threads;

    private ExecutionDevice(DeviceKind kind, int threads)
    {
        Kind = kind;
        _threads = threads;
    }

    /// <summary>The kind.</summary>
    public DeviceKind Kind { get; }

    /// <summary>The name as <c>--device</c> takes it.</summary>
    public string Name => Kind == DeviceKind.Cuda ? "cuda" : "cpu";

    /// <summary>The processor.</summary>
    /// <param name="threads">Threads that one session may use, at least 1.</param>
    public static ExecutionDevice Cpu(int threads) => new(DeviceKind.Cpu, threads);

    /// <summary>Chooses a device by the name that the user gave.</summary>
    /// <param name="name"><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</param>
    /// <param name="threads">Threads that one session may use on the processor.</param>
    /// <param name="probe">A small graph, opened to find out whether a provider works.</param>
    /// <param name="explain">Receives a line on what was taken and why not the others.</param>
    /// <exception cref="FrameFlowException">The device was named and does not work (<see cref="FaultKind.Device"/>), or the name is unknown (<see cref="FaultKind.Usage"/>).</exception>
    public static ExecutionDevice Choose(string name, int threads, string probe, Action<string> explain)
    {
        ArgumentNullException.ThrowIfNull(explain);
        switch (name)
        {
            case "cpu":
                return Cpu(threads);
            case "webgpu":
                throw new FrameFlowException(FaultKind.Device, "Device 'webgpu' is not in this build; give --device auto, cuda or cpu.");
            case "auto" or "cuda":
                ExecutionDevice cuda = new(DeviceKind.Cuda, threads);
                string? fault = cuda.Try(probe);
                if (fault is null)
                {
                    explain("Device: cuda.");
                    return cuda;
                }

                if (name == "cuda")
                {
                    throw new FrameFlowException(FaultKind.Device, $"Device 'cuda' does not work here ({fault}); install the NVIDIA driver, CUDA 12 and cuDNN 9 and build with OnnxRuntimeFlavor=Cuda, or give --device cpu.");
                }

                explain($"Device: cpu with {threads} thread(s) a session; cuda does not work here ({fault}).");
                return Cpu(threads);
            default:
                throw new FrameFlowException(FaultKind.Usage, $"Unknown --device '{name}'; use auto, cpu, cuda or webgpu.");
        }
    }

    internal SessionOptions CreateSessionOptions()
    {
        SessionOptions options = new()
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            IntraOpNumThreads = _threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,

            // The arena keeps what the largest run ever took, rounded up: 2.78 GB against 2.37 GB at 1080p with two workers, in the same time.
            EnableCpuMemArena = false,
        };

        // Decoder, encoder and our own stages want the cores while a session has nothing to do.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (Kind == DeviceKind.Cuda)
        {
            options.AppendExecutionProvider_CUDA(0);
        }

        return options;
    }

    private string? Try(string graph)
    {
        try
        {
            using SessionOptions options = CreateSessionOptions();
            using InferenceSession session = new(graph, options);
            return null;
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            return e is EntryPointNotFoundException ? "this build's ONNX Runtime has no CUDA" : e.Message.Split('\n')[0].Trim();
        }
    }
}
