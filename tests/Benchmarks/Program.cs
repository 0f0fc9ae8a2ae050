using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace FrameFlow.Benchmarks;

/// <summary>
/// The kernels, each alone: <c>dotnet run -c Release --project tests/Benchmarks -- --filter '*'</c> (<c>--list flat</c> names them). In this process, so that nothing
/// is built anew with the repository's warnings as errors.
/// </summary>
internal static class Program
{
    private static void Main(string[] args)
    {
        if (args is ["--motion", string folder])
        {
            MotionDump.Run(folder);
            return;
        }

        if (args is ["--windows", string models])
        {
            TrainingWindows.Run(models);
            return;
        }

        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithIterationCount(5).WithToolchain(new InProcessEmitToolchain(TimeSpan.FromHours(1), logOutput: true)))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddColumn(new RateColumn(), StatisticColumn.OperationsPerSecond)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub);
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
    }
}

/// <summary>What an operation reads and writes at least once, so that its rate can be read beside the memory's.</summary>
/// <param name="bytes">Bytes an operation: arguments and results, without what it keeps for itself.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MovesAttribute(long bytes) : Attribute
{
    public long Bytes => bytes;
}

/// <summary>Bytes of <see cref="MovesAttribute"/> over the mean time.</summary>
internal sealed class RateColumn : IColumn
{
    public string Id => nameof(RateColumn);

    public string ColumnName => "GB/s";

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => "Arguments and results over the mean time";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        benchmarkCase.Descriptor.WorkloadMethod.GetCustomAttributes(typeof(MovesAttribute), false) is [MovesAttribute moves] && summary[benchmarkCase]?.ResultStatistics is { } found
            ? (moves.Bytes / found.Mean).ToString("0.00", CultureInfo.InvariantCulture)
            : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;
}
