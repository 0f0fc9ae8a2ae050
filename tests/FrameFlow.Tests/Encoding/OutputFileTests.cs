using System.Diagnostics;
using FrameFlow.Encoding;
using Xunit;

namespace FrameFlow.Tests.Encoding;

public sealed class OutputFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-output-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Prepare_FreshName_LeavesNothing()
    {
        using OutputFile output = OutputFile.Prepare(At("out.mp4"), null, overwrite: false);
        Assert.EndsWith(".partial.mp4", output.PartialPath, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Sweep_LeftoversOfTheName_GoUnlessHeld()
    {
        using OutputFile living = OutputFile.Prepare(At("out.mp4"), null, overwrite: false);
        living.Begin();
        string[] others = [".out.mp4.0123abcd.partial.mkv", ".out.mp4.0123abcg.partial.mp4", ".out2.mp4.0123abcd.partial.mp4", "out.mp4"];
        foreach (string name in (string[])[".out.mp4.0123abcd.partial.mp4", ".out.mp4.4567abcd.partial.mp4.ledger", .. others])
        {
            File.WriteAllText(At(name), "half");
        }

        OutputFile.Sweep(At("out.mp4"));
        Assert.Equal(
            ((string[])[Path.GetFileName(living.PartialPath), .. others]).Order(StringComparer.Ordinal), Directory.GetFiles(_folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        OutputFile.Sweep(At("no such folder/out.mp4"));

        // Ended, it is held no more.
        living.Abandon();
        File.WriteAllText(living.PartialPath, "half");
        OutputFile.Sweep(At("out.mp4"));
        Assert.False(File.Exists(living.PartialPath));
    }

    [Fact]
    public void Prepare_Exists_NeedsOverwrite()
    {
        File.WriteAllText(At("out.mp4"), "old");
        Refuses(FaultKind.Usage, "exists already", At("out.mp4"));
        OutputFile.Prepare(At("out.mp4"), null, overwrite: true).Dispose();
        Assert.Equal("old", File.ReadAllText(At("out.mp4")));
    }

    [Fact]
    public void Prepare_InputItself_IsRefusedUnderEveryName()
    {
        File.WriteAllText(At("in.mp4"), "film");
        File.CreateSymbolicLink(At("soft.mp4"), At("in.mp4"));
        Process.Start("ln", [At("in.mp4"), At("hard.mp4")]).WaitForExit();
        foreach (string name in (string[])["in.mp4", "soft.mp4", "hard.mp4", "../" + Path.GetFileName(_folder) + "/in.mp4"])
        {
            FrameFlowException fault = Assert.Throws<FrameFlowException>(() => OutputFile.Prepare(At(name), At("in.mp4"), overwrite: true));
            Assert.Equal(FaultKind.Usage, fault.Kind);
            Assert.Contains("is the input itself", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Prepare_BadPlaces_AreRefusedInOneLine()
    {
        Refuses(FaultKind.Usage, "is a folder", _folder);
        Refuses(FaultKind.Usage, "has no name", " ");
        Refuses(FaultKind.Storage, "does not exist", At("none/out.mp4"));
        Refuses(FaultKind.Storage, "cannot be written to", "/proc/out.mp4");
        FrameFlowException device = Assert.Throws<FrameFlowException>(() => OutputFile.Prepare("/dev/null", null, overwrite: true));
        Assert.Contains("no plain file", device.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "a", 251, ".mp4")]
    [InlineData("", "ü", 125, ".html")]
    [InlineData("", "\U0001F39E", 62, ".mkv")]
    [InlineData("a.", "b", 253, "")]
    [InlineData("", "a", 255, "/f_%04d.png")]
    public void Prepare_LongestNames_LeaveRoomForWhatIsAdded(string before, string letter, int times, string after)
    {
        using OutputFile output = OutputFile.Prepare(At(Name(before, letter, times, after)), null, overwrite: false);
        string partial = Path.GetFileName(output.Sequence is null ? output.PartialPath : Path.GetDirectoryName(output.PartialPath))!;
        int bytes = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(partial); // throws where a letter was cut in two
        Assert.InRange(bytes + (output.Sequence is null ? OutputFile.LedgerEnding : ".old").Length, 200, 255);
        Assert.Contains(".partial", partial, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "a", 252, ".mp4")]
    [InlineData("", "ü", 126, ".mp4")]
    [InlineData("", "a", 256, "/f_%04d.png")]
    [InlineData("f/", "a", 242, "%04d.png")]
    public void Prepare_NameTooLong_IsRefused(string before, string letter, int times, string after) =>
        Refuses(FaultKind.Usage, "256 bytes, and 255 are the most", At(Name(before, letter, times, after)));

    [Fact]
    public async Task Publish_NameTakenMeanwhile_IsNotClobbered()
    {
        using OutputFile output = OutputFile.Prepare(At("out.mp4"), null, overwrite: false);
        File.WriteAllText(output.PartialPath, "new");
        File.WriteAllText(At("out.mp4"), "other");
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => output.PublishAsync(CancellationToken.None));
        Assert.Equal(FaultKind.Storage, fault.Kind);
        output.Dispose();
        Assert.Equal("other", File.ReadAllText(At("out.mp4")));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Publish_Overwrite_Replaces()
    {
        File.WriteAllText(At("out.mp4"), "old");
        using OutputFile output = OutputFile.Prepare(At("out.mp4"), null, overwrite: true);
        File.WriteAllText(output.PartialPath, "new");
        await output.PublishAsync(CancellationToken.None);
        output.Dispose();
        Assert.Equal("new", File.ReadAllText(At("out.mp4")));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    private static string Name(string before, string letter, int times, string after) => before + string.Concat(Enumerable.Repeat(letter, times)) + after;

    private string At(string name) => Path.Combine(_folder, name);

    private static void Refuses(FaultKind kind, string words, string path)
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => OutputFile.Prepare(path, null, overwrite: false));
        Assert.Equal(kind, fault.Kind);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }
}
