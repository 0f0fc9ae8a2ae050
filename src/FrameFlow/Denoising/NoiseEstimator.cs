using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Denoising;

/// <summary>
/// Finds the noise of a shot without knowing the clean pictures. From two frames: d = (y_t(p) - y_t+1(p + m))/sqrt 2 on patches whose motion m,
/// rounded to whole pixels so that no look-up shrinks the noise, explains all but little: the gradient times the rest of the motion must stay
/// small against the noise. The median of |d| by intensity gives sigma(u), products of d its correlations. Patches that the codec skipped
/// (d = 0) are left out. From single frames, where there is no second one: diagonal differences on the flattest patches.
/// Gather, then <see cref="Solve"/>; memory does not grow. Not thread-safe.
/// </summary>
/// <param name="codeStep">The distance of two codes of the source in code values, 1/255 for 8 bit, 0 for float: differences are spread over it.</param>
public sealed class NoiseEstimator(float codeStep)
{
    // Patches are cut from the frame side by side; one holds enough pixels to tell its own variance to 9 %.
    private const int Patch = 16;

    // Intensities that are judged apart when patches are chosen.
    private const int Groups = 8;

    // Patches on each side whose motion is asked.
    private const int MotionReach = 3;

    // Motion is not known better than this, px.
    private const float MotionError = 0.15f;

    // Cells of the histograms of |d|, and how wide one is in code values: up to half the range.
    private const int Cells = 2048;
    private const float CellWidth = 0.5f / Cells;

    private const int Reach = NoiseModel.Reach;
    private const int Lags = ((2 * Reach) + 1) * (Reach + 1);

    // MAD to standard deviation of a normal distribution: 1/Phi^-1(3/4).
    private const double MadFactor = 1.4826;

    // A point of the curve needs this many differences, else its neighbours speak for it.
    private const long LeastDifferences = 600;

    private readonly Evidence _pairs = new();
    private readonly Evidence _stills = new();

    // Used again from pair to pair: what is gathered at one, and what is chosen from.
    private readonly Evidence _here = new();
    private readonly float[] _differences = new float[3 * Patch * Patch];
    private readonly float[] _level = new float[3];
    private readonly List<ComparedPatch> _chosen = [];
    private readonly Candidates[] _candidates = [.. Enumerable.Range(0, Groups).Select(_ => new Candidates())];
    private (float X, float Y)[] _local = [];

    /// <summary>A patch whose two sides were compared.</summary>
    /// <param name="X">Left.</param>
    /// <param name="Y">Top.</param>
    /// <param name="MoveX">Motion along x, whole pixels.</param>
    /// <param name="MoveY">Motion along y, whole pixels.</param>
    public readonly record struct ComparedPatch(int X, int Y, int MoveX, int MoveY);

    /// <summary>Mean square of d over all that was compared, code values squared: the variance along the motion path.</summary>
    public double PathVariance => _pairs.Count == 0 ? 0 : _pairs.Square / _pairs.Count;

    /// <summary>Compares two frames along their motion.</summary>
    /// <param name="first">[3,H,W], code values.</param>
    /// <param name="second">[3,H,W], the next frame.</param>
    /// <param name="motion">The motion between the two.</param>
    /// <param name="pool">Scratch.</param>
    /// <returns>The patches that were compared; valid until the next call.</returns>
    public IReadOnlyList<ComparedPatch> AddPair(FloatImage first, FloatImage second, MotionField motion, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(motion);
        IReadOnlyList<ComparedPatch> patches = Choose(first, second, motion, pool);
        AddPair(first, second, patches);
        return patches;
    }

