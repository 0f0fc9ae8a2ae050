using System.Globalization;
using System.Text;
using FrameFlow.Color;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>
/// The grain that was taken away as a film-grain table ("filmgrn1" of libaom's grain_table.c), from which an AV1 decoder makes it anew: white noise through an
/// autoregression of lag 3, times a piecewise linear function of luma (AV1 specification, 6.8.20 and 7.18.3). The autoregression is fitted to the grain's
/// autocorrelation by the Yule-Walker equations; the functions hold the measured sigma(u) of Y', Cb and Cr.
/// </summary>
public static class FilmGrainTable
{
    private const int Lag = 3;
    private const int Coefficients = 2 * Lag * (Lag + 1);

    // Of the specification: most points of the functions, 8-bit codes in which they count, and the deviation of its noise at 8 bit (512 of 4096).
    private const int LumaPoints = 14;
    private const int ChromaPoints = 10;
    private const double WhiteDeviation = 32;

    // Grain is clipped at 128: beyond this deviation its scale is halved.
    private const double MostDeviation = 42;
    private const long TicksASecond = 10_000_000;

    /// <summary>Writes the table.</summary>
    /// <param name="shots">The noise of each shot, in order of time, at least one.</param>
    /// <param name="times">The encoded frames' times.</param>
    /// <param name="format">The encoded frames' format: Y'CbCr or grey.</param>
    /// <param name="seed">Of the decoder's noise.</param>
    public static string Write(IReadOnlyList<ShotNoise> shots, FrameTimeline times, VideoFormat format, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(shots);
        ArgumentNullException.ThrowIfNull(times);
        ArgumentNullException.ThrowIfNull(format);
        StringBuilder text = new("filmgrn1\n");
        for (int i = 0; i < shots.Count; i++)
        {
            long start = i == 0 ? 0 : Ticks(shots[i].Start);
            long end = i + 1 < shots.Count ? Ticks(shots[i + 1].Start) : long.MaxValue;

            // 16 bits, not 0, another for each shot.
            long random = 1 + (long)((seed + ((ulong)i * 7919)) % 65535);
            Append(text, shots[i].Noise, format, start, end, random);
        }

        return text.ToString();

        long Ticks(Rational time) => ((time - times.First) * TicksASecond).Round();
    }

    /// <summary>
    /// The causal coefficients a_q, rows above first, of g(p) = e(p) + sum_q a_q g(p + q) with the autocorrelation that the grain has, and the variance of g over
    /// that of the white e.
    /// </summary>
    /// <param name="grain">The grain.</param>
    /// <param name="stepX">Pixels of the grain that one of the plane stands for, along x.</param>
    /// <param name="stepY">The same along y.</param>
    internal static (double[] Coefficients, double Gain) Fit(GrainField grain, int stepX, int stepY)
    {
        (int X, int Y)[] places = [.. Enumerable.Range(0, Coefficients).Select(i => ((i % ((2 * Lag) + 1)) - Lag, (i / ((2 * Lag) + 1)) - Lag))];
        double[,] normal = new double[Coefficients, Coefficients + 1];
        for (int p = 0; p < Coefficients; p++)
        {
            for (int q = 0; q < Coefficients; q++)
            {
                // A hundredth of a percent of white keeps the solution from the edge of stability.
                normal[p, q] = R(places[p].X - places[q].X, places[p].Y - places[q].Y) + (p == q ? 1e-4 : 0);
            }

            normal[p, Coefficients] = R(places[p].X, places[p].Y);
        }

        double[] a = Solve(normal);
        double explained = 0;
        for (int p = 0; p < Coefficients; p++)
        {
            explained += a[p] * R(places[p].X, places[p].Y);
        }

        return (a, 1 / Math.Max(1e-3, 1 - explained));

        double R(int dx, int dy) => grain.Autocorrelation(dx * stepX, dy * stepY);
    }

