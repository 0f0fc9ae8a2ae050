using FrameFlow.Color;
using FrameFlow.Media;
using OpenCvSharp;
using OpenCvSharp.Internal;

namespace FrameFlow.SceneCuts;

/// <summary>A picture's luma (of RGB its green, which is most of it) at 96 x 72, 8 bit. Meant to be reused from frame to frame. The holder disposes it.</summary>
public sealed class Thumbnail : IDisposable
{
    internal const int Width = 96;
    internal const int Height = 72;
    internal const int Pixels = Width * Height;

    private readonly Picture _luma = new(MatType.CV_8UC1);

    // The same with more than 8 bits, of formats that have them.
    private Picture? _deep;
    private MatType _deepType;

    /// <summary>The mean, codes of 8 bit.</summary>
    public double Mean => Deviation(Samples).Mean;

    /// <summary>The samples, row by row.</summary>
    internal ReadOnlySpan<byte> Samples => _luma.Values<byte>();

    internal Picture Picture => _luma;

    /// <summary>Takes a frame's luma, shrunk by area averaging.</summary>
    public void Take(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        PixelFormat pixels = frame.Format.PixelFormat;
        Picture small = _luma;
        if (pixels.BytesPerSample > 1)
        {
            small = Deep(pixels.BytesPerSample == 2 ? MatType.CV_16UC1 : MatType.CV_32FC1);
        }

        Shrink(frame, small);
        Span<byte> codes = _luma.Values<byte>();
        if (pixels.IsFloat)
        {
            Span<float> lights = small.Values<float>();
            for (int i = 0; i < codes.Length; i++)
            {
                codes[i] = ToByte(LinearLight.ToCode(lights[i]) * byte.MaxValue);
            }
        }
        else if (pixels.BytesPerSample > 1)
        {
            float scale = 1f / (1 << (pixels.BitDepth - 8));
            Span<ushort> deep = small.Values<ushort>();
            for (int i = 0; i < codes.Length; i++)
            {
                codes[i] = ToByte(deep[i] * scale);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _luma.Dispose();
        _deep?.Dispose();
    }

    /// <summary>Mean and standard deviation of some samples.</summary>
    internal static (double Mean, double Deviation) Deviation(ReadOnlySpan<byte> samples)
    {
        long sum = 0;
        long squares = 0;
        foreach (byte sample in samples)
        {
            sum += sample;
            squares += sample * sample;
        }

        double mean = sum / (double)samples.Length;
        return (mean, Math.Sqrt(Math.Max(0, (squares / (double)samples.Length) - (mean * mean))));
    }

    private static byte ToByte(float code) => (byte)Math.Clamp(MathF.Round(code), 0, byte.MaxValue);

    private Picture Deep(MatType type)
    {
        if (_deep is null || _deepType != type)
        {
            _deep?.Dispose();
            (_deep, _deepType) = (new Picture(type), type);
        }

        return _deep;
    }

    // A header over the frame's first plane, which lives as long as the call.
    private static void Shrink(Frame frame, Picture small)
    {
        MatType type = frame.Format.PixelFormat.BytesPerSample switch { 1 => MatType.CV_8UC1, 2 => MatType.CV_16UC1, _ => MatType.CV_32FC1 };
        nint header = 0;
        nint input = 0;
        try
        {
            NativeMethods.HandleException(NativeMethods.core_Mat_new8(frame.Format.Height, frame.Format.Width, type, frame.Address, 0, out header));
            NativeMethods.HandleException(NativeMethods.core_InputArray_new_byMat(header, out input));
            NativeMethods.HandleException(NativeMethods.imgproc_resize(input, small.Output, new Size(Width, Height), 0, 0, (int)InterpolationFlags.Area));
        }
        finally
        {
            if (input != 0)
            {
                NativeMethods.HandleException(NativeMethods.core_InputArray_delete(input));
            }

            if (header != 0)
            {
                NativeMethods.HandleException(NativeMethods.core_Mat_delete(header));
            }
        }
    }
}

/// <summary>
/// A matrix of OpenCV, 96 x 72 unless it is somebody else's samples, with what OpenCV's functions take in its place. The library's own calls make these anew each time,
/// several finalised objects a call; a frame takes dozens.
/// </summary>
internal sealed class Picture : IDisposable
{
    private readonly Mat _mat;
    private readonly InputArray _input;
    private readonly OutputArray _output;
    private readonly InputOutputArray _both;

    public Picture(MatType type)
        : this(new Mat(Thumbnail.Height, Thumbnail.Width, type))
    {
    }

    public Picture(Mat mat)
    {
        _mat = mat;
        _input = InputArray.Create(mat);
        _output = OutputArray.Create(mat);
        _both = InputOutputArray.Create(mat);
    }

    public nint Input => _input.CvPtr;

    public nint Output => _output.CvPtr;

    public nint InputOutput => _both.CvPtr;

    public unsafe Span<T> Values<T>()
        where T : unmanaged => new((void*)_mat.Data, checked((int)(_mat.Total() * _mat.ElemSize() / sizeof(T))));

    public void Dispose()
    {
        _both.Dispose();
        _output.Dispose();
        _input.Dispose();
        _mat.Dispose();
    }
}
