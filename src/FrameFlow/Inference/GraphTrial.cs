using System.Diagnostics;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FrameFlow.Inference;

/// <summary>What the operators of one kind took of an evaluation.</summary>
/// <param name="Operator">The operator's type, as the optimised graph has it.</param>
/// <param name="Count">How many the graph has.</param>
/// <param name="Milliseconds">Their time in one evaluation, the mean.</param>
public sealed record OperatorTime(string Operator, int Count, double Milliseconds);

/// <summary>What an evaluation of a graph took.</summary>
/// <param name="Milliseconds">The median, by the clock.</param>
/// <param name="CpuMilliseconds">The median of the processor time, of all threads.</param>
/// <param name="Operators">What its operators took, the longest first.</param>
internal sealed record GraphTime(double Milliseconds, double CpuMilliseconds, IReadOnlyList<OperatorTime> Operators);

/// <summary>How long a call takes when it is made again and again.</summary>
internal static class CallTime
{
    /// <summary>Makes a call once, and then so often that the median can be told.</summary>
    /// <param name="call">The call.</param>
    /// <param name="runs">Calls that count, at least 1.</param>
    /// <param name="cancellationToken">Ends it between two calls.</param>
    /// <returns>Medians, milliseconds: by the clock, and of the whole process's processor time, in which what else runs on the machine does not count.</returns>
    public static (double Milliseconds, double CpuMilliseconds) Median(Action call, int runs, CancellationToken cancellationToken)
    {
        call();
        double[] times = new double[runs];
        double[] used = new double[runs];
        for (int i = 0; i < runs; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long begun = Stopwatch.GetTimestamp();
            call();
            times[i] = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            used[i] = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
        }

        return (times.Order().ElementAt(runs / 2), used.Order().ElementAt(runs / 2));
    }
}

/// <summary>Runs a graph on made-up inputs and says where the time goes, by ONNX Runtime's own profile.</summary>
internal static class GraphTrial
{
    /// <summary>Evaluates a graph several times.</summary>
    /// <param name="path">The .onnx file, whose inputs are float [N,C,H,W] with H and W alike in all, [N,C] or [N,C,1,1].</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="runs">Evaluations that count, at least 1; one more comes before them.</param>
    /// <param name="cancellationToken">Ends the trial between two evaluations.</param>
    /// <exception cref="FrameFlowException">The graph cannot be loaded or run (<see cref="FaultKind.Model"/>).</exception>
    public static GraphTime Run(string path, ExecutionDevice device, int height, int width, int runs, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("frameflow-profile-");
        List<OrtValue> tensors = [];
        try
        {
            using SessionOptions options = device.CreateSessionOptions(new ModelGraph(path, "", []), device.Kind);

            // In this order: switched on, profiling has its prefix, by default the working folder's.
            options.ProfileOutputPathPrefix = Path.Combine(folder.FullName, "profile");
            options.EnableProfiling = true;
            using InferenceSession session = new(path, options);
            using OrtIoBinding binding = session.CreateIoBinding();
            using RunOptions run = new();
            foreach ((string name, NodeMetadata input) in session.InputMetadata)
            {
                OrtValue tensor = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, ShapeOf(input, height, width));
                tensors.Add(tensor);
                Fill(tensor.GetTensorMutableDataAsSpan<float>());
                binding.BindInput(name, tensor);
            }

            // Bound like the product's, so that no result is allocated by a run.
            foreach ((string name, NodeMetadata output) in session.OutputMetadata)
            {
                OrtValue tensor = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, ShapeOf(output, height, width));
                tensors.Add(tensor);
                binding.BindOutput(name, tensor);
            }

            (double milliseconds, double cpu) = CallTime.Median(() => session.RunWithBinding(run, binding), runs, cancellationToken);
            return new GraphTime(milliseconds, cpu, Read(File.ReadAllText(session.EndProfiling()), runs + 1));
        }
        catch (OnnxRuntimeException e)
        {
            throw new FrameFlowException(FaultKind.Model, $"The network {path} cannot be profiled ({e.Message.Split('\n')[0].Trim()}); run 'frameflow models --verify'.", e);
        }
        finally
        {
            tensors.ForEach(t => t.Dispose());
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Sums the kernels' times of ONNX Runtime's profile (Chrome's trace format; <c>dur</c> in microseconds) by operator, all evaluations but the first.</summary>
    /// <param name="profile">The profile's JSON.</param>
    /// <param name="runs">Evaluations in it, at least 2.</param>
    internal static IReadOnlyList<OperatorTime> Read(string profile, int runs)
    {
        using JsonDocument events = JsonDocument.Parse(profile);
        Dictionary<string, List<double>> byNode = [];
        Dictionary<string, string> kinds = [];
        foreach (JsonElement item in events.RootElement.EnumerateArray())
        {
            string name = item.GetProperty("name").GetString()!;
            if (item.GetProperty("cat").GetString() == "Node" && name.EndsWith("_kernel_time", StringComparison.Ordinal))
            {
                kinds[name] = item.GetProperty("args").GetProperty("op_name").GetString()!;
                if (!byNode.TryGetValue(name, out List<double>? times))
                {
                    byNode[name] = times = [];
                }

                times.Add(item.GetProperty("dur").GetDouble() / 1000);
            }
        }

        return
        [
            .. byNode.GroupBy(n => kinds[n.Key])
                .Select(g => new OperatorTime(g.Key, g.Count(), g.Sum(n => n.Value.Skip(1).Sum()) / (runs - 1)))
                .OrderByDescending(o => o.Milliseconds),
        ];
    }

    // N is 1, and so is every other size that a graph leaves open; the last two of four are H and W.
    private static long[] ShapeOf(NodeMetadata tensor, int height, int width) =>
        [.. tensor.Dimensions.Select((d, axis) => d > 0 ? d : axis == 2 ? height : axis == 3 ? width : 1L)];

    // Anything of the size that the networks see; zeros would be no fair load.
    private static void Fill(Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = 0.25f + (i * 37 % 101 / 202f);
        }
    }
}
