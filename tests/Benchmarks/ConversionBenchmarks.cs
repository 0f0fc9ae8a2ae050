using BenchmarkDotNet.Attributes;
using FrameFlow.Color;
using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Benchmarks;

/// <summary>Y'CbCr 4:2:0 to RGB in float and back, 720p, one thread; OpenCV's conversion stays in 8 bit and takes each chroma sample for four pixels.</summary>
public class ConversionBenchmarks
{
    private const long Moved8 = (Scene.Pixels * 3 / 2) + (3 * Scene.Plane);
    private const long Moved10 = (Scene.Pixels * 3) + (3 * Scene.Plane);

    private readonly NativePool _memory = new(1L << 30);
    private FrameConverter _converter8 = null!;
    private FrameConverter _converter10 = null!;
    private Frame _frame8 = null!;
    private Frame _frame10 = null!;
    private FloatImage _rgb = null!;
    private Mat _planes = null!;
    private Mat _picture = null!;

    [GlobalSetup]
    public void Setup()
    {
        Cv2.SetNumThreads(1);
        _converter8 = new FrameConverter(Scene.Format("yuv420p"));
        _converter10 = new FrameConverter(Scene.Format("yuv420p10le"));
        _frame8 = new FramePool(_memory, Scene.Format("yuv420p")).Rent(Rational.Zero, 0);
        _frame10 = new FramePool(_memory, Scene.Format("yuv420p10le")).Rent(Rational.Zero, 0);
        _rgb = Scene.Picture(_memory, 0);
        _converter8.FromRgb(_rgb, _frame8);
        _converter10.FromRgb(_rgb, _frame10);
        _planes = Mat.FromPixelData(Scene.Height * 3 / 2, Scene.Width, MatType.CV_8UC1, _frame8.Address);
        _picture = new Mat(Scene.Height, Scene.Width, MatType.CV_8UC3);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _planes.Dispose();
        _picture.Dispose();
        _frame8.Dispose();
        _frame10.Dispose();
        _rgb.Dispose();
        _memory.Dispose();
    }

    [Benchmark, Moves(Moved8)]
    public void ToRgb8() => _converter8.ToRgb(_frame8, _rgb);

    [Benchmark, Moves(Moved8)]
    public void FromRgb8() => _converter8.FromRgb(_rgb, _frame8);

    [Benchmark, Moves(Moved10)]
    public void ToRgb10() => _converter10.ToRgb(_frame10, _rgb);

    [Benchmark, Moves(Moved10)]
    public void FromRgb10() => _converter10.FromRgb(_rgb, _frame10);

    [Benchmark, Moves(Scene.Pixels * 9 / 2)]
    public void OpenCvToRgb8() => Cv2.CvtColor(_planes, _picture, ColorConversionCodes.YUV2RGB_I420);

    [Benchmark, Moves(Scene.Pixels * 9 / 2)]
    public void OpenCvFromRgb8() => Cv2.CvtColor(_picture, _planes, ColorConversionCodes.RGB2YUV_I420);
}
