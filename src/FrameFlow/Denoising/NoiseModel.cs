using System.Numerics.Tensors;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>How a noise model was found.</summary>
public enum NoiseEvidence
{
    /// <summary>It was given.</summary>
    Given,

    /// <summary>From differences of frames along the motion.</summary>
    Temporal,

    /// <summary>From single frames, where no two could be compared: texture may count as noise, correlated grain is known less well.</summary>
    Spatial,
}

/// <summary>
/// The noise of a shot: its standard deviation as a curve over intensity, per channel, and its correlations. Deviations are in code values
/// 0..1 (times 255: in codes of 8 bit).
/// </summary>
public sealed class NoiseModel
{
    /// <summary>Points of a curve; point i stands at intensity (i + 1/2)/<see cref="Points"/>.</summary>
    public const int Points = 16;

    /// <summary>Correlations are known for shifts of at most this many pixels along x and y.</summary>
    public const int Reach = 3;

    private const int Side = (2 * Reach) + 1;

    private readonly float[][] _curves;
    private readonly float[] _correlation;
    private readonly Lazy<GrainField> _grain;

    /// <summary>Creates a model.</summary>
    /// <param name="curves">Three curves (R, G, B) of <see cref="Points"/> deviations each.</param>
    /// <param name="correlation">The autocorrelation at shifts (dx, dy), both -<see cref="Reach"/>..<see cref="Reach"/>, row by row; symmetric, 1 in the middle. Null: white.</param>
    /// <param name="chroma">The correlation between two channels, 0..1.</param>
    /// <param name="evidence">How it was found.</param>
    public NoiseModel(float[][] curves, float[]? correlation, float chroma, NoiseEvidence evidence)
    {
        ArgumentNullException.ThrowIfNull(curves);
        if (curves.Length != 3 || curves.Any(c => c.Length != Points) || (correlation is not null && correlation.Length != Side * Side))
        {
            throw new ArgumentException($"Three curves of {Points} points and {Side}x{Side} correlations are needed.");
        }

        _curves = curves;
        _correlation = correlation ?? White();
        Chroma = chroma;
        Evidence = evidence;
        MeanSigma = curves.Average(c => c.Average());
        GrainTraits = [Math.Max(0, RhoX), Math.Max(0, RhoY), Math.Max(0, RhoDiagonal), chroma];
        _grain = new Lazy<GrainField>(() => new GrainField(this));
    }

    /// <summary>A generator of noise with these correlations, designed once.</summary>
    public GrainField Grain => _grain.Value;

    /// <summary>How it was found.</summary>
    public NoiseEvidence Evidence { get; }

    /// <summary>Pairs of frames, or frames, that it was found from.</summary>
    public int Samples { get; init; }

    /// <summary>Correlation of neighbours along x.</summary>
    public float RhoX => Correlation(1, 0);

    /// <summary>Correlation of neighbours along y.</summary>
    public float RhoY => Correlation(0, 1);

    /// <summary>Correlation of diagonal neighbours, the mean of both diagonals.</summary>
    public float RhoDiagonal => (Correlation(1, 1) + Correlation(1, -1)) / 2;

    /// <summary>Correlation between two channels.</summary>
    public float Chroma { get; }

    /// <summary>The mean deviation of all channels over the whole range of intensities.</summary>
    public float MeanSigma { get; }

    /// <summary>White noise of one deviation.</summary>
    public static NoiseModel Flat(float sigma) =>
        new([.. Enumerable.Range(0, 3).Select(_ => Enumerable.Repeat(sigma, Points).ToArray())], null, 0, NoiseEvidence.Given);

    /// <summary>R, G, B: <see cref="Points"/> deviations each.</summary>
    internal IReadOnlyList<float[]> Curves => _curves;

    /// <summary>What a denoiser is told of the correlations (<see cref="IDenoiser.Denoise"/>).</summary>
    internal float[] GrainTraits { get; }

    /// <summary>See <see cref="Correlation"/>, row by row.</summary>
    internal IReadOnlyList<float> Correlations => _correlation;

