using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using System.Reflection;
using System.Text.Json;
using FrameFlow.Media;
using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>What trying a device showed.</summary>
/// <param name="Works">Whether its numbers are the processor's.</param>
/// <param name="Reason">One line: what was found, or why it does not work.</param>
/// <param name="LargestError">The largest difference from the processor's numbers, in parts of their largest; null where nothing ran.</param>
/// <param name="Seconds">How long it took, compiling included.</param>
public sealed record DeviceVerdict(bool Works, string Reason, double? LargestError = null, double? Seconds = null);

/// <summary>
/// A tiny inference on a device whose output is compared with the processor's: the one proof that a provider works. The first graph tried is the project's own
/// (scripts/make-probe), which has the shapes that providers are known to calculate wrongly; then those that a job will run.
/// </summary>
public static class DeviceTrial
{
    /// <summary>An attribute by which a program says which of its commands tries a device: <c>[assembly: AssemblyMetadata(CommandKey, "devices try")]</c>.</summary>
    public const string CommandKey = "FrameFlow.DeviceTrial";

    // In parts of the output's largest value. Sums in another order differ by some 1e-6 of it; a wrong kernel by tenths; half precision by 1e-2.
    private const double Tolerance = 1e-3;
    private const double HalfTolerance = 3e-2;

    // Multiples of the networks' alignment. Software Vulkan takes seconds for these.
    private const int Side = 32;

