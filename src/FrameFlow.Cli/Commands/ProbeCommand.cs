using System.CommandLine;
using FrameFlow.Decoding;
using FrameFlow.Denoising;
using FrameFlow.Jobs;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.SceneCuts;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow probe IN [--json]</c>: what a file holds, and what its pictures and times really are.</summary>
internal static class ProbeCommand
{
    public static Command Create(GlobalOptions global)
    {
        Argument<string> input = new("IN") { Description = "The video." };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Option<bool> noise = new("--noise") { Description = "Find each shot's noise too: deviation by intensity, correlations. Takes a second pass." };
        Command command = new("probe", "Tell what a video holds: streams, exact rate, VFR or not, fields, depth, colour, damage.") { input, noise, json };
        CommandEdge.Run(command, global, (parsed, _, token) => RunAsync(parsed.GetRequiredValue(input), parsed.GetValue(noise), parsed.GetValue(json), token));
        return command;
    }

    private static async Task<int> RunAsync(string input, bool noise, bool json, CancellationToken cancellationToken)
    {
        MediaInfo info = await MediaProbe.ProbeAsync(input, cancellationToken);
        SourceScan scan = await SourceScanner.ScanAsync(info, new DecodeOptions(), cancellationToken);
        IReadOnlyList<ShotNoise> shots = noise ? await FindNoiseAsync(info, scan, cancellationToken) : [];
        VideoDescription video = info.Video!.Video!;
        FrameTimeline times = scan.Timeline;
        Rational mean = times.Duration > Rational.Zero ? times.Count / times.Duration : Rational.Zero;
        if (json)
        {
            Json.Print(new
            {
                info.Path,
                info.Container,
                info.SizeBytes,
                Video = new
                {
                    info.Video.Index,
                    info.Video.Codec,
                    video.Width,
                    video.Height,
                    PixelFormat = video.SourcePixelFormat,
                    WorkingPixelFormat = scan.Format.PixelFormat.Name,
                    video.BitDepth,
                    Rate = times.ConstantRate,
                    MeanRate = Math.Round(mean.ToDouble(), 6),
                    VariableRate = times.ConstantRate is null,
                    Frames = times.Count,
                    First = Json.Seconds(times.Count > 0 ? times.First : null),
                    Duration = Json.Seconds(times.Duration),
                    FieldOrderFlag = video.FieldOrder,
                    scan.Content,
                    scan.Filters,
                    video.Color,
                    video.SampleAspect,
                    video.Rotation,
                    video.Hdr10,
                    video.DynamicMetadata,
                },
                Streams = info.Streams.Select(s => new { s.Index, s.Kind, s.Codec, s.SampleRate, s.Channels, Start = Json.Seconds(s.StartTime), Duration = Json.Seconds(s.Duration), s.Tags }),
                info.ChapterCount,
                Noise = noise ? shots.Select(s => new { Start = Json.Seconds(s.Start), Noise = DenoiseCommand.Describe(s.Noise) }) : null,
                Damage = scan.Damage.Select(d => new { Start = Json.Seconds(d.Start), End = Json.Seconds(d.End), d.What }),
                scan.Notes,
            });
            return ExitCode.Success;
        }

        ColorDescription color = video.Color;
        Line("file", $"{info.Path}  ({info.Container}, {info.SizeBytes:N0} bytes)");
        Line("video", $"#{info.Video.Index} {info.Video.Codec}, {video.Width}x{video.Height}, {video.SourcePixelFormat}, {video.BitDepth} bit, sample aspect {video.SampleAspect}, rotation {video.Rotation}");
        if (times.ConstantRate is { } rate)
        {
            Line("rate", $"{rate} ({rate.ToDouble():0.###} fps), constant");
        }
        else
        {
            Line("rate", $"variable, {mean.ToDouble():0.###} fps in the mean");
        }

        Line("frames", $"{times.Count} that decode, {times.Duration.ToDouble():0.######} s from {(times.Count > 0 ? times.First.ToDouble() : 0):0.######} s");
        Line("pictures", $"{Words(scan.Content)} (the stream says {video.FieldOrder}){(scan.Filters is { } filters ? $"; worked on through {filters}" : "")}");
        Line("colour", $"primaries {color.Primaries ?? "?"}, transfer {color.Transfer ?? "?"}, matrix {color.Matrix ?? "?"}, {(color.FullRange is null ? "range ?" : color.FullRange.Value ? "full range" : "limited range")}, chroma {color.ChromaLocation ?? "?"}{(video.Hdr10 is null ? "" : ", HDR10 metadata")}");
        foreach (StreamInfo stream in info.Streams.Where(s => s != info.Video))
        {
            string audio = stream.SampleRate is null ? "" : $", {stream.SampleRate} Hz, {stream.Channels} channel(s)";
            string language = stream.Tags.TryGetValue("language", out string? tag) ? $", {tag}" : "";
            Line("stream", $"#{stream.Index} {stream.Kind.ToString().ToLowerInvariant()} {stream.Codec}{audio}{language}, from {Json.Seconds(stream.StartTime):0.######} s");
        }

        Line("chapters", $"{info.ChapterCount}");
        foreach (ShotNoise shot in shots)
        {
            NoiseModel n = shot.Noise;
            string curve = string.Join(' ', Enumerable.Range(1, 9).Select(i => FormattableString.Invariant($"{255 * n.Sigma(1, i / 10f):0.0}")));
            Line("noise", $"from {shot.Start.ToDouble():0.###} s: sigma {255 * n.MeanSigma:0.0} of 255 in the mean, green at .1 to .9: {curve}; correlation {n.RhoX:0.00} across, {n.RhoY:0.00} down, {n.RhoDiagonal:0.00} diagonal, {n.Chroma:0.00} between channels{(n.Evidence == NoiseEvidence.Spatial ? " (from single frames: texture may count as noise)" : $"; {n.Samples} pair(s) of frames")}");
        }

        foreach (DamagedStretch damage in scan.Damage)
        {
            Line("damage", $"{damage.Start.ToDouble():0.###} s to {damage.End.ToDouble():0.###} s: {damage.What}");
        }

        foreach (string note in scan.Notes)
        {
            Line("note", $"{note}");
        }

        return ExitCode.Success;
    }

    // The source through the search for cuts, read to its end.
    private static async Task<IReadOnlyList<ShotNoise>> FindNoiseAsync(MediaInfo info, SourceScan scan, CancellationToken cancellationToken)
    {
        using NativePool memory = new(VideoJobOptions.DefaultMemoryBytes);
        FrameSource source = new(info, scan, new DecodeOptions(), new FramePool(memory, scan.Format));
        SceneCutStage cuts = new(new SceneCutOptions());
        return await NoiseAnalysis.FindAsync(cuts.ProcessAsync(source.ReadAsync(cancellationToken), cancellationToken), new DenseInverseSearch(), memory, cancellationToken);
    }

    private static void Line(string what, FormattableString text) => Console.Out.WriteLine($"{what,-9} {FormattableString.Invariant(text)}");

    private static string Words(FieldContent content) => content switch
    {
        FieldContent.Progressive => "progressive",
        FieldContent.InterlacedTopFirst => "interlaced, top field first",
        FieldContent.InterlacedBottomFirst => "interlaced, bottom field first",
        _ => "3:2 telecine",
    };
}
