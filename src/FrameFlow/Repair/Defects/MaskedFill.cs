using System.Numerics.Tensors;
using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Repair.Defects;

/// <summary>
/// Fills what is masked by the diffusion's posterior mean (blended diffusion, O. Avrahami 2022, as one evaluation). Neighbours along the motion give the content, and are
/// masked themselves where they have defects. Inside the mask the reverse process starts from their mean by precision, brought to the light of what surrounds the
/// mask, at the deviation that they leave in doubt (as SDEdit starts from a guide, C. Meng 2022); where they tell nothing, from nothing: an infinite one. Outside of the
/// mask the deviation is the noise's. Works in windows around the masked places. The fill gets grain of the frame's own noise. Samples outside of the
/// feathered mask are not touched. Thread-safe.
/// </summary>
internal sealed class MaskedFill
{
    /// <summary>Outside of the mask the fill counts whole for so many pixels: a defect's soft edge.</summary>
    public const float Whole = 1;

    /// <summary>Then it fades over so many.</summary>
    public const float FadePixels = 3;

    // Windows: their middle is what counts, and around it is what the network sees besides.
    private const int Cell = 96;
    private const int Margin = 32;
    private const int Window = FrameDenoiser.Window;
    private const int Channels = 3 * Window;

    // Pixels around the mask that the defect's soft edge may have spoilt: nothing is known there.
    private const int EdgePixels = 2;

    // Light differs by what the surroundings say that lie this far from the mask and further, averaged over (2r + 1)^2 pixels, for grain and misplaced edges to even out.
    private const int LightDistance = 4;
    private const int LightRadius = 8;

    // Part of those pixels that must be known.
    private const float LeastKnown = 0.1f;

    // A tenth of a code of 8 bit, squared: a weight stays finite.
    private const float LeastVariance = 1.5e-7f;

    // Code values: the doubt about what no neighbour shows, at a border that the picture came in by, or spoilt in all: they tell of what lies beside it. Left
    // unknown altogether the network would draw there what it likes, in colour in a grey film (s09).
    private const float Unseen = 0.1f;

    // The neighbours' disagreement is a mean over (2r + 1)^2 pixels.
    private const int DoubtRadius = 2;

    private readonly IDenoiser _denoiser;
    private readonly FilmTools _tools;
    private readonly int _width;
    private readonly int _height;

    /// <summary>Creates it.</summary>
    /// <param name="denoiser">D, for pictures of <see cref="WindowOf"/>; not owned.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="tools">What is shared.</param>
    public MaskedFill(IDenoiser denoiser, VideoFormat format, FilmTools tools)
    {
        _denoiser = denoiser;
        _tools = tools;
        VideoFormat window = WindowOf(format);
        _width = window.Width;
        _height = window.Height;
    }

    /// <summary>Floats a pixel of the frame, and of a window, that one fill takes.</summary>
    public static (int OfFrame, int OfWindow) FloatsPerPixel => ((2 * Channels) + 42, (2 * Channels) + 8);

    /// <summary>The format of the windows that the denoiser sees.</summary>
    public static VideoFormat WindowOf(VideoFormat format) => format with
    {
        Width = Math.Min(format.Width, Cell + (2 * Margin)),
        Height = Math.Min(format.Height, Cell + (2 * Margin)),
    };

    /// <summary>Fills.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="mask">[1,H,W], 1 where it is to be filled.</param>
    /// <param name="cancellationToken">Ends the work between two windows.</param>
    /// <returns>The frame with the fill, which the caller disposes; everything but the fill as in the frame.</returns>
    public Frame Fill(FilmFrame frame, FloatImage mask, CancellationToken cancellationToken)
    {
        NativePool memory = _tools.Memory;
        int width = mask.Width;
        int height = mask.Height;
        using FloatImage weights = memory.RentImage(1, height, width);
        MaskShape.Feather(mask, Whole, FadePixels, weights);
        using FloatImage wide = memory.RentImage(1, height, width);
        MaskShape.Widen(mask, EdgePixels, wide);
        NoiseModel noise = NoiseOf(frame);
        using FloatImage frames = memory.RentImage(Channels, height, width);
        using FloatImage sigmas = memory.RentImage(Channels, height, width);
        Gather(frame, wide, noise, frames, sigmas);

        using FloatImage result = memory.RentImage(3, height, width);
        frame.Rgb.Values.CopyTo(result.Values);
        using FloatImage crop = memory.RentImage(Channels, _height, _width);
        using FloatImage cropSigma = memory.RentImage(Channels, _height, _width);
        using FloatImage clean = memory.RentImage(3, _height, _width);
        using FloatImage level = memory.RentImage(3, _height, _width);
        using FloatImage grain = memory.RentImage(3, _height, _width);
        int cell = 0;
        for (int top = 0; top < height; top += Cell)
        {
            for (int left = 0; left < width; left += Cell, cell++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int right = Math.Min(left + Cell, width);
                int bottom = Math.Min(top + Cell, height);
                if (!Touches(weights, left, top, right, bottom))
                {
                    continue;
                }

                int x = Math.Clamp(left - Margin, 0, width - _width);
                int y = Math.Clamp(top - Margin, 0, height - _height);
                Cut(frames, x, y, crop);
                Cut(sigmas, x, y, cropSigma);
                _denoiser.Denoise(crop, cropSigma, noise.GrainTraits, clean, cancellationToken);
                noise.Fill(clean, level);
                if (_tools.Options.Grain)
                {
                    noise.Grain.Fill(grain.Values, _width, _tools.Options.Seed, frame.Frame.SourceIndex, cell, memory);
                }
                else
                {
                    grain.Values.Clear();
                }

                Blend(clean, level, grain, weights, result, x, y, left, top, right, bottom);
            }
        }

        return Write(frame.Frame, result, weights);
    }

