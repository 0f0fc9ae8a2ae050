using BenchmarkDotNet.Attributes;
using FrameFlow.Media;
using FrameFlow.Motion;
using OpenCvSharp;

namespace FrameFlow.Benchmarks;

/// <summary>RGB in float looked up along a flow, 720p, one thread; OpenCV's remap on interleaved channels and ready coordinates, at weights of 1/32 px.</summary>
public class WarpBenchmarks
{
    private const long Moved = 8 * Scene.Plane;

    private readonly NativePool _memory = new(1L << 30);
    private readonly Mat _empty = new();
    private FloatImage _picture = null!;
    private FloatImage _flow = null!;
    private FloatImage _result = null!;
    private Mat _interleaved = null!;
    private Mat _across = null!;
    private Mat _down = null!;
    private Mat _remapped = null!;

    [GlobalSetup]
    public void Setup()
    {
        Cv2.SetNumThreads(1);
        _picture = Scene.Picture(_memory, 0);
        _flow = Scene.Flow(_memory);
        _result = _memory.RentImage(3, Scene.Height, Scene.Width);
        _interleaved = new Mat(Scene.Height, Scene.Width, MatType.CV_32FC3);
        _across = new Mat(Scene.Height, Scene.Width, MatType.CV_32FC1);
        _down = new Mat(Scene.Height, Scene.Width, MatType.CV_32FC1);
        _remapped = new Mat();
        for (int y = 0; y < Scene.Height; y++)
        {
            for (int x = 0; x < Scene.Width; x++)
            {
                int at = (y * Scene.Width) + x;
                _interleaved.Set(y, x, new Vec3f(_picture.Values[at], _picture.Values[at + Scene.Pixels], _picture.Values[at + (2 * Scene.Pixels)]));
                _across.Set(y, x, x + _flow.Values[at]);
                _down.Set(y, x, y + _flow.Values[at + Scene.Pixels]);
            }
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (IDisposable one in (IDisposable[])[_picture, _flow, _result, _interleaved, _across, _down, _remapped, _empty, _memory])
        {
            one.Dispose();
        }
    }

    [Benchmark, Moves(Moved)]
    public void Bilinear() => Warp.Bilinear(_picture, _flow, 1, _result);

    [Benchmark, Moves(Moved)]
    public void OpenCvBilinear() => Cv2.Remap(_interleaved, _remapped, _across, _down, InterpolationFlags.Linear, BorderTypes.Replicate);

    [Benchmark, Moves(Moved)]
    public void Bicubic() => Warp.Bicubic(_picture, _flow, 1, _result);

    [Benchmark, Moves(Moved)]
    public void OpenCvBicubic() => Cv2.Remap(_interleaved, _remapped, _across, _down, InterpolationFlags.Cubic, BorderTypes.Replicate);
}
