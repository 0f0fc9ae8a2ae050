using FrameFlow.Color;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Benchmarking;

/// <summary>
/// The calls that the making of a frame is composed of, each alone, on two neighbouring frames of a clip, on the calling thread: which share of a made frame each
/// has when nothing else is in the way.
/// </summary>
internal static class FrameCalls
{
    /// <summary>Calls that count; one more comes before them.</summary>
    public const int Runs = 5;

    // 24 to 60 frames a second: two source frames make four between them and one that stands, so a pair makes two.
    private const double MadePerPair = 2;

    private const float Position = 0.4f;

    /// <summary>Measures.</summary>
    /// <param name="left">A frame.</param>
    /// <param name="right">The next.</param>
    /// <param name="size">Their size.</param>
    /// <param name="networks">The graphs in use.</param>
    /// <param name="device">Where they run.</param>
    /// <param name="machine">The peak that they are held against.</param>
    /// <param name="memory">Where tensors come from.</param>
    /// <param name="cancellationToken">Ends the measuring between two calls.</param>
    public static IReadOnlyList<CallRecord> Measure(Frame left, Frame right, PictureSize size, IEnumerable<Network> networks, ExecutionDevice device, MachineRecord machine, NativePool memory, CancellationToken cancellationToken)
    {
        List<CallRecord> calls = [];
        long plane = size.Pixels * sizeof(float);
        FrameConverter converter = new(left.Format);
        DenseInverseSearch search = new();
        using FloatImage rgb0 = new(memory, 3, size.Height, size.Width);
        using FloatImage rgb1 = new(memory, 3, size.Height, size.Width);
        using FloatImage made = new(memory, 3, size.Height, size.Width);
        using FloatImage mask0 = new(memory, 1, size.Height, size.Width);
        using FloatImage mask1 = new(memory, 1, size.Height, size.Width);
        using Frame target = new FramePool(memory, left.Format).Rent(left.Time, left.SourceIndex);
        converter.ToRgb(right, rgb1);
        Add("to RGB", 2 / MadePerPair, left.Format.FrameBytes + (3 * plane), () => converter.ToRgb(left, rgb0));
        Add("dense inverse search, both ways", 1 / MadePerPair, 10 * plane, () => search.Estimate(rgb0, rgb1, memory).Dispose());
        using MotionField motion = search.Estimate(rgb0, rgb1, memory);
        Add("motion at t", 1, (6 + 4 + 2) * plane, () => IntermediateMotion.At(motion, rgb0, rgb1, Position, memory).Dispose());
        using FloatImage velocity = IntermediateMotion.At(motion, rgb0, rgb1, Position, memory);
        Add("inconsistency at t", 1, (4 + 2 + 2) * plane, () => IntermediateMotion.InconsistencyAt(motion, velocity, Position, mask0, mask1));
        Add("bicubic warp of RGB", 4, (3 + 2 + 3) * plane, () => Warp.Bicubic(rgb0, velocity, -Position, made));
        foreach (Network network in networks)
        {
            TilePlan window = network.Window(size);
            double flops = (double)network.FlopsPerPixel * window.WindowWidth * window.WindowHeight;
            GraphTime time = GraphTrial.Run(network.Path, device, window.WindowHeight, window.WindowWidth, Runs, cancellationToken);
            bool isDenoiser = network.Model.Manifest.Task == "denoise";
            calls.Add(new CallRecord(
                $"{network.Model.Manifest.Name}: {network.Name}",
                size,
                isDenoiser ? 0 : window.Tiles.Count,
                time.Milliseconds,
                time.CpuMilliseconds,
                0,
                flops,
                device.Kind == DeviceKind.Cpu && flops > 0 ? flops / time.CpuMilliseconds * 1000 / machine.PeakFlopsOneThread : null));
        }

        Add("from RGB", 1, left.Format.FrameBytes + (3 * plane), () => converter.FromRgb(made, target));
        return calls;

        void Add(string name, double callsPerFrame, long bytes, Action call)
        {
            (double milliseconds, double cpu) = CallTime.Median(call, Runs, cancellationToken);
            calls.Add(new CallRecord(name, size, callsPerFrame, milliseconds, cpu, bytes, 0, null));
        }
    }
}
