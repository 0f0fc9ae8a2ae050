using BenchmarkDotNet.Attributes;
using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Benchmarks;

/// <summary>Pictures into a network's tensors and back, 720p: in one window, and in windows that overlap.</summary>
public class TensorBenchmarks
{
    private const int Channels = 16;
    private const long Moved = 2 * Channels * Scene.Plane;

    private readonly NativePool _memory = new(1L << 30);
    private FloatImage _picture = null!;
    private FloatImage _tensor = null!;
    private TilePlan _whole = null!;
    private TilePlan _tiled = null!;

    [GlobalSetup]
    public void Setup()
    {
        _picture = _memory.RentImage(Channels, Scene.Height, Scene.Width);
        _picture.Values.Fill(0.5f);
        _whole = TilePlan.Create(Scene.Width, Scene.Height, 8, 96, Scene.Pixels);
        _tiled = TilePlan.Create(Scene.Width, Scene.Height, 8, 96, 640 * 480);
        _tensor = _memory.RentImage(Channels, _whole.WindowHeight, _whole.WindowWidth);
        _tensor.Values.Fill(0.5f);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _picture.Dispose();
        _tensor.Dispose();
        _memory.Dispose();
    }

    [Benchmark, Moves(Moved)]
    public void LoadWhole() => Load(_whole);

    [Benchmark, Moves(Moved)]
    public void StoreWhole() => Store(_whole);

    [Benchmark, Moves(Moved)]
    public void LoadTiled() => Load(_tiled);

    [Benchmark, Moves(Moved)]
    public void StoreTiled() => Store(_tiled);

    private void Load(TilePlan plan)
    {
        foreach (Tile tile in plan.Tiles)
        {
            Tiles.Load(plan, tile, _picture, _tensor.Values, 0);
        }
    }

    private void Store(TilePlan plan)
    {
        foreach (Tile tile in plan.Tiles)
        {
            Tiles.Store(plan, tile, _tensor.Values, 0, Channels, _picture);
        }
    }
}
