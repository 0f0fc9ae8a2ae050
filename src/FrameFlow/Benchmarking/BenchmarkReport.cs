using FrameFlow.Inference;
using FrameFlow.Reporting;

namespace FrameFlow.Benchmarking;

/// <summary>What a benchmark found.</summary>
/// <param name="Machine">Where.</param>
/// <param name="Runs">Parts of the pipeline alone, and whole jobs.</param>
/// <param name="Calls">The calls that a made frame is composed of, one after the other.</param>
/// <param name="Graphs">Where the networks' time goes.</param>
public sealed record BenchmarkReport(MachineRecord Machine, IReadOnlyList<RunRecord> Runs, IReadOnlyList<CallRecord> Calls, IReadOnlyList<GraphRecord> Graphs);

/// <summary>The machine, as far as figures depend on it.</summary>
/// <param name="Processor">The processor's name, as the system gives it.</param>
/// <param name="Cores">Logical cores that this process may use.</param>
/// <param name="Threads">Threads that the model may use.</param>
/// <param name="VectorBits">Width of the vectors that the peak was measured with.</param>
/// <param name="PeakFlops">Single-precision multiply-adds, two each, a second: the best that <paramref name="Threads"/> threads reached together (<see cref="MultiplyAddPeak"/>).</param>
/// <param name="PeakFlopsOneThread">The best of one thread.</param>
/// <param name="Runtime">The .NET runtime.</param>
public sealed record MachineRecord(string Processor, int Cores, int Threads, int VectorBits, double PeakFlops, double PeakFlopsOneThread, string Runtime);

/// <summary>One run over a clip.</summary>
public sealed record RunRecord
{
    /// <summary>One of <see cref="BenchmarkOptions.Cases"/>.</summary>
    public required string Case { get; init; }

    /// <summary>The pictures' size.</summary>
    public required PictureSize Size { get; init; }

    /// <summary>Frames that came.</summary>
    public required long FramesIn { get; init; }

    /// <summary>Frames that left.</summary>
    public required long FramesOut { get; init; }

    /// <summary>Seconds before the pipeline ran: probe, scan, opening of networks; 0 for a part alone.</summary>
    public double PrepareSeconds { get; init; }

    /// <summary>Seconds that the work took; of a whole job with the check of its file.</summary>
    public required double Seconds { get; init; }

    /// <summary>Processor seconds of this process meanwhile, preparation included.</summary>
    public required double OwnCpuSeconds { get; init; }

    /// <summary>Processor seconds of ffmpeg and ffprobe meanwhile; 0 where the system cannot tell.</summary>
    public required double ToolCpuSeconds { get; init; }

    /// <summary>How long each part of the pipeline was busy or waited.</summary>
    public required IReadOnlyList<StageRecord> Stages { get; init; }

    /// <summary>Bytes of raw pictures that left the pipeline's parts, those through the pipes of decoder and encoder included.</summary>
    public required long BytesMoved { get; init; }

    /// <summary>What the networks computed, by the manifest's figure for a pixel; 0 without any.</summary>
    public double ModelFlops { get; init; }

    /// <summary>
    /// <see cref="ModelFlops"/> a second of <see cref="OwnCpuSeconds"/> over the peak of one thread: of all that this process did, the share that it would have taken at
    /// the peak. Null without a network or on another device than the processor.
    /// </summary>
    public double? ShareOfPeak { get; init; }

    /// <summary>The largest resident set of this process since the run began (without ffmpeg's); where the system does not tell that, since the process began.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>Managed bytes a frame that left: of a part alone over the second half of its frames, of a whole job over all of its pipeline.</summary>
    public required double AllocatedBytesPerFrame { get; init; }

    /// <summary>Frames that left, a second of work and preparation.</summary>
    public double FramesPerSecond => FramesOut / (Seconds + PrepareSeconds);

    /// <summary>Gigabytes of raw pictures a second of work.</summary>
    public double GigabytesPerSecond => BytesMoved / Seconds / 1e9;
}

/// <summary>One call on one thread (a network: on the threads of one session), as the making of a frame does it.</summary>
/// <param name="Call">What is called.</param>
/// <param name="Size">The pictures' size.</param>
/// <param name="CallsPerFrame">How often a made frame of 24 to 60 frames a second takes it.</param>
/// <param name="Milliseconds">The median, by the clock.</param>
/// <param name="CpuMilliseconds">The median of the processor time, of all threads: on a busy machine the better figure.</param>
/// <param name="Bytes">What it reads and writes at least once, arguments and results alone.</param>
/// <param name="Flops">What a network computes; 0 for others.</param>
/// <param name="ShareOfPeak"><paramref name="Flops"/> a second of processor time over the peak of one thread; null for what is no network.</param>
public sealed record CallRecord(string Call, PictureSize Size, double CallsPerFrame, double Milliseconds, double CpuMilliseconds, long Bytes, double Flops, double? ShareOfPeak)
{
    /// <summary>Milliseconds of processor time that it takes of each made frame.</summary>
    public double CpuMillisecondsPerFrame => CpuMilliseconds * CallsPerFrame;

    /// <summary>Gigabytes a second of processor time.</summary>
    public double GigabytesPerSecond => Bytes / CpuMilliseconds / 1e6;
}

/// <summary>A network's operators.</summary>
/// <param name="Graph">The graph's task name.</param>
/// <param name="Size">The window's size.</param>
/// <param name="Milliseconds">The median evaluation, by the clock.</param>
/// <param name="CpuMilliseconds">The median of the processor time, of all threads.</param>
/// <param name="Operators">What its operators took by the clock, the longest first.</param>
public sealed record GraphRecord(string Graph, PictureSize Size, double Milliseconds, double CpuMilliseconds, IReadOnlyList<OperatorTime> Operators);
