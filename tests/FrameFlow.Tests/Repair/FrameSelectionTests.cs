using FrameFlow.Media;
using FrameFlow.Repair;
using Xunit;

namespace FrameFlow.Tests.Repair;

public sealed class FrameSelectionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-frames-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TryParse_NumbersStretchesAndWords_AreJoinedInOrder()
    {
        Assert.True(FrameSelection.TryParse("240-246, 120,245-250 auto,251", out FrameSelection selection, out string? fault));
        Assert.Null(fault);
        Assert.Equal([new FrameRange(120, 121), new FrameRange(240, 252)], selection.Ranges);
        Assert.Equal(FrameFaults.Black | FrameFaults.Corrupt, selection.Faults);
    }

    [Theory]
    [InlineData("12-", "12-")]
    [InlineData("7,-3", "-3")]
    [InlineData("5-2", "5-2")]
    [InlineData("1,2,x7", "x7")]
    [InlineData("1-2-3", "1-2-3")]
    [InlineData("99999999999999999999", "99999999999999999999")]
    [InlineData("Auto", "Auto")]
    public void TryParse_SomethingElse_IsNamed(string text, string expected)
    {
        Assert.False(FrameSelection.TryParse(text, out FrameSelection selection, out string? fault));
        Assert.Equal(expected, fault);
        Assert.Empty(selection.Ranges);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("3-5,9,auto")]
    [InlineData("black,frozen")]
    [InlineData("auto,frozen")]
    public void ToString_OfASelection_ParsesToIt(string text)
    {
        Assert.True(FrameSelection.TryParse(text, out FrameSelection selection, out _));
        Assert.Equal(text, selection.ToString());
    }

    [Fact]
    public void Read_AFile_TakesItsLinesWithoutRemarks()
    {
        string path = Path.Combine(_folder, "list.txt");
        File.WriteAllLines(path, ["# torn at the splice", "12-14 # three", "", "7, 20", "black"]);
        Assert.Equal("7,12-14,20,black", FrameSelection.Read(path).ToString());
    }

    [Fact]
    public void Read_ABadLine_IsNamedWithItsNumber()
    {
        string path = Path.Combine(_folder, "list.txt");
        File.WriteAllLines(path, ["1", "2 to 4"]);
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => FrameSelection.Read(path));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.Contains("line 2: 'to' is none", fault.Message, StringComparison.Ordinal);
    }
}
