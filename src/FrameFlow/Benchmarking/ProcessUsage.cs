using System.Diagnostics;
using System.Globalization;

namespace FrameFlow.Benchmarking;

/// <summary>What this process and the tools that it ran have used so far.</summary>
/// <param name="Own">Processor time of this process.</param>
/// <param name="Tools">Processor time of child processes that have ended; zero where the system does not tell (other than Linux).</param>
internal readonly record struct ProcessUsage(TimeSpan Own, TimeSpan Tools)
{
    // Of /proc/PID/stat: USER_HZ, which is 100 on every architecture that .NET runs on (proc(5), sysconf(_SC_CLK_TCK)).
    private const double TicksPerSecond = 100;

    /// <summary>Now.</summary>
    public static ProcessUsage Now() =>
        new(Environment.CpuUsage.TotalTime, File.Exists("/proc/self/stat") ? ChildTime(File.ReadAllText("/proc/self/stat")) : TimeSpan.Zero);

    /// <summary>What was used since an earlier moment.</summary>
    public ProcessUsage Since(ProcessUsage earlier) => new(Own - earlier.Own, Tools - earlier.Tools);

    /// <summary>cutime + cstime of proc(5)'s stat line: fields 16 and 17, the name in brackets (field 2) may hold anything.</summary>
    internal static TimeSpan ChildTime(string stat)
    {
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture)) / TicksPerSecond);
    }
}

/// <summary>The largest resident set of this process.</summary>
internal static class PeakMemory
{
    /// <summary>Begins anew, where the system allows it (Linux: proc(5), clear_refs).</summary>
    public static void Reset()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it counts from the process's start.
        }
    }

    /// <summary>Bytes.</summary>
    public static long Bytes()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }
}
