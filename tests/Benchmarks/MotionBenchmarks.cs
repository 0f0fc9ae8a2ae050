using BenchmarkDotNet.Attributes;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Benchmarks;

/// <summary>The motion of a pair, both ways, and the motion at a time between, 720p, one thread. OpenCV's search, which its C# bindings lack, is measured by <c>compare dis</c>.</summary>
public class MotionBenchmarks
{
    private const float Between = 0.4f;

    private readonly NativePool _memory = new(2L << 30);
    private readonly DenseInverseSearch _search = new(DenseInverseSearchOptions.ForInterpolation(Scene.Width, Scene.Height));
    private FloatImage _first = null!;
    private FloatImage _second = null!;
    private FloatImage _velocity = null!;
    private FloatImage _inconsistency0 = null!;
    private FloatImage _inconsistency1 = null!;
    private MotionField _motion = null!;

    [GlobalSetup]
    public void Setup()
    {
        _first = Scene.Picture(_memory, 0);
        _second = Scene.Picture(_memory, 1);
        _motion = _search.Estimate(_first, _second, _memory);
        _velocity = IntermediateMotion.At(_motion, _first, _second, Between, _memory);
        _inconsistency0 = _memory.RentImage(1, Scene.Height, Scene.Width);
        _inconsistency1 = _memory.RentImage(1, Scene.Height, Scene.Width);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (IDisposable one in (IDisposable[])[_first, _second, _motion, _velocity, _inconsistency0, _inconsistency1, _memory])
        {
            one.Dispose();
        }
    }

    [Benchmark, Moves(10 * Scene.Plane)]
    public void SearchBothWays() => _search.Estimate(_first, _second, _memory).Dispose();

    [Benchmark, Moves(12 * Scene.Plane)]
    public void MotionBetween() => IntermediateMotion.At(_motion, _first, _second, Between, _memory).Dispose();

    [Benchmark, Moves(8 * Scene.Plane)]
    public void InconsistencyBetween() => IntermediateMotion.InconsistencyAt(_motion, _velocity, Between, _inconsistency0, _inconsistency1);
}
