using System.Diagnostics;
using System.Runtime.InteropServices;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Reporting;
using FrameFlow.SceneCuts;
using Serilog;

namespace FrameFlow.Benchmarking;

/// <summary>
/// Measures the program on this machine, on a clip of its own: parts of the pipeline alone, whole jobs as a user runs them, the calls that a made frame is
/// composed of, and the networks' operators.
/// </summary>
/// <param name="options">The request.</param>
/// <param name="models">Where models are found.</param>
/// <param name="log">Receives what is going on.</param>
public sealed class Benchmark(BenchmarkOptions options, ModelCatalog models, ILogger log)
{
    // A trial of noise that every denoiser works on; the clip's own texture would be found to be noise.
    private const double Sigma = 10;

    // As the comparison with ffmpeg has it (tests/Benchmarks/compare): fast enough to leave the stages room.
    private static readonly EncodeOptions Encoding = new() { Encoder = "libx264", Crf = 18, EncoderArgs = "-preset veryfast" };

    private readonly List<RunRecord> _runs = [];
    private readonly List<CallRecord> _calls = [];
    private readonly List<GraphRecord> _graphs = [];
    private DeviceSelection? _devices;

    /// <summary>Runs.</summary>
    /// <exception cref="FrameFlowException">The request, a model or the device is refused, or a tool failed.</exception>
    public async Task<BenchmarkReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.Validate() is { Count: > 0 } faults)
        {
            throw new FrameFlowException(FaultKind.Usage, $"Out of range: {string.Join("; ", faults)}.");
        }

        Interpolation().CheckModel(models);
        Denoising().CheckModel(models);
        MachineRecord machine = new(ProcessorName(), Environment.ProcessorCount, options.Threads, MultiplyAddPeak.VectorBits, MultiplyAddPeak.Measure(options.Threads), MultiplyAddPeak.Measure(1), RuntimeInformation.FrameworkDescription);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("frameflow-bench-");
        try
        {
            if (options.Film is { } film)
            {
                MediaInfo info = await MediaProbe.ProbeAsync(film, cancellationToken);
                VideoDescription video = info.Video?.Video ?? throw InputFaults.NoVideo(film, info.Streams);
                await MeasureAsync(new PictureSize(video.Width, video.Height), film, folder.FullName, machine, cancellationToken);
            }

            foreach (PictureSize size in options.Film is null ? options.Sizes : [])
            {
                string clip = Path.Combine(folder.FullName, $"{size.Width}x{size.Height}.mp4");
                await BenchmarkClip.MakeAsync(size, options.Frames, clip, cancellationToken);
                await MeasureAsync(size, clip, folder.FullName, machine, cancellationToken);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return new BenchmarkReport(machine, _runs, _calls, _graphs);
    }

    private InterpolationOperation Interpolation() => new(new InterpolationOperationOptions { Model = options.Interpolator });

    private DenoiseOperation Denoising() => new(new DenoiseOperationOptions { Model = options.Denoiser, Sigma = Sigma });

    private async Task MeasureAsync(PictureSize size, string clip, string folder, MachineRecord machine, CancellationToken cancellationToken)
    {
        if (BenchmarkOptions.Cases.Take(5).Any(options.Wants) || options.Wants("calls"))
        {
            await MeasurePartsAsync(size, clip, folder, machine, cancellationToken);
        }

        if (options.Wants("null"))
        {
            await MeasureJobAsync("null", size, clip, folder, new InterpolationOperation(new InterpolationOperationOptions { Model = "hold", Rate = new TargetRate(1, true) }), machine, cancellationToken);
        }

        if (options.Wants("interpolate"))
        {
            await MeasureJobAsync("interpolate", size, clip, folder, Interpolation(), machine, cancellationToken);
        }

        if (options.Wants("denoise"))
        {
            await MeasureJobAsync("denoise", size, clip, folder, Denoising(), machine, cancellationToken);
        }

        if (options.Wants("operators"))
        {
            MeasureOperators(size, cancellationToken);
        }
    }

    // Each on frames that lie in memory, into a sink that drops them, but for the decoder and the encoder themselves.
    private async Task MeasurePartsAsync(PictureSize size, string clip, string folder, MachineRecord machine, CancellationToken cancellationToken)
    {
        MediaInfo info = await MediaProbe.ProbeAsync(clip, cancellationToken);
        SourceScan scan = await SourceScanner.ScanAsync(info, new DecodeOptions(), cancellationToken);
        using NativePool memory = new(options.MemoryBytes);
        FramePool pool = new(memory, scan.Format);
        List<Frame> frames = [];
        try
        {
            await foreach (Frame frame in new FrameSource(info, scan, new DecodeOptions(), pool).ReadAsync(cancellationToken))
            {
                frames.Add(frame);
            }

            long count = frames.Count;
            if (options.Wants("decode"))
            {
                await MeasurePartAsync("decode", new FrameSource(info, scan, new DecodeOptions(), pool), [], new DiscardingSink(), count);
            }

            if (options.Wants("encode"))
            {
                using OutputFile output = OutputFile.Prepare(Path.Combine(folder, "encoded.mp4"), clip, overwrite: true);
                EncodePlan plan = await EncodePlan.CreateAsync(
                    new EncodeRequest { Options = Encoding, Source = info, Format = scan.Format, OutputPath = output.Path, FrameRate = scan.Timeline.ConstantRate ?? (count / scan.Timeline.Duration), Times = scan.Timeline.IsEven ? null : scan.Timeline, FrameCount = count, FirstFrameTime = scan.Timeline.First },
                    cancellationToken);
                await MeasurePartAsync("encode", Memory(), [], new FrameSink(plan, output), count);
            }

            if (options.Wants("stage:cuts"))
            {
                await MeasurePartAsync("stage:cuts", Memory(), [new SceneCutStage(new SceneCutOptions())], new DiscardingSink(), count);
            }

            if (options.Wants("stage:interpolate"))
            {
                await MeasureStageAsync("stage:interpolate", Interpolation());
            }

            if (options.Wants("stage:denoise"))
            {
                await MeasureStageAsync("stage:denoise", Denoising());
            }

            if (options.Wants("calls") && frames.Count > 1)
            {
                log.Information("Measuring {Case:l} at {Size:l} ...", "calls", size.ToString());
                _calls.AddRange(FrameCalls.Measure(frames[0], frames[1], Networks(), Device(), machine, memory, cancellationToken));
            }
        }
        finally
        {
            frames.ForEach(f => f.Dispose());
        }

        MemorySource Memory() => new(scan.Format, frames);

        async Task MeasureStageAsync(string name, IVideoOperation operation)
        {
            using (operation)
            {
                operation.CheckModel(models);
                FrameTimeline times = operation.Map(scan.Timeline);
                operation.Load(new OperationContext(scan.Format, memory, Job(clip, clip), Devices(), log));
                RunRecord run = await MeasurePartAsync(name, Memory(), operation.CreateStages(new FrameRange(0, times.Count)), new DiscardingSink(), times.Count);
                _runs[^1] = WithModel(run, operation, machine);
            }
        }

        async Task<RunRecord> MeasurePartAsync(string name, IFrameSource source, IReadOnlyList<IFrameStage> stages, IFrameSink sink, long count)
        {
            log.Information("Measuring {Case:l} at {Size:l} ...", name, size.ToString());
            AllocationSink watched = new(sink, count);
            VideoPipeline pipeline = VideoPipeline.Build(source, stages, watched, channelCapacity: 3, memory.LimitBytes);
            Begin(out ProcessUsage before, out Stopwatch clock);
            await pipeline.RunAsync(cancellationToken);
            TimeSpan elapsed = clock.Elapsed;
            ProcessUsage used = ProcessUsage.Now().Since(before);
            IReadOnlyList<StageRecord> records = [.. pipeline.Meters.Select(m => StageRecord.Of(m, elapsed))];
            RunRecord run = new()
            {
                Case = name,
                Size = size,
                FramesIn = frames.Count,
                FramesOut = watched.Frames,
                Seconds = elapsed.TotalSeconds,
                OwnCpuSeconds = used.Own.TotalSeconds,
                ToolCpuSeconds = used.Tools.TotalSeconds,
                Stages = records,
                BytesMoved = records.Sum(r => r.Frames) * scan.Format.FrameBytes,
                PeakMemoryBytes = PeakMemory.Bytes(),
                AllocatedBytesPerFrame = watched.BytesPerFrame,
            };
            _runs.Add(run);
            return run;
        }
    }

    private async Task MeasureJobAsync(string name, PictureSize size, string clip, string folder, IVideoOperation operation, MachineRecord machine, CancellationToken cancellationToken)
    {
        log.Information("Measuring {Case:l} at {Size:l} ...", name, size.ToString());
        Begin(out ProcessUsage before, out Stopwatch clock);
        await using VideoJob job = await VideoJob.PrepareAsync(Job(clip, Path.Combine(folder, "made.mkv")), [operation], models, Quiet(), cancellationToken);
        double prepared = clock.Elapsed.TotalSeconds;
        JobSummary summary = await job.RunAsync(cancellationToken);
        double whole = clock.Elapsed.TotalSeconds;
        ProcessUsage used = ProcessUsage.Now().Since(before);
        RunRecord run = new()
        {
            Case = name,
            Size = size,
            FramesIn = summary.Plan.FramesIn,
            FramesOut = summary.FramesOut,
            PrepareSeconds = prepared,
            Seconds = whole - prepared,
            OwnCpuSeconds = used.Own.TotalSeconds,
            ToolCpuSeconds = used.Tools.TotalSeconds,
            Stages = job.Stages,
            BytesMoved = job.Stages.Sum(r => r.Frames) * summary.Plan.Format.FrameBytes,
            PeakMemoryBytes = PeakMemory.Bytes(),
            AllocatedBytesPerFrame = job.AllocatedBytes / (double)summary.FramesOut,
        };
        _runs.Add(WithModel(run, operation, machine));
    }

    private void MeasureOperators(PictureSize size, CancellationToken cancellationToken)
    {
        log.Information("Measuring {Case:l} at {Size:l} ...", "operators", size.ToString());
        foreach (Network network in Networks())
        {
            TilePlan window = network.Window(size);
            GraphTime time = GraphTrial.Run(network.Path, Device(), window.WindowHeight, window.WindowWidth, FrameCalls.Runs, cancellationToken);
            _graphs.Add(new GraphRecord(network.Name, new PictureSize(window.WindowWidth, window.WindowHeight), time.Milliseconds, time.CpuMilliseconds, time.Operators));
        }
    }

    // Of the models in use, the built-in methods have none.
    private IEnumerable<Network> Networks()
    {
        foreach (IVideoOperation operation in new IVideoOperation[] { Interpolation(), Denoising() })
        {
            operation.CheckModel(models);
            foreach (Model model in operation.Models)
            {
                foreach ((string name, ModelFile file) in model.Manifest.Files)
                {
                    yield return new Network(model, name, file.FlopsPerPixel);
                }
            }
        }
    }

    // The threads of a session where two workers share them, as the operations choose.
    private ExecutionDevice Device() => Devices().For(Math.Max(1, options.Threads / 2));

    private DeviceSelection Devices() => _devices ??= new DeviceSelection(options.Device, DeviceLossPolicy.Stop, [.. Networks().Select(n => n.Model).DistinctBy(m => m.Folder)], _ => { });

    private VideoJobOptions Job(string input, string output) => new()
    {
        Input = input,
        Output = output,
        Overwrite = true,
        Device = options.Device,
        Threads = options.Threads,
        MemoryBytes = options.MemoryBytes,
        Encode = Encoding,
    };

    private static RunRecord WithModel(RunRecord run, IVideoOperation operation, MachineRecord machine)
    {
        double flops = ModelFlops(operation.Models, operation.Counts, run.Size);
        return flops == 0 ? run : run with { ModelFlops = flops, ShareOfPeak = operation.Device == "cpu" ? flops / run.OwnCpuSeconds / machine.PeakFlopsOneThread : null };
    }

    /// <summary>
    /// What networks computed for the frames that were made, given way or denoised: each graph once a frame, which is what one step takes; windows' overlap and padding
    /// do not count.
    /// </summary>
    /// <param name="used">The models.</param>
    /// <param name="counts">The operation's counts.</param>
    /// <param name="size">The pictures' size.</param>
    internal static double ModelFlops(IReadOnlyList<Model> used, IReadOnlyDictionary<string, long> counts, PictureSize size)
    {
        long frames = counts.GetValueOrDefault("generated") + counts.GetValueOrDefault("fellBack") + counts.GetValueOrDefault("denoised");
        return used.Sum(m => m.Manifest.Files.Values.Sum(f => (double)f.FlopsPerPixel)) * frames * size.Pixels;
    }

    // What a run before left is not this one's.
    private static void Begin(out ProcessUsage before, out Stopwatch clock)
    {
        GC.Collect();
        PeakMemory.Reset();
        before = ProcessUsage.Now();
        clock = Stopwatch.StartNew();
    }

    // The jobs' own announcements would tell of files that are none of the user's.
    private static Serilog.Core.Logger Quiet() => new LoggerConfiguration().CreateLogger();

    private static string ProcessorName() =>
        (File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null)?.Split(':')[^1].Trim()
        ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
}

/// <summary>One graph of a model.</summary>
/// <param name="Model">The model.</param>
/// <param name="Name">The graph's task name.</param>
/// <param name="FlopsPerPixel">By the manifest; 0 where it does not say.</param>
internal sealed record Network(Model Model, string Name, long FlopsPerPixel)
{
    /// <summary>The .onnx file.</summary>
    public string Path => Model.PathOf(Name);

    /// <summary>The windows in which it sees a picture, as the stages cut it.</summary>
    public TilePlan Window(PictureSize size) =>
        Name == LearnedFlow.Graph
            ? LearnedFlow.Window(Model, size.Width, size.Height)
            : TilePlan.Create(size.Width, size.Height, Model.Manifest.Alignment, Model.Manifest.ReceptiveField.GetValueOrDefault(Name), new InterpolationOptions().TilePixels);
}
