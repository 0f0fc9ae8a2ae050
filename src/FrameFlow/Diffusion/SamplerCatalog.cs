using System.Globalization;
using System.Text;

namespace FrameFlow.Diffusion;

/// <summary>Brings the items of a task from the first level to the last.</summary>
/// <param name="task">The items.</param>
/// <param name="levels">g, decreasing from 1, the last 0.</param>
public delegate void Sample(SamplingTask task, ReadOnlySpan<double> levels);

/// <summary>What the law of a sampler's results is, as the steps grow.</summary>
public enum SamplerLaw
{
    /// <summary>Given y the mean of what x may be: less variance than x has.</summary>
    PosteriorMean,

    /// <summary>Given y one result; over all y the law of x.</summary>
    Transport,

    /// <summary>Given y a draw from what x may be; over all y the law of x.</summary>
    Posterior,

    /// <summary>A draw from the law of x, whatever y is.</summary>
    Prior,
}

/// <summary>One row of the table of samplers.</summary>
/// <param name="Name">As <c>--sampler</c> takes it.</param>
/// <param name="What">What it is, with its source.</param>
/// <param name="Law">What the law of its results is.</param>
/// <param name="EvaluationsPerLevel">Evaluations of the denoiser from one level to the next; the last step, to 0, always takes one.</param>
/// <param name="DefaultSteps">Evaluations unless told otherwise.</param>
/// <param name="Run">The sampler.</param>
public sealed record SamplerInfo(string Name, string What, SamplerLaw Law, int EvaluationsPerLevel, int DefaultSteps, Sample Run)
{
    /// <summary>The levels that a number of evaluations reaches, even in angle: <see cref="NoiseSchedule.EvenInAngle"/> from 1.</summary>
    /// <param name="evaluations">Evaluations of the denoiser, at least 1; one is left over where they do not divide.</param>
    public double[] Levels(int evaluations)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(evaluations, 1);
        return NoiseSchedule.EvenInAngle(1 + ((evaluations - 1) / EvaluationsPerLevel), 1);
    }
}

/// <summary>Every sampler, in the order of the documentation. A new one is a file in this folder and a row here.</summary>
public static class SamplerCatalog
{
    /// <summary>The table.</summary>
    public static IReadOnlyList<SamplerInfo> All { get; } =
    [
        new("mmse", "the posterior mean in one step: best PSNR, smoothest", SamplerLaw.PosteriorMean, 1, 1, PosteriorMean.Run),
        new("ddim", "probability flow by exponential Euler steps (Song 2021, DDIM)", SamplerLaw.Transport, 1, 8, Ddim.Run),
        new("ode", "probability flow by Heun's method (Song 2021; Karras 2022)", SamplerLaw.Transport, 2, 9, ProbabilityFlow.Run),
        new("dpm++", "probability flow by DPM-Solver++ 2M (Lu 2022)", SamplerLaw.Transport, 1, 5, DpmSolver.Run),
        new("ddpm", "ancestral sampling (Ho 2020)", SamplerLaw.Posterior, 1, 16, Ddpm.Run),
        new("sde", "variance-exploding reverse SDE, predictor-corrector (Song 2021)", SamplerLaw.Posterior, 2, 25, ReverseSde.RunExploding),
        new("sde-vp", "variance-preserving reverse SDE, predictor-corrector (Song 2021)", SamplerLaw.Posterior, 2, 25, ReverseSde.RunPreserving),
        new("langevin", "annealed Langevin dynamics towards the posterior (Song and Ermon 2019, with y's term)", SamplerLaw.Posterior, 1, 50, Langevin.RunPosterior),
        new("langevin-prior", "annealed Langevin dynamics as published: y is only where it starts", SamplerLaw.Prior, 4, 49, Langevin.RunPrior),
    ];

    /// <summary>The names, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(s => s.Name));

    /// <summary>The row of a name, or null.</summary>
    public static SamplerInfo? Find(string name) => All.FirstOrDefault(s => s.Name == name);

    /// <summary>The table as the documentation shows it.</summary>
    public static string ToMarkdown()
    {
        StringBuilder text = new("| `--sampler` | what it is | what comes of one input | default `--steps` |\n|---|---|---|---|\n");
        foreach (SamplerInfo s in All)
        {
            text.Append(CultureInfo.InvariantCulture, $"| `{s.Name}` | {s.What} | {Words(s.Law)} | {s.DefaultSteps} |\n");
        }

        return text.ToString();
    }

    private static string Words(SamplerLaw law) => law switch
    {
        SamplerLaw.PosteriorMean => "the mean of what fits it",
        SamplerLaw.Transport => "one picture with all the detail of clean ones, always the same",
        SamplerLaw.Posterior => "a draw by `--seed` from what fits it",
        _ => "a draw that forgets it: for study only",
    };
}
