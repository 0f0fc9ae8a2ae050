using FrameFlow.Media;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FrameFlow.Inference;

/// <summary>
/// One ONNX graph, loaded on a device. Thread-safe; each caller runs through its own <see cref="BoundRun"/>. When the device fails, what was running is run again on a
/// new session of it; where that fails as well, the graph moves to the processor for good or the fault is thrown, by the device's <see cref="DeviceLossPolicy"/>. The
/// tensors lie in this process's memory, so that nothing is lost with the device.
/// </summary>
public sealed class OnnxModel : IDisposable
{
    private readonly ModelGraph _graph;
    private readonly ExecutionDevice _device;
    private readonly Lock _gate = new();
    private SessionLease _current;

    /// <summary>Loads a graph; anywhere but on the processor its numbers are compared with the processor's first.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">The graph's task name, for example <c>synthesis</c>.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="FrameFlowException">The file cannot be loaded (<see cref="FaultKind.Model"/>), or the device refuses it or calculates it wrongly (<see cref="FaultKind.Device"/>).</exception>
    public OnnxModel(Model model, string graph, ExecutionDevice device)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(device);
        _graph = model.Graph(graph);
        _device = device;
        IGraphSession? session = null;
        try
        {
            session = device.Open(_graph, device.Kind);
            if (device.Kind != DeviceKind.Cpu)
            {
                DeviceTrial.Compare(device, _graph, session);
            }
        }
        catch (GraphFault e)
        {
            session?.Dispose();
            throw device.Kind == DeviceKind.Cpu
                ? new FrameFlowException(FaultKind.Model, $"The network {Path} cannot be loaded ({e.Message}); run 'frameflow models --verify'.", e)
                : new FrameFlowException(FaultKind.Device, $"The network {Path} cannot be used on {device.Name} ({e.Message}); give --device auto or cpu.", e);
        }

        _current = new SessionLease(session, device.Kind);
    }

    /// <summary>The file that was loaded.</summary>
    public string Path => _graph.Path;

    /// <summary>Makes native input and output tensors for one set of shapes and binds them: running then allocates nothing.</summary>
    /// <param name="pool">Where the tensors' memory comes from.</param>
    /// <param name="inputs">Name and shape of every input, float.</param>
    /// <param name="outputs">Name and shape of every output, float.</param>
    public BoundRun Bind(NativePool pool, IReadOnlyList<(string Name, long[] Shape)> inputs, IReadOnlyList<(string Name, long[] Shape)> outputs) => new(this, pool, inputs, outputs);

    /// <inheritdoc/>
    public void Dispose() => Leave(_current);

    /// <summary>The session in use; the caller leaves it.</summary>
    internal SessionLease Enter()
    {
        lock (_gate)
        {
            _current.Users++;
            return _current;
        }
    }

    /// <summary>Gives a session back; the last one closes it.</summary>
    internal void Leave(SessionLease lease)
    {
        lock (_gate)
        {
            if (--lease.Users == 0)
            {
                lease.Session.Dispose();
            }
        }
    }

    /// <summary>Replaces a session that failed, unless another worker has done so already.</summary>
    /// <param name="failed">The session that failed; the caller still leaves it.</param>
    /// <param name="fault">How.</param>
    /// <param name="again">Whether what was running had failed on the session before as well.</param>
    /// <exception cref="FrameFlowException">There is nowhere to go on (<see cref="FaultKind.Device"/>).</exception>
    internal void Replace(SessionLease failed, GraphFault fault, bool again)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(failed, _current))
            {
                return;
            }

            if (failed.Kind == DeviceKind.Cpu)
            {
                throw Failed(fault);
            }

            if (!again)
            {
                try
                {
                    Take(failed.Kind);
                    _device.TellLoss($"Device '{_device.Name}' failed on {System.IO.Path.GetFileName(Path)} ({fault.Message}); what it was doing is done again on a new session.");
                    return;
                }
                catch (GraphFault e)
                {
                    // Not even a session: it is lost.
                    fault = e;
                }
            }

            if (_device.OnLoss == DeviceLossPolicy.Stop)
            {
                string message = $"Device '{_device.Name}' was lost on {System.IO.Path.GetFileName(Path)} ({fault.Message}); run the same command again when it is back, or with --on-device-loss cpu.";
                throw new FrameFlowException(FaultKind.Device, message, fault) { CanRetry = true };
            }

            try
            {
                Take(DeviceKind.Cpu);
            }
            catch (GraphFault e)
            {
                throw Failed(e);
            }

            _device.TellLoss($"Device '{_device.Name}' was lost on {System.IO.Path.GetFileName(Path)} ({fault.Message}); it goes on on the processor, from the very batch that failed.");
        }
    }

    /// <summary>What a caller reads of a run that failed for good.</summary>
    internal FrameFlowException Failed(GraphFault fault) =>
        new(FaultKind.Device, $"The network {Path} failed while running ({fault.Message}); {(_device.Kind == DeviceKind.Cpu ? "give a smaller --memory or --threads" : "try --device cpu")}.", fault) { CanRetry = true };

    private void Take(DeviceKind kind)
    {
        SessionLease next = new(_device.Open(_graph, kind), kind);
        Leave(_current);
        _current = next;
    }
}

