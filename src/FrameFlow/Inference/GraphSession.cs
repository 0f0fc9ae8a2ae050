using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>A graph loaded on a device: what <see cref="OnnxModel"/> needs of ONNX Runtime, so that a device can be lost in a test.</summary>
internal interface IGraphSession : IDisposable
{
    /// <summary>Binds tensors, which stay the caller's and must outlive the binding.</summary>
    /// <exception cref="GraphFault">The runtime refused.</exception>
    IGraphBinding Bind(IReadOnlyList<(string Name, OrtValue Value)> inputs, IReadOnlyList<(string Name, OrtValue Value)> outputs);
}

/// <summary>Tensors bound to a session. Disposed before it.</summary>
internal interface IGraphBinding : IDisposable
{
    /// <summary>Runs the graph; the outputs hold the result.</summary>
    /// <exception cref="GraphFault">The runtime failed.</exception>
    void Run();
}

/// <summary>ONNX Runtime failed; what that means is the caller's to say.</summary>
internal sealed class GraphFault : Exception
{
    public GraphFault(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether memory ran out: a smaller tensor may pass.</summary>
    public bool IsOutOfMemory { get; init; }

    // ONNX Runtime's error code is Fail or RuntimeException for all of these; the text alone tells.
    public static GraphFault From(OnnxRuntimeException fault)
    {
        string line = fault.Message.Split('\n')[0].Trim();
        string[] words = ["Failed to allocate memory", "bad_alloc", "out of memory", "OutOfMemory", "out-of-memory", "smaller than requested bytes", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"];
        return new GraphFault(line, fault) { IsOutOfMemory = words.Any(w => fault.Message.Contains(w, StringComparison.OrdinalIgnoreCase)) };
    }
}

/// <summary>A session of ONNX Runtime.</summary>
/// <param name="session">The session; owned.</param>
/// <param name="isElsewhere">Whether it runs on another device than the processor.</param>
internal sealed class OrtGraphSession(InferenceSession session, bool isElsewhere) : IGraphSession
{
    /// <summary>The session itself.</summary>
    public InferenceSession Session => session;

    public IGraphBinding Bind(IReadOnlyList<(string Name, OrtValue Value)> inputs, IReadOnlyList<(string Name, OrtValue Value)> outputs)
    {
        try
        {
            return new Binding(session, isElsewhere, inputs, outputs);
        }
        catch (OnnxRuntimeException e)
        {
            throw GraphFault.From(e);
        }
    }

    public void Dispose() => session.Dispose();

    private sealed class Binding : IGraphBinding
    {
        private readonly InferenceSession _session;
        private readonly OrtIoBinding _binding;
        private readonly RunOptions _options = new();
        private readonly IReadOnlyList<(string Name, OrtValue Value)> _copied;

        public Binding(InferenceSession session, bool isElsewhere, IReadOnlyList<(string Name, OrtValue Value)> inputs, IReadOnlyList<(string Name, OrtValue Value)> outputs)
        {
            _session = session;
            _binding = session.CreateIoBinding();
            _copied = isElsewhere ? inputs : [];
            try
            {
                foreach ((string name, OrtValue value) in inputs)
                {
                    _binding.BindInput(name, value);
                }

                foreach ((string name, OrtValue value) in outputs)
                {
                    _binding.BindOutput(name, value);
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public void Run()
        {
            try
            {
                // Binding is what copies an input to the device: bound once, it would stay what it was then.
                foreach ((string name, OrtValue value) in _copied)
                {
                    _binding.BindInput(name, value);
                }

                _session.RunWithBinding(_options, _binding);
            }
            catch (OnnxRuntimeException e)
            {
                throw GraphFault.From(e);
            }
        }

        public void Dispose()
        {
            _binding.Dispose();
            _options.Dispose();
        }
    }
}