    /// <summary>
    /// Tries a device in this process, which thereby decides for that device's library (one a process): call it in a process that ends afterwards.
    /// </summary>
    /// <param name="request">A device, not <c>auto</c>.</param>
    /// <param name="models">Models of which every graph is tried.</param>
    public static DeviceVerdict Run(DeviceRequest request, IReadOnlyList<Model> models)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(models);
        Stopwatch clock = Stopwatch.StartNew();
        ExecutionDevice device = new(request, 1, DeviceLossPolicy.Stop, static _ => { });
        try
        {
            double worst = 0;
            foreach (ModelGraph graph in models.SelectMany(m => m.Manifest.Files.Keys.Order(StringComparer.Ordinal).Select(m.Graph)).Prepend(Probe()))
            {
                using IGraphSession session = device.Open(graph, device.Kind);
                worst = Math.Max(worst, Compare(device, graph, session));
            }

            return new DeviceVerdict(true, string.Create(CultureInfo.InvariantCulture, $"gives the processor's numbers within {worst:0.0e0}"), worst, clock.Elapsed.TotalSeconds);
        }
        catch (GraphFault e)
        {
            return new DeviceVerdict(false, e.Message);
        }
        catch (FrameFlowException e)
        {
            return new DeviceVerdict(false, e.Message);
        }
    }

    /// <summary>
    /// Tries a device in a process of its own: a driver that crashes takes nothing with it, and this process has not decided for a library. The process is this program
    /// with the command that it names under <see cref="CommandKey"/>.
    /// </summary>
    /// <param name="request">A device, not <c>auto</c>.</param>
    /// <param name="models">As <see cref="Run"/> takes them.</param>
    /// <returns>The verdict; that it could not be tried, where the program names no such command.</returns>
    public static DeviceVerdict RunApart(DeviceRequest request, IReadOnlyList<Model> models)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(models);
        Assembly? program = Assembly.GetEntryAssembly();
        string? command = program?.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == CommandKey)?.Value;
        if (command is null || Environment.ProcessPath is not { } host)
        {
            return new DeviceVerdict(false, "this program cannot try it in a process of its own; name it with --device to have it tried here");
        }

        bool isShared = Path.GetFileNameWithoutExtension(host) == "dotnet";
        ProcessStartInfo start = new(host, [.. isShared ? [program!.Location] : Array.Empty<string>(), .. command.Split(' '), request.ToString(), .. models.Select(m => m.Folder)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true, // drivers talk
            UseShellExecute = false,
        };
        using Process process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();

        // A driver that hangs is no device. TensorRT compiles for minutes the first time.
        TimeSpan limit = TimeSpan.FromMinutes(request.Kind == DeviceKind.TensorRt ? 20 : 3);
        using Timer timer = new(_ => Kill(process), null, limit, Timeout.InfiniteTimeSpan);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        try
        {
            return JsonSerializer.Deserialize<DeviceVerdict>(output) ?? Ended();
        }
        catch (JsonException)
        {
            return Ended();
        }

        DeviceVerdict Ended() => new(false, string.Create(CultureInfo.InvariantCulture, $"the process that tried it ended without a word (exit code {process.ExitCode}): its driver crashed or hung"));
    }

    /// <summary>Runs a session and one of the processor on the same numbers.</summary>
    /// <returns>The largest difference, in parts of the largest of the processor's numbers.</returns>
    /// <exception cref="GraphFault">A session failed, or the numbers differ.</exception>
    internal static double Compare(ExecutionDevice device, ModelGraph graph, IGraphSession session)
    {
        using IGraphSession processor = device.Open(graph, DeviceKind.Cpu);
        if (session is not OrtGraphSession { Session: { } tried } || processor is not OrtGraphSession { Session: { } reference })
        {
            return 0; // no session of ONNX Runtime: a test's
        }

        using NativePool memory = new(long.MaxValue);
        List<FloatImage> blocks = [];
        try
        {
            List<(string Name, OrtValue Value)> inputs = [.. reference.InputMetadata.Select(i => (i.Key, Tensor(i.Value).Value))];
            List<(string Name, OrtValue Value, FloatImage Block)> expected = [.. reference.OutputMetadata.Select(o => { (OrtValue value, FloatImage block) = Tensor(o.Value); return (o.Key, value, block); })];
            List<(string Name, OrtValue Value, FloatImage Block)> found = [.. reference.OutputMetadata.Select(o => { (OrtValue value, FloatImage block) = Tensor(o.Value); return (o.Key, value, block); })];
            try
            {
                using IGraphBinding processorRun = processor.Bind(inputs, [.. expected.Select(o => (o.Name, o.Value))]);
                using IGraphBinding sessionRun = session.Bind(inputs, [.. found.Select(o => (o.Name, o.Value))]);

                // Filled after binding, as in use: an input must be what it is when the graph runs.
                for (int i = 0; i < inputs.Count; i++)
                {
                    Random random = new(i);
                    foreach (ref float value in blocks[i].Values)
                    {
                        value = 0.05f + (0.9f * random.NextSingle());
                    }
                }

                processorRun.Run();
                sessionRun.Run();
            }
            finally
            {
                foreach (OrtValue value in inputs.Select(i => i.Value).Concat(expected.Select(o => o.Value)).Concat(found.Select(o => o.Value)))
                {
                    value.Dispose();
                }
            }

            double worst = 0;
            foreach ((FloatImage is_, FloatImage should, string name) in found.Zip(expected, (f, e) => (f.Block, e.Block, e.Name)))
            {
                float largest = TensorPrimitives.MaxMagnitude<float>(should.Values);
                TensorPrimitives.Subtract(is_.Values, should.Values, is_.Values);
                double error = Math.Abs(TensorPrimitives.MaxMagnitude<float>(is_.Values)) / Math.Max(1, Math.Abs(largest));
                if (!(error <= (device.IsHalfPrecision ? HalfTolerance : Tolerance)))
                {
                    throw new GraphFault(string.Create(CultureInfo.InvariantCulture, $"it calculates wrongly: '{name}' of {Path.GetFileName(graph.Path)} differs from the processor's numbers by {error:0.0e0} of their largest"));
                }

                worst = Math.Max(worst, error);
            }

            return worst;
        }
        finally
        {
            blocks.ForEach(b => b.Dispose());
        }

        (OrtValue Value, FloatImage Block) Tensor(NodeMetadata metadata)
        {
            // Unknown axes: one picture, squares of a side that all networks take.
            long[] shape = [.. metadata.Dimensions.Select((d, axis) => d > 0 ? d : axis == 0 ? 1L : Side)];
            long length = shape.Aggregate(1L, (a, b) => a * b);
            FloatImage block = memory.RentImage(1, 1, checked((int)length));
            blocks.Add(block);
            block.Values.Clear();
            unsafe
            {
                return (OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, shape, (nint)block.Data, length * sizeof(float)), block);
            }
        }
    }

    private static ModelGraph Probe()
    {
        using Stream stream = typeof(DeviceTrial).Assembly.GetManifestResourceStream("inference/probe.onnx")!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return new ModelGraph("probe.onnx", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), [], content);
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }
}
