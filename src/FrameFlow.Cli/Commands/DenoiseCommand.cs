using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using FrameFlow.Denoising;
using FrameFlow.Diffusion;
using FrameFlow.Jobs;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow denoise IN -o OUT</c>.</summary>
internal static class DenoiseCommand
{
    public static Command Create(GlobalOptions global)
    {
        Option<Level?> sigma = new("--sigma") { Description = "The noise's standard deviation in codes of 8 bit (of 255), 0 to 100; auto finds it shot by shot, by intensity. Default: auto.", CustomParser = ParseSigma };
        Option<string> model = new("--model") { Description = "A model's name ('frameflow models'), or the built-in method: average.", DefaultValueFactory = _ => "denoise-light" };
        Option<string> sampler = new("--sampler") { Description = $"mmse: the posterior mean, best fidelity. Others keep or sample detail: {SamplerCatalog.Names}.", DefaultValueFactory = _ => "mmse" };
        Option<int?> steps = new("--steps") { Description = "Evaluations of the network a frame. Default: by the sampler." };
        Option<double> detail = new("--detail") { Description = "How much of the sampled detail is taken, 0 (the mean) to 1.", DefaultValueFactory = _ => 1 };
        Option<double> strength = new("--strength") { Description = "Factor on the noise's deviation, 0 to 1.5.", DefaultValueFactory = _ => 1 };
        Option<int> temporal = new("--temporal") { Description = "Neighbours on each side, 0 to 2.", DefaultValueFactory = _ => 2 };
        Option<Grain?> grain = new("--grain") { Description = "remove; keep=P puts the part P (0 to 1) back as it was; resynthesise gives every frame fresh grain of the measured strength and spectrum; table tells it to libaom-av1, and the decoder makes it. Default: remove.", CustomParser = ParseGrain };
        JobArguments arguments = new("Look for scene cuts and take no neighbour from across one.");
        Command command = arguments.CreateCommand(
            "denoise", "Take noise and grain away with a diffusion model, at the source's own times.", sigma, model, sampler, steps, detail, strength, temporal, grain);
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            VideoJobOptions options = arguments.Read(parsed);
            Grain wanted = parsed.GetValue(grain) ?? new Grain(GrainMode.Remove, 0);
            DenoiseOperationOptions request = new()
            {
                Sigma = parsed.GetValue(sigma)?.Sigma,
                Model = parsed.GetRequiredValue(model),
                Denoising = new DenoiseOptions
                {
                    Sampler = parsed.GetRequiredValue(sampler),
                    Steps = parsed.GetValue(steps),
                    Detail = parsed.GetValue(detail),
                    Strength = parsed.GetValue(strength),
                    Temporal = parsed.GetValue(temporal),
                    Grain = wanted.Mode,
                    GrainKept = wanted.Kept,
                },
            };
            JobRequest job = new() { Options = options, Operations = [request] };
            return await JobRun.RunAsync(
                arguments, parsed, job, log, Planned, (done, _) => Done(request, (DenoiseOperation)done.Operations[0]), token);
        });
        return command;
    }

    /// <summary>A shot's noise as JSON shows it: deviations in codes of 8 bit.</summary>
    internal static object Describe(NoiseModel noise) => new
    {
        noise.Evidence,
        noise.Samples,
        MeanSigma = Round(noise.MeanSigma * 255),
        Intensity = Enumerable.Range(0, NoiseModel.Points).Select(i => Round((i + 0.5) / NoiseModel.Points)),
        Red = Curve(noise, 0),
        Green = Curve(noise, 1),
        Blue = Curve(noise, 2),
        RhoX = Round(noise.RhoX),
        RhoY = Round(noise.RhoY),
        RhoDiagonal = Round(noise.RhoDiagonal),
        RhoChroma = Round(noise.Chroma),
        SpectrumX = noise.Spectrum(vertical: false).Select(Round),
        SpectrumY = noise.Spectrum(vertical: true).Select(Round),
    };

    private static IEnumerable<double> Curve(NoiseModel noise, int channel) =>
        Enumerable.Range(0, NoiseModel.Points).Select(i => Round(noise.Sigma(channel, (i + 0.5f) / NoiseModel.Points) * 255));

    private static double Round(double value) => Math.Round(value, 3);

    private static Level? ParseSigma(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (text == "auto")
        {
            return new Level(null);
        }

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double sigma) && sigma is >= 0 and <= 100)
        {
            return new Level(sigma);
        }

        result.AddError($"--sigma '{text}' is no deviation; give auto, or 0 to 100 in codes of 8 bit.");
        return null;
    }

    private static Grain? ParseGrain(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        switch (text)
        {
            case "remove":
                return new Grain(GrainMode.Remove, 0);
            case "resynthesise":
                return new Grain(GrainMode.Resynthesise, 0);
            case "table":
                return new Grain(GrainMode.Table, 0);
            default:
                if (text.StartsWith("keep=", StringComparison.Ordinal) && double.TryParse(text.AsSpan(5), NumberStyles.Float, CultureInfo.InvariantCulture, out double part) && part is >= 0 and <= 1)
                {
                    return new Grain(GrainMode.Remove, part);
                }

                result.AddError($"--grain '{text}' is not known; give remove, keep=0.3 (0 to 1), resynthesise, or table.");
                return null;
        }
    }

    private static (object Json, string Words) Planned(SegmentedJob job)
    {
        int steps = ((DenoiseOperation)job.Operations[0]).Steps;
        return (new { Steps = steps }, $", {steps} evaluation(s) a frame");
    }

    private static object Done(DenoiseOperationOptions request, DenoiseOperation operation) => new
    {
        request.Denoising.Sampler,
        operation.Steps,
        request.Denoising.Detail,
        request.Denoising.Strength,
        request.Denoising.Temporal,
        request.Denoising.Grain,
        request.Denoising.GrainKept,
        Noise = operation.Shots.Select(s => new { Start = Json.Seconds(s.Start), Noise = Describe(s.Noise) }),
        NoiseAfter = operation.Report?.After is { } after ? Describe(after) : null,
        Stability = operation.Report is { Pairs: > 0 } report
            ? new { report.Pairs, PathSigmaBefore = Round(Math.Sqrt(report.PathVarianceBefore) * 255), PathSigmaAfter = Round(Math.Sqrt(report.PathVarianceAfter) * 255) }
            : null,
    };

    /// <summary>What <c>--sigma</c> says; null: auto. (A parser that gives back a null number would break the reading.)</summary>
    internal sealed record Level(double? Sigma);

    /// <summary>What <c>--grain</c> says.</summary>
    internal sealed record Grain(GrainMode Mode, double Kept);
}
