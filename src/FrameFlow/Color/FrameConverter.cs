using System.Numerics;
using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Color;

/// <summary>
/// Converts frames of one format to RGB code values and back, in float, without clipping on the way in (values outside 0..1 are kept).
/// The round trip of an untouched frame is the identity for every format of integers, so a real frame may bypass it and still match its
/// generated neighbours. RGB passes without a matrix; grey is three equal channels, and comes back as their mean; float is linear light,
/// of which <see cref="LinearLight"/> makes codes. Alpha is no colour: it is loaded and stored on its own.
/// Immutable, thread-safe. Formula: ITU-T H.273 (8-3), equations for Y', P_B, P_R from K_R and K_B.
/// </summary>
public sealed class FrameConverter
{
    private readonly VideoFormat _format;
    private readonly bool _cositedX;
    private readonly bool _cositedY;
    private readonly float _lumaScale;
    private readonly float _lumaOffset;
    private readonly float _chromaScale;
    private readonly float _chromaOffset;
    private readonly float _maxCode;
    private readonly float _kr;
    private readonly float _kg;
    private readonly float _kb;

    /// <summary>Creates a converter for one format.</summary>
    public FrameConverter(VideoFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        _format = format;
        ColorMatrix matrix = ColorMatrix.For(format);
        (_kr, _kg, _kb) = ((float)matrix.RedWeight, (float)matrix.GreenWeight, (float)matrix.BlueWeight);
        int shift = format.PixelFormat.BitDepth - 8;
        _maxCode = format.PixelFormat.MaxCode;
        _chromaOffset = 128 << shift;

        // Y'CbCr that does not say is limited, RGB and grey are full; floats have no codes, so no range.
        bool full = format.PixelFormat.IsFloat || (format.Color.FullRange ?? format.PixelFormat.Model != ColorModel.Yuv);
        (_lumaScale, _lumaOffset, _chromaScale) = full
            ? (_maxCode, 0f, _maxCode)
            : ((float)(219 << shift), (float)(16 << shift), (float)(224 << shift));

        // H.273 ChromaLocType: left is the default of H.262/4/5; 4:2:2 is always cosited across.
        string location = format.Color.ChromaLocation ?? "left";
        _cositedX = format.PixelFormat.Sampling == ChromaSampling.Yuv422 || location is "left" or "topleft" or "bottomleft" or "unspecified" or "unknown";
        _cositedY = location is "topleft" or "top";
    }

    /// <summary>Converts a frame to RGB.</summary>
    /// <param name="frame">A frame of this converter's format; not disposed.</param>
    /// <param name="rgb">Receives [3,H,W], R, G, B as code values with nominal range 0..1.</param>
    public void ToRgb(Frame frame, FloatImage rgb)
    {
        ArgumentNullException.ThrowIfNull(frame);
        Check(frame, rgb);
        switch (_format.PixelFormat)
        {
            case { Model: ColorModel.Yuv, BytesPerSample: 1 }:
                ToRgb<byte>(frame, rgb);
                break;
            case { Model: ColorModel.Yuv }:
                ToRgb<ushort>(frame, rgb);
                break;
            case { Model: ColorModel.Rgb }:
                for (int c = 0; c < 3; c++)
                {
                    LoadPlane(frame, c, rgb.Channel(ChannelOf(c)), _lumaScale, _lumaOffset);
                }

                break;
            default:
                LoadPlane(frame, 0, rgb.Channel(0), _lumaScale, _lumaOffset);
                rgb.Channel(0).CopyTo(rgb.Channel(1));
                rgb.Channel(0).CopyTo(rgb.Channel(2));
                break;
        }
    }

