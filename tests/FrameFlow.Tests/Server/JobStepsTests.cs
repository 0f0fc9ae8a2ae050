using FrameFlow.Inference;
using FrameFlow.Jobs;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;
using FrameFlow.Tests.Support;
using Serilog.Core;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>What a worker does of a film before its first frame is made.</summary>
public sealed class JobStepsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("frameflow-steps-").FullName;
    private readonly FilmFolder _folder;

    public JobStepsTests()
    {
        Directory.CreateDirectory(At("in"));
        Directory.CreateDirectory(At("out"));
        _folder = new FilmFolder(new WatchFolder { Input = At("in"), Output = At("out") }, TimeProvider.System);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Plan_LeftoversOfAKilledRun_AreSwept()
    {
        JobRecord film = await TakeAsync("a.mp4", "no film at all");
        File.WriteAllText(At("out/.a.mp4.0123abcd.partial.mp4"), "half");
        string report = Path.GetFileName(_folder.Records.ReportOf(film.Id));
        Directory.CreateDirectory(At("out/.frameflow/reports"));
        File.WriteAllText(At($"out/.frameflow/reports/.{report}.0123abcd.partial.html.ledger"), "half");
        await PlanAsync(film);
        Assert.Equal(JobState.Retrying, _folder.Records.Find(film.Id)!.State);
        Assert.Empty(Directory.GetFiles(At("out")));
        Assert.Empty(Directory.GetFiles(At("out/.frameflow/reports")));
    }

    [Fact]
    public async Task Plan_FilmThatIsNotThere_CountsNoFailure()
    {
        JobRecord film = await TakeAsync("a.mp4", "no film at all");
        await TakeAsync("b.mp4", "another");
        File.Delete(film.Input);
        for (int i = 0; i < 4; i++)
        {
            JobRecord after = await PlanAsync(film);
            Assert.Equal((JobState.Retrying, 0), (after.State, after.Failures));
        }

        await File.WriteAllTextAsync(film.Input, "no film at all", TestContext.Current.CancellationToken);
        Assert.Equal(1, (await PlanAsync(film)).Failures);
    }

    [Theory]
    [InlineData("film", "result", JobState.Done)]
    [InlineData("another film", "result", JobState.Retrying)]
    [InlineData("film", "somebody's file", JobState.Retrying)]
    public async Task Plan_FilmThatWasTouched_IsDoneAgainOnlyIfItsContentOrResultIsAnother(string content, string result, JobState expected)
    {
        File.WriteAllText(At("out/a.mp4"), "result");
        SourceStamp published = SourceStamp.Of(At("out/a.mp4"));
        if (result != "result")
        {
            File.WriteAllText(At("out/a.mp4"), result);
        }

        JobRecord film = await TakeAsync("a.mp4", content, r => r with { Published = published, PublishedContent = Sha256("film") });
        JobRecord after = await PlanAsync(film);
        Assert.Equal(expected, after.State);
        Assert.Equal(film.Stamp, after.Stamp);
        Assert.Equal(result, await File.ReadAllTextAsync(At("out/a.mp4"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(JobState.Waiting, false)]
    [InlineData(JobState.Done, true)]
    public async Task Plan_ResultOfAnotherFilmsName_IsRefusedAtOnce(JobState first, bool isPublished)
    {
        JobRecord one = await TakeAsync("a.avi", "no film", r => r with { Output = At("out/a.avi.mp4") });
        await PlanAsync(one);
        Directory.CreateDirectory(At("out/.a.avi.mp4.frameflow"));
        File.WriteAllText(At("out/.a.avi.mp4.frameflow/journal"), "");
        File.WriteAllText(At("out/a.avi.mp4"), "result");
        await _folder.Records.ChangeAsync(one.Id, r => r! with { State = first, Published = isPublished ? SourceStamp.Of(At("out/a.avi.mp4")) : null }, TestContext.Current.CancellationToken);
        JobRecord two = await PlanAsync(await TakeAsync("a.avi.mp4", "no film either", r => r with { Output = At("out/a.avi.mp4") }));
        Assert.Equal((JobState.Quarantined, 0), (two.State, two.Failures));
        Assert.Contains("'a.avi'", two.Fault, StringComparison.Ordinal);
        Assert.True(File.Exists(At("out/.a.avi.mp4.frameflow/journal")));
        Assert.Equal("result", await File.ReadAllTextAsync(At("out/a.avi.mp4"), TestContext.Current.CancellationToken));

        // The first goes on; when it is given up, the name is the second's.
        await _folder.Records.ChangeAsync(one.Id, r => r! with { State = JobState.Waiting }, TestContext.Current.CancellationToken);
        Assert.NotEqual(JobState.Quarantined, (await PlanAsync(one)).State);
        await _folder.Records.ChangeAsync(one.Id, r => r! with { State = JobState.Gone, Published = null }, TestContext.Current.CancellationToken);
        await _folder.Records.ChangeAsync(two.Id, r => r! with { State = JobState.Waiting }, TestContext.Current.CancellationToken);
        Assert.Equal(JobState.Retrying, (await PlanAsync(two)).State);
    }

    [Fact]
    public async Task Plan_NameWithControlCharacters_StaysInItsLine()
    {
        JobRecord film = await PlanAsync(await TakeAsync("a\n[ERR] forged\u001b[2K.mp4", "no film"));
        string[] lines = await File.ReadAllLinesAsync(_folder.Records.LogOf(film.Id), TestContext.Current.CancellationToken);
        Assert.Single(lines, l => l.Contains("a\\n[ERR] forged\\u001b[2K.mp4 failed", StringComparison.Ordinal));
    }

    private static string Sha256(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private string At(string name) => Path.Combine(_root, name);

    private async Task<JobRecord> TakeAsync(string relative, string content, Func<JobRecord, JobRecord>? more = null)
    {
        File.WriteAllText(At("in/" + relative), content);
        JobRecord film = new()
        {
            Id = _folder.Records.IdOf(relative),
            Input = At("in/" + relative),
            Relative = relative,
            Output = _folder.OutputFor(relative),
            Recipe = _folder.Recipe.Name,
            Stamp = SourceStamp.Of(At("in/" + relative)),
        };
        return (await _folder.Records.ChangeAsync(film.Id, _ => more is null ? film : more(film), TestContext.Current.CancellationToken))!;
    }

    private async Task<JobRecord> PlanAsync(JobRecord film)
    {
        JobSteps steps = new(new ModelCatalog(Repository.Models), new WorkBoard(TimeProvider.System), new Nothing(), TimeProvider.System, Logger.None);
        StepTicket ticket = new() { Folder = _folder.Folder, Recipe = _folder.Recipe, Id = film.Id, SegmentSeconds = 10, Tries = 3 };
        await steps.PlanAsync(JobJson.Write(ticket), TestContext.Current.CancellationToken);
        return _folder.Records.Find(film.Id)!;
    }

    private sealed class Nothing : INextSteps
    {
        public void Plan(StepTicket ticket)
        {
        }

        public void Segment(StepTicket ticket, JobPriority priority, int index)
        {
        }

        public void Join(StepTicket ticket)
        {
        }
    }
}
