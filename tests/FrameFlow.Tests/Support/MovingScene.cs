using FrameFlow.Media;

namespace FrameFlow.Tests.Support;

/// <summary>
/// A made pair of frames with known motion: a smooth random texture that moves affinely, and in front of it, if asked for, a textured
/// disc that moves by a translation. Everything is drawn from formulas, so both frames are exact at any sub-pixel position.
/// </summary>
internal sealed class MovingScene : IDisposable
{
    private readonly (double KX, double KY, double Phase, double R, double G, double B)[] _waves; // radians a px, and amplitudes
    private readonly int _perLayer;

    private MovingScene(int seed, double wavelength)
    {
        Random random = new(seed);
        _perLayer = 40;
        _waves = new (double, double, double, double, double, double)[2 * _perLayer];
        for (int i = 0; i < _waves.Length; i++)
        {
            // Six octaves, amplitude growing with the length as in pictures: coarse scales need something to see as well.
            double length = wavelength * Math.Pow(2, random.NextDouble() * 6);
            double amplitude = 0.012 * Math.Sqrt(length);
            double angle = random.NextDouble() * 2 * Math.PI;
            double k = 2 * Math.PI / length;
            _waves[i] = (k * Math.Cos(angle), k * Math.Sin(angle), random.NextDouble() * 2 * Math.PI, amplitude * random.NextDouble(), amplitude * random.NextDouble(), amplitude * random.NextDouble());
        }
    }

    /// <summary>[3,H,W], RGB 0..1.</summary>
    public required FloatImage Frame0 { get; init; }

    /// <summary>[3,H,W], RGB 0..1.</summary>
    public required FloatImage Frame1 { get; init; }

    /// <summary>True F01, [2,H,W], px.</summary>
    public required FloatImage Truth { get; init; }

    /// <summary>Draws a scene.</summary>
    /// <param name="pool">Memory.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="zoom">The background's scale from frame 0 to frame 1, about the centre.</param>
    /// <param name="degrees">Its rotation.</param>
    /// <param name="shift">Its translation, px.</param>
    /// <param name="disc">Radius of the disc, px; 0: none.</param>
    /// <param name="discShift">The disc's translation, px.</param>
    /// <param name="seed">Texture.</param>
    public static MovingScene Create(NativePool pool, int width, int height, double zoom = 1, double degrees = 0, (double X, double Y) shift = default, double disc = 0, (double X, double Y) discShift = default, int seed = 1)
    {
        MovingScene scene = new(seed, 5)
        {
            Frame0 = pool.RentImage(3, height, width),
            Frame1 = pool.RentImage(3, height, width),
            Truth = pool.RentImage(2, height, width),
        };
        double centreX = (width - 1) / 2.0;
        double centreY = (height - 1) / 2.0;
        double cos = Math.Cos(degrees * Math.PI / 180);
        double sin = Math.Sin(degrees * Math.PI / 180);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double dx = x - centreX;
                double dy = y - centreY;
                int i = (y * width) + x;
                bool inDisc = Math.Sqrt((dx * dx) + (dy * dy)) < disc;
                double movedX = (zoom * ((cos * dx) - (sin * dy))) + shift.X;
                double movedY = (zoom * ((sin * dx) + (cos * dy))) + shift.Y;
                scene.Truth.Channel(0)[i] = (float)(inDisc ? discShift.X : movedX - dx);
                scene.Truth.Channel(1)[i] = (float)(inDisc ? discShift.Y : movedY - dy);
                scene.Draw(scene.Frame0, i, dx, dy, Coverage(dx, dy), dx, dy);
                double fromX = (dx - shift.X) / zoom;
                double fromY = (dy - shift.Y) / zoom;
                double discX = dx - discShift.X;
                double discY = dy - discShift.Y;
                scene.Draw(scene.Frame1, i, (cos * fromX) + (sin * fromY), (cos * fromY) - (sin * fromX), Coverage(discX, discY), discX, discY);
            }
        }

        return scene;

        double Coverage(double x, double y) => disc > 0 ? Math.Clamp(disc - Math.Sqrt((x * x) + (y * y)) + 0.5, 0, 1) : 0;
    }

    /// <summary>Mean distance in px of an estimate from <see cref="Truth"/>, over the pixels whose target lies in the frame.</summary>
    public double EndPointError(FloatImage flow)
    {
        double sum = 0;
        int count = 0;
        int width = Truth.Width;
        for (int i = 0; i < Truth.PlaneLength; i++)
        {
            float u = Truth.Channel(0)[i];
            float v = Truth.Channel(1)[i];
            float x = (i % width) + u;
            float y = (i / width) + v;
            if (x >= 0 && y >= 0 && x <= width - 1 && y <= Truth.Height - 1)
            {
                sum += Math.Sqrt(Math.Pow(flow.Channel(0)[i] - u, 2) + Math.Pow(flow.Channel(1)[i] - v, 2));
                count++;
            }
        }

        return sum / count;
    }

    public void Dispose()
    {
        Frame0.Dispose();
        Frame1.Dispose();
        Truth.Dispose();
    }

    private void Draw(FloatImage frame, int i, double x, double y, double coverage, double discX, double discY)
    {
        (double r, double g, double b) = Texture(0, x, y);
        if (coverage > 0)
        {
            (double discR, double discG, double discB) = Texture(_perLayer, discX, discY);
            r += coverage * (discR - r);
            g += coverage * (discG - g);
            b += coverage * (discB - b);
        }

        frame.Channel(0)[i] = (float)r;
        frame.Channel(1)[i] = (float)g;
        frame.Channel(2)[i] = (float)b;
    }

    private (double R, double G, double B) Texture(int first, double x, double y)
    {
        double r = 0.5;
        double g = 0.5;
        double b = 0.5;
        for (int i = first; i < first + _perLayer; i++)
        {
            double value = Math.Sin((_waves[i].KX * x) + (_waves[i].KY * y) + _waves[i].Phase);
            r += value * _waves[i].R;
            g += value * _waves[i].G;
            b += value * _waves[i].B;
        }

        return (r, g, b);
    }
}