    private static bool Touches(FloatImage weights, int left, int top, int right, int bottom)
    {
        for (int y = top; y < bottom; y++)
        {
            if (weights.Values.Slice((y * weights.Width) + left, right - left).ContainsAnyExcept(0f))
            {
                return true;
            }
        }

        return false;
    }

    private static void Cut(FloatImage from, int x, int y, FloatImage to)
    {
        for (int c = 0; c < from.Channels; c++)
        {
            for (int row = 0; row < to.Height; row++)
            {
                from.Channel(c).Slice(((y + row) * from.Width) + x, to.Width).CopyTo(to.Channel(c)[(row * to.Width)..]);
            }
        }
    }

    // Blending takes grain away, (1 - w) of it stays: so much is added that its variance is whole again.
    private static void Blend(FloatImage clean, FloatImage level, FloatImage grain, FloatImage weights, FloatImage result, int x, int y, int left, int top, int right, int bottom)
    {
        for (int c = 0; c < 3; c++)
        {
            ReadOnlySpan<float> mean = clean.Channel(c);
            ReadOnlySpan<float> deviation = level.Channel(c);
            ReadOnlySpan<float> draw = grain.Channel(c);
            Span<float> to = result.Channel(c);
            for (int row = top; row < bottom; row++)
            {
                for (int column = left; column < right; column++)
                {
                    int at = (row * result.Width) + column;
                    float weight = weights.Values[at];
                    if (weight > 0)
                    {
                        int from = ((row - y) * clean.Width) + column - x;
                        float own = 1 - weight;
                        to[at] = (own * to[at]) + (weight * mean[from]) + (MathF.Sqrt(1 - (own * own)) * deviation[from] * draw[from]);
                    }
                }
            }
        }
    }

    // The noise of this frame from what the fill looks at anyway, so that it does not depend on where a segment begins.
    private NoiseModel NoiseOf(FilmFrame frame)
    {
        NoiseEstimator estimator = new(frame.Frame.Format.PixelFormat.CodeStep);
        if (frame.Next is { } next)
        {
            estimator.AddPair(frame.Rgb, next.Rgb, frame.Motion!, _tools.Memory);
        }
        else if (frame.Previous is { } previous)
        {
            estimator.AddPair(previous.Rgb, frame.Rgb, previous.Motion!, _tools.Memory);
        }

        if (estimator.Solve() is { } model)
        {
            return model;
        }

        estimator.AddStill(frame.Rgb, _tools.Memory);
        return estimator.Solve() ?? NoiseModel.Flat(0);
    }

