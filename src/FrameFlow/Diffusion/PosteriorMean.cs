namespace FrameFlow.Diffusion;

/// <summary>The posterior mean E[x | y] = D(y; 1): the estimate of least squared error, in one evaluation.</summary>
public static class PosteriorMean
{
    /// <summary>Runs; the levels beside the first are not visited.</summary>
    /// <param name="task">The items.</param>
    /// <param name="levels">g, the first counts.</param>
    public static void Run(SamplingTask task, ReadOnlySpan<double> levels)
    {
        ArgumentNullException.ThrowIfNull(task);
        task.Denoise(levels[0], n => task.Buffer(n, 0));
        for (int n = 0; n < task.Count; n++)
        {
            task.Buffer(n, 0).CopyTo(task.States(n));
        }
    }
}
