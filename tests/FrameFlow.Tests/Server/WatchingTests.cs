using System.Diagnostics;
using FrameFlow.Jobs;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;
using FrameFlow.Tests.Support;
using Serilog;
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
    public async Task Watch_QueueAway_SaysSoOnceAndPlansWhenItIsBack()
    {
        Write("in/a.mp4", "film");
        Write("in/b.mp4", "another");
        LogLines lines = new();
        using CancellationTokenSource end = new();
        Planned planned = new() { Away = 5 };
        planned.Met = () => end.CancelAfter(planned.Relative.Count == 2 ? 0 : -1);
        FolderWatcher watcher = new(Quick(), [new FilmFolder(_films, TimeProvider.System)], planned, TimeProvider.System, lines.Log);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watcher.RunAsync(untilIdle: false, end.Token));
        Assert.Equal(["a.mp4", "b.mp4"], planned.Relative.Order(StringComparer.Ordinal));
        Assert.Equal(["Error The queue's database is away (refused); what is to be done waits until it is back."], lines.With("away"));
        Assert.Single(lines.With("The queue's database is back"));
    }

    [Fact]
    public async Task Watch_RecordThatCannotBeRead_IsSaidOnceAndKeepsNoOtherFilm()
    {
        Write("in/a.mp4", "film");
        Write("in/b.mp4", "another");
        FilmFolder folder = new(_films, _time);
        string spoilt = Path.Combine(folder.Records.Folder, "jobs", folder.Records.IdOf("a.mp4") + ".json");
        Directory.CreateDirectory(Path.GetDirectoryName(spoilt)!);
        await File.WriteAllTextAsync(spoilt, "", TestContext.Current.CancellationToken);
        LogLines lines = new();
        Planned planned = new();
        FolderWatcher watcher = new(Settings(), [folder], planned, _time, lines.Log);
        for (int look = 0; look < 4; look++)
        {
            await watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
            _time.Advance(20);
        }

        Assert.Equal(["b.mp4"], planned.Relative);
        string line = Assert.Single(lines.With("Error"));
        Assert.Contains(spoilt, line, StringComparison.Ordinal);
        Assert.Contains("delete it", line, StringComparison.Ordinal);

        // As it says.
        File.Delete(spoilt);
        await watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
        Assert.Equal(["b.mp4", "a.mp4"], planned.Relative);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"id\":\"00000000000000aa\",\"input\":null,\"relative\":null,\"output\":null,\"recipe\":null,\"stamp\":{\"bytes\":1,\"changedTicks\":1}}")]
    [InlineData("{\"id\":\"\\ud800\"}")]
    public async Task List_RecordThatIsNone_IsLeftOutAndTold(string text)
    {
        Write("in/out/.frameflow/jobs/00000000000000aa.json", text);
        RecordStore store = new(_films.Output, _time);
        await store.ChangeAsync("00000000000000bb", _ => Record("00000000000000bb"), TestContext.Current.CancellationToken);
        List<string> unreadable = [];
        Assert.Equal("00000000000000bb", Assert.Single(store.List((id, _) => unreadable.Add(id))).Id);
        Assert.Equal(["00000000000000aa"], unreadable);
    }

    [Fact]
    public async Task Watch_OutputThatCannotBeWritten_IsSaidOnceAndWhenItCan()
    {
        Write("in/a.mp4", "film");
        WatchFolder films = _films with { Output = At("file") };
        Write("file", "no folder");
        LogLines lines = new();
        Task barred = lines.ComesAsync("cannot be written");
        Task mended = lines.ComesAsync("is worked on again");
        using CancellationTokenSource end = new();
        Planned planned = new();
        FolderWatcher watcher = new(Quick(), [new FilmFolder(films, TimeProvider.System)], planned, TimeProvider.System, lines.Log);
        Task watching = watcher.RunAsync(untilIdle: false, end.Token);
        await barred;
        File.Delete(At("file"));
        await mended;
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
        Assert.Equal(["a.mp4"], planned.Relative);
        Assert.Single(lines.With("Error"));
    }

    [Fact]
    public async Task Watch_UntilIdleWithAnOutputThatCannotBeWritten_Ends()
    {
        Write("in/a.mp4", "film");
        Write("file", "no folder");
        LogLines lines = new();
        FolderWatcher watcher = new(Quick(), [new FilmFolder(_films with { Output = At("file") }, TimeProvider.System)], new Planned(), TimeProvider.System, lines.Log);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => watcher.RunAsync(untilIdle: true, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(FaultKind.Storage, fault.Kind);
        Assert.Empty(lines.With(""));
    }

    [Fact]
    public void Troubles_SameOrTurningReasons_AreNotToldAtEveryLook()
    {
        LogLines lines = new();
        Troubles troubles = new(_time, lines.Log);
        for (int look = 0; look < 30; look++)
        {
            troubles.Tell("x", look % 2 == 0 ? "this" : "that");
            troubles.Tell("y", "always");
            _time.Advance(2);
        }

        Assert.Single(lines.With("Error always"));
        Assert.Single(lines.With("Error this"));
        _time.Advance(2);
        troubles.Tell("x", "that");
        Assert.Single(lines.With("Error that"));
        Assert.True(troubles.End("x"));
        Assert.False(troubles.End("x"));
        troubles.Tell("x", "that");
        Assert.Equal(2, lines.With("Error that").Length);
    }

    [Fact]
    public async Task Watch_FailureThatCouldNotBePutDown_IsTriedAgainAfterThePause()
    {
        Write("in/a.mp4", "film");
        Planned planned = new();
        FilmFolder folder = new(_films, _time);
        FolderWatcher watcher = new(Settings(), [folder], planned, _time, Logger.None);
        await LookAsync();
        _time.Advance(5);
        await LookAsync();
        planned.Failed = TimeSpan.FromSeconds(29);
        _time.Advance(30);
        await LookAsync();
        Assert.Single(planned.Relative);
        planned.Failed = TimeSpan.FromSeconds(30);
        await LookAsync();
        await LookAsync();
        Assert.Equal(2, planned.Relative.Count);

        Task<bool> LookAsync() => watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
    }

    /// <summary>What is begun goes first, so a film may wait long for its planning: it is not put into the queue again and again meanwhile.</summary>
    [Fact]
    public async Task Watch_FilmThatWaitsWhileAnotherGoesOn_IsNotPutAnew()
    {
        Write("in/a.mp4", "film");
        Write("in/b.mp4", "another");
        Planned planned = new();
        FilmFolder folder = new(_films, _time);
        FolderWatcher watcher = new(Settings(), [folder], planned, _time, Logger.None);
        await LookAsync();
        _time.Advance(5);
        await LookAsync();
        string id = folder.Records.IdOf("a.mp4");
        await folder.Records.ChangeAsync(id, r => r! with { State = JobState.Running }, TestContext.Current.CancellationToken);
        for (int look = 0; look < 10; look++)
        {
            Write("in/out/.a.mp4.frameflow/journal", new string('x', look));
            _time.Advance(60);
            await LookAsync();
        }

        Assert.Equal(["a.mp4", "b.mp4"], planned.Relative.Order(StringComparer.Ordinal));
        _time.Advance(120);
        await LookAsync();
        Assert.Equal(["a.mp4", "a.mp4", "b.mp4", "b.mp4"], planned.Relative.Order(StringComparer.Ordinal));

        Task<bool> LookAsync() => watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Watch_TwoInputsWithOneOutput_LeaveEachOthersFilmsAlone()
    {
        Write("in/a.mp4", "film");
        Write("in2/a.mp4", "another film");
        FilmFolder first = new(_films, _time);
        FilmFolder second = new(_films with { Input = At("in2"), Done = At("done") }, _time);
        Planned planned = new();
        LogLines lines = new();
        Watching one = new(this, first, planned, Logger.None);
        Watching two = new(this, second, planned, lines.Log);
        await one.SettleAsync();
        string id = first.Records.IdOf("a.mp4");
        JobRecord taken = first.Records.Find(id)!;

        // Neither taken, nor replaced, nor found gone, nor put away.
        await two.SettleAsync();
        Assert.Equal(taken, first.Records.Find(id));
        JobRecord done = await ChangeAsync(first, id, r => r with { State = JobState.Done, Published = new(4, 4) });
        await two.LookAsync();
        File.Delete(At("in/a.mp4"));
        await two.LookAsync();
        Assert.Equal(done, first.Records.Find(id));
        Assert.True(File.Exists(At("in2/a.mp4")));
        Assert.Equal(["a.mp4"], planned.Relative);
        Assert.Empty(planned.Halted);
        string warning = Assert.Single(lines.With("Warning"));
        Assert.Contains("is the result of", warning, StringComparison.Ordinal);
        Assert.Contains("another output folder", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_InputFolderThatWasRenamed_KeepsWhatIsDone()
    {
        Write("in2/a.mp4", "film");
        WatchFolder films = new() { Input = At("in2"), Output = At("out") };
        FilmFolder folder = new(films, _time);
        await new Watching(this, folder, new Planned(), Logger.None).SettleAsync();
        string id = folder.Records.IdOf("a.mp4");
        JobRecord done = await ChangeAsync(folder, id, r => r with { State = JobState.Done, Published = new(4, 4) });
        Directory.Move(At("in2"), At("in3"));
        FilmFolder renamed = new(films with { Input = At("in3") }, _time);
        Planned planned = new();
        LogLines lines = new();
        await new Watching(this, renamed, planned, lines.Log).SettleAsync();
        Assert.Equal(done with { Input = At("in3/a.mp4") }, folder.Records.Find(id));
        Assert.Empty(planned.Relative);
        Assert.Empty(lines.With("Warning"));
    }

    [Theory]
    [InlineData(JobState.Gone)]
    [InlineData(JobState.Cancelled)]
    [InlineData(JobState.Quarantined)]
    public async Task Watch_DuplicateWhoseTwinIsNotDone_IsDoneItself(JobState end)
    {
        Write("in/a.mp4", "film");
        Write("in/b.mp4", "film");
        FilmFolder folder = new(_films with { Done = At("done") }, _time);
        Planned planned = new();
        Watching watching = new(this, folder, planned, Logger.None);
        await watching.SettleAsync();
        string a = folder.Records.IdOf("a.mp4");
        string b = folder.Records.IdOf("b.mp4");
        await ChangeAsync(folder, a, r => r with { State = JobState.Running, Content = "ab" });
        await ChangeAsync(folder, b, r => r with { State = JobState.Duplicate, Content = "ab", DuplicateOf = a });
        await watching.LookAsync();
        Assert.True(File.Exists(At("in/b.mp4")));
        await ChangeAsync(folder, a, r => r with { State = end });
        if (end == JobState.Gone)
        {
            File.Delete(At("in/a.mp4"));
        }

        Assert.False(await watching.LookAsync());
        JobRecord again = folder.Records.Find(b)!;
        Assert.Equal((JobState.Waiting, null), (again.State, again.DuplicateOf));
        Assert.Equal(2, planned.Relative.Count(n => n == "b.mp4"));
        Assert.True(File.Exists(At("in/b.mp4")));
    }

    [Fact]
    public async Task Watch_DuplicateWhoseTwinIsDone_IsPutAwayThen()
    {
        Write("in/a.mp4", "film");
        Write("in/b.mp4", "film");
        FilmFolder folder = new(_films with { Done = At("done") }, _time);
        Watching watching = new(this, folder, new Planned(), Logger.None);
        await watching.SettleAsync();
        string a = folder.Records.IdOf("a.mp4");
        await ChangeAsync(folder, folder.Records.IdOf("b.mp4"), r => r with { State = JobState.Duplicate, Content = "ab", DuplicateOf = a });
        await watching.LookAsync();
        Assert.True(File.Exists(At("in/b.mp4")));
        await ChangeAsync(folder, a, r => r with { State = JobState.Done, Content = "ab" });
        Assert.True(await watching.LookAsync());
        Assert.True(File.Exists(At("done/a.mp4")));
        Assert.True(File.Exists(At("done/b.mp4")));
    }

    [Fact]
    public async Task Watch_OriginalThatCannotBeMoved_WaitsLongerEachTime()
    {
        Write("in/a.mp4", "film");
        Write("done", "a file, no folder");
        FilmFolder folder = new(_films with { Done = At("done") }, _time);
        LogLines lines = new();
        Watching watching = new(this, folder, new Planned(), lines.Log);
        await watching.SettleAsync();
        await ChangeAsync(folder, folder.Records.IdOf("a.mp4"), r => r with { State = JobState.Done });
        foreach ((double seconds, int warnings) in ((double, int)[])[(0, 1), (29, 1), (1, 2), (59, 2), (1, 3), (119, 3)])
        {
            _time.Advance(seconds);
            await watching.LookAsync();
            Assert.Equal(warnings, lines.With("Warning").Length);
        }

        File.Delete(At("done"));
        _time.Advance(1);
        await watching.LookAsync();
        Assert.Equal("film", await File.ReadAllTextAsync(At("done/a.mp4"), TestContext.Current.CancellationToken));
        Assert.Equal(3, lines.With("Warning").Length);
    }

    [Fact]
    public async Task Look_FilmStillComing_KeepsTheWatchFromBeingIdle()
    {
        foreach (string name in (string[])[".hidden.mp4", "a.mp4.part", "notes.txt", "empty.mp4"])
        {
            Write("in/" + name, name == "empty.mp4" ? "" : "text");
        }

        FilmFolder folder = new(_films, _time);
        Watching watching = new(this, folder, new Planned(), Logger.None);
        Assert.True(await watching.SettleAsync());
        Write("in/a.mp4", "one");
        Assert.False(await watching.LookAsync());
        _time.Advance(4);
        Write("in/a.mp4", "one two");
        Assert.False(await watching.LookAsync());
        _time.Advance(4);
        Assert.False(await watching.LookAsync());
        _time.Advance(1);
        using (FileStream writer = new(At("in/a.mp4"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.False(await watching.LookAsync());
        }

        Assert.Null(folder.Records.Find(folder.Records.IdOf("a.mp4")));
        Assert.False(await watching.LookAsync());
        await ChangeAsync(folder, folder.Records.IdOf("a.mp4"), r => r with { State = JobState.Done });
        Assert.True(await watching.LookAsync());
    }

    [Fact]
    public async Task Watch_DoneFilmThatIsTouched_KeepsWhatItsResultWasMadeOf()
    {
        Write("in/a.mp4", "film");
        FilmFolder folder = new(_films, _time);
        Planned planned = new();
        Watching watching = new(this, folder, planned, Logger.None);
        await watching.SettleAsync();
        string id = folder.Records.IdOf("a.mp4");
        await ChangeAsync(folder, id, r => r with { State = JobState.Done, Content = "ab", Published = new(4, 4) });
        foreach (int year in (int[])[2001, 2002])
        {
            // The second time while it is open.
            File.SetLastWriteTimeUtc(At("in/a.mp4"), new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            await watching.SettleAsync();
            JobRecord touched = folder.Records.Find(id)!;
            Assert.Equal((JobState.Waiting, null, "ab", new SourceStamp(4, 4)), (touched.State, touched.Content, touched.PublishedContent, touched.Published));
        }

        Assert.Equal(3, planned.Relative.Count);
    }

    [Fact]
    public async Task Watch_NameThatIsNoUtf8_IsWarnedOfOnce()
    {
        Write("in/\uFFFD.mp4", "film");
        string[] names = ["bad$(printf '\\377').mp4", "sub$(printf '\\376')", "bad$(printf '\\377').txt"];
        Assert.SkipUnless(await ShellAsync($"echo film > \"{names[0]}\" && mkdir \"{names[1]}\" && echo text > \"{names[2]}\""), "no such names on this file system");
        Planned planned = new();
        LogLines lines = new();
        Watching watching = new(this, new FilmFolder(_films, _time), planned, lines.Log);
        await watching.SettleAsync();
        await watching.LookAsync();
        Assert.Equal(["\uFFFD.mp4"], planned.Relative);
        Assert.Equal(2, lines.With("Warning").Length);
        Assert.All(lines.With("Warning"), w => Assert.Contains("not valid UTF-8", w, StringComparison.Ordinal));
        Assert.True(await ShellAsync("rm -r bad* sub*")); // which this process cannot name

        async Task<bool> ShellAsync(string command)
        {
            using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { WorkingDirectory = At("in") })!;
            await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
            return shell.ExitCode == 0;
        }
    }

    [Fact]
    public async Task Watch_OutputFolderThatWasMoved_KnowsItsResultsForItsOwn()
    {
        Write("in/sub/a.mp4", "film");
        Write("in/b.mp4", "another");
        WatchFolder films = new() { Input = At("in"), Output = At("out") };
        FilmFolder folder = new(films, _time);
        await new Watching(this, folder, new Planned(), Logger.None).SettleAsync();
        Write("out/sub/a.mp4", "result");
        await ChangeAsync(folder, folder.Records.IdOf("sub/a.mp4"), r => r with { State = JobState.Done, Published = SourceStamp.Of(r.Output) });
        Assert.Equal(2, folder.Records.List().Count);

        foreach (string place in (string[])["out2", "out3"])
        {
            Directory.Move(folder.Folder.Output, At(place));
            folder = new FilmFolder(films with { Output = At(place) }, _time);
            Planned planned = new();
            if (place == "out2")
            {
                Write("in/new.mp4", "one more");
            }

            await new Watching(this, folder, planned, Logger.None).SettleAsync();
            JobRecord done = folder.Records.Find(folder.Records.IdOf("sub/a.mp4"))!;
            Assert.Equal((JobState.Done, At(place + "/sub/a.mp4")), (done.State, done.Output));
            Assert.True(FilmFolder.Stands(done));

            // The others go on there.
            Assert.Equal(["b.mp4", "new.mp4"], planned.Relative.Order(StringComparer.Ordinal));
            Assert.Equal(3, folder.Records.List().Count);
            Assert.All(folder.Records.List(), r => Assert.StartsWith(At(place), r.Output, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(JobState.Gone)]
    [InlineData(JobState.Cancelled)]
    public async Task Watch_WorkOfAFilmThatNobodyWants_IsThrownAwayWhenNobodyIsAtIt(JobState end)
    {
        Write("in/a.mp4", "film");
        FilmFolder folder = new(_films, _time);
        Watching watching = new(this, folder, new Planned(), Logger.None);
        await watching.SettleAsync();
        JobRecord film = folder.Records.Find(folder.Records.IdOf("a.mp4"))!;
        WorkFolder work = WorkFolder.For(film.Output, _time);
        JobRequest request = folder.RequestFor(film);
        JobFingerprint fingerprint = new() { Input = "", Settings = "", Models = new Dictionary<string, string>(), Build = "", Ffmpeg = "", Device = "" };
        using (work.Take(shared: true))
        {
            await work.Journal.AppendAsync(new JobBegun(JobJournal.Version, request, fingerprint), TestContext.Current.CancellationToken);
            await ChangeAsync(folder, film.Id, r => r with { State = end });
            if (end == JobState.Gone)
            {
                File.Delete(At("in/a.mp4"));
            }

            await watching.LookAsync();
            Assert.True(work.Exists);
        }

        await watching.LookAsync();
        Assert.False(work.Exists);

        // What a person began by hand under that name is not the watch's.
        using (work.Take(shared: true))
        {
            await work.Journal.AppendAsync(new JobBegun(JobJournal.Version, request with { Options = request.Options with { Report = null } }, fingerprint), TestContext.Current.CancellationToken);
        }

        await watching.LookAsync();
        Assert.True(work.Exists);
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

    private JobRecord Record(string id) => new() { Id = id, Input = At("in/x.mp4"), Relative = "x.mp4", Output = At("in/out/x.mp4"), Recipe = "smooth-60", Stamp = new SourceStamp(1, 1) };

    private WatchSettings Quick() => Settings() with { LookSeconds = 0.01, SettleSeconds = 0 };

    private static async Task<JobRecord> ChangeAsync(FilmFolder folder, string id, Func<JobRecord, JobRecord> change) =>
        (await folder.Records.ChangeAsync(id, r => change(r!), TestContext.Current.CancellationToken))!;

    private WatchSettings Settings() => new() { Folders = [_films] };

    /// <summary>One watcher with its own looks.</summary>
    private sealed class Watching(WatchingTests test, FilmFolder folder, IFilmSteps queue, ILogger log)
    {
        private readonly FolderLook _look = new(folder.Folder, TimeSpan.FromSeconds(5), test._time);
        private readonly FolderWatcher _watcher = new(test.Settings(), [folder], queue, test._time, log);

        public Task<bool> LookAsync() => _watcher.LookAsync(folder, _look, TestContext.Current.CancellationToken);

        public async Task<bool> SettleAsync()
        {
            await LookAsync();
            test._time.Advance(5);
            return await LookAsync();
        }
    }

    /// <summary>Keeps what was put into the queue.</summary>
    private sealed class Planned : IFilmSteps
    {
        public List<string> Relative { get; } = [];

        public List<string> Halted { get; } = [];

        /// <summary>How often the queue is still away.</summary>
        public int Away { get; set; }

        public Action? Met { get; set; }

        public TimeSpan? Failed { get; set; }

        public void Plan(FilmFolder folder, JobRecord record)
        {
            if (Away-- > 0)
            {
                throw new QueueAwayException("refused", new IOException());
            }

            Relative.Add(record.Relative);
            Met?.Invoke();
        }

        public TimeSpan? SinceFailure(string id) => Failed;

        public void Halt(string id) => Halted.Add(id);

        public bool IsAtWork(string id) => false;
    }
}
