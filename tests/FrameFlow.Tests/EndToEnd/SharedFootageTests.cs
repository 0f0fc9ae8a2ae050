using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>Real clips through the whole, held against the independent verifier. Skipped where the clips are absent.</summary>
public sealed class SharedFootageTests : IDisposable
{
    private static readonly Dictionary<string, double[]> KnownCuts = new()
    {
        ["s05_bikes_cuts_25p_272.mp4"] = [1.2, 3.04, 5.48, 7.48, 9.68],
        ["s08_oldfilm_abomb_29p_320.mp4"] = [1.517241, 4.62069, 10.310345],
        ["s21_roadtrip_vp9_10bit_cuts.webm"] = [1.75175, 2.877875],
    };

    private readonly Tool _tool = new();

    public static TheoryData<string, int> Clips => new()
    {
        { "s01_station_60p_240.mp4", 300 },
        { "s02_mural_60p_1080.mp4", 78 },
        { "s03_carturn_25p_360.mp4", 195 },
        { "s04_drone_24p_750_audio.mp4", 263 },
        { "s05_bikes_cuts_25p_272.mp4", 600 },
        { "s06_hdr10_vfr_1080_10bit.mp4", 62 },
        { "s07_highway_60p_240.mkv", 300 },
        { "s08_oldfilm_abomb_29p_320.mp4", 745 },
        { "s09_oldfilm_marketstreet_24f_368.mkv", 150 },
        { "s10_oldfilm_trainrobbery_24f_368.mkv", 120 },
        { "s11_bbb_animation_25p_720_audio.mp4", 180 },
        { "s12_highway_drive_25p_540_audio.mp4", 240 },
        { "s13_street_drive_25p_720.mp4", 120 },
        { "s14_hlg_30p_360_10bit.mov", 60 },
        { "s15_talkinghead_srt_ac3.mkv", 60 },
        { "s16_mpeg2_576i_flagged_broadcast.ts", 152 },
        { "s17_station_480i_synth.mpg", 181 },
        { "s18_drone_telecine_480i_synth.mkv", 181 },
        { "s19_hisgirlfriday_bw_30p_480_audio.mp4", 370 },
        { "s20_gopro_walk_30p_480_audio.mp4", 181 },
        { "s21_roadtrip_vp9_10bit_cuts.webm", 181 },
        { "s22_gopro_vfr_synth.mp4", 181 },
        { "s23_bbb_rotation90.mp4", 180 },
    };

    public void Dispose() => _tool.Dispose();

    [Theory]
    [MemberData(nameof(Clips))]
    public async Task Interpolate_RealClip_PassesVerify(string clip, int frames)
    {
        string source = Repository.SharedFootage(clip);

        // Broadcast and program streams go into Matroska, the rest stays in its container.
        string output = Path.GetExtension(clip) is ".mp4" or ".mov" or ".mkv" ? "out" + Path.GetExtension(clip) : "out.mkv";
        ToolRun run = await _tool.RunAsync("interpolate", source, "-o", output, "--fps", "60", "--model", "blend", "--encoder", "libx264", "--encoder-args", "-preset ultrafast", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(frames, run.Json.GetProperty("framesOut").GetInt64());
        Assert.Equal(KnownCuts.GetValueOrDefault(clip, []), run.Json.GetProperty("cuts").EnumerateArray().Select(c => c.GetDouble()));
        ToolRun verdict = await _tool.RunAsync("verify", source, output, "--fps", "60");
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    /// <summary>Five frames about a cut that nobody looked for: what stands between its two, and nothing else, is expected to be in shreds.</summary>
    [Theory]
    [InlineData("s05_bikes_cuts_25p_272.mp4", "2.96")]
    [InlineData("s08_oldfilm_abomb_29p_320.mp4", "4.551")]
    [InlineData("s21_roadtrip_vp9_10bit_cuts.webm", "1.668")]
    public async Task Interpolate_CutNotFound_RepeatsASourceFrame(string clip, string start)
    {
        ToolRun run = await _tool.RunAsync(
            "interpolate", Repository.SharedFootage(clip), "-o", "out.mkv", "--fps", "x2", "--start", start, "--duration", "0.16", "--cuts", "off", "--encoder", "ffv1", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(1, run.Json.GetProperty("fellBack").GetInt64());
    }

    [Theory]
    [InlineData("out.mkv")]
    [InlineData("out.ts")]
    public async Task Interpolate_SoundThatAnEditListHides_StaysHidden(string output)
    {
        string source = Repository.SharedFootage("s22_gopro_vfr_synth.mp4");
        ToolRun run = await _tool.RunAsync("interpolate", source, "-o", output, "--fps", "60", "--model", "hold", "--encoder-args", "-preset ultrafast");
        Assert.True(run.Code == 0, run.Error);
        ToolRun verdict = await _tool.RunAsync("verify", source, output, "--fps", "60", "--allow-held");
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    [Fact]
    public async Task Repair_FramesDroppedWithTheirTimesKept_GivesTheSourcesCount()
    {
        string source = Repository.SharedFootage("s22_gopro_vfr_synth.mp4");
        ToolRun run = await _tool.RunAsync("repair", source, "-o", "out.mp4", "--model", "blend", "--grain", "off", "--encoder-args", "-preset ultrafast", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(90, run.Json.GetProperty("framesOut").GetInt32());
        Assert.Equal(26, run.Json.GetProperty("counts").GetProperty("rebuilt").GetInt32());
    }
}