/// <summary>A session and how many hold it; the model counts as one until it takes another.</summary>
internal sealed class SessionLease(IGraphSession session, DeviceKind kind)
{
    public IGraphSession Session => session;

    public DeviceKind Kind => kind;

    public int Users { get; set; } = 1;
}

/// <summary>A graph with its tensors bound to native memory. Not thread-safe. The holder disposes it, before the model.</summary>
public sealed class BoundRun : IDisposable
{
    private readonly OnnxModel _model;
    private readonly Dictionary<string, (NativeBlock Block, OrtValue Value, long Length)> _tensors = [];
    private readonly List<(string Name, OrtValue Value)> _inputs = [];
    private readonly List<(string Name, OrtValue Value)> _outputs = [];
    private SessionLease? _lease;
    private IGraphBinding? _binding;

    internal BoundRun(OnnxModel model, NativePool pool, IReadOnlyList<(string Name, long[] Shape)> inputs, IReadOnlyList<(string Name, long[] Shape)> outputs)
    {
        _model = model;
        try
        {
            _inputs.AddRange(inputs.Select(i => (i.Name, Create(pool, i.Name, i.Shape))));
            _outputs.AddRange(outputs.Select(o => (o.Name, Create(pool, o.Name, o.Shape))));
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

    /// <summary>Runs the graph on what the inputs hold; the outputs hold the result afterwards, also where the device was lost on the way.</summary>
    /// <exception cref="FrameFlowException">The runtime failed and there is nowhere else to run (<see cref="FaultKind.Device"/>); <see cref="FrameFlowException.IsOutOfMemory"/> where smaller tensors may pass.</exception>
    public void Run()
    {
        for (int failures = 0; ; failures++)
        {
            try
            {
                if (_binding is null)
                {
                    _lease = _model.Enter();
                    _binding = _lease.Session.Bind(_inputs, _outputs);
                }

                _binding.Run();
                return;
            }
            catch (GraphFault fault) when (fault.IsOutOfMemory)
            {
                throw new FrameFlowException(FaultKind.Device, $"The network {_model.Path} found no memory ({fault.Message}); give a smaller --memory.", fault) { CanRetry = true, IsOutOfMemory = true };
            }
            catch (GraphFault fault)
            {
                _model.Replace(_lease!, fault, again: failures > 0);
                Leave();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Leave();
        foreach ((NativeBlock block, OrtValue value, _) in _tensors.Values)
        {
            value.Dispose();
            block.Dispose();
        }

        _tensors.Clear();
    }

    private void Leave()
    {
        _binding?.Dispose();
        _binding = null;
        if (_lease is { } lease)
        {
            _lease = null;
            _model.Leave(lease);
        }
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