    private static void Append(StringBuilder text, NoiseModel noise, VideoFormat format, long start, long end, long random)
    {
        PixelFormat pixels = format.PixelFormat;
        (double[] luma, double lumaGain) = Fit(noise.Grain, 1, 1);
        (double[] chroma, double chromaGain) = Fit(noise.Grain, 1 << pixels.ChromaShiftX, 1 << pixels.ChromaShiftY);
        double deviation = WhiteDeviation * Math.Sqrt(Math.Max(lumaGain, chromaGain));
        int scaleShift = 0;
        while (deviation > MostDeviation && scaleShift < 3)
        {
            deviation /= 2;
            scaleShift++;
        }

        double white = WhiteDeviation / (1 << scaleShift);
        bool full = format.Color.FullRange ?? pixels.Model != ColorModel.Yuv;
        (double offset, double lumaRange, double chromaRange) = full ? (0.0, 255.0, 255.0) : (16.0, 219.0, 224.0);
        Planes planes = new(noise, ColorMatrix.For(format), Shrinkage(pixels));
        double[] y = Curve(LumaPoints, u => planes.Luma(u) * lumaRange / (white * Math.Sqrt(lumaGain)));
        double[] cb = Curve(ChromaPoints, u => planes.Blue(u) * chromaRange / (white * Math.Sqrt(chromaGain)));
        double[] cr = Curve(ChromaPoints, u => planes.Red(u) * chromaRange / (white * Math.Sqrt(chromaGain)));
        bool isGrey = pixels.Model == ColorModel.Gray;

        // The finest of the four scales on which the strongest grain still has a byte.
        double strongest = isGrey ? y.Max() : Math.Max(y.Max(), Math.Max(cb.Max(), cr.Max()));
        int scalingShift = 11;
        while (scalingShift > 8 && strongest * (1 << scalingShift) > 255)
        {
            scalingShift--;
        }

        double largest = Math.Max(luma.Max(Math.Abs), chroma.Max(Math.Abs));
        int coefficientShift = 9;
        while (coefficientShift > 6 && largest * (1 << coefficientShift) > 127)
        {
            coefficientShift--;
        }

        Line(string.Create(CultureInfo.InvariantCulture, $"E {start} {end} 1 {random} 1"));

        // Lag, shifts; chroma has its own functions, of luma alone (weights 0 and 1); blocks overlap.
        Line(string.Create(CultureInfo.InvariantCulture, $"\tp {Lag} {coefficientShift} {scaleShift} {scalingShift} 0 1 128 192 256 128 192 256"));
        Line("\tsY " + Points(y, false));
        Line("\tsCb " + Points(cb, isGrey));
        Line("\tsCr " + Points(cr, isGrey));
        Line("\tcY" + Quantised(luma));
        Line("\tcCb" + Quantised(chroma) + " 0");
        Line("\tcCr" + Quantised(chroma) + " 0");

        void Line(string line) => text.Append(line).Append('\n');

        double[] Curve(int points, Func<float, double> at) => [.. Enumerable.Range(0, points).Select(i => at((float)((CodeOf(i, points) - offset) / lumaRange)))];

        string Points(double[] curve, bool none) => none ? "0" : string.Create(CultureInfo.InvariantCulture, $"{curve.Length}")
            + string.Concat(curve.Select((s, i) => string.Create(CultureInfo.InvariantCulture, $" {CodeOf(i, curve.Length)} {Math.Clamp((int)Math.Round(s * (1 << scalingShift)), 0, 255)}")));

        string Quantised(double[] a) => string.Concat(a.Select(v => string.Create(CultureInfo.InvariantCulture, $" {Math.Clamp((int)Math.Round(v * (1 << coefficientShift)), -128, 127)}")));
    }

    private static int CodeOf(int point, int points) => (int)Math.Round(255.0 * point / (points - 1));

    // What doubling white chroma by the converter's filters leaves of its variance: (1 + 1/2)/2 where the sample lies on one of luma's, (9 + 1)/16 where between two.
    private static double Shrinkage(PixelFormat pixels) => (pixels.ChromaShiftX != 0 ? 0.75 : 1) * (pixels.ChromaShiftY != 0 ? 0.625 : 1);

    // Gaussian elimination with the largest pivot.
    private static double[] Solve(double[,] system)
    {
        int n = system.GetLength(0);
        for (int column = 0; column < n; column++)
        {
            int pivot = Enumerable.Range(column, n - column).MaxBy(r => Math.Abs(system[r, column]));
            for (int c = 0; c <= n; c++)
            {
                (system[column, c], system[pivot, c]) = (system[pivot, c], system[column, c]);
            }

            for (int row = 0; row < n; row++)
            {
                double factor = row == column ? 0 : system[row, column] / system[column, column];
                for (int c = column; factor != 0 && c <= n; c++)
                {
                    system[row, c] -= factor * system[column, c];
                }
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => system[i, n] / system[i, i])];
    }

    // Deviations of Y', P_B and P_R, in code values, from those of R, G, B and the correlation c between any two of them.
    private sealed class Planes(NoiseModel noise, ColorMatrix matrix, double shrinkage)
    {
        public double Luma(float u) => Math.Sqrt(Variance(u, matrix.RedWeight, matrix.GreenWeight, matrix.BlueWeight));

        public double Blue(float u) => Math.Sqrt(Variance(u, -matrix.RedWeight, -matrix.GreenWeight, 1 - matrix.BlueWeight) / shrinkage) / (2 * (1 - matrix.BlueWeight));

        public double Red(float u) => Math.Sqrt(Variance(u, 1 - matrix.RedWeight, -matrix.GreenWeight, -matrix.BlueWeight) / shrinkage) / (2 * (1 - matrix.RedWeight));

        private double Variance(float u, double red, double green, double blue)
        {
            (double r, double g, double b) = (red * noise.Sigma(0, u), green * noise.Sigma(1, u), blue * noise.Sigma(2, u));
            double own = (r * r) + (g * g) + (b * b);
            double sum = r + g + b;
            return Math.Max(0, own + (noise.Chroma * ((sum * sum) - own)));
        }
    }
}
