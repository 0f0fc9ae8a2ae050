using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Masters as sequences of pictures, in and out. Headers are read here by the standard's offsets alone, pictures by ffmpeg.</summary>
public sealed class SequenceTests : IDisposable
{
    private static readonly string[] Average = ["--model", "average", "--sigma", "3"];

    private readonly Tool _tool = new();

    private static string Scan => Repository.TestData("sequences/scan_%06d.dpx");

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Denoise_ScannedDpx_KeepsLogHeaderTimecodeNumbersAndHole()
    {
        ToolRun run = await _tool.RunAsync(["denoise", Scan, "-o", "out/clean_%06d.dpx", "--json", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("[WRN] Damaged from 0.125 s to 0.167 s: number 86403 is missing.", run.Error, StringComparison.Ordinal);
        JsonElement damage = Assert.Single(run.Json.GetProperty("damage").EnumerateArray());
        Assert.Equal("number 86403 is missing", damage.GetProperty("what").GetString());
        Assert.Equal(["clean_086400.dpx", "clean_086401.dpx", "clean_086402.dpx", "clean_086404.dpx", "clean_086405.dpx"], Names("out"));
        foreach (string name in Names("out"))
        {
            byte[] before = await File.ReadAllBytesAsync(Scan.Replace("scan_%06d.dpx", name.Replace("clean", "scan", StringComparison.Ordinal), StringComparison.Ordinal));
            byte[] after = await File.ReadAllBytesAsync(_tool.At("out/" + name));
            Assert.Equal(before.Length, after.Length);

            // All but the file's name (36 to 136) and the samples.
            before.AsSpan(36, 100).Clear();
            Assert.Equal(name, System.Text.Encoding.ASCII.GetString(after, 36, name.Length));
            after.AsSpan(36, 100).Clear();
            Assert.Equal(before[..2048], after[..2048]);
            Assert.NotEqual(before[2048..], after[2048..]);
        }

        string read = await _tool.ExternalAsync("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=pix_fmt,nb_read_frames", "-of", "csv=p=0", "-f", "image2", "-pattern_type", "glob", "out/*.dpx");
        Assert.Equal("gbrp10le,5", read.Trim());
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Denoise_StrengthZero_EveryBitIsTheSources()
    {
        ToolRun run = await _tool.RunAsync(["denoise", Scan, "-o", "out/scan_%06d.dpx", "--strength", "0", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.All(Names("out"), name => Assert.Equal(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(Scan)!, name)), File.ReadAllBytes(_tool.At("out/" + name))));
    }

    [Fact]
    public async Task Denoise_LittleEndianDpx_StaysSo()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=48x28:r=24:d=0.1", "-pix_fmt", "gbrp12le", "in_%d.dpx");
        ToolRun run = await _tool.RunAsync(["denoise", "in_%d.dpx", "-o", "out/in_%d.dpx", "--input-fps", "25", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        byte[] header = await File.ReadAllBytesAsync(_tool.At("out/in_1.dpx"));
        Assert.Equal("XPDS", System.Text.Encoding.ASCII.GetString(header, 0, 4));
        Assert.Equal(12, header[803]);
        Assert.Equal(25f, BinaryPrimitives.ReadSingleLittleEndian(header.AsSpan(1940)));
        Assert.Equal(uint.MaxValue, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(1920)));
    }

    [Fact]
    public async Task Interpolate_ScannedDpx_CountsNumbersAndTimecodeOn()
    {
        ToolRun run = await _tool.RunAsync("interpolate", Scan, "-o", "out/made_%06d.dpx", "--fps", "x2", "--model", "flow");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(Enumerable.Range(86400, 12).Select(n => $"made_{n:000000}.dpx"), Names("out"));
        for (int k = 0; k < 12; k++)
        {
            byte[] header = await File.ReadAllBytesAsync(_tool.At($"out/made_{86400 + k:000000}.dpx"));
            Assert.Equal(3, header[801]);
            Assert.Equal($"010000{k:00}", BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1920)).ToString("x8", CultureInfo.InvariantCulture));
            Assert.Equal((uint)k, BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1712)));
            Assert.Equal(48f, BinaryPrimitives.ReadSingleBigEndian(header.AsSpan(1724)));

            // The key code of the source frame that stands left: 2k, and 2 again where 3 is missing.
            Assert.Equal($"01EK00000123{(k / 2 == 3 ? 2 : k / 2):0000}", System.Text.Encoding.ASCII.GetString(header, 1664, 16));
        }
    }

    [Fact]
    public async Task Repair_Gaps_FillsTheMissingNumberWithItsOwnTimecode()
    {
        ToolRun run = await _tool.RunAsync("repair", Scan, "-o", "out/scan_%06d.dpx", "--gaps", "auto");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(Enumerable.Range(86400, 6).Select(n => $"scan_{n:000000}.dpx"), Names("out"));
        for (int k = 0; k < 6; k++)
        {
            byte[] header = await File.ReadAllBytesAsync(_tool.At($"out/scan_{86400 + k:000000}.dpx"));
            Assert.Equal($"010000{k:00}", BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1920)).ToString("x8", CultureInfo.InvariantCulture));
            Assert.Equal((uint)k, BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1712)));
        }
    }

    [Fact]
    public async Task Interpolate_FilmIntoDpx_TakesTheFilmsTagsAndTimecode()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", Repository.TestData("pan24.mp4"), "-frames:v", "3", "-an", "-c:v", "prores_ks", "-color_trc", "bt709", "-color_primaries", "bt709", "-colorspace", "bt709", "-timecode", "10:00:00:12", "in.mov");
        ToolRun run = await _tool.RunAsync("interpolate", "in.mov", "-o", "out/f_%04d.dpx", "--fps", "48", "--model", "blend");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(Enumerable.Range(0, 6).Select(n => $"f_{n:0000}.dpx"), Names("out"));
        byte[] header = await File.ReadAllBytesAsync(_tool.At("out/f_0003.dpx"));
        Assert.Equal((6, 6), (header[801], header[802]));
        Assert.Equal("10000027", BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1920)).ToString("x8", CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Denoise_SequenceIntoFilm_TheHoleIsAGapInTime()
    {
        ToolRun run = await _tool.RunAsync(["denoise", Scan, "-o", "out.mov", "--encoder", "prores_ks", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        string times = await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts", "-of", "csv=p=0", "out.mov");
        long[] ticks = [.. times.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(t => long.Parse(t.Trim(','), CultureInfo.InvariantCulture))];
        Assert.Equal([0, 1, 2, 4, 5], ticks.Select(t => t / (ticks[1] - ticks[0])));
        Assert.Contains("01:00:00:00", await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_entries", "stream_tags=timecode", "-of", "csv=p=0", "out.mov"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Denoise_LinearExr_StaysHalfAndUnclipped()
    {
        string input = Repository.TestData("sequences/linear.%04d.exr");
        ToolRun same = await _tool.RunAsync(["denoise", input, "-o", "same/l.%04d.exr", "--strength", "0", .. Average]);
        Assert.True(same.Code == 0, same.Error);
        ToolRun run = await _tool.RunAsync(["denoise", input, "-o", "out/l.%04d.exr", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("Linear light is worked on through sRGB's curve", run.Error, StringComparison.Ordinal);
        float[] before = await FloatsAsync(input);
        Assert.Equal(before, await FloatsAsync("same/l.%04d.exr"));
        float[] after = await FloatsAsync("out/l.%04d.exr");
        int plane = 48 * 28;
        Assert.True(after.Min() < -0.1 && after.Max() > 2, $"{after.Min()} .. {after.Max()}");
        for (int frame = 0; frame < 3; frame++)
        {
            Range alpha = (((frame * 4) + 3) * plane)..(((frame * 4) + 4) * plane);
            Assert.Equal(before[alpha], after[alpha]);
        }

        // Halves, which hold eleven bits: every sample is one.
        Assert.All(after, v => Assert.Equal(v, (float)(Half)v));
    }

    [Theory]
    [InlineData("tif")]
    [InlineData("png")]
    public async Task Denoise_TiffWithAlpha_CopiesIt(string extension)
    {
        string input = Repository.TestData("sequences/matte_%03d.tif");
        ToolRun run = await _tool.RunAsync(["denoise", input, "-o", $"out/m_%03d.{extension}", "--input-fps", "25", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal([$"m_007.{extension}", $"m_008.{extension}", $"m_009.{extension}"], Names("out"));
        Assert.Equal("rgba64", (await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_entries", "stream=pix_fmt", "-of", "csv=p=0", $"out/m_008.{extension}")).Trim()[..6]);
        Assert.Equal(await AlphaAsync(input), await AlphaAsync($"out/m_%03d.{extension}"));
    }

    [Fact]
    public async Task Denoise_OutputThatIsThere_IsRefusedOrSwapped()
    {
        ToolRun first = await _tool.RunAsync(["denoise", Scan, "-o", "out/a_%06d.dpx", .. Average]);
        Assert.True(first.Code == 0, first.Error);
        ToolRun again = await _tool.RunAsync(["denoise", Scan, "-o", "out/a_%06d.dpx", .. Average]);
        Assert.Equal((2, "The output 'out/a_%06d.dpx' exists already; give another folder, or --overwrite."), (again.Code, again.Fault));
        ToolRun swapped = await _tool.RunAsync(["denoise", Scan, "-o", "out/a_%06d.dpx", "--overwrite", "--duration", "0.05", .. Average]);
        Assert.True(swapped.Code == 0, swapped.Error);
        Assert.Equal(["a_086400.dpx", "a_086401.dpx"], Names("out"));
        ToolRun other = await _tool.RunAsync(["denoise", Scan, "-o", "out/b_%06d.dpx", "--overwrite", .. Average]);
        Assert.Equal(2, other.Code);
        Assert.Contains("holds something else", other.Fault, StringComparison.Ordinal);
        ToolRun own = await _tool.RunAsync(["denoise", "out/a_%06d.dpx", "-o", "./out/a_%06d.dpx", "--overwrite", .. Average]);
        Assert.Equal((2, "The output './out/a_%06d.dpx' is the input itself; give another folder."), (own.Code, own.Fault));
        ToolRun single = await _tool.RunAsync(["denoise", Scan, "-o", "one.dpx", .. Average]);
        Assert.Equal((2, "The output 'one.dpx' is of single pictures: give their number a place, for example frames/frame_%06d.dpx."), (single.Code, single.Fault));
        Assert.Equal(["a_086400.dpx", "a_086401.dpx"], Names("out"));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
    }

    // At 24 a second picture 1 stands at .0417 s and so before the part: as of a film.
    [Fact]
    public async Task Denoise_PartOfASequence_IsWhatBeginsInIt()
    {
        ToolRun run = await _tool.RunAsync(["denoise", Scan, "-o", "out/a_%06d.dpx", "--start", "0.05", "--duration", "0.1", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(["a_086402.dpx"], Names("out"));
    }

    [Fact]
    public async Task Denoise_CutOffPicture_IsNamedAndItsNumberStaysFree()
    {
        Copy("in");
        await using (FileStream file = new(_tool.At("in/scan_086401.dpx"), FileMode.Open))
        {
            file.SetLength(5000);
        }

        ToolRun strict = await _tool.RunAsync(["denoise", "in/scan_%06d.dpx", "-o", "out/a_%06d.dpx", "--strict", .. Average]);
        Assert.Equal(3, strict.Code);
        ToolRun run = await _tool.RunAsync(["denoise", "in/scan_%06d.dpx", "-o", "out/a_%06d.dpx", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("scan_086401.dpx", run.Error, StringComparison.Ordinal);
        Assert.Equal(["a_086400.dpx", "a_086402.dpx", "a_086404.dpx", "a_086405.dpx"], Names("out"));
    }

    [Theory]
    [InlineData("testsrc2=s=32x28", "gbrp10be")]
    [InlineData("testsrc2=s=48x28", "rgb24")]
    public async Task Denoise_MixedPictures_AreRefused(string picture, string pixelFormat)
    {
        Copy("in");
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-frames:v", "1", "-pix_fmt", pixelFormat, "-update", "1", "in/scan_086402.dpx");
        ToolRun run = await _tool.RunAsync(["denoise", "in/scan_%06d.dpx", "-o", "out/a_%06d.dpx", .. Average]);
        Assert.Equal("Input 'in/scan_%06d.dpx' mixes pictures: 'scan_086402.dpx' has another size or pixel format than those before it; name one kind by its own pattern.", run.Fault);
        Assert.Equal(3, run.Code);
        Assert.Equal(["in"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
    }

    // Neither is the film's end: the pictures behind it are good.
    [Theory]
    [InlineData(false, "is empty (0 bytes); copy or record it again.")]
    [InlineData(true, "cannot be read (")]
    public async Task Denoise_PictureThatCannotBeOpened_IsRefused(bool leadsNowhere, string words)
    {
        Copy("in");
        string picture = _tool.At("in/scan_086401.dpx");
        File.Delete(picture);
        if (leadsNowhere)
        {
            File.CreateSymbolicLink(picture, "nowhere");
        }
        else
        {
            await File.WriteAllBytesAsync(picture, []);
        }

        ToolRun run = await _tool.RunAsync(["denoise", "in/scan_%06d.dpx", "-o", "out/a_%06d.dpx", .. Average]);
        Assert.StartsWith($"Input '{picture}' {words}", run.Fault, StringComparison.Ordinal);
        Assert.Equal(3, run.Code);
        Assert.Equal(["in"], Directory.EnumerateFileSystemEntries(_tool.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Denoise_NeighboursThatDoNotDecode_AreAllTold()
    {
        Copy("in");
        foreach (int number in (int[])[86401, 86402])
        {
            await File.WriteAllTextAsync(_tool.At($"in/scan_{number:000000}.dpx"), "no picture");
        }

        ToolRun run = await _tool.RunAsync(["denoise", "in/scan_%06d.dpx", "-o", "out/a_%06d.dpx", .. Average]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("Damaged from 0.042 s to 0.125 s: 'scan_086401.dpx' to 'scan_086402.dpx' (2 pictures) do not decode (", run.Error, StringComparison.Ordinal);
        Assert.Contains("number 86403 is missing", run.Error, StringComparison.Ordinal);
        Assert.Equal(["a_086400.dpx", "a_086404.dpx", "a_086405.dpx"], Names("out"));
    }

    [Fact]
    public async Task Denoise_WrongNames_SayTheMend()
    {
        ToolRun none = await _tool.RunAsync(["denoise", "none_%06d.dpx", "-o", "out/a_%06d.dpx", .. Average]);
        Assert.Equal((3, "Input 'none_%06d.dpx' names a sequence of which no picture exists; check the folder and the number of digits."), (none.Code, none.Fault));
        ToolRun film = await _tool.RunAsync(["denoise", Repository.TestData("single.mp4"), "-o", "out.mp4", "--input-fps", "24", .. Average]);
        Assert.Equal(2, film.Code);
        Assert.Contains("--input-fps is for numbered sequences", film.Fault, StringComparison.Ordinal);
        ToolRun light = await _tool.RunAsync(["denoise", Repository.TestData("sequences/linear.%04d.exr"), "-o", "out.mkv", .. Average]);
        Assert.Equal((2, "The pictures are floats of linear light, which libx264 cannot hold; write an EXR sequence (-o out/frame_%06d.exr)."), (light.Code, light.Fault));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    private string[] Names(string folder) => [.. Directory.EnumerateFileSystemEntries(_tool.At(folder)).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private void Copy(string folder)
    {
        Directory.CreateDirectory(_tool.At(folder));
        foreach (string path in Directory.EnumerateFiles(Path.GetDirectoryName(Scan)!, "scan_*.dpx"))
        {
            File.Copy(path, Path.Combine(_tool.At(folder), Path.GetFileName(path)));
        }
    }

    private async Task<float[]> FloatsAsync(string pattern)
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-y", "-i", pattern, "-f", "rawvideo", "-pix_fmt", "gbrapf32le", "floats.raw");
        byte[] bytes = await File.ReadAllBytesAsync(_tool.At("floats.raw"));
        return [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * i)))];
    }

    private async Task<byte[]> AlphaAsync(string pattern)
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-y", "-start_number", "7", "-i", pattern, "-vf", "extractplanes=a", "-f", "rawvideo", "-pix_fmt", "gray16le", "alpha.raw");
        return await File.ReadAllBytesAsync(_tool.At("alpha.raw"));
    }
}
