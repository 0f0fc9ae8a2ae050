using FrameFlow.Inference;
using FrameFlow.Jobs;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>Steps that a worker gets and cannot do, through no fault of the film.</summary>
public sealed class LeftStepsTests : IDisposable
{
    private const string Id = "00000000000000aa";

    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-steps-").FullName;
    private readonly LogLines _lines = new();
    private readonly WorkBoard _board = new(TimeProvider.System);
    private readonly Returned _next = new();
    private readonly JobSteps _steps;

    public LeftStepsTests() => _steps = new JobSteps(new ModelCatalog(_folder), _board, _next, TimeProvider.System, _lines.Log);

    public void Dispose()
    {
        _next.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(new string[0], "out")]
    [InlineData(new[] { "out" }, "out/.frameflow/jobs")]
    [InlineData(new[] { "out/.frameflow/jobs" }, "in")]
    [InlineData(new[] { "out/.frameflow/jobs", "in" }, "in")]
    public async Task Steps_WithoutTheSharedFolders_AreLeftToOthersAndCreateNothing(string[] present, string missing)
    {
        foreach (string name in present)
        {
            Directory.CreateDirectory(At(name));
        }

        if (present.Length > 0 && missing == "in")
        {
            await PutRecordAsync();
        }

        string[] before = Entries();
        await _steps.PlanAsync(Ticket(), _next.Again());
        await _steps.SegmentAsync(Ticket(), 7, _next.Again());
        await _steps.JoinAsync(Ticket(), _next.Again());
        Assert.Equal(["plan", "segment 7 High", "join"], _next.Steps);
        string line = Assert.Single(_lines.With(""));
        Assert.StartsWith($"Warning '{At(missing)}' is missing or empty", line, StringComparison.Ordinal);
        Assert.Equal(before, Entries());
    }

    [Fact]
    public async Task Plan_WhoseLockCannotBeMade_IsToldAtEveryTryAndToBeTriedAgain()
    {
        await PutRecordAsync();
        Directory.CreateDirectory(At("in"));
        await File.WriteAllTextAsync(At("in/film.mkv"), "no film", TestContext.Current.CancellationToken);
        Directory.CreateDirectory(At($"out/.frameflow/jobs/{Id}.json.step"));
        Assert.Null(_board.SinceFailure(Id));
        await _steps.PlanAsync(Ticket(), TestContext.Current.CancellationToken);
        await _steps.PlanAsync(Ticket(), TestContext.Current.CancellationToken);
        Assert.Equal(2, _lines.With("film.mkv\" failed (\"plan\") and will be tried again").Length);
        Assert.NotNull(_board.SinceFailure(Id));
        Assert.Empty(_next.Steps);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private string[] Entries() => [.. Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private string Ticket() => JobJson.Write(new StepTicket
    {
        Folder = new WatchFolder { Input = At("in"), Output = At("out") },
        Recipe = RecipeCatalog.Find("smooth-60"),
        Id = Id,
        SegmentSeconds = 20,
        Tries = 3,
        Priority = JobPriority.High,
    });

    private Task<JobRecord?> PutRecordAsync() => new RecordStore(At("out"), TimeProvider.System).ChangeAsync(
        Id,
        _ => new JobRecord { Id = Id, Input = At("in/film.mkv"), Relative = "film.mkv", Output = At("out/film.mkv"), Recipe = "smooth-60", Stamp = new SourceStamp(1, 1), State = JobState.Running },
        TestContext.Current.CancellationToken);

    /// <summary>Keeps what was put back; that ends the step's pause, too.</summary>
    private sealed class Returned : INextSteps, IDisposable
    {
        private CancellationTokenSource _end = new();

        public List<string> Steps { get; } = [];

        public CancellationToken Again()
        {
            _end.Dispose();
            _end = new CancellationTokenSource();
            return _end.Token;
        }

        public void Plan(StepTicket ticket) => Add("plan");

        public void Segment(StepTicket ticket, JobPriority priority, int index) => Add(FormattableString.Invariant($"segment {index} {priority}"));

        public void Join(StepTicket ticket) => Add("join");

        public void Dispose() => _end.Dispose();

        private void Add(string step)
        {
            Steps.Add(step);
            _end.Cancel();
        }
    }
}
