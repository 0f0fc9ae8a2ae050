using FrameFlow.Decoding;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Reporting;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>
/// One of the things that a job does to a film, in its order: it maps the times of the frames that come to those of the frames that
/// leave, and contributes stages. Options first, then <see cref="CheckModel"/>, <see cref="Map"/>, <see cref="Load"/>, each once; stages for every
/// pass over the film.
/// </summary>
public interface IVideoOperation : IDisposable
{
    /// <summary>The model's or method's name, for the log and the report.</summary>
    string Method { get; }

    /// <summary>The device's name once loaded; <c>none</c> where the method needs none.</summary>
    string Device { get; }

    /// <summary>Whether the stages look at <see cref="Frame.IsSceneStart"/>.</summary>
    bool NeedsCuts { get; }

    /// <summary>Whether what is heard still fits what is seen; false where time is stretched.</summary>
    bool KeepsTime { get; }

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    IReadOnlyList<string> Validate();

    /// <summary>Refuses, before anything is decoded, a model that is not there.</summary>
    /// <exception cref="FrameFlowException">There is no such model, or it is of another task (<see cref="FaultKind.Model"/>).</exception>
    void CheckModel(ModelCatalog models);

    /// <summary>Says when frames leave.</summary>
    /// <param name="input">The times of the frames that come.</param>
    /// <exception cref="FrameFlowException">There is no frame (<see cref="FaultKind.Input"/>), or the request does not fit them (<see cref="FaultKind.Usage"/>).</exception>
    FrameTimeline Map(FrameTimeline input);

    /// <summary>Loads networks and takes what the stages need.</summary>
    /// <exception cref="FrameFlowException">Model, device or memory do not suffice.</exception>
    void Load(OperationContext context);

    /// <summary>Whether <see cref="AnalyzeAsync"/> wants to see the film before the run.</summary>
    bool NeedsAnalysis { get; }

    /// <summary>
    /// Sees the source, once, after <see cref="Load"/> and before the stages that do the work are created. All operations share this one pass: what comes are
    /// the source's frames as they are decoded, whatever stands before this operation, with <see cref="Frame.IsSceneStart"/> where cuts are looked for.
    /// </summary>
    /// <param name="frames">Every frame; each is disposed. Its samples are shared and may not be written.</param>
    /// <param name="cancellationToken">Ends the pass.</param>
    Task AnalyzeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken);

    /// <summary>
    /// What <see cref="AnalyzeAsync"/> found, as JSON that brings it back when set: another process, or a run after a crash, need not look again. Null before, and
    /// for an operation without an analysis.
    /// </summary>
    string? Analysis
    {
        get => null;
        set => throw new NotSupportedException();
    }

    /// <summary>Operations that name the same analysis take what one of them found, and it is made once; null for one that no other shares.</summary>
    string? AnalysisKind => null;

    /// <summary>What the stages made last found out beside <see cref="Counts"/>, as JSON; null for nothing.</summary>
    string? Findings => null;

    /// <summary>Takes the findings of all parts, in order, in place of its own.</summary>
    void TakeFindings(IReadOnlyList<string> parts)
    {
    }

    /// <summary>Whether the encoder is told of grain that the decoder shall make, see <see cref="DescribeGrain"/>.</summary>
    bool TellsGrain => false;

    /// <summary>A film-grain table for AV1; asked for where <see cref="TellsGrain"/>, after the analysis.</summary>
    /// <param name="output">The encoded frames' times.</param>
    string DescribeGrain(FrameTimeline output) => throw new InvalidOperationException("The operation has no grain to tell of.");

    /// <summary>The models in use; known once checked. Empty where the method needs none.</summary>
    IReadOnlyList<Model> Models { get; }

    /// <summary>Whether a part of the output can be made from a part of the input; where not, the film is worked on in one go and <see cref="CreateStages"/> gets all of it.</summary>
    bool WorksInParts { get; }

    /// <summary>The frames that must come for a stretch of frames to leave, by index. A pure function: what leaves never depends on more than these.</summary>
    /// <param name="outputs">Frames that leave; not empty.</param>
    FrameRange InputFor(FrameRange outputs);

    /// <summary>The index of the first frame that leaves and stands at or behind a frame that comes; the count of all where none does.</summary>
    long FirstOutputAt(long input);

    /// <summary>Fresh stages over what was loaded, in order. They get exactly the frames of <see cref="InputFor"/>, from its first one on, and yield the outputs alone.</summary>
    /// <param name="outputs">The frames that shall leave.</param>
    /// <param name="isCounted">Whether a frame that leaves, by index, enters <see cref="Counts"/>; null: all do. Those that leave only for the sake of a later operation's are another part's.</param>
    IReadOnlyList<IFrameStage> CreateStages(FrameRange outputs, Predicate<long>? isCounted = null);

    /// <summary>What the stages made last counted so far, by name. Those of all parts of a film add up to those of the film in one go.</summary>
    IReadOnlyDictionary<string, long> Counts { get; }

    /// <summary>Files and folders that are read beside the film: nothing is written over them.</summary>
    IReadOnlyList<(string What, string Path)> Reads => [];

    /// <summary>What was asked for; null where the operation cannot say.</summary>
    OperationOptions? Request => null;

    /// <summary>What was measured before the work and by the stages made last, for the report: a few curves.</summary>
    IReadOnlyList<Measurement> Measurements => [];

    /// <summary>How many of the film's first frames <see cref="Measure"/> wants; 0 where the work is not worth measuring.</summary>
    int TrialFrames { get; }

    /// <summary>Does a little of the work on the film's first frames, on the calling thread.</summary>
    /// <param name="frames">At most <see cref="TrialFrames"/>; the film may have fewer. They stay the caller's.</param>
    /// <param name="cancellationToken">Ends the trial.</param>
    /// <returns>Seconds that all of it would take, or null where too few frames came to tell.</returns>
    double? Measure(IReadOnlyList<Frame> frames, CancellationToken cancellationToken);
}

