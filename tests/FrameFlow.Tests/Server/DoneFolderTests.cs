using FrameFlow.Decoding;
using FrameFlow.Jobs;
using FrameFlow.Server.Watching;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>Originals that are moved away: under their real name whole or not at all, wherever they go.</summary>
public sealed class DoneFolderTests : IDisposable
{
    private const string Memory = "/dev/shm";
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-done-").FullName;
    private readonly string _elsewhere = Directory.Exists(Memory) ? Path.Combine(Memory, "frameflow-done-" + Guid.NewGuid().ToString("N")) : "";

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        if (Directory.Exists(_elsewhere))
        {
            Directory.Delete(_elsewhere, recursive: true);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Take_AnyFileSystem_MovesWholeAndKeepsTheTime(bool isElsewhere)
    {
        string done = Place(isElsewhere);
        JobRecord film = Film("sub/a.mp4", new string('x', 3 << 20));
        DateTime time = new(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(film.Input, time);
        film = film with { Stamp = SourceStamp.Of(film.Input) };
        Directory.CreateDirectory(Path.Combine(done, "sub"));
        File.WriteAllText(Path.Combine(done, "sub/a.mp4"), "an older one");
        File.WriteAllText(Path.Combine(done, $"sub/.{film.Id}.partial"), "half, of one that was killed");

        string moved = await new DoneFolder(done).TakeAsync(film, TestContext.Current.CancellationToken);
        Assert.Equal(Path.Combine(done, "sub/a (2).mp4"), moved);
        Assert.False(File.Exists(film.Input));
        Assert.Equal(3 << 20, new FileInfo(moved).Length);
        Assert.Equal(time, File.GetLastWriteTimeUtc(moved));
        Assert.Equal(["a (2).mp4", "a.mp4"], Names(Path.Combine(done, "sub")));
    }

    [Fact]
    public async Task Take_CopyThatIsCutShort_LeavesNothing()
    {
        string done = Place(isElsewhere: true);
        JobRecord film = Film("a.mp4", "film");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new DoneFolder(done).TakeAsync(film, new CancellationToken(canceled: true)));
        Assert.Empty(Names(done));
        await Assert.ThrowsAsync<IOException>(() => new DoneFolder(done).TakeAsync(film with { Stamp = film.Stamp with { Bytes = 5 } }, TestContext.Current.CancellationToken));
        Assert.Empty(Names(done));
        Assert.Equal("film", await File.ReadAllTextAsync(film.Input, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Take_KilledBetweenTheTwoNames_EndsWithOne()
    {
        string done = Place(isElsewhere: false);
        JobRecord film = Film("a.mp4", "film");
        Directory.CreateDirectory(done);
        Assert.SkipUnless(FileIdentity.TryLink(film.Input, Path.Combine(done, "a.mp4")), "no second names here");
        Assert.Equal(Path.Combine(done, "a.mp4"), await new DoneFolder(done).TakeAsync(film, TestContext.Current.CancellationToken));
        Assert.False(File.Exists(film.Input));
        Assert.Equal(["a.mp4"], Names(done));
    }

    private static string[] Names(string folder) => [.. Directory.EnumerateFileSystemEntries(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private string Place(bool isElsewhere)
    {
        if (!isElsewhere)
        {
            return Path.Combine(_folder, "done");
        }

        Assert.SkipUnless(_elsewhere.Length > 0 && FileIdentity.Of(Memory)?.Device != FileIdentity.Of(_folder)?.Device, "no second file system here");
        return _elsewhere;
    }

    private JobRecord Film(string relative, string content)
    {
        string path = Path.Combine(_folder, "in", relative);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return new JobRecord { Id = "0123456789abcdef", Input = path, Relative = relative, Output = "", Recipe = "", Stamp = SourceStamp.Of(path), State = JobState.Done };
    }
}
