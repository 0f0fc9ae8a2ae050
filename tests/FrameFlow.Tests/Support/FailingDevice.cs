using FrameFlow.Inference;
using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Tests.Support;

/// <summary>
/// A GPU that is none: its sessions are the processor's, and fail when they are told to. Runs are counted over all sessions of all graphs, so a test says "the fifth
/// run and the one after it".
/// </summary>
internal sealed class FailingDevice(Predicate<int> fails, bool isOutOfMemory = false)
{
    private readonly ExecutionDevice _processor = ExecutionDevice.Cpu(1);
    private int _runs;
    private int _opened;

    /// <summary>Sessions opened on the "GPU".</summary>
    public int Opened => _opened;

    /// <summary>Runs tried on the "GPU".</summary>
    public int Runs => _runs;

    public IGraphSession Open(ModelGraph graph, DeviceKind kind)
    {
        if (kind == DeviceKind.Cpu)
        {
            return _processor.Open(graph, kind);
        }

        Interlocked.Increment(ref _opened);
        return new Session(this, _processor.Open(graph, DeviceKind.Cpu));
    }

    private sealed class Session(FailingDevice device, IGraphSession inner) : IGraphSession
    {
        public IGraphBinding Bind(IReadOnlyList<(string Name, OrtValue Value)> inputs, IReadOnlyList<(string Name, OrtValue Value)> outputs) => new Binding(device, inner.Bind(inputs, outputs));

        public void Dispose() => inner.Dispose();
    }

    private sealed class Binding(FailingDevice device, IGraphBinding inner) : IGraphBinding
    {
        public void Run()
        {
            if (device.Fails(Interlocked.Increment(ref device._runs)))
            {
                throw new GraphFault("VK_ERROR_DEVICE_LOST") { IsOutOfMemory = device.IsOutOfMemory };
            }

            inner.Run();
        }

        public void Dispose() => inner.Dispose();
    }

    private bool Fails(int run) => fails(run);

    private bool IsOutOfMemory => isOutOfMemory;
}
