using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary><c>frameflow repair</c> as a user runs it.</summary>
public sealed class RepairTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Repair_DroppedFrames_ComeBackAndTheOthersStayBitForBit()
    {
        await MakeAsync("whole.mkv", "null");
        await MakeAsync("holed.mkv", "select='not(between(n,5,7)+eq(n,12))'");
        ToolRun run = await _tool.RunAsync("repair", "holed.mkv", "-o", "out.mkv", "--model", "blend", "--encoder", "ffv1", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(4, run.Json.GetProperty("counts").GetProperty("rebuilt").GetInt32());
        string[] whole = await FramesAsync("whole.mkv");
        string[] repaired = await FramesAsync("out.mkv");
        Assert.Equal(24, repaired.Length);
        Assert.Equal([5, 6, 7, 12], Enumerable.Range(0, 24).Where(i => whole[i] != repaired[i]));
        Assert.Equal(await TimesAsync("whole.mkv"), await TimesAsync("out.mkv"));
    }

    [Fact]
    public async Task Repair_InSegments_GivesTheFramesOfOneGo()
    {
        await MakeAsync("film.mkv", "loop=4:24:0,setpts=N/24/TB,select='not(between(n,30,33))',drawbox=t=fill:color=black:enable='eq(n,50)'");
        foreach ((string name, string segment) in ((string, string)[])[("parts.mkv", "0.5"), ("whole.mkv", "0")])
        {
            ToolRun run = await _tool.RunAsync("repair", "film.mkv", "-o", name, "--frames", "10-13,70,115,auto", "--model", "flow", "--encoder", "ffv1", "--segment", segment, "--json");
            Assert.True(run.Code == 0, run.Error);
            Assert.Equal(segment == "0", run.Json.GetProperty("segments").ValueKind == System.Text.Json.JsonValueKind.Null);
        }

        Assert.Equal(await FramesAsync("whole.mkv"), await FramesAsync("parts.mkv"));
    }

    [Fact]
    public async Task Repair_AListInAFile_IsReadAndItsFaultIsNamed()
    {
        await MakeAsync("film.mkv", "null");
        await File.WriteAllLinesAsync(_tool.At("list.txt"), ["# torn", "3-4, 8"], TestContext.Current.CancellationToken);
        ToolRun good = await _tool.RunAsync("repair", "film.mkv", "-o", "out.mkv", "--frames", "list.txt", "--model", "blend", "--dry-run", "--json");
        Assert.True(good.Code == 0, good.Error);
        Assert.Equal(3, good.Json.GetProperty("toRebuild").GetInt32());
        await File.WriteAllLinesAsync(_tool.At("list.txt"), ["3", "four"], TestContext.Current.CancellationToken);
        ToolRun bad = await _tool.RunAsync("repair", "film.mkv", "-o", "out.mkv", "--frames", "list.txt");
        Assert.Equal(2, bad.Code);
        Assert.Contains("line 2: 'four' is none", bad.Fault, StringComparison.Ordinal);
        Assert.Single(bad.Error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Repair_ASequenceWithAMissingNumber_GetsExactlyThatOne()
    {
        ToolRun run = await _tool.RunAsync("repair", Repository.TestData("sequences/scan_%06d.dpx"), "-o", "out/scan_%06d.dpx", "--model", "flow", "--cuts", "off", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(1, run.Json.GetProperty("counts").GetProperty("rebuilt").GetInt32());
        Assert.Equal(["086400", "086401", "086402", "086403", "086404", "086405"], Directory.GetFiles(_tool.At("out")).Select(f => Path.GetFileNameWithoutExtension(f)[5..]).Order());
    }

    /// <summary>The masks that were found, given back as a video, repair the same frame in the same way; in parts the video is read from the part's beginning on.</summary>
    [Fact]
    public async Task Repair_PreviewOfTheMasks_IsAMaskToGive()
    {
        await MakeAsync("dusty.mkv", $"loop=2:24:0,setpts=N/24/TB,{Speck(30)}");
        ToolRun found = await _tool.RunAsync("repair", "dusty.mkv", "-o", "found.mkv", "--defects", "dust", "--fill", "median", "--grain", "off", "--cuts", "off", "--preview-mask", "masks.mkv", "--encoder", "ffv1", "--json");
        Assert.True(found.Code == 0, found.Error);
        Assert.Equal((1, 1), (CountOf(found, "defects"), CountOf(found, "framesRepaired")));
        ToolRun given = await _tool.RunAsync("repair", "dusty.mkv", "-o", "given.mkv", "--mask", "masks.mkv", "--fill", "median", "--grain", "off", "--cuts", "off", "--segment", "0.5", "--encoder", "ffv1", "--json");
        Assert.True(given.Code == 0, given.Error);
        Assert.Equal((0, 1), (CountOf(given, "defects"), CountOf(given, "framesRepaired")));
        string[] dusty = await FramesAsync("dusty.mkv");
        string[] repaired = await FramesAsync("found.mkv");
        Assert.Equal([30], Enumerable.Range(0, dusty.Length).Where(i => dusty[i] != repaired[i]));
        Assert.Equal(repaired, await FramesAsync("given.mkv"));

        static int CountOf(ToolRun run, string name) => run.Json.GetProperty("counts").GetProperty(name).GetInt32();
    }

    [Theory]
    [InlineData(20, "The masks of '{masks}' are 20, the frames that are read 24: the last 4 frames have none.")]
    [InlineData(30, "The masks of '{masks}' are 30, the frames that are read 24: the last 6 masks are of no frame.")]
    [InlineData(24, null)]
    public async Task Repair_MaskVideoOfAnotherLength_IsSaidOnce(int masks, string? words)
    {
        await MakeAsync("film.mkv", "null");
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=160x120:r=24", "-frames:v", $"{masks}", "-c:v", "ffv1", _tool.At("masks.mkv"));
        ToolRun run = await _tool.RunAsync("repair", "film.mkv", "-o", "out.mkv", "--gaps", "off", "--mask", "masks.mkv", "--fill", "median", "--cuts", "off", "--segment", "0.5");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(words is null ? [] : [$"[WRN] {words.Replace("{masks}", _tool.At("masks.mkv"), StringComparison.Ordinal)}"], run.Error.Split('\n').Where(l => l.Contains("The masks of", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("a mask of another size", "--mask", "small.mkv", 3, "are 80x60, the film is 160x120")]
    [InlineData("a mask that is not there", "--mask", "none.mkv", 3, "do not exist")]
    [InlineData("a preview of nothing", "--preview-mask", "masks.mkv", 2, "--preview-mask has nothing to show")]
    [InlineData("a preview over the output", "--preview-mask", "out.mkv", 2, "is the output itself")]
    [InlineData("a fill of nothing", "--fill", "average", 2, "--fill has nothing to fill; give --defects or --mask")]
    [InlineData("a sensitivity of no search", "--sensitivity", "0.9", 2, "--sensitivity has nothing to find; give --defects")]
    [InlineData("masks numbered like a sequence", "--mask", "numbered", 3, "has 24, counted from 0 to 23, the first mask's number is 86400")]
    [InlineData("an impossible sensitivity", "--sensitivity", "2", 2, "0 to 1")]
    public async Task Repair_DefectOptionsThatCannotBe_AreRefusedInOneLine(string what, string option, string value, int code, string words)
    {
        await MakeAsync("film.mkv", "null");
        await MakeAsync("small.mkv", "scale=80:60");
        Directory.CreateDirectory(_tool.At("numbered"));
        await File.WriteAllBytesAsync(_tool.At("numbered/mask_086400.png"), []);
        string[] rest = value is "2" || value == "out.mkv" ? ["--defects", "dust"] : option != "--mask" ? ["--deflicker", "on"] : ["--fill", "median"];
        ToolRun run = await _tool.RunAsync(["repair", "film.mkv", "-o", "out.mkv", "--gaps", "off", option, value, .. rest]);
        Assert.True(run.Code == code, $"{what}: {run.Code} {run.Error}");
        Assert.Contains(words, run.Fault, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'), l => l.StartsWith("[FTL]", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(_tool.At("."), "out.mkv*"));
    }

    [Theory]
    [InlineData("7-,", "is no list ('7-')")]
    [InlineData("5,24", "names frame 24, but what is read has 24")]
    [InlineData("0-23", "names all 24 frames")]
    public async Task Repair_FramesThatCannotBe_AreRefusedInOneLine(string frames, string words)
    {
        await MakeAsync("film.mkv", "null");
        ToolRun run = await _tool.RunAsync("repair", "film.mkv", "-o", "out.mkv", "--frames", frames);
        Assert.Equal(2, run.Code);
        Assert.Contains(words, run.Fault, StringComparison.Ordinal);
        Assert.False(File.Exists(_tool.At("out.mkv")));
    }

    // A second of the test pan at 24 fps, lossless, small, through a filter.
    private Task<string> MakeAsync(string name, string filter) => _tool.ExternalAsync(
        "ffmpeg", "-v", "error", "-i", Repository.TestData("pan24.mp4"), "-map", "0:v", "-frames:v", "120", "-vf", $"trim=end_frame=24,scale=160:120,{filter}", "-fps_mode", "passthrough", "-c:v", "ffv1", _tool.At(name));

    private static string Speck(int frame) => $"drawbox=x=60:y=40:w=6:h=6:t=fill:color=white:enable='eq(n,{frame})'";

    private async Task<string[]> FramesAsync(string name) => [.. (await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", name, "-fps_mode", "passthrough", "-f", "framemd5", "-"))
        .Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l[(l.LastIndexOf(',') + 1)..].Trim())];

    private async Task<string> TimesAsync(string name) => await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0", name);
}
