using BenchmarkDotNet.Attributes;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Benchmarks;

/// <summary>Exact time: a thousand operations each, and the plan of a thousand output frames.</summary>
public class RationalBenchmarks
{
    private const int Count = 1000;

    private readonly Rational[] _times = [.. Enumerable.Range(0, Count + 1).Select(i => new Rational(i * 1001L, 24000))];
    private readonly Rational _step = new(1001, 60000);
    private readonly OutputTimeline _timeline = new(FrameTimeline.FromTicks([.. Enumerable.Range(0, Count).Select(i => (long)i)], new Rational(1001, 24000), null, new Rational(24000, 1001)), 60, Rational.One);

    [Benchmark(OperationsPerInvoke = Count)]
    public Rational Add()
    {
        Rational sum = Rational.Zero;
        for (int i = 0; i < Count; i++)
        {
            sum = _times[i] + _step;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public Rational Multiply()
    {
        Rational product = Rational.Zero;
        for (int i = 0; i < Count; i++)
        {
            product = _times[i] * _step;
        }

        return product;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int Compare()
    {
        int less = 0;
        for (int i = 0; i < Count; i++)
        {
            less += _times[i] < _times[i + 1] ? 1 : 0;
        }

        return less;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public long Round()
    {
        long sum = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += (_times[i] / _step).Round();
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public double PlaceOutputs()
    {
        double sum = 0;
        for (int k = 0; k < Count; k++)
        {
            sum += _timeline.At(k).Position;
        }

        return sum;
    }
}
