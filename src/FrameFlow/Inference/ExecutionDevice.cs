using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>What becomes of a job whose device fails and fails again.</summary>
public enum DeviceLossPolicy
{
    /// <summary>It goes on on the processor.</summary>
    Cpu,

    /// <summary>It ends with <see cref="FaultKind.Device"/>; what is journalled is kept.</summary>
    Stop,
}

/// <summary>Opens a graph on a device of a kind.</summary>
/// <exception cref="GraphFault">The runtime cannot.</exception>
internal delegate IGraphSession OpenGraph(ModelGraph graph, DeviceKind kind);

/// <summary>
/// The device that was chosen (<see cref="DeviceSelection"/>), and how sessions are opened on it. Whether a provider works is known only by running something
/// on it: ONNX Runtime lists providers whose libraries are missing, and some calculate wrongly. So every graph is tried, once, before it is used on
/// anything but the processor (<see cref="DeviceTrial"/>).
/// </summary>
public sealed class ExecutionDevice
{
    private readonly DeviceRequest _request;
    private readonly int _threads;
    private readonly Action<string> _tellLoss;

    internal ExecutionDevice(DeviceRequest request, int threads, DeviceLossPolicy onLoss, Action<string> tellLoss, OpenGraph? open = null)
    {
        _request = request;
        _threads = threads;
        _tellLoss = tellLoss;
        Kind = request.Kind ?? DeviceKind.Cpu;
        OnLoss = onLoss;
        Open = open ?? OpenSession;
    }

    /// <summary>The kind.</summary>
    public DeviceKind Kind { get; }

    /// <summary>The name as <c>--device</c> takes it.</summary>
    public string Name => _request.ToString();

    /// <summary>The processor.</summary>
    /// <param name="threads">Threads that one session may use, at least 1.</param>
    public static ExecutionDevice Cpu(int threads) => new(new DeviceRequest { Kind = DeviceKind.Cpu }, threads, DeviceLossPolicy.Stop, static _ => { });

    /// <summary>Whether it may calculate in half precision.</summary>
    internal bool IsHalfPrecision => _request.IsHalfPrecision;

    /// <summary>What happens when it is lost.</summary>
    internal DeviceLossPolicy OnLoss { get; }

    /// <summary>Held by whoever runs a graph; null where any number may run at once. What a run takes for its activations is then taken once.</summary>
    internal Lock? Turn { get; init; }

    /// <summary>Tells the job something.</summary>
    internal Action<string> Tell { get; init; } = static _ => { };

    /// <summary>Opens graphs.</summary>
    internal OpenGraph Open { get; }

    /// <summary>Tells the job that the device failed and what was done about it.</summary>
    internal void TellLoss(string line) => _tellLoss(line);

    /// <summary>Options for a session; the caller disposes them.</summary>
    internal SessionOptions CreateSessionOptions(ModelGraph graph, DeviceKind kind)
    {
        NativeRuntime.Use(kind);
        SessionOptions options = new()
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = kind == DeviceKind.Cpu ? OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR : OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // a GPU's failure is handled, and said, here
            IntraOpNumThreads = _threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,

            // The arena keeps what the largest run ever took, rounded up: 2.78 GB against 2.37 GB at 1080p with two workers, in the same time.
            EnableCpuMemArena = false,
        };
        try
        {
            // Decoder, encoder and our own stages want the cores while a session has nothing to do.
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            switch (kind)
            {
                case DeviceKind.TensorRt:
                    string engines = ProviderOptions.EngineFolder(graph.Sha256, ProviderOptions.NvidiaDriver(), _request);
                    Directory.CreateDirectory(engines);
                    using (OrtTensorRTProviderOptions tensorRt = new())
                    {
                        tensorRt.UpdateOptions(ProviderOptions.TensorRt(_request, engines));
                        options.AppendExecutionProvider_Tensorrt(tensorRt);
                    }

                    AppendCuda(options);
                    break;
                case DeviceKind.Cuda:
                    AppendCuda(options);
                    break;
                case DeviceKind.WebGpu:
                    options.AppendExecutionProvider("WebGPU", ProviderOptions.WebGpu(graph.ProcessorNodes));
                    break;
            }

            return options;
        }
        catch
        {
            options.Dispose();
            throw;
        }
    }

    /// <summary>The file of a graph that is opened: TensorRT halves the precision itself, the processor never does.</summary>
    internal string PathFor(ModelGraph graph, DeviceKind kind) =>
        IsHalfPrecision && kind is (DeviceKind.Cuda or DeviceKind.WebGpu) && graph.HalfPath is { } half ? half : graph.Path;

    private void AppendCuda(SessionOptions options)
    {
        using OrtCUDAProviderOptions cuda = new();
        cuda.UpdateOptions(ProviderOptions.Cuda(_request));
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private OrtGraphSession OpenSession(ModelGraph graph, DeviceKind kind)
    {
        try
        {
            using SessionOptions options = CreateSessionOptions(graph, kind);
            return new OrtGraphSession(graph.Content is { } content ? new InferenceSession(content, options) : new InferenceSession(PathFor(graph, kind), options), kind != DeviceKind.Cpu);
        }
        catch (OnnxRuntimeException e)
        {
            throw GraphFault.From(e);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException or IOException or UnauthorizedAccessException)
        {
            throw new GraphFault(e is EntryPointNotFoundException ? $"this build's ONNX Runtime has no {DeviceRequest.NameOf(kind)}" : e.Message.Split('\n')[0].Trim(), e);
        }
    }
}
