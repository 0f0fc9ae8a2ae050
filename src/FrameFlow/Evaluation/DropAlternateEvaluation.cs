using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using FrameFlow.Encoding;
using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;
using Serilog;

namespace FrameFlow.Evaluation;

/// <summary>
/// Every second frame of a clip is left out, made anew by several methods, and compared with what it was: the usual way to judge interpolation without
/// a truth of its own. Every method runs as it does for a user, decoding and (lossless) encoding included; ffmpeg's psnr and ssim filters compare.
/// </summary>
/// <param name="options">The request.</param>
/// <param name="models">Where models are found.</param>
/// <param name="log">Receives what is going on.</param>
public sealed partial class DropAlternateEvaluation(EvaluationOptions options, ModelCatalog models, ILogger log)
{
    // What a frame without any difference counts in a mean.
    private const double Perfect = 100;

    /// <summary>Runs.</summary>
    /// <exception cref="FrameFlowException">The request, the clip or a model is refused, or a tool failed.</exception>
    public async Task<EvaluationReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.Validate() is { Count: > 0 } faults)
        {
            throw new FrameFlowException(FaultKind.Usage, $"Out of range: {string.Join("; ", faults)}.");
        }

        foreach (string method in options.Methods.Where(m => m is not ("hold" or "blend" or "flow" or EvaluationOptions.Minterpolate)))
        {
            _ = models.Find(method, "interpolate");
        }

        using OutputFile? sheet = options.Sheet is { } path ? OutputFile.Prepare(path, options.Input, overwrite: true, "sheet") : null;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("frameflow-evaluate-");
        try
        {
            string truth = Path.Combine(folder.FullName, "truth.mkv");
            string half = Path.Combine(folder.FullName, "half.mkv");
            JobSummary whole = await InterpolateAsync(options.Input, truth, "hold", new TargetRate(1, true), cancellationToken);
            Rational rate = whole.Plan.TargetRate!.Value;
            int kept = (int)((whole.FramesOut + 1) / 2);
            if (kept < 2)
            {
                throw new FrameFlowException(FaultKind.Input, $"'{options.Input}' has {whole.FramesOut} frame(s); leaving out every second one takes 3 or more.");
            }

            Rational slower = rate / 2;
            await FfmpegAsync(
                ["-noautorotate", "-i", truth, "-map", "0:v:0", "-vf", $"select='not(mod(n,2))',setpts=N/({slower})/TB", "-r", slower.ToString(), "-c:v", "ffv1", half],
                cancellationToken);

            double[] moved = await ChangesAsync(truth, rate, cancellationToken);
            Dictionary<string, (double[] Psnr, double[] Ssim, double[] Changes, double Seconds)> found = [];
            HashSet<int> atCuts = [];
            foreach (string method in options.Methods)
            {
                log.Information("Evaluating {Method:l} on {Count} frames ...", method, kept - 1);
                string made = Path.Combine(folder.FullName, method + ".made.mkv");
                Stopwatch clock = Stopwatch.StartNew();
                if (method == EvaluationOptions.Minterpolate)
                {
                    await FfmpegAsync(
                        ["-noautorotate", "-i", half, "-vf", $"minterpolate=fps={rate}:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1:scd=none", "-c:v", "ffv1", made],
                        cancellationToken);
                }
                else
                {
                    JobSummary summary = await InterpolateAsync(half, made, method, new TargetRate(2, true), cancellationToken);
                    atCuts.UnionWith(summary.Cuts.Select(c => (int)(c * rate).Round() - 1));
                }

                double seconds = clock.Elapsed.TotalSeconds;
                found[method] = (await CompareAsync(made, truth, rate, "psnr", cancellationToken), await CompareAsync(made, truth, rate, "ssim", cancellationToken), await ChangesAsync(made, rate, cancellationToken), seconds);
            }

            int reach = Math.Min(2 * (kept - 1), found.Values.Min(f => Math.Min(f.Psnr.Length, f.Changes.Length)));
            int[] compared = [.. Enumerable.Range(0, reach).Where(k => k % 2 == 1 && !atCuts.Contains(k))];
            if (compared.Length == 0)
            {
                throw new FrameFlowException(FaultKind.Input, $"No frame of '{options.Input}' stands between two of one scene; give a longer part.");
            }

            EvaluationReport report = new(rate, compared.Length, atCuts.Count, [.. options.Methods.Select(Score)]);
            if (sheet is not null)
            {
                await SheetAsync(sheet, folder.FullName, rate, [.. compared.OrderBy(k => found[options.Methods[0]].Psnr[k]).Take(options.Worst)], found.ToDictionary(f => f.Key, f => f.Value.Psnr), cancellationToken);
            }

            return report;

            MethodScore Score(string method)
            {
                (double[] psnr, double[] ssim, double[] changes, double seconds) = found[method];
                int worst = compared.MinBy(k => psnr[k]);
                return new MethodScore(method, compared.Average(k => psnr[k]), compared.Average(k => ssim[k]), Energy(changes) / Energy(moved), seconds * 1000 / (kept - 1), new FrameScore(worst, (worst / rate).ToDouble(), psnr[worst]));
            }

            // From the frame before to each made one, and from it to the next. Where nothing moves, neither does what was made.
            double Energy(double[] changes) => Math.Max(compared.Sum(k => changes[k - 1] + changes[k]), double.Epsilon);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<JobSummary> InterpolateAsync(string input, string output, string method, TargetRate rate, CancellationToken cancellationToken)
    {
        VideoJobOptions job = new()
        {
            Input = input,
            Output = output,
            Device = options.Device,
            Threads = options.Threads,
            Seed = options.Seed,
            Encode = new EncodeOptions { Encoder = "ffv1" },
            Decode = input == options.Input ? options.Decode : new(),
        };
        InterpolationOperation operation = new(new InterpolationOperationOptions { Rate = rate, Model = method, Sampling = options.Sampling });
        await using VideoJob prepared = await VideoJob.PrepareAsync(job, [operation], models, Quiet(), cancellationToken);
        return await prepared.RunAsync(cancellationToken);
    }

    // The jobs' own announcements would tell of files that are none of the user's.
    private static Serilog.Core.Logger Quiet() => new LoggerConfiguration().CreateLogger();

    // One figure a frame; frames are matched by number, since both files begin together and run at one rate.
    private static Task<double[]> CompareAsync(string made, string truth, Rational rate, string filter, CancellationToken cancellationToken) =>
        FiguresAsync(["-noautorotate", "-i", made, "-noautorotate", "-i", truth], $"[0:v]setpts=N/({rate})/TB[a];[1:v]setpts=N/({rate})/TB[b];[a][b]{filter}", made + "." + filter, LumaFigure(), cancellationToken);

    // Mean square of luma's change from each frame to the next, code values^2.
    private static Task<double[]> ChangesAsync(string film, Rational rate, CancellationToken cancellationToken) =>
        FiguresAsync(["-noautorotate", "-i", film], $"[0:v]split[a][b];[a]setpts=N/({rate})/TB[c];[b]trim=start_frame=1,setpts=N/({rate})/TB[d];[c][d]psnr", film + ".changes", LumaChange(), cancellationToken);

    private static async Task<double[]> FiguresAsync(string[] inputs, string graph, string stats, Regex figure, CancellationToken cancellationToken)
    {
        await FfmpegAsync([.. inputs, "-lavfi", $"{graph}=stats_file='{stats}':shortest=1", "-f", "null", "-"], cancellationToken);
        return [.. (await File.ReadAllLinesAsync(stats, cancellationToken)).Select(l => figure.Match(l)).Where(m => m.Success)
            .Select(m => m.Groups[1].Value == "inf" ? Perfect : double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
    }

    private async Task SheetAsync(OutputFile output, string folder, Rational rate, int[] frames, Dictionary<string, double[]> psnr, CancellationToken cancellationToken)
    {
        using ContactSheet sheet = new();
        foreach (int k in frames)
        {
            List<(string Caption, string Png)> row = [];
            await AddAsync("before", "truth", k - 1);
            await AddAsync(string.Create(CultureInfo.InvariantCulture, $"truth, frame {k}, {(k / rate).ToDouble():0.00} s"), "truth", k);
            foreach (string method in options.Methods)
            {
                await AddAsync(string.Create(CultureInfo.InvariantCulture, $"{method} {psnr[method][k]:0.00} dB"), method + ".made", k);
            }

            sheet.AddRow(row);

            async Task AddAsync(string caption, string file, int frame)
            {
                string png = Path.Combine(folder, $"{file}.{frame}.png");
                await FfmpegAsync(["-noautorotate", "-i", Path.Combine(folder, file + ".mkv"), "-vf", $"select='eq(n,{frame})'", "-frames:v", "1", png], cancellationToken);
                row.Add((caption, png));
            }
        }

        sheet.Write(output);
        await output.PublishAsync(cancellationToken);
    }

    private static async Task FfmpegAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        ToolResult result = await Tool.RunAsync("ffmpeg", ["-hide_banner", "-nostdin", "-v", "error", "-y", .. arguments], cancellationToken);
        if (result.ExitCode != 0)
        {
            throw new FrameFlowException(FaultKind.Encode, $"ffmpeg failed while the clip was evaluated ({result.FirstErrorLine()}).") { ToolOutput = result.Describe() };
        }
    }

    [GeneratedRegex(@"\b(?:psnr_y|Y):(inf|[\d.]+)")]
    private static partial Regex LumaFigure();

    [GeneratedRegex(@"\bmse_y:([\d.]+)")]
    private static partial Regex LumaChange();
}
