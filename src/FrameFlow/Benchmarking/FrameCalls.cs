using System.Diagnostics;
using FrameFlow.Color;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Benchmarking;

/// <summary>
/// The calls that the making of a frame is composed of, each alone, on two neighbouring frames of a clip, on the calling thread: which share of a made frame each
/// has when nothing else is in the way.
/// </summary>
internal sealed class FrameCalls : IDisposable
{
    /// <summary>Calls that count; one more comes before them.</summary>
    public const int Runs = 5;

    // 24 to 60 frames a second: two source frames make four between them and one that stands, so a pair makes two.
    private const double MadePerPair = 2;

    private const float Position = 0.4f;

    // The JIT optimises what was called 30 times, 100 ms after nothing new was compiled: many calls on small pictures bring it there.
    private const int WarmRounds = 64;
    private static readonly TimeSpan WarmTime = TimeSpan.FromSeconds(1);
    private static readonly PictureSize WarmSize = new(128, 96);

    private readonly List<IDisposable> _held = [];
    private readonly List<(string Name, double CallsPerFrame, long Bytes, Action Call)> _calls = [];

    private FrameCalls(Frame left, Frame right, NativePool memory)
    {
        VideoFormat format = left.Format;
        long plane = (long)format.Width * format.Height * sizeof(float);
        FrameConverter converter = new(format);
        DenseInverseSearch search = new(DenseInverseSearchOptions.ForInterpolation(format.Width, format.Height));
        FloatImage rgb0 = Image(3);
        FloatImage rgb1 = Image(3);
        FloatImage made = Image(3);
        FloatImage mask0 = Image(1);
        FloatImage mask1 = Image(1);
        Frame target = Hold(new FramePool(memory, format).Rent(left.Time, left.SourceIndex));
        converter.ToRgb(left, rgb0);
        converter.ToRgb(right, rgb1);
        MotionField motion = Hold(search.Estimate(rgb0, rgb1, memory));
        FloatImage? apart = IntermediateMotion.IsHalved(format.Width, format.Height) ? null : Image(4);
        FloatImage velocity = Hold(IntermediateMotion.At(motion, rgb0, rgb1, Position, memory, apart));
        MotionField half = Hold(motion.Halved(memory));
        MotionAround around = Hold(MotionAround.Find(half, half, half, 1, 1, memory));
        FloatImage flow0 = Image(2);
        FloatImage flow1 = Image(2);
        FloatImage look0 = Image(3);
        FloatImage look1 = Image(3);
        Warp.Bicubic(rgb0, velocity, -Position, look0);
        Warp.Bicubic(rgb1, velocity, 1 - Position, look1);
        flow0.Values.Clear();
        flow1.Values.Clear();
        _calls.Add(("to RGB", 1 / MadePerPair, format.FrameBytes + (3 * plane), () => converter.ToRgb(left, rgb0)));
        _calls.Add(("dense inverse search, both ways", 1 / MadePerPair, 10 * plane, () => search.Estimate(rgb0, rgb1, memory).Dispose()));
        _calls.Add(("motion at t", 1, (6 + 4 + 2) * plane, () => IntermediateMotion.At(motion, rgb0, rgb1, Position, memory, apart).Dispose()));
        _calls.Add(("inconsistency at t", 1, (4 + 2 + 2) * plane, () => IntermediateMotion.InconsistencyAt(motion, velocity, Position, mask0, mask1)));
        _calls.Add(("what neighbours tell of a pair", 1 / MadePerPair, (4 + 4) * plane, () => AskNeighbours(motion, memory)));
        _calls.Add(("path at t", 1, (2 + 4 + 4) * plane, () => around.Bend.Apply(velocity, Position, flow0, flow1, memory)));
        _calls.Add(("what one frame shows alone, at t", 1, (6 + 6 + 5) * plane, () => around.Uncovered.Apply(rgb0, rgb1, Position, look0, look1, memory)));
        string lookUp = apart is null ? "bicubic warp of RGB" : "mean of three bicubic warps of RGB";
        _calls.Add((lookUp, 2, (3 + (apart is null ? 2 : 6) + 3) * plane, () => Warp.Bicubic(rgb0, velocity, -Position, made, apart, -Position)));
        _calls.Add(("from RGB", 1, format.FrameBytes + (3 * plane), () => converter.FromRgb(made, target)));

        T Hold<T>(T one)
            where T : IDisposable
        {
            _held.Add(one);
            return one;
        }

        FloatImage Image(int channels) => Hold(memory.RentImage(channels, format.Height, format.Width));
    }

    /// <summary>Measures.</summary>
    /// <param name="left">A frame.</param>
    /// <param name="right">The next.</param>
    /// <param name="networks">The graphs in use.</param>
    /// <param name="device">Where they run.</param>
    /// <param name="machine">The peak that they are held against.</param>
    /// <param name="memory">Where tensors come from.</param>
    /// <param name="cancellationToken">Ends the measuring between two calls.</param>
    public static IReadOnlyList<CallRecord> Measure(Frame left, Frame right, IEnumerable<Network> networks, ExecutionDevice device, MachineRecord machine, NativePool memory, CancellationToken cancellationToken)
    {
        Warm(left.Format, memory, cancellationToken);
        PictureSize size = new(left.Format.Width, left.Format.Height);
        List<CallRecord> found = [];
        using (FrameCalls calls = new(left, right, memory))
        {
            foreach ((string name, double callsPerFrame, long bytes, Action call) in calls._calls)
            {
                (double milliseconds, double cpu) = CallTime.Median(call, Runs, cancellationToken);
                found.Add(new CallRecord(name, size, callsPerFrame, milliseconds, cpu, bytes, 0, null));
            }
        }

        foreach (Network network in networks)
        {
            TilePlan window = network.Window(size);
            double flops = (double)network.FlopsPerPixel * window.WindowWidth * window.WindowHeight;
            GraphTime time = GraphTrial.Run(network.Path, device, window.WindowHeight, window.WindowWidth, Runs, cancellationToken);
            found.Add(new CallRecord(
                $"{network.Model.Manifest.Name}: {network.Name}",
                size,
                network.Model.Manifest.Task == "denoise" ? 0 : window.Tiles.Count,
                time.Milliseconds,
                time.CpuMilliseconds,
                0,
                flops,
                device.Kind == DeviceKind.Cpu && flops > 0 ? flops / time.CpuMilliseconds * 1000 / machine.PeakFlopsOneThread : null));
        }

        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _held.ForEach(h => h.Dispose());

    // Each pair's motion is halved once.
    private static void AskNeighbours(MotionField motion, NativePool memory)
    {
        using MotionField half = motion.Halved(memory);
        MotionAround.Find(half, half, half, 1, 1, memory).Dispose();
    }

    private static void Warm(VideoFormat format, NativePool memory, CancellationToken cancellationToken)
    {
        FramePool pool = new(memory, format with { Width = WarmSize.Width, Height = WarmSize.Height });
        using Frame left = pool.Rent(Rational.Zero, 0);
        using Frame right = pool.Rent(Rational.One, 1);
        for (int i = 0; i < left.Bytes.Length; i++)
        {
            left.Bytes[i] = (byte)(i * 37 % 101);
            right.Bytes[i] = (byte)((i + 2) * 37 % 101);
        }

        using FrameCalls calls = new(left, right, memory);
        long begun = Stopwatch.GetTimestamp();
        for (int round = 0; round < WarmRounds || Stopwatch.GetElapsedTime(begun) < WarmTime; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            calls._calls.ForEach(c => c.Call());
        }
    }
}
