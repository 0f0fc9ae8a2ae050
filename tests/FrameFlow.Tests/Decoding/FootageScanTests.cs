using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

/// <summary>Every shared clip is found to be what CLIPS.md says it is, and decodes to as many frames as the scan promised.</summary>
public sealed class FootageScanTests
{
    // frames: those that come out, after deinterlacing (s17: a frame a field; s18: 24 of 30); rate: null for VFR.
    [Theory]
    [InlineData("s01_station_60p_240.mp4", 300, "60")]
    [InlineData("s02_mural_60p_1080.mp4", 77, "90000/1501")]
    [InlineData("s03_carturn_25p_360.mp4", 81, "25")]
    [InlineData("s04_drone_24p_750_audio.mp4", 105, "24000/1001")]
    [InlineData("s05_bikes_cuts_25p_272.mp4", 250, "25")]
    [InlineData("s06_hdr10_vfr_1080_10bit.mp4", 28, null)]
    [InlineData("s07_highway_60p_240.mkv", 300, "60")]
    [InlineData("s08_oldfilm_abomb_29p_320.mp4", 360, "29")]
    [InlineData("s09_oldfilm_marketstreet_24f_368.mkv", 60, "24")]
    [InlineData("s10_oldfilm_trainrobbery_24f_368.mkv", 48, "24")]
    [InlineData("s11_bbb_animation_25p_720_audio.mp4", 75, "25")]
    [InlineData("s12_highway_drive_25p_540_audio.mp4", 100, "25")]
    [InlineData("s13_street_drive_25p_720.mp4", 50, "25")]
    [InlineData("s14_hlg_30p_360_10bit.mov", 30, "30")]
    [InlineData("s15_talkinghead_srt_ac3.mkv", 30, "30")]
    [InlineData("s16_mpeg2_576i_flagged_broadcast.ts", 61, "25")]
    [InlineData("s17_station_480i_synth.mpg", 180, "60000/1001", FieldContent.InterlacedTopFirst)]
    [InlineData("s18_drone_telecine_480i_synth.mkv", 72, "24000/1001", FieldContent.Telecined)]
    [InlineData("s19_hisgirlfriday_bw_30p_480_audio.mp4", 185, "30")]
    [InlineData("s20_gopro_walk_30p_480_audio.mp4", 90, "30000/1001")]
    [InlineData("s21_roadtrip_vp9_10bit_cuts.webm", 72, "24000/1001")]
    [InlineData("s22_gopro_vfr_synth.mp4", 64, null)]
    [InlineData("s23_bbb_rotation90.mp4", 75, "25")]
    public async Task Scan_SharedClip_IsAsListed(string clip, int frames, string? rate, FieldContent content = FieldContent.Progressive)
    {
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(Repository.SharedFootage(clip));
        Assert.Equal(frames, scan.Timeline.Count);
        Assert.Equal(rate, scan.Timeline.ConstantRate?.ToString());
        Assert.Equal(content, scan.Content);
        Assert.Equal(clip.StartsWith("s16", StringComparison.Ordinal), scan.Damage.Count > 0);
        (List<Rational> times, _) = await LavfiClips.DecodeAsync(info, scan, keepBytes: false);
        Assert.Equal(frames, times.Count);
    }

    [Fact]
    public async Task Conclude_SharedClips_IsTheScanWherePacketsTell()
    {
        List<string> concluded = [];
        foreach (string path in Directory.EnumerateFiles(Path.GetDirectoryName(Repository.SharedFootage("s01_station_60p_240.mp4"))!, "s*.*").Order(StringComparer.Ordinal))
        {
            MediaInfo info = await MediaProbe.ProbeAsync(path, TestContext.Current.CancellationToken);
            if (await SourceScanner.ConcludeAsync(info, new(), TestContext.Current.CancellationToken) is { } scan)
            {
                LavfiClips.AssertSame(await SourceScanner.ScanAsync(info, new(), TestContext.Current.CancellationToken), scan);
                concluded.Add(Path.GetFileName(path)[..3]);
            }
        }

        // Others have fields, damage, a group of pictures longer than the film, or a codec or container that does not tell.
        Assert.Equal("s01 s02 s03 s05 s06 s07 s08 s09 s10 s11 s12 s14 s20 s22 s23", string.Join(' ', concluded));
    }

    [Fact]
    public async Task Probe_Hdr10Clip_HasStaticMetadataOfTheBitstream()
    {
        MediaInfo info = await MediaProbe.ProbeAsync(Repository.SharedFootage("s06_hdr10_vfr_1080_10bit.mp4"), TestContext.Current.CancellationToken);
        VideoDescription video = info.Video!.Video!;
        Assert.Equal("smpte2084", video.Color.Transfer);
        Assert.Equal(1000, video.Hdr10!.MaxContentLight);
        Assert.Equal(200, video.Hdr10.MaxFrameAverageLight);
        Assert.Equal(new Rational(3, 20), video.Hdr10.Chromaticities![0]);
        Assert.Equal(["HDR10+"], video.DynamicMetadata);
    }

    [Fact]
    public async Task Probe_DolbyVisionClip_IsNamed()
    {
        MediaInfo info = await MediaProbe.ProbeAsync(Repository.SharedFootage("s02_mural_60p_1080.mp4"), TestContext.Current.CancellationToken);
        Assert.Equal(["Dolby Vision"], info.Video!.Video!.DynamicMetadata);
    }

    [Fact]
    public async Task Scan_LyingFlag_IsNotBelievedAndDamageIsDated()
    {
        (_, SourceScan scan) = await LavfiClips.ScanAsync(Repository.SharedFootage("s16_mpeg2_576i_flagged_broadcast.ts"));
        Assert.Null(scan.Filters);
        Assert.Contains(scan.Notes, n => n.Contains("flagged interlaced", StringComparison.Ordinal));
        Assert.All(scan.Damage, d => Assert.True(d.End > d.Start));
        Assert.Equal(scan.Timeline.First, scan.Damage[0].End);
    }
}
