using FrameFlow.Media;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FrameFlow.Inference;

/// <summary>One ONNX graph, loaded on a device. Thread-safe; each caller runs through its own <see cref="BoundRun"/>.</summary>
public sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;

    /// <summary>Loads a graph.</summary>
    /// <param name="path">The .onnx file.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="FrameFlowException">The file cannot be loaded (<see cref="FaultKind.Model"/>) or the device refuses (<see cref="FaultKind.Device"/>).</exception>
    public OnnxModel(string path, ExecutionDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        Path = path;
        try
        {
            using SessionOptions options = device.CreateSessionOptions();
            _session = new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            FaultKind kind = device.Kind == DeviceKind.Cpu ? FaultKind.Model : FaultKind.Device;
            throw new FrameFlowException(kind, $"The network {path} cannot be loaded on {device.Name} ({e.Message.Split('\n')[0].Trim()}); run 'frameflow models --verify'.", e);
        }
    }

    /// <summary>The file that was loaded.</summary>
    public string Path { get; }

    /// <summary>Makes native input and output tensors for one set of shapes and binds them: running then allocates nothing.</summary>
    /// <param name="pool">Where the tensors' memory comes from.</param>
    /// <param name="inputs">Name and shape of every input, float.</param>
    /// <param name="outputs">Name and shape of every output, float.</param>
    public BoundRun Bind(NativePool pool, IReadOnlyList<(string Name, long[] Shape)> inputs, IReadOnlyList<(string Name, long[] Shape)> outputs) =>
        new(_session, Path, pool, inputs, outputs);

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();
}

/// <summary>A graph with its tensors bound to native memory. Not thread-safe. The holder disposes it, before the model.</summary>
public sealed class BoundRun : IDisposable
{
    private readonly InferenceSession _session;
    private readonly string _path;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = new();
    private readonly Dictionary<string, (NativeBlock Block, OrtValue Value, long Length)> _tensors = [];

    internal BoundRun(
        InferenceSession session,
        string path,
        NativePool pool,
        IReadOnlyList<(string Name, long[] Shape)> inputs,
        IReadOnlyList<(string Name, long[] Shape)> outputs)
    {
        _session = session;
        _path = path;
        _binding = session.CreateIoBinding();
        try
        {
            foreach ((string name, long[] shape) in inputs)
            {
                _binding.BindInput(name, Create(pool, name, shape));
            }

            foreach ((string name, long[] shape) in outputs)
            {
                _binding.BindOutput(name, Create(pool, name, shape));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The values of an input or output tensor, in its shape's order; valid until disposed.</summary>
    public unsafe Span<float> this[string name]
    {
        get
        {
            (NativeBlock block, _, long length) = _tensors[name];
            return new((void*)block.Address, checked((int)length));
        }
    }

    /// <summary>Runs the graph on what the inputs hold; the outputs hold the result afterwards.</summary>
    /// <exception cref="FrameFlowException">The runtime failed (<see cref="FaultKind.Device"/>).</exception>
    public void Run()
    {
        try
        {
            _session.RunWithBinding(_options, _binding);
        }
        catch (OnnxRuntimeException e)
        {
            throw new FrameFlowException(FaultKind.Device, $"The network {_path} failed while running ({e.Message.Split('\n')[0].Trim()}); try --device cpu.", e) { CanRetry = true };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding.Dispose();
        _options.Dispose();
        foreach ((NativeBlock block, OrtValue value, _) in _tensors.Values)
        {
            value.Dispose();
            block.Dispose();
        }

        _tensors.Clear();
    }

    private OrtValue Create(NativePool pool, string name, long[] shape)
    {
        long length = shape.Aggregate(1L, (a, b) => checked(a * b));
        NativeBlock block = pool.Rent(length * sizeof(float));
        OrtValue value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, TensorElementType.Float, shape, block.Address, length * sizeof(float));
        _tensors.Add(name, (block, value, length));
        return value;
    }
}
