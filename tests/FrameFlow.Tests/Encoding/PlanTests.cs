using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Encoding;

public sealed class PlanTests
{
    [Theory]
    [InlineData("-preset slow", new[] { "-preset", "slow" })]
    [InlineData("  -vf 'a b'  -x \"c \\\" d\" e\\ f '' ", new[] { "-vf", "a b", "-x", "c \" d", "e f", "" })]
    public void TrySplit_ShellText_IsSplitAsAShellDoes(string text, string[] expected)
    {
        Assert.True(EncodeOptions.TrySplit(text, out IReadOnlyList<string> arguments, out _));
        Assert.Equal(expected, arguments);
    }

    [Theory]
    [InlineData("'open")]
    [InlineData("a \\")]
    public void TrySplit_Unfinished_IsRefused(string text) => Assert.False(EncodeOptions.TrySplit(text, out _, out _));

    [Fact]
    public void Validate_SeveralErrors_AllAreListed()
    {
        IReadOnlyList<string> errors = new EncodeOptions { Encoder = "libx264", Crf = 60, Threads = -1, EncoderArgs = "\"" }.Validate();
        Assert.Equal(3, errors.Count);
        Assert.Contains("--crf 60 is out of range for libx264: a number from 0 (best) to 51", errors);
        Assert.Single(new EncodeOptions { Encoder = "ffv1", Crf = 3 }.Validate());
        Assert.Single(new EncodeOptions { Encoder = "libsvtav1", Crf = 20.5m }.Validate());
        Assert.Empty(new EncodeOptions { Encoder = "libx264", Crf = 17.5m }.Validate());
    }

    [Theory]
    [InlineData("-preset slow -b:v 4M -x264-params keyint=24:bframes=-1 -movflags +faststart -sc_threshold -1 -c:a flac", null)]
    [InlineData("-t 0.1", "--encoder-args -t: which frames stand when is settled by --fps, --start and --duration")]
    [InlineData("-preset fast -r 30", "--encoder-args -r: which frames stand when is settled by --fps, --start and --duration")]
    [InlineData("-c:v mpeg4", "--encoder-args -c:v: the encoder is named by --encoder, the container by the output's ending")]
    [InlineData("-filter:v:0 hflip", "--encoder-args -filter:v:0: the pictures are encoded as they were made; filter the source or the result")]
    [InlineData("-an", "--encoder-args -an: which streams are carried is settled by the source and the container")]
    [InlineData("-preset fast other.mp4", "--encoder-args: 'other.mp4' follows no option; ffmpeg would take it for another output")]
    public void Validate_EncoderArguments_MayNotSettleWhatTheProgramAnswersFor(string given, string? fault) =>
        Assert.Equal(fault is null ? [] : [fault], new EncodeOptions { EncoderArgs = given }.Validate());