    /// <summary>Compares two frames on patches that were chosen before, for example on their noisy originals.</summary>
    /// <param name="first">[3,H,W], code values.</param>
    /// <param name="second">[3,H,W], the next frame.</param>
    /// <param name="patches">Where, and by which motion.</param>
    public void AddPair(FloatImage first, FloatImage second, IReadOnlyList<ComparedPatch> patches)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(patches);
        Evidence here = _here;
        float[] d = _differences;
        float[] level = _level;
        here.Clear();
        for (int i = 0; i < patches.Count; i++)
        {
            if (Differ(first, second, patches[i], d, level))
            {
                here.AddDifferences(d, level, codeStep);
            }
        }

        if (here.Curves(codeStep * codeStep / 24) is not { } curves)
        {
            return;
        }

        for (int i = 0; i < patches.Count; i++)
        {
            if (Differ(first, second, patches[i], d, level))
            {
                here.AddProducts(d, level, curves);
            }
        }

        _pairs.Merge(here);
    }

    /// <summary>Looks at a frame alone.</summary>
    /// <param name="frame">[3,H,W], code values.</param>
    /// <param name="pool">Scratch.</param>
    public void AddStill(FloatImage frame, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(frame);
        using FloatImage energy = GradientEnergy(frame, pool);
        List<(float Busy, int X, int Y)> flat = [];
        for (int y = 0; y + Patch <= frame.Height; y += Patch)
        {
            for (int x = 0; x + Patch <= frame.Width; x += Patch)
            {
                flat.Add((MeanOf(energy, 0, x, y), x, y));
            }
        }

        flat.Sort((a, b) => a.Busy.CompareTo(b.Busy));
        Evidence here = _here;
        float[] d = _differences;
        float[] level = _level;
        here.Clear();
        int count = Math.Min(flat.Count, Math.Max(12, flat.Count / 8));
        for (int pass = 0; pass < 2; pass++)
        {
            double[][]? curves = pass == 1 ? here.Curves(codeStep * codeStep / 12) : null;
            for (int i = 0; i < count; i++)
            {
                if (pass == 0)
                {
                    Diagonals(frame, flat[i].X, flat[i].Y, d, level);
                    here.AddDifferences(d, level, codeStep);
                }
                else if (curves is not null)
                {
                    Detrend(frame, flat[i].X, flat[i].Y, d, level);
                    here.AddProducts(d, level, null);
                }
            }
        }

        _stills.Merge(here);
    }

    /// <summary>The noise of all that was gathered; null where nothing could be compared.</summary>
    public NoiseModel? Solve()
    {
        if (_pairs.Curves(codeStep * codeStep / 24) is { } temporal)
        {
            float[] correlation = _pairs.Correlation(Patch, 1, out double lost);
            return new NoiseModel(ToCode(temporal, 1 / Math.Sqrt(1 - lost)), correlation, _pairs.Chroma, NoiseEvidence.Temporal) { Samples = _pairs.Samples };
        }

        if (_stills.Curves(codeStep * codeStep / 12) is not { } spatial)
        {
            return null;
        }

        // (a - b - c + d)/2 of noise has the variance sigma^2 (1 - rho_x - rho_y + rho_diagonal).
        float[] rho = _stills.Correlation(Patch, 3, out _);
        NoiseModel probe = new(ToCode(spatial, 1), rho, _stills.Chroma, NoiseEvidence.Spatial);
        double kept = Math.Clamp(1 - probe.RhoX - probe.RhoY + probe.RhoDiagonal, 0.05, 1.5);
        return new NoiseModel(ToCode(spatial, 1 / Math.Sqrt(kept)), rho, _stills.Chroma, NoiseEvidence.Spatial) { Samples = _stills.Samples };
    }

    private static float[][] ToCode(double[][] curves, double factor) => [.. curves.Select(c => c.Select(v => (float)(v * factor)).ToArray())];

    // Patches with one motion whose gradient, times what rounding and search leave of it, stays small against the noise.
    private List<ComparedPatch> Choose(FloatImage first, FloatImage second, MotionField motion, NativePool pool)
    {
        using FloatImage gradients = Gradients(first, pool);
        FloatImage inconsistency = motion.Inconsistency0;
        int width = first.Width;
        int columns = width / Patch;
        int count = columns * (first.Height / Patch);
        _local = _local.Length == count ? _local : new (float, float)[count];
        (float X, float Y)[] local = _local;
        foreach (Candidates group in _candidates)
        {
            group.All.Clear();
        }

        for (int i = 0; i < local.Length; i++)
        {
            local[i] = (MeanOf(motion.Forward, 0, i % columns * Patch, i / columns * Patch), MeanOf(motion.Forward, 1, i % columns * Patch, i / columns * Patch));
        }

        for (int y = 0; y + Patch <= first.Height; y += Patch)
        {
            for (int x = 0; x + Patch <= width; x += Patch)
            {
                (float u, float v) = local[((y / Patch) * columns) + (x / Patch)];
                (int moveX, int moveY) = Around(local, columns, x / Patch, y / Patch);
                if (x + moveX < 0 || y + moveY < 0 || x + moveX + Patch > width || y + moveY + Patch > first.Height)
                {
                    continue;
                }

                ComparedPatch patch = new(x, y, moveX, moveY);
                float square = GreenSquare(first, second, patch);
                if (square == 0)
                {
                    continue; // copied by the codec
                }

                float doubt = MotionError + (MeanOf(inconsistency, 0, x, y) / 2);
                float restX = MathF.Abs(u - moveX) + doubt;
                float restY = MathF.Abs(v - moveY) + doubt;
                float error = (MeanOf(gradients, 0, x, y) * restX * restX) + (MeanOf(gradients, 1, x, y) * restY * restY) + (2 * restX * restY * MathF.Abs(MeanOf(gradients, 2, x, y)));
                _candidates[Math.Clamp((int)(MeanOf(first, 1, x, y) * Groups), 0, Groups - 1)].All.Add((error, square, patch));
            }
        }

        // By intensity, since noise may depend on it: the quietest quarter tells roughly how strong it is; then every patch counts whose
        // error stays a tenth of that variance.
        _chosen.Clear();
        foreach (Candidates group in _candidates)
        {
            group.ChooseInto(_chosen);
        }

        return _chosen;
    }

    // The median motion of the patches around, in whole pixels. A flat patch's own would follow its noise, and make it look weaker than it is;
    // there the motion of what has texture near by serves as well.
    private static (int X, int Y) Around((float X, float Y)[] local, int columns, int column, int row)
    {
        Span<float> across = stackalloc float[((2 * MotionReach) + 1) * ((2 * MotionReach) + 1)];
        Span<float> down = stackalloc float[across.Length];
        int count = 0;
        for (int y = Math.Max(0, row - MotionReach); y <= Math.Min((local.Length / columns) - 1, row + MotionReach); y++)
        {
            for (int x = Math.Max(0, column - MotionReach); x <= Math.Min(columns - 1, column + MotionReach); x++)
            {
                (across[count], down[count]) = local[(y * columns) + x];
                count++;
            }
        }

        across[..count].Sort();
        down[..count].Sort();
        return ((int)MathF.Round(across[count / 2]), (int)MathF.Round(down[count / 2]));
    }

    private static unsafe float GreenSquare(FloatImage first, FloatImage second, ComparedPatch patch)
    {
        float sum = 0;
        for (int y = 0; y < Patch; y++)
        {
            long a = ((long)(patch.Y + y) * first.Width) + patch.X + first.PlaneLength;
            long b = ((long)(patch.Y + y + patch.MoveY) * first.Width) + patch.X + patch.MoveX + first.PlaneLength;
            for (int x = 0; x < Patch; x++)
            {
                float d = first.Data[a + x] - second.Data[b + x];
                sum += d * d;
            }
        }

        return sum / (2 * Patch * Patch);
    }

    // d of a patch and its mean intensity, by channel. False where the codec copied: no difference in a quarter of it.
    private static unsafe bool Differ(FloatImage first, FloatImage second, ComparedPatch patch, float[] d, float[] level)
    {
        int same = 0;
        for (int c = 0; c < 3; c++)
        {
            float sum = 0;
            for (int y = 0; y < Patch; y++)
            {
                float* a = first.Data + ((long)c * first.PlaneLength) + ((long)(patch.Y + y) * first.Width) + patch.X;
                float* b = second.Data + ((long)c * first.PlaneLength) + ((long)(patch.Y + y + patch.MoveY) * first.Width) + patch.X + patch.MoveX;
                for (int x = 0; x < Patch; x++)
                {
                    d[(c * Patch * Patch) + (y * Patch) + x] = (a[x] - b[x]) * 0.70710678f;
                    sum += a[x] + b[x];
                }
            }

            level[c] = sum / (2 * Patch * Patch);
        }

        // A skipped block is 8x8 or larger, and then all of it is alike.
        for (int block = 0; block < 4; block++)
        {
            bool alike = true;
            for (int i = 0; i < 64 && alike; i++)
            {
                int at = ((((block >> 1) * 8) + (i >> 3)) * Patch) + ((block & 1) * 8) + (i & 7);
                alike = MathF.Abs(d[at] + d[at + (Patch * Patch)] + d[at + (2 * Patch * Patch)]) < 1e-4f;
            }

            same += alike ? 1 : 0;
        }

        // Flicker moves a whole patch: it is not grain. What its mean takes of the grain is given back when all is solved.
        for (int c = 0; c < 3; c++)
        {
            Span<float> own = d.AsSpan(c * Patch * Patch, Patch * Patch);
            System.Numerics.Tensors.TensorPrimitives.Subtract(own, System.Numerics.Tensors.TensorPrimitives.Sum<float>(own) / own.Length, own);
        }

        return same == 0;
    }

    // (a - b - c + d)/2 of neighbouring pixels: what is left of a plane or an edge along an axis is nothing.
    private static void Diagonals(FloatImage frame, int left, int top, float[] d, float[] level)
    {
        for (int c = 0; c < 3; c++)
        {
            ReadOnlySpan<float> plane = frame.Channel(c);
            float sum = 0;
            for (int y = 0; y < Patch; y++)
            {
                for (int x = 0; x < Patch; x++)
                {
                    int px = Math.Min(left + x, frame.Width - 2);
                    int at = (Math.Min(top + y, frame.Height - 2) * frame.Width) + px;
                    sum += plane[at];
                    d[(c * Patch * Patch) + (y * Patch) + x] = (plane[at] - plane[at + 1] - plane[at + frame.Width] + plane[at + frame.Width + 1]) / 2;
                }
            }

            level[c] = sum / (Patch * Patch);
        }
    }

    // A patch less the plane that fits it best.
    private static void Detrend(FloatImage frame, int left, int top, float[] d, float[] level)
    {
        const float Middle = (Patch - 1) / 2f;
        const float Spread = Patch * Patch * ((Patch * Patch) - 1) / 12f;
        for (int c = 0; c < 3; c++)
        {
            ReadOnlySpan<float> plane = frame.Channel(c);
            float sum = 0, alongX = 0, alongY = 0;
            for (int i = 0; i < Patch * Patch; i++)
            {
                float value = plane[((top + (i / Patch)) * frame.Width) + left + (i % Patch)];
                sum += value;
                alongX += value * ((i % Patch) - Middle);
                alongY += value * ((i / Patch) - Middle);
            }

            level[c] = sum / (Patch * Patch);
            for (int i = 0; i < Patch * Patch; i++)
            {
                float value = plane[((top + (i / Patch)) * frame.Width) + left + (i % Patch)];
                d[(c * Patch * Patch) + i] = value - level[c] - (((alongX * ((i % Patch) - Middle)) + (alongY * ((i / Patch) - Middle))) / Spread);
            }
        }
    }

    private static float MeanOf(FloatImage image, int channel, int left, int top)
    {
        ReadOnlySpan<float> plane = image.Channel(channel);
        float sum = 0;
        for (int y = top; y < top + Patch; y++)
        {
            sum += System.Numerics.Tensors.TensorPrimitives.Sum(plane.Slice((y * image.Width) + left, Patch));
        }

        return sum / (Patch * Patch);
    }

    // gx^2, gy^2, gx gy of the blurred mean of the channels, [3,H,W].
    private static FloatImage Gradients(FloatImage frame, NativePool pool)
    {
        using FloatImage luma = BlurredLuma(frame, pool);
        FloatImage result = pool.RentImage(3, frame.Height, frame.Width);
        Span<float> xx = result.Channel(0);
        Span<float> yy = result.Channel(1);
        Span<float> xy = result.Channel(2);
        ReadOnlySpan<float> from = luma.Values;
        int width = frame.Width;
        for (int y = 0; y < frame.Height; y++)
        {
            int above = Math.Max(y - 1, 0) * width;
            int below = Math.Min(y + 1, frame.Height - 1) * width;
            for (int x = 0; x < width; x++)
            {
                float gx = (from[(y * width) + Math.Min(x + 1, width - 1)] - from[(y * width) + Math.Max(x - 1, 0)]) / 2;
                float gy = (from[below + x] - from[above + x]) / 2;
                xx[(y * width) + x] = gx * gx;
                yy[(y * width) + x] = gy * gy;
                xy[(y * width) + x] = gx * gy;
            }
        }

        return result;
    }

    private static FloatImage GradientEnergy(FloatImage frame, NativePool pool)
    {
        using FloatImage gradients = Gradients(frame, pool);
        FloatImage energy = pool.RentImage(1, frame.Height, frame.Width);
        System.Numerics.Tensors.TensorPrimitives.Add(gradients.Channel(0), gradients.Channel(1), energy.Values);
        return energy;
    }

    private static FloatImage BlurredLuma(FloatImage frame, NativePool pool)
    {
        FloatImage luma = pool.RentImage(1, frame.Height, frame.Width);
        System.Numerics.Tensors.TensorPrimitives.Add(frame.Channel(0), frame.Channel(1), luma.Values);
        System.Numerics.Tensors.TensorPrimitives.Add(luma.Values, frame.Channel(2), luma.Values);
        System.Numerics.Tensors.TensorPrimitives.Multiply(luma.Values, 1f / 3, luma.Values);
        Filters.Gaussian(luma, 2, pool);
        return luma;
    }

    // Patches of like intensity, to choose from.
    private sealed class Candidates
    {
        private readonly List<float> _squares = [];

        public List<(float Error, float Square, ComparedPatch Patch)> All { get; } = [];

        public void ChooseInto(List<ComparedPatch> chosen)
        {
            All.Sort(static (a, b) => a.Error.CompareTo(b.Error));
            int quarter = (All.Count + 3) / 4;
            _squares.Clear();
            for (int i = 0; i < quarter; i++)
            {
                _squares.Add(All[i].Square);
            }

            _squares.Sort();
            int most = quarter;
            for (int i = All.Count; i > most; i--)
            {
                most = All[i - 1].Error < 0.1f * _squares[quarter / 2] ? i : most;
            }

            for (int i = 0; i < most; i++)
            {
                chosen.Add(All[i].Patch);
            }
        }
    }

    // Histograms of |d| by channel and intensity, and sums of products.
    private sealed class Evidence
    {
        private readonly int[] _cells = new int[3 * NoiseModel.Points * Cells];
        private readonly long[] _counts = new long[3 * NoiseModel.Points];
        private readonly double[] _products = new double[Lags];
        private readonly double[] _productCounts = new double[Lags];
        private readonly double[][] _curves = [new double[NoiseModel.Points], new double[NoiseModel.Points], new double[NoiseModel.Points]];
        private readonly List<int> _known = [];
        private double _across;
        private double _acrossCount;

        public int Samples { get; private set; }

        public double Square { get; private set; }

        public long Count { get; private set; }

        public float Chroma => _acrossCount == 0 || _productCounts[Reach] == 0 ? 0
            : (float)Math.Clamp(_across / _acrossCount / (_products[Reach] / _productCounts[Reach]), 0, 1);

        /// <summary>Forgets everything.</summary>
        public void Clear()
        {
            Array.Clear(_cells);
            Array.Clear(_counts);
            Array.Clear(_products);
            Array.Clear(_productCounts);
            (_across, _acrossCount) = (0, 0);
            (Samples, Square, Count) = (0, 0, 0);
        }

        public void AddDifferences(float[] d, float[] level, float codeStep)
        {
            for (int c = 0; c < 3; c++)
            {
                int row = (c * NoiseModel.Points) + Math.Clamp((int)(level[c] * NoiseModel.Points), 0, NoiseModel.Points - 1);
                for (int i = 0; i < Patch * Patch; i++)
                {
                    float value = d[(c * Patch * Patch) + i];
                    Square += value * value;

                    // Codes come in steps; a low-discrepancy offset over one step makes the median a smooth function of the noise.
                    float spread = (((i * 0.61803399f) % 1) - 0.5f) * codeStep * 0.70710678f;
                    int cell = Math.Min((int)(MathF.Abs(value + spread) / CellWidth), Cells - 1);
                    _cells[(row * Cells) + cell]++;
                }

                _counts[row] += Patch * Patch;
                Count += Patch * Patch;
            }
        }

        // Of d over its deviation, so that bright and dark patches count alike; patches far from the rest (motion gone wrong) are left out.
        public void AddProducts(float[] d, float[] level, double[][]? curves)
        {
            Span<float> own = stackalloc float[3];
            for (int c = 0; c < 3; c++)
            {
                double square = 0;
                for (int i = 0; i < Patch * Patch; i++)
                {
                    square += d[(c * Patch * Patch) + i] * d[(c * Patch * Patch) + i];
                }

                double measured = Math.Sqrt(square / (Patch * Patch));
                double expected = curves is null ? measured : At(curves[c], level[c]);
                if (!(expected > 0) || measured > 1.5 * expected || measured < 0.5 * expected)
                {
                    return;
                }

                own[c] = (float)(1 / expected);
            }

            for (int c = 0; c < 3; c++)
            {
                for (int i = 0; i < Patch * Patch; i++)
                {
                    d[(c * Patch * Patch) + i] *= own[c];
                }
            }

            for (int c = 0; c < 3; c++)
            {
                int plane = c * Patch * Patch;
                for (int dy = 0; dy <= Reach; dy++)
                {
                    for (int dx = -Reach; dx <= Reach; dx++)
                    {
                        double sum = 0;
                        for (int y = 0; y < Patch - dy; y++)
                        {
                            for (int x = Math.Max(0, -dx); x < Patch - Math.Max(0, dx); x++)
                            {
                                sum += d[plane + (y * Patch) + x] * d[plane + ((y + dy) * Patch) + x + dx];
                            }
                        }

                        int lag = (dy * ((2 * Reach) + 1)) + dx + Reach;
                        _products[lag] += sum;
                        _productCounts[lag] += (Patch - dy) * (Patch - Math.Abs(dx));
                    }
                }
            }

            for (int i = 0; i < Patch * Patch; i++)
            {
                float r = d[i], g = d[i + (Patch * Patch)], b = d[i + (2 * Patch * Patch)];
                _across += (r * g) + (g * b) + (b * r);
            }

            _acrossCount += 3 * Patch * Patch;
        }

        public void Merge(Evidence other)
        {
            for (int i = 0; i < _cells.Length; i++)
            {
                _cells[i] += other._cells[i];
            }

            for (int i = 0; i < _counts.Length; i++)
            {
                _counts[i] += other._counts[i];
            }

            for (int i = 0; i < Lags; i++)
            {
                _products[i] += other._products[i];
                _productCounts[i] += other._productCounts[i];
            }

            _across += other._across;
            _acrossCount += other._acrossCount;
            Square += other.Square;
            Count += other.Count;
            Samples += other.Count > 0 ? 1 : 0;
        }

        // Deviation by channel and intensity; points with too few differences take the nearest others'. Null where no point has enough.
        // Valid until the next call.
        public double[][]? Curves(double spreadVariance)
        {
            for (int c = 0; c < 3; c++)
            {
                double[] curve = _curves[c];
                List<int> known = _known;
                known.Clear();
                for (int p = 0; p < NoiseModel.Points; p++)
                {
                    int row = (c * NoiseModel.Points) + p;
                    if (_counts[row] >= LeastDifferences)
                    {
                        double deviation = MadFactor * Median(row);
                        curve[p] = Math.Sqrt(Math.Max(0, (deviation * deviation) - spreadVariance));
                        known.Add(p);
                    }
                }

                if (known.Count == 0)
                {
                    return null;
                }

                for (int p = 0; p < NoiseModel.Points; p++)
                {
                    int before = known.Count - 1;
                    while (before >= 0 && known[before] > p)
                    {
                        before--;
                    }

                    int left = known[Math.Max(before, 0)];
                    int right = known[Math.Min(before + (before >= 0 && known[before] == p ? 0 : 1), known.Count - 1)];
                    curve[p] = left == right ? curve[left] : curve[left] + ((curve[right] - curve[left]) * (p - left) / (right - left));
                }
            }

            return _curves;
        }

        // Parameters: how many a patch was fitted by before (mean: 1, plane: 3). What the fit takes, S/n of the variance a parameter, S the sum
        // of the correlations, it takes from every shift alike.
        public float[] Correlation(int patch, int parameters, out double lost)
        {
            int side = (2 * Reach) + 1;
            float[] result = new float[side * side];
            double middle = _productCounts[Reach] > 0 ? _products[Reach] / _productCounts[Reach] : 0;
            result[side * side / 2] = 1;
            lost = 0;
            if (middle <= 0)
            {
                return result;
            }

            double[] raw = [.. _products.Select((p, i) => _productCounts[i] > 0 ? p / _productCounts[i] / middle : 0)];
            double[] rho = [.. raw];
            for (int pass = 0; pass < 3; pass++)
            {
                double sum = 1;
                for (int i = Reach + 1; i < Lags; i++)
                {
                    sum += 2 * Math.Max(0, rho[i]);
                }

                lost = Math.Min(0.3, parameters * sum / (patch * patch));
                for (int i = 0; i < Lags; i++)
                {
                    rho[i] = (raw[i] * (1 - lost)) + lost;
                }
            }

            for (int dy = -Reach; dy <= Reach; dy++)
            {
                for (int dx = -Reach; dx <= Reach; dx++)
                {
                    (int y, int x) = dy < 0 ? (-dy, -dx) : (dy, dx);
                    double value = y == 0 && x < 0 ? rho[Reach - x] : rho[(y * side) + x + Reach];
                    result[((dy + Reach) * side) + dx + Reach] = (float)Math.Clamp(value, -1, 1);
                }
            }

            return result;
        }

        private static double At(double[] curve, float level)
        {
            double place = Math.Clamp((level * NoiseModel.Points) - 0.5, 0, NoiseModel.Points - 1);
            int left = Math.Min((int)place, NoiseModel.Points - 2);
            return curve[left] + ((place - left) * (curve[left + 1] - curve[left]));
        }

        private double Median(int row)
        {
            long half = _counts[row] / 2;
            long below = 0;
            for (int i = 0; i < Cells; i++)
            {
                int count = _cells[(row * Cells) + i];
                if (below + count > half)
                {
                    return (i + ((half - below + 0.5) / count)) * CellWidth;
                }

                below += count;
            }

            return Cells * CellWidth;
        }
    }
}
