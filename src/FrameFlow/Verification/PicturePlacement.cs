namespace FrameFlow.Verification;

/// <summary>
/// Tells from the pictures alone where in the source's motion an output frame belongs. The source frames are corners of a polyline in
/// picture space; an output frame is projected on it. Coding noise is nearly orthogonal to the line and falls out of the comparison
/// of squared distances, so the tolerances can be small. Distances are root mean squares in 8-bit code values.
/// </summary>
internal sealed class PicturePlacement
{
    /// <summary>Source frames kept before and after the one that is asked about.</summary>
    public const int Reach = 3;

    // A real frame may lag or lead by a quarter of a source step (an encoder's skipped blocks do that), not by more.
    private const double OwnShare = 0.25;

    // The farthest that a coded real frame may be from its source at 64x36; x264 at crf 30 leaves 1 to 6 of it.
    private const double LargestOwnError = 12;

    // Squared-distance differences below (0.75 code values)^2 or a tenth of the local motion are within what coding leaves.
    private const double SmallestExcess = 0.75;
    private const double ExcessShare = 0.1;

    // Below this much change from one source frame to the next, places between them cannot be told apart.
    private const double SmallestMotion = 2;

    // A generated frame farther off the line than this share of the motion is somewhere else (occlusion, large motion): not judged.
    private const double OffLineShare = 0.35;

    private readonly bool _allowHeld;
    private readonly List<double> _paces = [];
    private Previous? _previous;

    public PicturePlacement(bool allowHeld) => _allowHeld = allowHeld;

    /// <summary>Real frames that were compared.</summary>
    public long RealCompared { get; private set; }

    /// <summary>Frames between source frames that could be placed.</summary>
    public long BetweenPlaced { get; private set; }

    /// <summary>The largest distance of a real frame to its source frame.</summary>
    public double LargestRealError { get; private set; }

    /// <summary>Output frames at a source frame's time that show something else.</summary>
    public FaultList Misplaced { get; } = new();

    /// <summary>Output frames between two source frames that show a time outside them, or come before an earlier one.</summary>
    public FaultList OutOfOrder { get; } = new();

    /// <summary>Output frames that repeat the one before them although the source moves on.</summary>
    public FaultList Doubled { get; } = new();

    /// <summary>
    /// Median of (shown position - due position) in source steps over the frames between that could be placed; 0 where too few
    /// could. Half a source step or less of lateness of a whole file shows here even where no output time meets a source time.
    /// </summary>
    public double MedianPace
    {
        get
        {
            if (_paces.Count < 8)
            {
                return 0;
            }

            _paces.Sort();
            return _paces[_paces.Count / 2];
        }
    }

    /// <summary>Judges one output frame; call in order.</summary>
    /// <param name="k">Its index.</param>
    /// <param name="picture">Its picture.</param>
    /// <param name="source">Source pictures around; index 0 is frame <paramref name="firstIndex"/>.</param>
    /// <param name="firstIndex">The index of the first picture in <paramref name="source"/>.</param>
    /// <param name="index">The source frame at or before the output frame's time.</param>
    /// <param name="position">Where between that and the next, 0..1; 0 means that the time is the source frame's own.</param>
    /// <param name="ownTime">False where the frame is held past the last source frame.</param>
    public void Add(long k, byte[] picture, IReadOnlyList<SourcePicture> source, int firstIndex, int index, double position, bool ownTime)
    {
        int own = index - firstIndex;
        if (source.Count == 1)
        {
            Compare(k, Math.Sqrt(SquaredDistance(picture, source[0].Pixels)), fits: true);
            return;
        }

        Segment[] segments = new Segment[source.Count - 1];
        double best = double.MaxValue;
        for (int j = 0; j < segments.Length; j++)
        {
            segments[j] = Segment.Of(picture, source[j].Pixels, source[j + 1].Pixels);
            best = Math.Min(best, segments[j].Residual(0, 1));
        }

        bool afterCut = own > 0 && (source[own].OpensScene || StandsOut(segments, own - 1));
        bool inCut = own < segments.Length && (source[own + 1].OpensScene || StandsOut(segments, own));
        if (position == 0)
        {
            double allowed = double.MaxValue;
            double motion = 0;
            if (own > 0)
            {
                allowed = segments[own - 1].Residual(afterCut ? 1 : 1 - OwnShare, 1);
                motion = afterCut ? 0 : segments[own - 1].Length;
            }

            if (own < segments.Length)
            {
                allowed = Math.Min(allowed, segments[own].Residual(0, inCut ? 0 : OwnShare));
                motion = Math.Max(motion, inCut ? 0 : segments[own].Length);
            }

            Compare(k, Math.Sqrt(SquaredDistance(picture, source[own].Pixels)), fits: !Exceeds(allowed - best, motion));
        }
        else
        {
            Segment segment = segments[own];
            bool placeable = segment.Length >= SmallestMotion && Math.Sqrt(best) <= (OffLineShare * segment.Length) + 1;
            if (placeable)
            {
                BetweenPlaced++;
                double shown = segment.Nearest(0, 1);
                if (Exceeds(segment.Residual(0, 1) - best, segment.Length))
                {
                    OutOfOrder.Add(k);
                }
                else if (_previous is { Between: true } before && before.Index == index && !inCut
                    && before.Shown - shown > 0.15 && (before.Shown - shown) * segment.Length >= 1)
                {
                    OutOfOrder.Add(k);
                }

                if (!inCut && segment.Length >= 2 * SmallestMotion)
                {
                    _paces.Add(shown - position);
                }
            }
        }

        float[] due = Between(source, own, position);
        bool free = _allowHeld || !ownTime || (position > 0 && inCut);
        if (_previous is { } last && !free && !last.Free)
        {
            double expected = Math.Sqrt(SquaredDistance(due, last.Due));
            double found = Math.Sqrt(SquaredDistance(picture, last.Picture));
            if (expected >= 3 && found < 0.1 * expected)
            {
                Doubled.Add(k);
            }
        }

        double at = position > 0 ? segments[own].Nearest(0, 1) : 0;
        _previous = new Previous(index, position > 0, at, picture, due, _allowHeld || !ownTime || (inCut && position > 0));
    }

