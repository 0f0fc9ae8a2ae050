using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;
using FrameFlow.Tests.Support;
using Serilog.Core;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>What is taken from a folder, and when, on a clock that the test moves.</summary>
public sealed class WatchingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-watch-").FullName;
    private readonly ManualTime _time = new();
    private readonly WatchFolder _films;
    private readonly FolderLook _look;

    public WatchingTests()
    {
        _films = new WatchFolder { Input = At("in"), Output = At("in/out") };
        Directory.CreateDirectory(_films.Output);
        _look = new FolderLook(_films, TimeSpan.FromSeconds(5), _time);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Look_FileThatGrows_IsTakenWhenItStopped()
    {
        Write("in/a.mp4", "one");
        Assert.Empty(Looked());
        _time.Advance(4);
        Write("in/a.mp4", "one two");
        Assert.Empty(Looked());
        _time.Advance(4);
        Assert.Empty(Looked());
        _time.Advance(1);
        Assert.Equal(["a.mp4"], Looked());
    }

    [Fact]
    public void Look_WritersNameThenRename_IsTakenUnderTheRealName()
    {
        foreach (string name in (string[])["a.mp4.part", ".a.mp4", "a.mp4.crdownload", "empty.mp4"])
        {
            Write("in/" + name, name == "empty.mp4" ? "" : "film");
        }

        Looked();
        _time.Advance(60);
        Assert.Empty(Looked());
        File.Move(At("in/a.mp4.part"), At("in/a.mp4"));
        Looked();
        _time.Advance(5);
        Assert.Equal(["a.mp4"], Looked());
    }

    [Fact]
    public void Look_ClockThatJumps_MakesNoDifference()
    {
        Write("in/a.mp4", "film");
        Looked();
        _time.JumpTo(new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Assert.Empty(Looked());
        _time.Advance(5);
        _time.JumpTo(new DateTimeOffset(1971, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(["a.mp4"], Looked());
    }

    [Fact]
    public void Look_OutputsLinksAndCircles_AreNotEntered()
    {
        Write("in/out/result.mp4", "film");
        Directory.CreateDirectory(At("in/sub"));
        Directory.CreateSymbolicLink(At("in/sub/up"), At("in"));
        Directory.CreateSymbolicLink(At("in/results"), _films.Output);
        File.CreateSymbolicLink(At("in/self.mp4"), At("in/self.mp4"));
        Write("elsewhere.mp4", "film");
        File.CreateSymbolicLink(At("in/linked.mp4"), At("elsewhere.mp4"));
        Looked();
        _time.Advance(5);
        Assert.Equal(["linked.mp4"], Looked());
    }

    [Fact]
    public void Look_LockedByItsWriter_Waits()
    {
        Write("in/a.mp4", "film");
        Looked();
        _time.Advance(5);
        using (FileStream writer = new(At("in/a.mp4"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Empty(Looked());
        }

        Assert.Equal(["a.mp4"], Looked());
    }

    [Fact]
    public void Look_StrangeNames_AreTakenAsTheyAre()
    {
        string[] names = ["-rf.mp4", " spaces .mp4", "it's \"quoted\".mp4", "new\nline.mp4", "😀.mp4", "..two.mp4"[1..], "a%2f..%2fb.mp4", "$(id);`id`.mp4"];
        foreach (string name in names.Where(n => n[0] != '.'))
        {
            Write("in/" + name, name);
        }

        Looked();
        _time.Advance(5);
        Assert.Equal(names.Where(n => n[0] != '.').Order(StringComparer.Ordinal), Looked());
    }

    [Fact]
    public async Task Watch_FiveHundredAtOnce_PlansEachOnce()
    {
        for (int i = 0; i < 500; i++)
        {
            Write($"in/{i:000}.mp4", $"film {i}");
        }

        Planned planned = new();
        FilmFolder folder = new(_films, _time);
        FolderWatcher watcher = new(Settings(), [folder], planned, _time, Logger.None);
        for (int look = 0; look < 4; look++)
        {
            await watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
            _time.Advance(5);
        }

        Assert.Equal(500, planned.Relative.Count);
        Assert.Equal(500, planned.Relative.Distinct().Count());

        // A new process rebuilds its queue from the files.
        Planned again = new();
        FolderWatcher second = new(Settings(), [folder], again, _time, Logger.None);
        await second.LookAsync(folder, new FolderLook(_films, TimeSpan.FromSeconds(5), _time), TestContext.Current.CancellationToken);
        Assert.Equal(planned.Relative.Order(StringComparer.Ordinal), again.Relative.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Watch_FailedFilm_IsTriedAgainAfterAPauseThatDoubles()
    {
        Write("in/a.mp4", "film");
        Planned planned = new();
        FilmFolder folder = new(_films, _time);
        FolderWatcher watcher = new(Settings(), [folder], planned, _time, Logger.None);
        await LookAsync();
        _time.Advance(5);
        await LookAsync();
        Assert.Single(planned.Relative);
        string id = folder.Records.IdOf("a.mp4");
        int expected = 1;
        foreach ((int failures, double pause) in ((int, double)[])[(1, 30), (2, 60), (3, 120)])
        {
            await folder.Records.ChangeAsync(id, r => r! with { State = JobState.Retrying, Failures = failures }, TestContext.Current.CancellationToken);
            await LookAsync();
            _time.Advance(pause - 1);
            _time.JumpTo(_time.GetUtcNow().AddYears(failures % 2 == 0 ? 1 : -1));
            await LookAsync();
            Assert.Equal(expected, planned.Relative.Count);
            _time.Advance(1);
            await LookAsync();
            Assert.Equal(++expected, planned.Relative.Count);
        }

        await folder.Records.ChangeAsync(id, r => r! with { State = JobState.Quarantined }, TestContext.Current.CancellationToken);
        _time.Advance(10_000);
        await LookAsync();
        Assert.Equal(expected, planned.Relative.Count);

        // A change takes it out of quarantine.
        Write("in/a.mp4", "a better film");
        await LookAsync();
        _time.Advance(5);
        await LookAsync();
        Assert.Equal(expected + 1, planned.Relative.Count);

        Task<bool> LookAsync() => watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Watch_DoneWithAnEmptyPlace_MovesTheOriginalAndReplacesNothing()
    {
        WatchFolder films = _films with { Done = At("done") };
        FilmFolder folder = new(films, _time);
        Write("in/a.mp4", "film");
        Write("done/a.mp4", "an older one");
        FolderLook look = new(films, TimeSpan.FromSeconds(5), _time);
        FolderWatcher watcher = new(Settings(), [folder], new Planned(), _time, Logger.None);
        await watcher.LookAsync(folder, look, TestContext.Current.CancellationToken);
        _time.Advance(5);
        await watcher.LookAsync(folder, look, TestContext.Current.CancellationToken);
        await folder.Records.ChangeAsync(folder.Records.IdOf("a.mp4"), r => r! with { State = JobState.Done }, TestContext.Current.CancellationToken);
        await watcher.LookAsync(folder, look, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(At("in/a.mp4")));
        Assert.Equal("an older one", await File.ReadAllTextAsync(At("done/a.mp4")));
        Assert.Equal("film", await File.ReadAllTextAsync(At("done/a (2).mp4")));
    }

    [Fact]
    public void Checked_ResultsThatWouldComeBack_AreRefused()
    {
        foreach (string name in (string[])["x", "y", "z"])
        {
            Directory.CreateDirectory(At(name));
        }

        WatchFolder Folder(string input, string output) => new() { Input = At(input), Output = At(output) };
        _ = (Settings() with { Folders = [Folder("x", "y"), Folder("y", "z")] }).Checked();
        FrameFlowException circle = Assert.Throws<FrameFlowException>(() => (Settings() with { Folders = [Folder("x", "y/deep"), Folder("y", "z"), Folder("z", "x")] }).Checked());
        Assert.Contains("would come back", circle.Message, StringComparison.Ordinal);
        FrameFlowException itself = Assert.Throws<FrameFlowException>(() => (Settings() with { Folders = [Folder("x", "x")] }).Checked());
        Assert.Contains("its own output folder", itself.Message, StringComparison.Ordinal);
        FrameFlowException many = Assert.Throws<FrameFlowException>(() => (Settings() with { Folders = [Folder("missing", "z")], Tries = 0, SettleSeconds = -1 }).Checked());
        Assert.Contains("does not exist", many.Message, StringComparison.Ordinal);
        Assert.Contains("tries 0", many.Message, StringComparison.Ordinal);
        Assert.Contains("settleSeconds -1", many.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Claim_ManyAtOnce_OneHolds()
    {
        RecordStore[] stores = [.. Enumerable.Range(0, 8).Select(_ => new RecordStore(_films.Output, TimeProvider.System))];
        string[] holders = await Task.WhenAll(stores.Select((s, i) => Task.Run(() => s.ClaimAsync("ab12", "settings", FormattableString.Invariant($"{i:x16}"), _ => false, CancellationToken.None))));
        Assert.Single(holders.Distinct());
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("ABCDEF0123456789")]
    public void Find_WhatIsNoId_IsRefused(string id) => Assert.Throws<ArgumentException>(() => new RecordStore(_films.Output, _time).Find(id));

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        File.WriteAllText(At(name), content);
    }

    private string[] Looked() => [.. _look.Look().Select(f => f.Relative)];

    private WatchSettings Settings() => new() { Folders = [_films] };

    /// <summary>Keeps what was put into the queue.</summary>
    private sealed class Planned : IFilmSteps
    {
        public List<string> Relative { get; } = [];

        public void Plan(FilmFolder folder, JobRecord record) => Relative.Add(record.Relative);

        public void Halt(string id)
        {
        }

        public bool IsAtWork(string id) => false;
    }
}