    /// <summary>Converts RGB to a frame, rounding to the nearest code and clamping to the codes that exist (floats are not clamped).</summary>
    /// <param name="rgb">[3,H,W], R, G, B code values.</param>
    /// <param name="frame">Receives the samples.</param>
    /// <param name="alphaOf">The frame whose alpha is copied where the format has one; null: opaque, or for <see cref="StoreAlpha"/> to fill.</param>
    public void FromRgb(FloatImage rgb, Frame frame, Frame? alphaOf = null)
    {
        ArgumentNullException.ThrowIfNull(frame);
        Check(frame, rgb);
        switch (_format.PixelFormat)
        {
            case { Model: ColorModel.Yuv, BytesPerSample: 1 }:
                FromRgb<byte>(rgb, frame);
                break;
            case { Model: ColorModel.Yuv }:
                FromRgb<ushort>(rgb, frame);
                break;
            case { Model: ColorModel.Rgb }:
                for (int c = 0; c < 3; c++)
                {
                    StorePlane(rgb.Channel(ChannelOf(c)), frame, c, _lumaScale, _lumaOffset);
                }

                break;
            default:
                StoreMean(rgb, frame);
                break;
        }

        if (alphaOf is not null)
        {
            frame.TakeAlphaOf(alphaOf);
        }
        else if (_format.PixelFormat.HasAlpha)
        {
            FillOpaque(frame);
        }
    }

    /// <summary>Reads the alpha plane, of which range, matrix and transfer are no matter.</summary>
    /// <param name="frame">A frame of this converter's format, which has alpha; not disposed.</param>
    /// <param name="alpha">Receives [1,H,W], 0 (clear) to 1 (opaque).</param>
    public void LoadAlpha(Frame frame, FloatImage alpha)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(alpha);
        int plane = _format.PixelFormat.AlphaPlane;
        if (_format.PixelFormat.IsFloat)
        {
            frame.Plane<float>(plane).CopyTo(alpha.Channel(0));
            return;
        }

