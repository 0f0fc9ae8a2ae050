using System.Globalization;
using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class DenoiseTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>Frame for frame at the source's own times: constant rates, VFR, gaps, edit lists, offsets.</summary>
    [Theory]
    [InlineData("vfr.mp4", "out.mp4")]
    [InlineData("vfr.mp4", "out.mkv")]
    [InlineData("gap.mkv", "out.mkv")]
    [InlineData("gap.mkv", "out.mp4")]
    [InlineData("film_23976.mkv", "out.mkv")]
    [InlineData("offset.ts", "out.mkv")]
    [InlineData("editlist.mp4", "out.mp4")]
    [InlineData("single.mp4", "out.mp4")]
    public async Task Denoise_AnyTiming_IsTheSourcesOwn(string clip, string output)
    {
        ToolRun run = await _tool.RunAsync("denoise", Repository.TestData(clip), "-o", output, "--model", "average", "--sigma", "4", "--temporal", "1");
        Assert.True(run.Code == 0, run.Error);
        double[] before = await TimesAsync(Repository.TestData(clip));
        double[] after = await TimesAsync(output);
        Assert.Equal(before.Length, after.Length);
        for (int i = 0; i < before.Length; i++)
        {
            // Matroska rounds to milliseconds, on either side.
            Assert.Equal(before[i] - before[0], after[i] - after[0], 1.1e-3);
        }

        ToolRun verdict = await _tool.RunAsync("verify", Repository.TestData(clip), output);
        Assert.True(verdict.Code == 0, verdict.Output + verdict.Error);
    }

    /// <summary>The decoder makes the grain, as strong as what was taken away.</summary>
    [Fact]
    public async Task Denoise_GrainTable_TheDecoderMakesGrain()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", Repository.TestData("pan25.mp4"), "-frames:v", "4", "-vf", "crop=160:96", "-c:v", "ffv1", "in.mkv");
        ToolRun run = await _tool.RunAsync("denoise", "in.mkv", "-o", "out.mkv", "--grain", "table", "--encoder", "libaom-av1", "--encoder-args", "-cpu-used 8", "--sigma", "8", "--model", "average");
        Assert.True(run.Code == 0, run.Error);
        foreach (string grain in (string[])["0", "1"])
        {
            await _tool.ExternalAsync("ffmpeg", "-v", "error", "-c:v", "libdav1d", "-filmgrain", grain, "-i", "out.mkv", "-f", "rawvideo", $"grain{grain}.yuv");
        }

        byte[] without = await File.ReadAllBytesAsync(_tool.At("grain0.yuv"));
        byte[] with = await File.ReadAllBytesAsync(_tool.At("grain1.yuv"));
        double square = Enumerable.Range(0, 160 * 96).Average(i => Math.Pow(with[i] - without[i], 2));

        // 8 codes of 255 in R, G and B, independent: 8 x 219/255 x sqrt(.299^2 + .587^2 + .114^2) = 4.6 codes of luma.
        Assert.InRange(Math.Sqrt(square), 4.0, 5.2);
    }

    [Fact]
    public async Task Denoise_NoisyClip_ComesNearerToTheCleanOne()
    {
        // Twelve frames of a moving scene, Gaussian noise of deviation 24/sqrt 3 on every plane, found blind.
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", Repository.TestData("pan25.mp4"), "-frames:v", "12", "-c:v", "ffv1", "clean.mkv");
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", "clean.mkv", "-vf", "noise=all_seed=7:alls=24:allf=t", "-c:v", "ffv1", "noisy.mkv");
        ToolRun run = await _tool.RunAsync("denoise", "noisy.mkv", "-o", "out.mkv", "--sigma", "auto", "--encoder", "ffv1", "--json");
        Assert.True(run.Code == 0, run.Error);
        double noisy = await PsnrAsync("noisy.mkv");
        double clean = await PsnrAsync("out.mkv");
        Assert.True(clean > noisy + 4, $"{noisy} dB became {clean} dB");
        JsonElement json = run.Json;
        Assert.Equal("temporal", json.GetProperty("noise")[0].GetProperty("noise").GetProperty("evidence").GetString());
        JsonElement stability = json.GetProperty("stability");
        Assert.True(stability.GetProperty("pathSigmaAfter").GetDouble() < 0.5 * stability.GetProperty("pathSigmaBefore").GetDouble(), stability.ToString());

        async Task<double> PsnrAsync(string file)
        {
            await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-i", "clean.mkv", "-filter_complex", "[0:v][1:v]psnr=stats_file=psnr.txt", "-f", "null", "-");
            string[] lines = await File.ReadAllLinesAsync(_tool.At("psnr.txt"));
            return lines.Average(l => double.Parse(l.Split("psnr_y:")[1].Split(' ')[0], CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task Denoise_TenBitFilmWithSound_KeepsDepthTagsAndSound()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", Repository.TestData("hdr10.mp4"), "-f", "lavfi", "-i", "sine=d=1", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-t", "0.4", "in.mp4");
        ToolRun run = await _tool.RunAsync("denoise", "in.mp4", "-o", "out.mp4", "--model", "average", "--sigma", "3", "--encoder", "libx265");
        Assert.True(run.Code == 0, run.Error);
        JsonElement streams = JsonDocument.Parse(await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_streams", "-of", "json", "out.mp4")).RootElement.GetProperty("streams");
        Assert.Equal("yuv420p10le", streams[0].GetProperty("pix_fmt").GetString());
        Assert.Equal("smpte2084", streams[0].GetProperty("color_transfer").GetString());
        Assert.Equal(await PacketsAsync("in.mp4"), await PacketsAsync("out.mp4"));

        // The sound's packets, by their content.
        Task<string> PacketsAsync(string file) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0:a", "-c", "copy", "-f", "md5", "-");
    }

    [Fact]
    public async Task Denoise_Cuts_AreFoundAndReported()
    {
        ToolRun run = await _tool.RunAsync("denoise", Repository.TestData("cuts.mp4"), "-o", "out.mp4", "--model", "average", "--temporal", "1", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal([0.8, 1.8, 2.4], run.Json.GetProperty("cuts").EnumerateArray().Select(c => c.GetDouble()));
        Assert.Equal([0, 0.8, 1.8, 2.4], run.Json.GetProperty("noise").EnumerateArray().Select(s => s.GetProperty("start").GetDouble()));
    }

    [Fact]
    public async Task Denoise_SameSeed_GivesTheSameFramesAtAnyThreads()
    {
        string[] hashes = [];
        foreach ((string threads, string seed) in new[] { ("1", "5"), ("2", "5"), ("2", "6") })
        {
            string output = $"t{threads}s{seed}.mkv";
            ToolRun run = await _tool.RunAsync(
                "denoise", Repository.TestData("odd_420.mkv"), "-o", output, "--sigma", "10", "--sampler", "ddpm", "--steps", "3", "--seed", seed, "--threads", threads, "--encoder", "ffv1");
            Assert.True(run.Code == 0, run.Error);
            hashes = [.. hashes, await _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", output, "-map", "0:v", "-f", "md5", "-")];
        }

        Assert.Equal(hashes[0], hashes[1]);
        Assert.NotEqual(hashes[0], hashes[2]);
    }

    [Fact]
    public async Task Denoise_DryRun_SaysWhatAndWritesNothing()
    {
        ToolRun run = await _tool.RunAsync("denoise", Repository.TestData("odd_420.mkv"), "-o", "out.mkv", "--dry-run", "--json");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(6, run.Json.GetProperty("framesOut").GetInt64());
        Assert.True(run.Json.GetProperty("secondsExpected").GetDouble() > 0);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Theory]
    [InlineData("--sigma", "loud", "auto, or 0 to 100")]
    [InlineData("--sigma", "101", "auto, or 0 to 100")]
    [InlineData("--sampler", "euler", "mmse, ddim")]
    [InlineData("--steps", "9", "1 with the sampler mmse")]
    [InlineData("--detail", "0.5", "1 with the sampler mmse")]
    [InlineData("--sampler", "ddim", "not with the model average", "--model", "average")]
    [InlineData("--temporal", "3", "0 to 2")]
    [InlineData("--strength", "2", "0 to 1.5")]
    [InlineData("--grain", "keep=2", "keep=0.3")]
    [InlineData("--model", "light", "made for interpolate")]
    public async Task Denoise_BadOption_IsRefusedWithTheMend(string option, string value, string mend, params string[] others)
    {
        ToolRun run = await _tool.RunAsync(["denoise", Repository.TestData("odd_420.mkv"), "-o", "out.mkv", option, value, .. others]);
        Assert.Equal(option == "--model" ? 4 : 2, run.Code);
        Assert.Contains(mend, run.Fault, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool.Folder));
    }

    [Fact]
    public async Task Probe_Noise_TellsEachShots()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.4", "-vf", "format=yuv444p,boxblur=8,noise=all_seed=7:alls=30:allf=t", "-c:v", "ffv1", "in.mkv");
        ToolRun run = await _tool.RunAsync("probe", "in.mkv", "--noise", "--json");
        Assert.True(run.Code == 0, run.Error);
        JsonElement noise = run.Json.GetProperty("noise")[0].GetProperty("noise");

        // ffmpeg's noise of strength 30 is Gaussian of deviation 30/sqrt 3 (vf_noise.c) in each plane; through BT.601 in the limited range that is
        // 1.97, 1.47 and 2.33 times as much in R, G and B, 1.92 in the mean.
        Assert.InRange(noise.GetProperty("meanSigma").GetDouble() / (30 / Math.Sqrt(3) * 1.92), 0.9, 1.1);
        Assert.InRange(noise.GetProperty("rhoX").GetDouble(), -0.2, 0.2);
        ToolRun words = await _tool.RunAsync("probe", "in.mkv", "--noise");
        Assert.Contains("noise     from 0 s: sigma ", words.Output, StringComparison.Ordinal);
    }

    private async Task<double[]> TimesAsync(string file) =>
    [
        .. (await _tool.ExternalAsync("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0", file))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => double.Parse(l.Trim().Trim(','), CultureInfo.InvariantCulture)).Order(),
    ];
}