    private static bool Exceeds(double excessSquared, double motion)
    {
        double margin = Math.Max(SmallestExcess, ExcessShare * motion);
        return excessSquared > margin * margin;
    }

    // A step far larger than its neighbours is a cut that motion could explain by chance, or a flash: frames around it may be held.
    private static bool StandsOut(Segment[] segments, int at)
    {
        double[] others = [.. segments.Where((_, j) => j != at).Select(s => s.Length).Order()];
        return segments[at].Length > 10 && (others.Length == 0 || segments[at].Length > 3 * others[(others.Length - 1) / 2]);
    }

    private void Compare(long k, double error, bool fits)
    {
        RealCompared++;
        LargestRealError = Math.Max(LargestRealError, error);
        if (!fits || error > LargestOwnError)
        {
            Misplaced.Add(k);
        }
    }

    private static float[] Between(IReadOnlyList<SourcePicture> source, int own, double position)
    {
        byte[] a = source[own].Pixels;
        byte[] b = source[Math.Min(own + 1, source.Count - 1)].Pixels;
        float[] result = new float[a.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = (float)(a[i] + (position * (b[i] - a[i])));
        }

        return result;
    }

    private static double SquaredDistance(byte[] a, byte[] b)
    {
        long sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            int d = a[i] - b[i];
            sum += d * d;
        }

        return (double)sum / a.Length;
    }

    private static double SquaredDistance(float[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double d = a[i] - b[i];
            sum += d * d;
        }

        return sum / a.Length;
    }

    private sealed record Previous(int Index, bool Between, double Shown, byte[] Picture, float[] Due, bool Free);

    // P against the stretch from A to B: |P-A|^2, (P-A).(B-A), |B-A|^2, all means over the samples.
    private readonly record struct Segment(double ToStart, double Along, double SquaredLength)
    {
        public double Length => Math.Sqrt(SquaredLength);

        public static Segment Of(byte[] p, byte[] a, byte[] b)
        {
            long toStart = 0;
            long along = 0;
            long length = 0;
            for (int i = 0; i < p.Length; i++)
            {
                int pa = p[i] - a[i];
                int ba = b[i] - a[i];
                toStart += pa * pa;
                along += pa * ba;
                length += ba * ba;
            }

            return new Segment((double)toStart / p.Length, (double)along / p.Length, (double)length / p.Length);
        }

        public double Nearest(double from, double to) => SquaredLength == 0 ? from : Math.Clamp(Along / SquaredLength, from, to);

        public double Residual(double from, double to)
        {
            double u = Nearest(from, to);
            return ToStart - (2 * u * Along) + (u * u * SquaredLength);
        }
    }
}

/// <summary>Counts faults and remembers the first few.</summary>
internal sealed class FaultList
{
    private readonly List<long> _first = [];

    /// <summary>How many.</summary>
    public long Count { get; private set; }

    /// <summary>Records a fault at output frame <paramref name="k"/>.</summary>
    public void Add(long k)
    {
        Count++;
        if (_first.Count < 8)
        {
            _first.Add(k);
        }
    }

    /// <summary><c>0</c>, or <c>3 (frames 5, 10, 15)</c>.</summary>
    public override string ToString() => Count == 0 ? "0"
        : FormattableString.Invariant($"{Count} (frames {string.Join(", ", _first)}{(Count > _first.Count ? ", ..." : "")})");
}