    [Theory]
    [InlineData("out.xyz")]
    [InlineData("out")]
    public void ForPath_UnknownExtension_ListsTheKnown(string path)
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => ContainerCatalog.ForPath(path));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.Contains(".mp4 .m4v .mov .mkv .webm .ts .m2ts .mts", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_CodecThatTheContainerCannotCarry_IsRefused()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => Plan("out.mp4", "ffv1"));
        Assert.Equal("MP4 cannot carry ffv1, which ffv1 makes; use libx264, libx265, libsvtav1, libaom-av1, libvpx-vp9, mpeg2video, h264_nvenc, hevc_nvenc, av1_nvenc, or write .mkv.", fault.Message);
        Assert.Equal(FaultKind.Usage, fault.Kind);
    }

    [Theory]
    [InlineData("libx264", "yuv444p10le", "yuv444p10le")]
    [InlineData("libsvtav1", "yuv422p10le", "yuv420p10le")]
    [InlineData("prores_ks", "yuv420p", "yuv422p10le")]
    [InlineData("dnxhd", "yuv420p", "yuv422p")]
    [InlineData("h264_nvenc", "yuv422p10le", "yuv444p")]
    [InlineData("hevc_nvenc", "yuv420p10le", "p010le")]
    [InlineData("hevc_nvenc", "yuv422p10le", "yuv444p16le")]
    public void Create_PixelFormat_IsTheNearest(string encoder, string given, string expected)
    {
        string extension = encoder is "prores_ks" or "dnxhd" ? "mov" : "mkv";
        EncodePlan plan = EncodePlan.Create(Clips.Request("out." + extension, format: Clips.Format(given, 640, 480), options: new() { Encoder = encoder }), EncoderCatalog.Find(encoder)!);
        Assert.Equal(expected, plan.EncoderPixelFormat);
    }

    [Fact]
    public void Create_SourceFormatFits_NoFilterTouchesThePixels()
    {
        EncodePlan plan = Plan("out.mkv", "libx264");
        Assert.False(plan.ConvertsPixels);
        Assert.Equal("setsar=sar=1:max=1000000", plan.OutputArguments[plan.OutputArguments.ToList().IndexOf("-filter:v:0") + 1]);
    }

    [Theory]
    [InlineData("0", "0", "0", "0")]
    [InlineData("1433367/1000000", "129003/90000", "0", "0")]
    [InlineData("0", "1/25", "1/25", "0")]
    [InlineData("1", "9/10", "0", "1/10")]
    public void Create_Shift_IsThePictureForwardOrTheSoundBack(string start, string first, string video, string sound)
    {
        static Rational R(string text) => Rational.TryParse(text, out Rational r) ? r : throw new FormatException(text);
        MediaInfo source = Clips.Source() with { StartTime = R(start) };
        EncodePlan plan = EncodePlan.Create(Clips.Request("out.mp4", source) with { FirstFrameTime = R(first) }, EncoderCatalog.Find("libx264")!);
        Assert.Equal((R(video), R(sound)), (plan.VideoShift, plan.SourceShift));
    }

    [Fact]
    public void Create_ArbitraryShift_IsWithinFiveMicrosecondsInAWholeTimeBase()
    {
        foreach (Rational rate in (Rational[])[60, new(60000, 1001), new(24000, 1001), new(144), new(239, 7)])
        {
            Rational first = new(1_234_567, 9_999_991);
            EncodePlan plan = EncodePlan.Create(Clips.Request("out.mp4") with { FirstFrameTime = first, FrameRate = rate }, EncoderCatalog.Find("libx264")!);
            Assert.True(Rational.Abs(plan.VideoShift - first) <= new Rational(1, 200_000));
            string filter = plan.OutputArguments[plan.OutputArguments.ToList().IndexOf("-filter:v:0") + 1];
            string unit = filter.Split("settb=")[1].Split(',')[0];
            Assert.True(Rational.TryParse(unit, out Rational timeBase));
            Assert.Equal(1, (rate.Inverse / timeBase).Denominator);
            Assert.Equal(1, (plan.VideoShift / timeBase).Denominator);
            Assert.True(timeBase.Denominator < int.MaxValue);
        }
    }

    [Fact]
    public void Create_OtherStreams_EachIsCarriedConvertedOrSaidToBeDropped()
    {
        StreamInfo Make(int index, StreamKind kind, string codec) => new() { Index = index, Kind = kind, Codec = codec, Channels = kind == StreamKind.Audio ? 6 : null };
        MediaInfo source = Clips.Source(
            null,
            Make(1, StreamKind.Audio, "flac"),
            Make(2, StreamKind.Audio, "vorbis"),
            Make(3, StreamKind.Audio, "ac3"),
            Make(4, StreamKind.Subtitle, "hdmv_pgs_subtitle"),
            Make(5, StreamKind.Subtitle, "ass"),
            Make(6, StreamKind.Attachment, "ttf"),
            Make(7, StreamKind.Data, "klv"));
        EncodePlan plan = EncodePlan.Create(Clips.Request("out.mp4", source), EncoderCatalog.Find("libx264")!);
        string text = string.Join(' ', plan.OutputArguments);
        Assert.Contains("-map 0:v:0 -map 1:1 -map 1:2 -map 1:3 -map 1:5 ", text, StringComparison.Ordinal);
        Assert.Contains("-c:a:0 alac", text, StringComparison.Ordinal);
        Assert.Contains("-c:a:1 aac -b:a:1 768k", text, StringComparison.Ordinal);
        Assert.Contains("-c:a:2 copy", text, StringComparison.Ordinal);
        Assert.Contains("-c:s:0 mov_text", text, StringComparison.Ordinal);
        Assert.Equal(6, plan.Notes.Count);
    }

    [Theory]
    [InlineData("out.mp4", null)]
    [InlineData("out.mkv", "-c:s:0 copy")]
    public void Create_SubtitlesOfAPart_AreCopiedOrDropped(string output, string? expected)
    {
        MediaInfo source = Clips.Source(null, new StreamInfo { Index = 1, Kind = StreamKind.Subtitle, Codec = "subrip" });
        EncodeRequest request = Clips.Request(output, source) with { Decode = new DecodeOptions { Start = 4 } };
        EncodePlan plan = EncodePlan.Create(request, EncoderCatalog.Find("libx264")!);
        string text = string.Join(' ', plan.OutputArguments);
        Assert.Equal(expected is not null, text.Contains("-c:s:0", StringComparison.Ordinal));
        Assert.Contains(expected ?? "", text, StringComparison.Ordinal);
        Assert.Equal(expected is null, plan.Notes.Any(n => n.Contains("of a part it can be copied, not converted to mov_text; write .mkv to keep it", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Resolve_UnknownEncoder_IsAUsageFault()
    {
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => EncoderCatalog.ResolveAsync("libx999", CancellationToken.None));
        Assert.Equal(FaultKind.Usage, fault.Kind);
        Assert.StartsWith("The encoder 'libx999' is no video encoder that ffmpeg knows; choose one of libx264, ", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
        await Assert.ThrowsAsync<FrameFlowException>(() => EncoderCatalog.ResolveAsync("aac", CancellationToken.None));
    }

    [Fact]
    public async Task Resolve_EncoderOutsideTheTable_IsAskedOfFfmpeg()
    {
        EncoderInfo mpeg4 = await EncoderCatalog.ResolveAsync("libxvid", CancellationToken.None);
        Assert.Equal(("mpeg4", "yuv420p"), (mpeg4.Codec, Assert.Single(mpeg4.PixelFormats)));
    }

    [Fact]
    public void ToMarkdown_HasARowAContainer() =>
        Assert.Equal(ContainerCatalog.All.Count + 2, ContainerCatalog.ToMarkdown().Split('\n').Count(l => l.StartsWith('|')));

    private static EncodePlan Plan(string output, string encoder) =>
        EncodePlan.Create(Clips.Request(output, options: new() { Encoder = encoder }), EncoderCatalog.Find(encoder)!);
}