/// <summary>What a job lends to its operations.</summary>
/// <param name="Format">The format of the frames that come.</param>
/// <param name="Memory">Where frames and working memory come from; not owned.</param>
/// <param name="Options">The job's options: threads, seed.</param>
/// <param name="Devices">The job's device for networks.</param>
/// <param name="Log">Receives what the user should know.</param>
public sealed record OperationContext(VideoFormat Format, NativePool Memory, VideoJobOptions Options, DeviceSelection Devices, ILogger Log)
{
    /// <summary>Where the source is damaged, as its scan found, in order of time.</summary>
    public IReadOnlyList<DamagedStretch> Damage { get; init; } = [];

    /// <summary>Bytes that work may take: of the job's memory a fifth is left to frames that wait.</summary>
    public long WorkingBytes => Options.MemoryBytes / 5 * 4;

    /// <summary>How many frames are worked on at once: two, or one where threads or memory are short.</summary>
    /// <param name="what">What is done, for the fault.</param>
    /// <param name="mend">What helps, for the fault.</param>
    /// <param name="workingBytes">Bytes of working memory that so many at once take.</param>
    /// <exception cref="FrameFlowException">Not even one fits (<see cref="FaultKind.Usage"/>).</exception>
    public int ChooseWorkers(string what, string mend, Func<int, long> workingBytes)
    {
        ArgumentNullException.ThrowIfNull(workingBytes);
        for (int workers = Math.Min(2, Options.Threads); ; workers--)
        {
            long needed = workingBytes(workers);
            if (needed <= WorkingBytes)
            {
                return workers;
            }

            if (workers == 1)
            {
                throw new FrameFlowException(FaultKind.Usage, $"{what} {Format.Width}x{Format.Height} takes {needed >> 20} MiB beside the frames, --memory allows {WorkingBytes >> 20} MiB for that; {mend}.");
            }

            Log.Information("One frame at a time: two would take {Needed} MiB, --memory allows {Limit} MiB beside the frames.", needed >> 20, WorkingBytes >> 20);
        }
    }
}
