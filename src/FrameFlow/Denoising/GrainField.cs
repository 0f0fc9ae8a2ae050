using System.Numerics.Tensors;
using FrameFlow.Diffusion;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>
/// Noise of unit variance with a model's correlations, a pure function of (seed, frame, draw, channel, pixel): white noise through a small
/// symmetric filter whose squared spectrum is that of the autocorrelation (the spectral factorisation by the square root; negative
/// parts, which no process has, are cut). Immutable, thread-safe.
/// </summary>
public sealed class GrainField
{
    private const int Radius = NoiseModel.Reach + 1;
    private const int Side = (2 * Radius) + 1;
    private const int Grid = 24;

    private readonly float[] _kernel = new float[Side * Side];
    private readonly bool _isWhite;
    private readonly float _own;
    private readonly float _shared;

    /// <summary>Designs the filter.</summary>
    public GrainField(NoiseModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _isWhite = true;
        double[] power = new double[Grid * Grid];
        for (int v = 0; v < Grid; v++)
        {
            for (int u = 0; u < Grid; u++)
            {
                for (int dy = -NoiseModel.Reach; dy <= NoiseModel.Reach; dy++)
                {
                    for (int dx = -NoiseModel.Reach; dx <= NoiseModel.Reach; dx++)
                    {
                        power[(v * Grid) + u] += model.Correlation(dx, dy) * Math.Cos(2 * Math.PI * ((u * dx) + (v * dy)) / Grid);
                        _isWhite &= (dx == 0 && dy == 0) || Math.Abs(model.Correlation(dx, dy)) < 0.01;
                    }
                }
            }
        }

        double square = 0;
        for (int dy = -Radius; dy <= Radius; dy++)
        {
            for (int dx = -Radius; dx <= Radius; dx++)
            {
                double tap = 0;
                for (int i = 0; i < power.Length; i++)
                {
                    tap += Math.Sqrt(Math.Max(power[i], 0)) * Math.Cos(2 * Math.PI * (((i % Grid) * dx) + ((i / Grid) * dy)) / Grid);
                }

                _kernel[((dy + Radius) * Side) + dx + Radius] = (float)tap;
                square += tap * tap;
            }
        }

        TensorPrimitives.Divide(_kernel, (float)Math.Sqrt(square), _kernel);
        _own = MathF.Sqrt(1 - Math.Clamp(model.Chroma, 0f, 1f));
        _shared = MathF.Sqrt(Math.Clamp(model.Chroma, 0f, 1f));
    }

    /// <summary>The autocorrelation of what <see cref="Fill"/> makes, at any shift; that of the model up to what no process has.</summary>
    internal double Autocorrelation(int dx, int dy)
    {
        if (_isWhite)
        {
            return dx == 0 && dy == 0 ? 1 : 0;
        }

        double sum = 0;
        for (int y = Math.Max(0, -dy); y < Side - Math.Max(0, dy); y++)
        {
            for (int x = Math.Max(0, -dx); x < Side - Math.Max(0, dx); x++)
            {
                sum += _kernel[(y * Side) + x] * _kernel[((y + dy) * Side) + x + dx];
            }
        }

        return sum;
    }

    /// <summary>Fills [3,H,W].</summary>
    /// <param name="noise">Receives the noise.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="frame">The absolute index of the source frame.</param>
    /// <param name="draw">Which of several independent fields of the same frame.</param>
    /// <param name="pool">Scratch.</param>
    public void Fill(Span<float> noise, int width, ulong seed, long frame, int draw, NativePool pool)
    {
        int plane = noise.Length / 3;
        int height = plane / width;
        using FloatImage white = pool.RentImage(1, height + (2 * Radius), width + (2 * Radius));
        using FloatImage shared = pool.RentImage(1, height, width);
        if (_shared > 0)
        {
            Draw(3, shared.Values);
        }

        for (int c = 0; c < 3; c++)
        {
            Span<float> channel = noise.Slice(c * plane, plane);
            if (_own > 0)
            {
                Draw(c, channel);
                TensorPrimitives.Multiply(channel, _own, channel);
            }
            else
            {
                channel.Clear();
            }

            if (_shared > 0)
            {
                TensorPrimitives.MultiplyAdd(shared.Values, _shared, channel, channel);
            }
        }

        void Draw(int channel, Span<float> result)
        {
            if (_isWhite)
            {
                NoiseField.Fill(result, width, seed, frame, channel, draw);
                return;
            }

            NoiseField.Fill(white.Values, white.Width, seed, frame, channel, draw, Radius);
            for (int y = 0; y < height; y++)
            {
                Span<float> to = result.Slice(y * width, width);
                to.Clear();
                for (int k = 0; k < _kernel.Length; k++)
                {
                    TensorPrimitives.MultiplyAdd(white.Values.Slice(((y + (k / Side)) * white.Width) + (k % Side), width), _kernel[k], to, to);
                }
            }
        }
    }
}
