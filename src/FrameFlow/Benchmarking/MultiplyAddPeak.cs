using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FrameFlow.Benchmarking;

/// <summary>
/// The processor's peak of single-precision fused multiply-adds, measured: independent chains in registers, nothing loaded or stored. No convolution can
/// go faster.
/// </summary>
internal static class MultiplyAddPeak
{
    // Two units with a latency of four or five cycles are kept busy by ten chains or fewer; twelve and two factors fit 16 registers.
    private const int Chains = 12;
    private const int Rounds = 4_000_000;
    private const int Trials = 7;

    /// <summary>Width of the vectors in use, bits.</summary>
    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : 256;

    /// <summary>
    /// Measures, by processor time: what else runs on the machine does not count, while what the threads take from one another (clock, shared units) does.
    /// </summary>
    /// <param name="threads">How many threads compute at once, at least 1.</param>
    /// <returns>Operations a second of all threads together, two for a multiply-add: the best of some trials.</returns>
    public static double Measure(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        double best = 0;
        for (int trial = 0; trial < Trials; trial++)
        {
            using Barrier start = new(threads);
            float[] results = new float[threads];
            Thread[] workers = [.. Enumerable.Range(0, threads).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                results[i] = Compute(Rounds);
            }))];
            TimeSpan before = Environment.CpuUsage.TotalTime;
            foreach (Thread worker in workers)
            {
                worker.Start();
            }

            foreach (Thread worker in workers)
            {
                worker.Join();
            }

            Debug.Assert(results.All(float.IsFinite), "The chains converge.");
            best = Math.Max(best, threads * threads * Operations(Rounds) / (Environment.CpuUsage.TotalTime - before).TotalSeconds);
        }

        return best;
    }

    /// <summary>Operations that <see cref="Compute"/> does.</summary>
    internal static double Operations(int rounds) => 2.0 * Chains * rounds * (VectorBits / 32);

    /// <summary>x = x/2 + 1/2, again and again in every lane of every chain; each starts at its number and comes to 1.</summary>
    /// <returns>The mean over all chains and lanes.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float Compute(int rounds) => Vector512.IsHardwareAccelerated ? Compute512(rounds) : Compute256(rounds);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Compute512(int rounds)
    {
        Vector512<float> half = Vector512.Create(0.5f);
        Vector512<float> a = Vector512.Create(0f), b = Vector512.Create(1f), c = Vector512.Create(2f), d = Vector512.Create(3f), e = Vector512.Create(4f), f = Vector512.Create(5f);
        Vector512<float> g = Vector512.Create(6f), h = Vector512.Create(7f), i = Vector512.Create(8f), j = Vector512.Create(9f), k = Vector512.Create(10f), l = Vector512.Create(11f);
        for (int round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, half, half);
            b = Vector512.FusedMultiplyAdd(b, half, half);
            c = Vector512.FusedMultiplyAdd(c, half, half);
            d = Vector512.FusedMultiplyAdd(d, half, half);
            e = Vector512.FusedMultiplyAdd(e, half, half);
            f = Vector512.FusedMultiplyAdd(f, half, half);
            g = Vector512.FusedMultiplyAdd(g, half, half);
            h = Vector512.FusedMultiplyAdd(h, half, half);
            i = Vector512.FusedMultiplyAdd(i, half, half);
            j = Vector512.FusedMultiplyAdd(j, half, half);
            k = Vector512.FusedMultiplyAdd(k, half, half);
            l = Vector512.FusedMultiplyAdd(l, half, half);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l) / (Chains * Vector512<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Compute256(int rounds)
    {
        Vector256<float> half = Vector256.Create(0.5f);
        Vector256<float> a = Vector256.Create(0f), b = Vector256.Create(1f), c = Vector256.Create(2f), d = Vector256.Create(3f), e = Vector256.Create(4f), f = Vector256.Create(5f);
        Vector256<float> g = Vector256.Create(6f), h = Vector256.Create(7f), i = Vector256.Create(8f), j = Vector256.Create(9f), k = Vector256.Create(10f), l = Vector256.Create(11f);
        for (int round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, half, half);
            b = Vector256.FusedMultiplyAdd(b, half, half);
            c = Vector256.FusedMultiplyAdd(c, half, half);
            d = Vector256.FusedMultiplyAdd(d, half, half);
            e = Vector256.FusedMultiplyAdd(e, half, half);
            f = Vector256.FusedMultiplyAdd(f, half, half);
            g = Vector256.FusedMultiplyAdd(g, half, half);
            h = Vector256.FusedMultiplyAdd(h, half, half);
            i = Vector256.FusedMultiplyAdd(i, half, half);
            j = Vector256.FusedMultiplyAdd(j, half, half);
            k = Vector256.FusedMultiplyAdd(k, half, half);
            l = Vector256.FusedMultiplyAdd(l, half, half);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l) / (Chains * Vector256<float>.Count);
    }
}
