using FrameFlow.Media;

namespace FrameFlow.Benchmarks;

/// <summary>Pictures of 720p to work on: waves of several lengths, which the second frame shows moved by a few pixels, unevenly.</summary>
internal static class Scene
{
    public const int Width = 1280;
    public const int Height = 720;
    public const int Pixels = Width * Height;

    /// <summary>Bytes of a float plane.</summary>
    public const long Plane = Pixels * sizeof(float);

    /// <summary>Fills RGB 0..1 with the scene at a time.</summary>
    public static FloatImage Picture(NativePool memory, double time)
    {
        FloatImage picture = memory.RentImage(3, Height, Width);
        Span<float> values = picture.Values;
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                double u = x + (time * (3 + (2 * Math.Sin(y / 90.0))));
                double v = y - (time * 2);
                for (int c = 0; c < 3; c++)
                {
                    values[(c * Pixels) + (y * Width) + x] = (float)(0.5 + (0.15 * Math.Sin((u + (c * 7)) / 3)) + (0.15 * Math.Sin((v - u) / 11)) + (0.15 * Math.Cos((u + (2 * v)) / 47)));
                }
            }
        }

        return picture;
    }

    /// <summary>The motion of that scene over one unit of time, [2,H,W], px.</summary>
    public static FloatImage Flow(NativePool memory)
    {
        FloatImage flow = memory.RentImage(2, Height, Width);
        for (int y = 0; y < Height; y++)
        {
            flow.Channel(0).Slice(y * Width, Width).Fill((float)(-3 - (2 * Math.Sin(y / 90.0))));
            flow.Channel(1).Slice(y * Width, Width).Fill(2);
        }

        return flow;
    }

    public static VideoFormat Format(string pixelFormat) => new() { Width = Width, Height = Height, PixelFormat = PixelFormat.Known[pixelFormat] };
}