    private void Gather(FilmFrame frame, FloatImage wide, NoiseModel noise, FloatImage frames, FloatImage sigmas)
    {
        NativePool memory = _tools.Memory;
        using FloatImage centre = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage sigma = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage its = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage spoilt = memory.RentImage(1, wide.Height, wide.Width);
        using FloatImage warped = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage doubt = memory.RentImage(3, wide.Height, wide.Width);

        // What a neighbour is compared with inside the mask is the rough fill: the mean of the aligned neighbours.
        frame.Rgb.Values.CopyTo(centre.Values);
        Overlay(centre, frame.Cleaned, frame.Rough);
        PreFill(frame, wide, centre);
        Level(centre, noise, sigma);
        for (int slot = 0; slot < Window; slot++)
        {
            int offset = slot - FilmFrame.Neighbours;
            if (offset == 0)
            {
                continue;
            }

            if (frame.At(offset) is not { } other)
            {
                Slot(frames, slot).Clear();
                Slot(sigmas, slot).Fill(NeighbourAlignment.Unknown);
                continue;
            }

            Level(other.Cleaned, noise, its);
            MaskShape.Widen(other.Rough, 2, spoilt);
            Spoil(its, spoilt);
            using FloatImage flow = frame.FlowTo(offset, cleaned: true);
            NeighbourAlignment.Align(centre, sigma, other.Cleaned, its, flow, warped, doubt, memory);
            warped.Values.CopyTo(Slot(frames, slot));
            doubt.Values.CopyTo(Slot(sigmas, slot));
        }

        Spoil(sigma, wide);
        if (_denoiser is not MedianFill)
        {
            Guess(frames, sigmas, wide, centre, sigma);
        }

        centre.Values.CopyTo(Slot(frames, FilmFrame.Neighbours));
        sigma.Values.CopyTo(Slot(sigmas, FilmFrame.Neighbours));
    }

