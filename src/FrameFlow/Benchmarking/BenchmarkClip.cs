using System.Globalization;
using FrameFlow.Encoding;

namespace FrameFlow.Benchmarking;

/// <summary>
/// A clip that ffmpeg makes, the same on every machine: texture of two scales that moves evenly, and a window of it that goes round before it, so that motion,
/// occlusion and fine detail are there. 24 frames a second, 4:2:0, H.264.
/// </summary>
internal static class BenchmarkClip
{
    /// <summary>Its frames a second.</summary>
    public const int Rate = 24;

    /// <summary>What ffmpeg's <c>lavfi</c> is told.</summary>
    public static string Graph(PictureSize size) => string.Create(
        CultureInfo.InvariantCulture,
        $"color=gray:s={size.Width}x{size.Height}:r={Rate},format=yuv444p,noise=c0s=100:c0_seed=1:c1s=60:c1_seed=2:c2s=60:c2_seed=3,split=2[a][b];")
        + "[a]gblur=sigma=2,eq=contrast=2.2[fine];[b]gblur=sigma=12,eq=contrast=14:saturation=6[coarse];[fine][coarse]blend=all_mode=average,loop=loop=-1:size=1,split=2[s][t];"
        + "[s]scroll=horizontal=0.004:vertical=-0.002[back];[t]crop=iw/3:ih/2:iw/2:ih/4,hue=h=120[fore];[back][fore]overlay=x='W/3+W/5*sin(n/8)':y='H/4+H/6*cos(n/10)':eval=frame,format=yuv420p";

    /// <summary>Makes it.</summary>
    /// <param name="size">The pictures' size.</param>
    /// <param name="frames">How many.</param>
    /// <param name="path">Where it goes.</param>
    /// <param name="cancellationToken">Ends ffmpeg.</param>
    /// <exception cref="FrameFlowException">ffmpeg is not there, or cannot do it (<see cref="FaultKind.Encode"/>).</exception>
    public static async Task MakeAsync(PictureSize size, int frames, string path, CancellationToken cancellationToken)
    {
        ToolResult result = await Tool.RunAsync(
            "ffmpeg",
            ["-hide_banner", "-nostdin", "-v", "error", "-f", "lavfi", "-i", Graph(size), "-frames:v", frames.ToString(CultureInfo.InvariantCulture), "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "1", "-y", path],
            cancellationToken);
        if (result.ExitCode != 0)
        {
            throw new FrameFlowException(FaultKind.Encode, $"ffmpeg could not make the benchmark's clip ({result.FirstErrorLine()}); install ffmpeg 5.1 or newer with libx264.") { ToolOutput = result.Describe() };
        }
    }
}