    /// <summary>The mean of several laws: their variances and autocovariances, weighed.</summary>
    /// <param name="models">At least one law, and its weight, not negative, not all 0.</param>
    internal static NoiseModel Mean(IReadOnlyList<(NoiseModel Model, double Weight)> models)
    {
        double all = models.Sum(m => m.Weight);
        float[][] curves = [.. Enumerable.Range(0, 3).Select(c => Enumerable.Range(0, Points)
            .Select(i => (float)Math.Sqrt(models.Sum(m => m.Weight * m.Model._curves[c][i] * m.Model._curves[c][i]) / all)).ToArray())];

        // A law counts for the correlation as its power does.
        double[] powers = [.. models.Select(m => (m.Weight * m.Model.MeanSigma * m.Model.MeanSigma) + 1e-12)];
        float Over(Func<NoiseModel, float> value) => (float)(models.Zip(powers).Sum(m => m.Second * value(m.First.Model)) / powers.Sum());
        return new NoiseModel(curves, [.. Enumerable.Range(0, Side * Side).Select(i => Over(m => m._correlation[i]))], Over(m => m.Chroma), models[0].Model.Evidence)
        {
            Samples = models.Sum(m => m.Model.Samples),
        };
    }

    /// <summary>The autocorrelation at a shift of at most <see cref="Reach"/>.</summary>
    public float Correlation(int dx, int dy) => _correlation[((dy + Reach) * Side) + dx + Reach];

    /// <summary>The deviation of a channel at an intensity: linear between points, constant beyond the outer ones.</summary>
    public float Sigma(int channel, float intensity)
    {
        float place = Math.Clamp((intensity * Points) - 0.5f, 0, Points - 1);
        int left = Math.Min((int)place, Points - 2);
        float[] curve = _curves[channel];
        return curve[left] + ((place - left) * (curve[left + 1] - curve[left]));
    }

    /// <summary>The same noise, its deviation multiplied.</summary>
    public NoiseModel Times(float factor) =>
        new([.. _curves.Select(c => c.Select(s => s * factor).ToArray())], _correlation, Chroma, Evidence) { Samples = Samples };

    /// <summary>The power spectrum along x and along y: mean power 1 over all frequencies, at 0, 1/16 ... 8/16 cycles a pixel.</summary>
    /// <param name="vertical">Along y instead of x.</param>
    public double[] Spectrum(bool vertical)
    {
        // Along an axis, of the autocorrelation with a Hann taper over its reach: what is known of the spectrum, no more.
        double[] spectrum = new double[9];
        for (int f = 0; f < spectrum.Length; f++)
        {
            for (int d = -Reach; d <= Reach; d++)
            {
                double taper = 0.5 + (0.5 * Math.Cos(Math.PI * d / (Reach + 1)));
                spectrum[f] += taper * (vertical ? Correlation(0, d) : Correlation(d, 0)) * Math.Cos(2 * Math.PI * f * d / 16);
            }
        }

        return spectrum;
    }

    /// <summary>Puts grain of this law on a picture: x + amount sigma(x) n, a pure function of (seed, key, draw, channel, pixel).</summary>
    /// <param name="picture">[3,H,W], code values 0..1; changed in place.</param>
    /// <param name="amount">The factor on the deviation.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="key">What tells the frame from others: its index or a number made of its time.</param>
    /// <param name="draw">Which of several independent fields of the same frame.</param>
    /// <param name="memory">Working memory.</param>
    public void AddGrain(FloatImage picture, float amount, ulong seed, long key, int draw, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(picture);
        using FloatImage noise = memory.RentImage(3, picture.Height, picture.Width);
        using FloatImage sigma = memory.RentImage(3, picture.Height, picture.Width);
        Fill(picture, sigma);
        if (amount != 1)
        {
            TensorPrimitives.Multiply(sigma.Values, amount, sigma.Values);
        }

        Grain.Fill(noise.Values, picture.Width, seed, key, draw, memory);
        TensorPrimitives.MultiplyAdd(noise.Values, sigma.Values, picture.Values, picture.Values);
    }

    /// <summary>Fills a map of deviations from a picture's local intensity.</summary>
    /// <param name="intensity">[3,H,W], the picture with its noise averaged out.</param>
    /// <param name="sigma">[3,H,W]; overwritten. May be the same tensor.</param>
    public unsafe void Fill(FloatImage intensity, FloatImage sigma)
    {
        ArgumentNullException.ThrowIfNull(intensity);
        ArgumentNullException.ThrowIfNull(sigma);
        const int Steps = 512;
        Span<float> table = stackalloc float[Steps + 1];
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i <= Steps; i++)
            {
                table[i] = Sigma(c, i / (float)Steps);
            }

            float* from = intensity.Data + ((long)c * intensity.PlaneLength);
            float* to = sigma.Data + ((long)c * sigma.PlaneLength);
            for (int i = 0; i < intensity.PlaneLength; i++)
            {
                to[i] = table[(int)((Math.Clamp(from[i], 0f, 1f) * Steps) + 0.5f)];
            }
        }
    }

    private static float[] White()
    {
        float[] correlation = new float[Side * Side];
        correlation[Side * Side / 2] = 1;
        return correlation;
    }
}