    // Inside the mask: the neighbours' mean by precision, and how far it can be trusted. The difference of the surroundings to that mean is carried in.
    private void Guess(FloatImage frames, FloatImage sigmas, FloatImage wide, FloatImage centre, FloatImage sigma)
    {
        NativePool memory = _tools.Memory;
        using FloatImage mean = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage variance = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage spread = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage light = memory.RentImage(4, wide.Height, wide.Width);
        using FloatImage unknown = memory.RentImage(1, wide.Height, wide.Width);
        using FloatImage near = memory.RentImage(1, wide.Height, wide.Width);
        MaskShape.Widen(wide, LightDistance - EdgePixels, near);
        ReadOnlySpan<float> masked = wide.Values;
        Span<float> known = light.Channel(3);
        unknown.Values.Clear();
        known.Clear();
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i < masked.Length; i++)
            {
                float weights = 0, sum = 0, square = 0;
                for (int slot = 0; slot < Window; slot++)
                {
                    int at = (((slot * 3) + c) * masked.Length) + i;
                    float its = sigmas.Values[at];
                    if (slot != FilmFrame.Neighbours && its < MedianFill.Known)
                    {
                        float weight = 1 / ((its * its) + LeastVariance);
                        float value = frames.Values[at];
                        weights += weight;
                        sum += weight * value;
                        square += weight * value * value;
                    }
                }

                float middle = weights > 0 ? sum / weights : 0;
                mean.Channel(c)[i] = middle;
                variance.Channel(c)[i] = weights > 0 ? 1 / weights : 0;
                spread.Channel(c)[i] = weights > 0 ? Math.Max(0, (square / weights) - (middle * middle)) : 0;
                bool tells = weights > 0 && near.Values[i] < 0.5f;
                light.Channel(c)[i] = tells ? centre.Channel(c)[i] - middle : 0;
                if (c == 0)
                {
                    known[i] = tells ? 1 : 0;
                    unknown.Values[i] = weights > 0 ? 0 : 1;
                }
            }
        }

        Filters.Box(spread, DoubtRadius, memory);
        Filters.Box(light, LightRadius, memory);
        using FloatImage carried = memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage dark = memory.RentImage(1, wide.Height, wide.Width);
        for (int i = 0; i < masked.Length; i++)
        {
            dark.Values[i] = known[i] > LeastKnown && masked[i] < 0.5f ? 0 : 1;
            for (int c = 0; c < 3; c++)
            {
                carried.Channel(c)[i] = dark.Values[i] == 0 ? light.Channel(c)[i] / known[i] : 0;
            }
        }

        MaskShape.FillFromAround(carried, dark, memory);
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i < masked.Length; i++)
            {
                if (masked[i] > 0.5f && unknown.Values[i] > 0)
                {
                    sigma.Channel(c)[i] = Unseen;
                }
                else if (masked[i] > 0.5f)
                {
                    centre.Channel(c)[i] = mean.Channel(c)[i] + carried.Channel(c)[i];
                    sigma.Channel(c)[i] = MathF.Sqrt(variance.Channel(c)[i] + spread.Channel(c)[i]);
                }
            }
        }
    }

    // Where the second look or the user found more than the first.
    private void PreFill(FilmFrame frame, FloatImage wide, FloatImage centre)
    {
        using FloatImage sum = _tools.Memory.RentImage(3, wide.Height, wide.Width);
        using FloatImage warped = _tools.Memory.RentImage(3, wide.Height, wide.Width);
        int count = 0;
        sum.Values.Clear();
        for (int offset = -1; offset <= 1; offset += 2)
        {
            if (frame.At(offset) is { } other)
            {
                using FloatImage flow = frame.FlowTo(offset, cleaned: true);
                Warp.Bilinear(other.Cleaned, flow, 1, warped);
                TensorPrimitives.Add(sum.Values, warped.Values, sum.Values);
                count++;
            }
        }

        if (count == 0)
        {
            MaskShape.FillFromAround(centre, wide, _tools.Memory);
            return;
        }

        TensorPrimitives.Multiply(sum.Values, 1f / count, sum.Values);
        Overlay(centre, sum, wide);
        foreach (ScratchLine line in frame.Scratches)
        {
            line.FillFromTheSides(centre);
        }
    }

    private static Span<float> Slot(FloatImage window, int slot) => window.Values.Slice(3 * slot * window.PlaneLength, 3 * window.PlaneLength);

    private static void Overlay(FloatImage image, FloatImage other, FloatImage where)
    {
        ReadOnlySpan<float> inside = where.Values;
        for (int c = 0; c < image.Channels; c++)
        {
            Span<float> to = image.Channel(c);
            ReadOnlySpan<float> from = other.Channel(c);
            for (int i = 0; i < to.Length; i++)
            {
                to[i] = inside[i] > 0.5f ? from[i] : to[i];
            }
        }
    }

    private static void Spoil(FloatImage sigma, FloatImage where)
    {
        ReadOnlySpan<float> inside = where.Values;
        for (int c = 0; c < sigma.Channels; c++)
        {
            Span<float> to = sigma.Channel(c);
            for (int i = 0; i < to.Length; i++)
            {
                to[i] = inside[i] > 0.5f ? NeighbourAlignment.Unknown : to[i];
            }
        }
    }

    private void Level(FloatImage picture, NoiseModel noise, FloatImage sigma)
    {
        picture.Values.CopyTo(sigma.Values);
        Filters.Box(sigma, SourcePicture.LevelRadius, _tools.Memory);
        noise.Fill(sigma, sigma);
    }

    private Frame Write(Frame source, FloatImage result, FloatImage weights)
    {
        VideoFormat format = source.Format;
        FramePool pool = new(_tools.Memory, format);
        Frame output = pool.Rent(source.Time, source.SourceIndex);
        try
        {
            output.TakeMarksOf(source);
            using Frame whole = pool.Rent(source.Time, source.SourceIndex);
            _tools.Converter.FromRgb(result, whole);
            source.Bytes.CopyTo(output.Bytes);
            switch (format.PixelFormat.BytesPerSample)
            {
                case 1:
                    Merge<byte>(whole, output, weights);
                    break;
                case 2:
                    Merge<ushort>(whole, output, weights);
                    break;
                default:
                    Merge<float>(whole, output, weights);
                    break;
            }

            int changed = weights.PlaneLength - Zeros(weights);
            output.Work |= FrameWork.Repaired;
            output.ChangedShare = Math.Max(output.ChangedShare, (float)changed / weights.PlaneLength);
            return output;
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    private static int Zeros(FloatImage weights)
    {
        int zeros = 0;
        foreach (float weight in weights.Values)
        {
            zeros += weight == 0 ? 1 : 0;
        }

        return zeros;
    }

    // A chroma sample changes where a luma sample does that it colours.
    private static void Merge<T>(Frame whole, Frame output, FloatImage weights)
        where T : unmanaged
    {
        ReadOnlySpan<float> weight = weights.Values;
        PixelFormat format = output.Format.PixelFormat;
        for (int p = 0; p < format.PlaneCount; p++)
        {
            if (p == format.AlphaPlane)
            {
                continue;
            }

            PlaneLayout layout = output.Format.Plane(p);
            int shiftX = p == 0 ? 0 : format.ChromaShiftX;
            int shiftY = p == 0 ? 0 : format.ChromaShiftY;
            ReadOnlySpan<T> from = whole.Plane<T>(p);
            Span<T> to = output.Plane<T>(p);
            for (int y = 0; y < layout.Height; y++)
            {
                for (int x = 0; x < layout.Width; x++)
                {
                    bool inside = false;
                    for (int v = y << shiftY; v <= Math.Min((y << shiftY) + shiftY, weights.Height - 1); v++)
                    {
                        for (int u = x << shiftX; u <= Math.Min((x << shiftX) + shiftX, weights.Width - 1); u++)
                        {
                            inside |= weight[(v * weights.Width) + u] > 0;
                        }
                    }

                    if (inside)
                    {
                        to[(y * layout.Width) + x] = from[(y * layout.Width) + x];
                    }
                }
            }
        }
    }
}
