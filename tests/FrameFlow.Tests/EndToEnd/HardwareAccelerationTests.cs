using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>
/// <c>--hwaccel</c>, with an ffmpeg in front of the real one that claims a device: it decodes by software, rightly or wrongly, and h264_nvenc is x264. No test needs a GPU;
/// what only a GPU shows (what its driver says, its speed) is not tested here.
/// </summary>
public sealed class HardwareAccelerationTests : IDisposable
{
    private const string Claims = """
        #!/usr/bin/env bash
        arguments=()
        while (($#)); do
            case "$1" in
                -hwaccels) printf 'Hardware acceleration methods:\n%s\n' "$CLAIMED"; exit 0 ;;
                -hwaccel) echo "$2" >> "$CLAIM_LOG"; shift ;;
                -hwaccel_output_format | -rc | -b:v*) shift ;;
                -cq*) arguments+=(-crf) ;;
                h264_nvenc) arguments+=(libx264) ;;
                p5) arguments+=(ultrafast) ;;
                *) arguments+=("${1//hwdownload/$DOWNLOAD}") ;;
            esac
            shift
        done
        exec "$REAL_FFMPEG" "${arguments[@]}"
        """;

    private readonly Tool _tool = new();

    [Fact]
    public async Task Auto_DeviceThatDecodesRightly_IsUsedAndEncodes()
    {
        await ClaimAsync("cuda", "null");
        ToolRun run = await InterpolateAsync("made.mp4", "--hwaccel", "auto");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("Decoding by cuda, whose first 8 pictures are those of the processor bit for bit", run.Error, StringComparison.Ordinal);
        Assert.Contains("through h264_nvenc", run.Error, StringComparison.Ordinal);
        Assert.Equal(["cuda", "cuda"], await File.ReadAllLinesAsync(_tool.At("claims.log"))); // the trial and the decoding, not the scan

        ToolRun lossless = await InterpolateAsync("device.mkv", "--hwaccel", "auto", "--encoder", "ffv1");
        Assert.Contains("encoding by ffv1 as asked", lossless.Error, StringComparison.Ordinal);
        await InterpolateAsync("processor.mkv", "--encoder", "ffv1");
        Assert.Equal(await HashesAsync("processor.mkv"), await HashesAsync("device.mkv"));
    }

    [Fact]
    public async Task Auto_DeviceThatDecodesOtherwise_IsNotUsed()
    {
        await ClaimAsync("cuda", "negate");
        ToolRun run = await InterpolateAsync("made.mkv", "--hwaccel", "auto", "--encoder", "ffv1");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("Decoding on the processor (cuda gives other pictures than the processor; vaapi is not in the installed ffmpeg)", run.Error, StringComparison.Ordinal);
        Assert.Single(await File.ReadAllLinesAsync(_tool.At("claims.log")));
    }

    [Fact]
    public async Task Auto_NoDevice_GoesOnInSoftware()
    {
        await ClaimAsync("", "null");
        ToolRun run = await InterpolateAsync("made.mkv", "--hwaccel", "auto", "--encoder", "ffv1");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("Decoding on the processor (cuda is not in the installed ffmpeg", run.Error, StringComparison.Ordinal);
        await InterpolateAsync("processor.mkv", "--encoder", "ffv1");
        Assert.Equal(await HashesAsync("processor.mkv"), await HashesAsync("made.mkv"));
    }

    [Theory]
    [InlineData("cuda", 4, "--hwaccel cuda does not work here (cuda is not in the installed ffmpeg); leave it out, or use --hwaccel auto.")]
    [InlineData("fast", 2, "Out of range: --hwaccel fast: off, auto, cuda or vaapi.")]
    public async Task Named_NotToBeHad_IsRefusedInOneLine(string wanted, int code, string fault)
    {
        await ClaimAsync("", "null");
        ToolRun run = await InterpolateAsync("made.mkv", "--hwaccel", wanted);
        Assert.Equal((code, fault), (run.Code, run.Fault));
        Assert.False(File.Exists(_tool.At("made.mkv")));
    }

    [Fact]
    public async Task Auto_TenBit_KeepsItsBits()
    {
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=24:d=0.5", "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", "log-level=error", "ten.mkv");
        await ClaimAsync("cuda", "null");
        ToolRun run = await _tool.RunAsync("interpolate", "ten.mkv", "-o", "device.mkv", "--fps", "x2", "--model", "blend", "--encoder", "ffv1", "--hwaccel", "auto");
        Assert.True(run.Code == 0, run.Error);
        await _tool.RunAsync("interpolate", "ten.mkv", "-o", "processor.mkv", "--fps", "x2", "--model", "blend", "--encoder", "ffv1");
        Assert.Equal(await HashesAsync("processor.mkv"), await HashesAsync("device.mkv"));
        Assert.Contains("yuv420p10le", await _tool.ExternalAsync("ffprobe", "-v", "error", "-show_entries", "stream=pix_fmt", "device.mkv"), StringComparison.Ordinal);
    }

    public void Dispose() => _tool.Dispose();

    private async Task ClaimAsync(string method, string download)
    {
        string real = (await _tool.ExternalAsync("sh", "-c", "command -v ffmpeg")).Trim();
        Directory.CreateDirectory(_tool.At("claims"));
        string script = Path.Combine(_tool.At("claims"), "ffmpeg");
        await File.WriteAllTextAsync(script, Claims + "\n");
        await _tool.ExternalAsync("chmod", "+x", script);
        _tool.Environment["PATH"] = _tool.At("claims") + ":" + Environment.GetEnvironmentVariable("PATH");
        _tool.Environment["REAL_FFMPEG"] = real;
        _tool.Environment["CLAIMED"] = method;
        _tool.Environment["DOWNLOAD"] = download;
        _tool.Environment["CLAIM_LOG"] = _tool.At("claims.log");
    }

    private Task<ToolRun> InterpolateAsync(string output, params string[] more) =>
        _tool.RunAsync(["interpolate", Repository.TestData("pan24.mp4"), "-o", output, "--fps", "60", "--model", "blend", "--duration", "1", .. more]);

    private Task<string> HashesAsync(string file) => _tool.ExternalAsync("ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-f", "framemd5", "-");
}
