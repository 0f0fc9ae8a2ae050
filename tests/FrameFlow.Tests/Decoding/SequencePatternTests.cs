using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

public sealed class SequencePatternTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-sequence-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("frame_%06d.dpx", 12, "frame_000012.dpx")]
    [InlineData("frame_%06d.dpx", 1234567, "frame_1234567.dpx")]
    [InlineData("a.%d.EXR", 7, "a.7.EXR")]
    [InlineData("%04d.tif", 0, "0000.tif")]
    public void NameOf_Number_IsReadBack(string name, long number, string expected)
    {
        SequencePattern pattern = SequencePattern.TryParse(name)!;
        Assert.Equal(expected, pattern.NameOf(number));
        Assert.Equal(number, pattern.NumberOf(expected));
    }

    [Theory]
    [InlineData("film.dpx")]
    [InlineData("frame_%06d.mkv")]
    [InlineData("a%02d_b%02d.dpx")]
    [InlineData("frame_%s.dpx")]
    public void TryParse_NoPattern_IsNull(string name) => Assert.Null(SequencePattern.TryParse(name));

    [Theory]
    [InlineData("frame_12.dpx")]
    [InlineData("frame_0000012.dpx")]
    [InlineData("frame_-00012.dpx")]
    [InlineData("frame_000012.dpx.bak")]
    public void NumberOf_OtherName_IsNull(string name) => Assert.Null(SequencePattern.TryParse("frame_%06d.dpx")!.NumberOf(name));

    /// <summary>ffmpeg reads the files in the order of their numbers, whatever their digits, and whatever stands in the folder's name.</summary>
    [Theory]
    [InlineData("%d", new long[] { 8, 9, 10, 11, 100 })]
    [InlineData("%02d", new long[] { 0, 98, 99, 100, 101 })]
    [InlineData("%05d", new long[] { 3, 4, 7 })]
    public async Task Scan_AnyDigits_FramesStandAtTheirNumbers(string place, long[] numbers)
    {
        string folder = Path.Combine(_folder, "a[1]{b,c} *? 100%");
        Directory.CreateDirectory(folder);
        SequencePattern pattern = SequencePattern.TryParse(Path.Combine(folder, $"f,{place}.png"))!;
        foreach (long number in numbers)
        {
            await LavfiClips.RunAsync("ffmpeg", $"-v error -f lavfi -i color=gray:s=4x4,format=gray -vf lutyuv=y={number} -frames:v 1 -update 1 {Path.Combine(_folder, "one.png")}");
            File.Move(Path.Combine(_folder, "one.png"), pattern.PathOf(number));
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "f,notes.png"), "no picture");
        MediaInfo info = await MediaProbe.ProbeAsync(pattern.Path, CancellationToken.None, 25);
        SourceScan scan = await SourceScanner.ScanAsync(info, new DecodeOptions(), CancellationToken.None);
        Assert.Equal(numbers.Select(n => new Rational(n - numbers[0], 25)), Enumerable.Range(0, scan.Timeline.Count).Select(i => scan.Timeline[i]));
        Assert.Equal(info.Sequence!.Missing.Count(), scan.Damage.Count);
        using NativePool pool = new(1 << 20);
        List<int> seen = [];
        await foreach (Frame frame in new FrameSource(info, scan, new DecodeOptions(), new FramePool(pool, scan.Format)).ReadAsync(CancellationToken.None))
        {
            seen.Add(frame.Bytes[0]);
            frame.Dispose();
        }

        Assert.Equal(numbers, seen.Select(s => (long)s));
    }

    /// <summary>--start and --duration count in time, so across a hole; a part read from inside gives the same frames.</summary>
    [Fact]
    public async Task Scan_PartBehindAHole_IsCutByTime()
    {
        string path = Repository.TestData("sequences/scan_%06d.dpx");
        MediaInfo info = await MediaProbe.ProbeAsync(path, CancellationToken.None);
        DecodeOptions options = new() { Start = new Rational(3, 24), Duration = new Rational(2, 24) };
        SourceScan scan = await SourceScanner.ScanAsync(info, options, CancellationToken.None);
        Assert.Equal([new Rational(4, 24)], Enumerable.Range(0, scan.Timeline.Count).Select(i => scan.Timeline[i]));
        Assert.Single(scan.Damage);

        SourceScan whole = await SourceScanner.ScanAsync(info, new DecodeOptions(), CancellationToken.None);
        using NativePool pool = new(1 << 22);
        List<byte[]> all = await ReadAsync(info, whole, null);
        List<byte[]> part = await ReadAsync(info, whole with { Damage = [] }, new FrameRange(3, 5));
        Assert.Equal(all[3..], part);

        async Task<List<byte[]>> ReadAsync(MediaInfo info, SourceScan scan, FrameRange? part)
        {
            List<byte[]> frames = [];
            await foreach (Frame frame in new FrameSource(info, scan, new DecodeOptions(), new FramePool(pool, scan.Format), part, mayStartInside: true).ReadAsync(CancellationToken.None))
            {
                frames.Add(frame.Bytes.ToArray());
                frame.Dispose();
            }

            return frames;
        }
    }

    [Fact]
    public void Open_DpxHeader_GivesRateAndTimecode()
    {
        ImageSequence scan = ImageSequence.Open(Repository.TestData("sequences/scan_%06d.dpx"), null)!;
        Assert.Equal((24, "01:00:00:00", (byte)3, (byte)10), (scan.Rate, scan.Dpx!.Timecode, scan.Dpx.Transfer, scan.Dpx.BitDepth));
        Assert.Equal([(86403L, 86403L)], scan.Missing);
        Assert.Equal(new Rational(24000, 1001), ImageSequence.Open(Repository.TestData("sequences/scan_%06d.dpx"), new Rational(24000, 1001))!.Rate);
        Assert.True(ImageSequence.Open(Repository.TestData("sequences/linear.%04d.exr"), null)!.IsHalf);
    }
}
