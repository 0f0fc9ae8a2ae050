using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace FrameFlow.Cli;

/// <summary>Shows how far a job is: a bar with frames, frames a second and time left on a terminal, a plain line now and then elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan BarPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LinePeriod = TimeSpan.FromSeconds(10);

    /// <summary>Runs the job and shows its progress on standard error.</summary>
    /// <param name="total">Frames that will be written.</param>
    /// <param name="done">Frames written so far.</param>
    /// <param name="job">The job.</param>
    /// <param name="cancellationToken">Passed to the job.</param>
    public static async Task<T> RunAsync<T>(long total, Func<long> done, Func<CancellationToken, Task<T>> job, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        if (Console.IsErrorRedirected)
        {
            return await WatchAsync(job(cancellationToken), LinePeriod, () => Console.Error.WriteLine(Describe()));
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(), new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask("starting", maxValue: Math.Max(1, total));
                return await WatchAsync(job(cancellationToken), BarPeriod, () =>
                {
                    task.Value = done();
                    task.Description = Describe();
                });
            });

        string Describe()
        {
            long frames = done();
            return string.Create(CultureInfo.InvariantCulture, $"{frames}/{total} frames ({100.0 * frames / Math.Max(1, total):0} %), {frames / Math.Max(0.001, clock.Elapsed.TotalSeconds):0.00} frames/s");
        }
    }

    private static async Task<T> WatchAsync<T>(Task<T> job, TimeSpan period, Action show)
    {
        while (await Task.WhenAny(job, Task.Delay(period, CancellationToken.None)) != job)
        {
            show();
        }

        return await job;
    }
}