        LoadPlane(frame, plane, alpha.Channel(0), _maxCode, 0);
    }

    /// <summary>Writes the alpha plane, rounded and clamped as colours are.</summary>
    /// <param name="alpha">[1,H,W], 0 to 1.</param>
    /// <param name="frame">Receives the plane.</param>
    public void StoreAlpha(FloatImage alpha, Frame frame)
    {
        ArgumentNullException.ThrowIfNull(alpha);
        ArgumentNullException.ThrowIfNull(frame);
        int plane = _format.PixelFormat.AlphaPlane;
        if (_format.PixelFormat.IsFloat)
        {
            alpha.Channel(0).CopyTo(frame.Plane<float>(plane));
            return;
        }

        StorePlane(alpha.Channel(0), frame, plane, _maxCode, 0);
    }

    // Planar RGB lies as G, B, R.
    private static int ChannelOf(int plane) => (plane + 1) % 3;

    private void LoadPlane(Frame frame, int plane, Span<float> target, float scale, float offset)
    {
        switch (_format.PixelFormat.BytesPerSample)
        {
            case 1:
                Load<byte>(frame.Plane<byte>(plane), target, 1 / scale, -offset / scale);
                break;
            case 2:
                Load<ushort>(frame.Plane<ushort>(plane), target, 1 / scale, -offset / scale);
                break;
            default:
                ReadOnlySpan<float> light = frame.Plane<float>(plane);
                for (int i = 0; i < light.Length; i++)
                {
                    target[i] = LinearLight.ToCode(light[i]);
                }

                break;
        }
    }

    private void StorePlane(ReadOnlySpan<float> values, Frame frame, int plane, float scale, float offset)
    {
        switch (_format.PixelFormat.BytesPerSample)
        {
            case 1:
                Store(values, frame.Plane<byte>(plane), scale, offset);
                break;
            case 2:
                Store(values, frame.Plane<ushort>(plane), scale, offset);
                break;
            default:
                Span<float> light = frame.Plane<float>(plane);
                for (int i = 0; i < light.Length; i++)
                {
                    light[i] = LinearLight.FromCode(values[i]);
                }

                break;
        }
    }

    private void StoreMean(FloatImage rgb, Frame frame)
    {
        float[] scratch = System.Buffers.ArrayPool<float>.Shared.Rent(rgb.PlaneLength);
        try
        {
            Span<float> mean = scratch.AsSpan(0, rgb.PlaneLength);
            TensorPrimitives.Add(rgb.Channel(0), rgb.Channel(1), mean);
            TensorPrimitives.Add(mean, rgb.Channel(2), mean);
            TensorPrimitives.Multiply(mean, 1f / 3, mean);
            StorePlane(mean, frame, 0, _lumaScale, _lumaOffset);
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(scratch);
        }
    }

    private void FillOpaque(Frame frame)
    {
        int plane = _format.PixelFormat.AlphaPlane;
        switch (_format.PixelFormat.BytesPerSample)
        {
            case 1:
                frame.Plane<byte>(plane).Fill(byte.MaxValue);
                break;
            case 2:
                frame.Plane<ushort>(plane).Fill((ushort)_maxCode);
                break;
            default:
                frame.Plane<float>(plane).Fill(1);
                break;
        }
    }

    private void Check(Frame frame, FloatImage rgb)
    {
        if (frame.Format != _format || rgb.Channels != 3 || rgb.Width != _format.Width || rgb.Height != _format.Height)
        {
            throw new ArgumentException($"Frame {frame.Format.Width}x{frame.Format.Height} and tensor [{rgb.Channels},{rgb.Height},{rgb.Width}] do not fit a converter for {_format.Width}x{_format.Height} {_format.PixelFormat.Name}.");
        }
    }

    private void ToRgb<T>(Frame frame, FloatImage rgb)
        where T : unmanaged, INumber<T>
    {
        int width = _format.Width;
        PlaneLayout chroma = _format.Plane(1);
        bool subX = chroma.Width != width || _format.PixelFormat.ChromaShiftX != 0;
        bool subY = _format.PixelFormat.ChromaShiftY != 0;
        ReadOnlySpan<T> luma = frame.Plane<T>(0);
        float[] scratch = System.Buffers.ArrayPool<float>.Shared.Rent(width + (4 * chroma.Width) + (2 * width));
        try
        {
            Span<float> y = scratch.AsSpan(0, width);
            Span<float> mixed = scratch.AsSpan(width, chroma.Width);
            Span<float> cb = scratch.AsSpan(width + (4 * chroma.Width), width);
            Span<float> cr = scratch.AsSpan((2 * width) + (4 * chroma.Width), width);
            for (int row = 0; row < _format.Height; row++)
            {
                Load(luma.Slice(row * width, width), y, 1 / _lumaScale, -_lumaOffset / _lumaScale);
                for (int c = 1; c <= 2; c++)
                {
                    ReadOnlySpan<T> plane = frame.Plane<T>(c);
                    (int first, int second, float weight) = subY ? ChromaResampler.Up(row, chroma.Height, _cositedY) : (row, row, 0f);
                    Mix(plane.Slice(first * chroma.Width, chroma.Width), plane.Slice(second * chroma.Width, chroma.Width), weight, mixed);
                    Span<float> target = c == 1 ? cb : cr;
                    if (subX)
                    {
                        DoubleRow(mixed, target, _cositedX);
                    }
                    else
                    {
                        mixed.CopyTo(target);
                    }
                }

                int offset = row * width;
                ToRgbRow(y, cb, cr, rgb.Channel(0).Slice(offset, width), rgb.Channel(1).Slice(offset, width), rgb.Channel(2).Slice(offset, width));
            }
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(scratch);
        }
    }

    private void FromRgb<T>(FloatImage rgb, Frame frame)
        where T : unmanaged, INumber<T>
    {
        int width = _format.Width;
        int height = _format.Height;
        PlaneLayout chroma = _format.Plane(1);
        bool subX = _format.PixelFormat.ChromaShiftX != 0;
        bool subY = _format.PixelFormat.ChromaShiftY != 0;

        // Chroma rows halved across, kept for the window of at most five that the vertical filter reads.
        const int Window = 8;
        int ringLength = 2 * Window * chroma.Width;
        float[] scratch = System.Buffers.ArrayPool<float>.Shared.Rent((3 * width) + ringLength + chroma.Width);
        Span<int> indices = stackalloc int[5];
        Span<float> weights = stackalloc float[5];
        try
        {
            Span<float> y = scratch.AsSpan(0, width);
            Span<float> cb = scratch.AsSpan(width, width);
            Span<float> cr = scratch.AsSpan(2 * width, width);
            Span<float> ring = scratch.AsSpan(3 * width, ringLength);
            Span<float> sum = scratch.AsSpan((3 * width) + ringLength, chroma.Width);
            Span<T> luma = frame.Plane<T>(0);
            int ready = 0;
            int written = 0;
            for (int row = 0; row < height; row++)
            {
                int offset = row * width;
                FromRgbRow(rgb.Channel(0).Slice(offset, width), rgb.Channel(1).Slice(offset, width), rgb.Channel(2).Slice(offset, width), y, cb, cr);
                Store(y, luma.Slice(offset, width), _lumaScale, _lumaOffset);
                for (int c = 0; c < 2; c++)
                {
                    Span<float> target = ring.Slice(((c * Window) + (row % Window)) * chroma.Width, chroma.Width);
                    ReadOnlySpan<float> full = c == 0 ? cb : cr;
                    if (subX)
                    {
                        HalveRow(full, target, _cositedX);
                    }
                    else
                    {
                        full.CopyTo(target);
                    }
                }

                ready = row + 1;
                while (written < chroma.Height)
                {
                    int taps = 1;
                    if (subY)
                    {
                        taps = ChromaResampler.Down(written, height, _cositedY, indices, weights);
                    }
                    else
                    {
                        (indices[0], weights[0]) = (written, 1);
                    }

                    int last = 0;
                    for (int k = 0; k < taps; k++)
                    {
                        last = Math.Max(last, indices[k]);
                    }

                    if (last >= ready)
                    {
                        break;
                    }

                    for (int c = 0; c < 2; c++)
                    {
                        sum.Clear();
                        for (int k = 0; k < taps; k++)
                        {
                            ReadOnlySpan<float> from = ring.Slice(((c * Window) + (indices[k] % Window)) * chroma.Width, chroma.Width);
                            TensorPrimitives.MultiplyAdd(from, weights[k], sum, sum);
                        }

                        Store(sum, frame.Plane<T>(c + 1).Slice(written * chroma.Width, chroma.Width), 1, 0);
                    }

                    written++;
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(scratch);
        }
    }

    private static void Load<T>(ReadOnlySpan<T> samples, Span<float> target, float scale, float offset)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(byte))
        {
            ReadOnlySpan<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.Cast<T, byte>(samples);
            for (int i = 0; i < bytes.Length; i++)
            {
                target[i] = (bytes[i] * scale) + offset;
            }
        }
        else
        {
            ReadOnlySpan<ushort> words = System.Runtime.InteropServices.MemoryMarshal.Cast<T, ushort>(samples);
            for (int i = 0; i < words.Length; i++)
            {
                target[i] = (words[i] * scale) + offset;
            }
        }
    }

    private void Store<T>(ReadOnlySpan<float> values, Span<T> target, float scale, float offset)
        where T : unmanaged, INumber<T>
    {
        // Round half up, clamped: codes are not negative, so adding a half and truncating rounds.
        float bias = offset + 0.5f;
        float max = _maxCode + 0.5f;
        if (typeof(T) == typeof(byte))
        {
            Span<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.Cast<T, byte>(target);
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(int)Math.Clamp((values[i] * scale) + bias, 0f, max);
            }
        }
        else
        {
            Span<ushort> words = System.Runtime.InteropServices.MemoryMarshal.Cast<T, ushort>(target);
            for (int i = 0; i < words.Length; i++)
            {
                words[i] = (ushort)(int)Math.Clamp((values[i] * scale) + bias, 0f, max);
            }
        }
    }

    // Chroma stays in codes until the matrix: the filters are linear and the codes exact in float.
    private static void Mix<T>(ReadOnlySpan<T> first, ReadOnlySpan<T> second, float secondWeight, Span<float> target)
        where T : unmanaged, INumber<T>
    {
        Load(first, target, 1 - secondWeight, 0);
        if (secondWeight != 0)
        {
            if (typeof(T) == typeof(byte))
            {
                ReadOnlySpan<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.Cast<T, byte>(second);
                for (int i = 0; i < bytes.Length; i++)
                {
                    target[i] += bytes[i] * secondWeight;
                }
            }
            else
            {
                ReadOnlySpan<ushort> words = System.Runtime.InteropServices.MemoryMarshal.Cast<T, ushort>(second);
                for (int i = 0; i < words.Length; i++)
                {
                    target[i] += words[i] * secondWeight;
                }
            }
        }
    }

    private static void DoubleRow(ReadOnlySpan<float> half, Span<float> full, bool cosited)
    {
        int last = half.Length - 1;
        if (cosited)
        {
            for (int i = 0; i < full.Length; i++)
            {
                float a = half[i >> 1];
                full[i] = (i & 1) == 0 ? a : 0.5f * (a + half[Math.Min((i >> 1) + 1, last)]);
            }

            return;
        }

        for (int i = 0; i < full.Length; i++)
        {
            int neighbour = (i & 1) == 0 ? Math.Max((i >> 1) - 1, 0) : Math.Min((i >> 1) + 1, last);
            full[i] = (0.75f * half[i >> 1]) + (0.25f * half[neighbour]);
        }
    }

    private static void HalveRow(ReadOnlySpan<float> full, Span<float> half, bool cosited)
    {
        Span<int> indices = stackalloc int[5];
        Span<float> weights = stackalloc float[5];
        for (int i = 0; i < half.Length; i++)
        {
            int center = 2 * i;
            if (center >= 2 && center + 2 < full.Length)
            {
                half[i] = cosited
                    ? (0.75f * full[center]) + (0.25f * (full[center - 1] + full[center + 1])) - (0.125f * (full[center - 2] + full[center + 2]))
                    : (0.75f * (full[center] + full[center + 1])) - (0.25f * (full[center - 1] + full[center + 2]));
                continue;
            }

            int taps = ChromaResampler.Down(i, full.Length, cosited, indices, weights);
            float sum = 0;
            for (int k = 0; k < taps; k++)
            {
                sum += weights[k] * full[indices[k]];
            }

            half[i] = sum;
        }
    }

    // R = Y + 2(1-Kr) Pr, B = Y + 2(1-Kb) Pb, G = (Y - Kr R - Kb B)/Kg.
    private void ToRgbRow(ReadOnlySpan<float> y, ReadOnlySpan<float> cb, ReadOnlySpan<float> cr, Span<float> red, Span<float> green, Span<float> blue)
    {
        float toRed = 2 * (1 - _kr) / _chromaScale;
        float toBlue = 2 * (1 - _kb) / _chromaScale;
        float redInGreen = _kr / _kg * toRed;
        float blueInGreen = _kb / _kg * toBlue;
        int i = 0;
        int step = Vector<float>.Count;
        Vector<float> offset = new(_chromaOffset);
        for (; i <= y.Length - step; i += step)
        {
            Vector<float> luma = new(y[i..]);
            Vector<float> b = new Vector<float>(cb[i..]) - offset;
            Vector<float> r = new Vector<float>(cr[i..]) - offset;
            (luma + (r * toRed)).CopyTo(red[i..]);
            (luma - (r * redInGreen) - (b * blueInGreen)).CopyTo(green[i..]);
            (luma + (b * toBlue)).CopyTo(blue[i..]);
        }

        for (; i < y.Length; i++)
        {
            float b = cb[i] - _chromaOffset;
            float r = cr[i] - _chromaOffset;
            red[i] = y[i] + (r * toRed);
            green[i] = y[i] - (r * redInGreen) - (b * blueInGreen);
            blue[i] = y[i] + (b * toBlue);
        }
    }

    private void FromRgbRow(ReadOnlySpan<float> red, ReadOnlySpan<float> green, ReadOnlySpan<float> blue, Span<float> y, Span<float> cb, Span<float> cr)
    {
        float toCb = _chromaScale / (2 * (1 - _kb));
        float toCr = _chromaScale / (2 * (1 - _kr));
        int i = 0;
        int step = Vector<float>.Count;
        Vector<float> offset = new(_chromaOffset);
        for (; i <= y.Length - step; i += step)
        {
            Vector<float> r = new(red[i..]);
            Vector<float> b = new(blue[i..]);
            Vector<float> luma = (r * _kr) + (new Vector<float>(green[i..]) * _kg) + (b * _kb);
            luma.CopyTo(y[i..]);
            (((b - luma) * toCb) + offset).CopyTo(cb[i..]);
            (((r - luma) * toCr) + offset).CopyTo(cr[i..]);
        }

        for (; i < y.Length; i++)
        {
            float luma = (red[i] * _kr) + (green[i] * _kg) + (blue[i] * _kb);
            y[i] = luma;
            cb[i] = ((blue[i] - luma) * toCb) + _chromaOffset;
            cr[i] = ((red[i] - luma) * toCr) + _chromaOffset;
        }
    }
}
