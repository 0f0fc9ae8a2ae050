using System.Buffers.Binary;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Tests.Support;
using Xunit;
using Tool = FrameFlow.Tests.EndToEnd.Tool;
using ToolRun = FrameFlow.Tests.EndToEnd.ToolRun;

namespace FrameFlow.Tests.Encoding;

/// <summary>What EXR and TIFF masters say of themselves goes with the picture; read back by ffprobe, pictures by ffmpeg.</summary>
public sealed class PictureMetadataTests : IDisposable
{
    private const string Owner = "ownerOfAVeryLongNameThatNeedsTheFlag";

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("x1", "01:00:00:03")]
    [InlineData("x2", null)]
    public async Task Exr_AttributesAreCarried_TimeCodeWhereTheFrameIsTheSources(string rate, string? timecode)
    {
        byte[] code = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(code, 0x01000003);
        Text[] texts = [new(Owner, "The archive"), new("comments", "reel 3")];
        ExrAttribute[] attributes = [.. texts.Select(t => new ExrAttribute(t.Name, "string", System.Text.Encoding.ASCII.GetBytes(t.Value))), new("timeCode", "timecode", code)];
        Directory.CreateDirectory(_tool.At("in"));
        for (int k = 1; k <= 3; k++)
        {
            byte[] picture = await File.ReadAllBytesAsync(Repository.TestData($"sequences/linear.000{k}.exr"));
            byte[] labelled = ExrMetadata.Carry(picture, new ExrHeader(true, null, attributes, 0), isSameFrame: true);
            Assert.Equal(picture.Length + attributes.Sum(a => a.Name.Length + a.Type.Length + 6 + a.Value.Length), labelled.Length);
            await File.WriteAllBytesAsync(_tool.At($"in/l.000{k}.exr"), labelled);
        }

        ToolRun run = rate == "x1"
            ? await _tool.RunAsync("denoise", "in/l.%04d.exr", "-o", "out/l.%04d.exr", "--model", "average", "--sigma", "3", "--strength", "0", "--input-fps", "24")
            : await _tool.RunAsync("interpolate", "in/l.%04d.exr", "-o", "out/l.%04d.exr", "--fps", rate, "--model", "blend", "--input-fps", "24");
        Assert.True(run.Code == 0, run.Error);
        string tags = await TagsAsync("out/l.0002.exr");
        Assert.Contains($"TAG:{Owner}=The archive", tags, StringComparison.Ordinal);
        Assert.Contains("TAG:comments=reel 3", tags, StringComparison.Ordinal);
        ExrHeader header = ExrHeader.TryRead(_tool.At("out/l.0002.exr"))!;
        Assert.Equal(timecode is null ? null : code, header.Attributes.SingleOrDefault(a => a.Name == "timeCode")?.Value.ToArray());
        if (timecode is not null)
        {
            Assert.Equal(await SamplesAsync("in/l.%04d.exr"), await SamplesAsync("out/l.%04d.exr"));
        }
    }

    [Fact]
    public void Exr_BrokenOrForeign_StaysAsItWas()
    {
        byte[] picture = File.ReadAllBytes(Repository.TestData("sequences/linear.0001.exr"));
        ExrHeader none = new(true, null, [], 0);
        Assert.Same(picture, ExrMetadata.Carry(picture, none, true));
        ExrHeader some = none with { Attributes = [new("owner", "string", new byte[] { 65 })] };
        byte[] short1 = picture[..40];
        Assert.Same(short1, ExrMetadata.Carry(short1, some, true));
        Assert.Null(ExrHeader.TryParse([1, 2, 3]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tiff_TagsAreCarried(bool bigEndian)
    {
        byte[] profile = [.. Enumerable.Range(0, 301).Select(i => (byte)i)];
        byte[] source = Tiff(bigEndian, (262, 3, [0, 2]), (282, 5, [1, 44, 0, 1]), (306, 2, [.. "1906:04:14 10:00:00\0"u8]), (315, 2, [.. "Miles\0"u8]), (34675, 7, profile));
        Directory.CreateDirectory(_tool.At("in"));
        for (int k = 7; k <= 9; k++)
        {
            await File.WriteAllBytesAsync(_tool.At($"in/m_00{k}.tif"), TiffMetadata.Carry(await File.ReadAllBytesAsync(Repository.TestData($"sequences/matte_00{k}.tif")), source, isSameFrame: true));
        }

        ToolRun run = await _tool.RunAsync("denoise", "in/m_%03d.tif", "-o", "out/m_%03d.tiff", "--input-fps", "25", "--model", "average", "--sigma", "3", "--strength", "0");
        Assert.True(run.Code == 0, run.Error);
        string tags = await TagsAsync("out/m_008.tiff");
        Assert.Contains("TAG:date=1906:04:14 10:00:00", tags, StringComparison.Ordinal);
        Assert.Contains("TAG:artist=Miles", tags, StringComparison.Ordinal);
        Assert.Contains("ICC profile", tags, StringComparison.Ordinal);
        byte[] written = await File.ReadAllBytesAsync(_tool.At("out/m_008.tiff"));
        Assert.True(written.AsSpan().IndexOf(profile) > 0);
        Assert.Equal(await SamplesAsync("in/m_%03d.tif"), await SamplesAsync("out/m_%03d.tiff"));
    }

    [Fact]
    public void Tiff_ProfileOfOtherSamples_IsLeftOut()
    {
        byte[] written = File.ReadAllBytes(Repository.TestData("sequences/matte_007.tif"));
        byte[] grey = Tiff(false, (262, 3, [0, 1]), (34675, 7, new byte[20]));
        Assert.Same(written, TiffMetadata.Carry(written, grey, true));
        Assert.Same(written, TiffMetadata.Carry(written, grey[..12], true));
    }

    private async Task<string> TagsAsync(string path) => await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_frames", path);

    private async Task<string> SamplesAsync(string pattern) => await _tool.ExternalAsync("ffmpeg", "-v", "error", "-start_number_range", "100", "-i", pattern, "-f", "md5", "-");

    // A directory alone, values given by the numbers that they are made of (two for a rational).
    private static byte[] Tiff(bool bigEndian, params (ushort Tag, ushort Type, byte[] Value)[] entries)
    {
        List<byte> file = [.. bigEndian ? "MM\0*"u8 : "II*\0"u8, .. Number(8, 4), .. Number(entries.Length, 2)];
        int place = 8 + 2 + (12 * entries.Length) + 4;
        List<byte> values = [];
        foreach ((ushort tag, ushort type, byte[] value) in entries)
        {
            byte[] bytes = type switch
            {
                3 => Number((value[0] << 8) | value[1], 2),
                5 => [.. Number((value[0] << 8) | value[1], 4), .. Number((value[2] << 8) | value[3], 4)],
                _ => value,
            };
            int count = type is 3 or 5 ? 1 : value.Length;
            file.AddRange([.. Number(tag, 2), .. Number(type, 2), .. Number(count, 4)]);
            file.AddRange(bytes.Length > 4 ? Number(place + values.Count, 4) : [.. bytes, .. new byte[4 - bytes.Length]]);
            values.AddRange(bytes.Length > 4 ? bytes : []);
        }

        return [.. file, 0, 0, 0, 0, .. values];

        byte[] Number(int number, int size)
        {
            byte[] bytes = [.. BitConverter.GetBytes(number).Take(size)];
            return bigEndian ? [.. bytes.Reverse()] : bytes;
        }
    }

    private sealed record Text(string Name, string Value);
}
