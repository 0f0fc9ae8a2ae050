using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FrameFlow.Motion;

/// <summary>
/// Variational refinement of a flow w at one scale, as Kroeger et al. 2016 (section 2.3) and OpenCV's VariationalRefinement have it:
/// the dw that minimises, with psi(s^2) = sqrt(s^2 + epsilon^2),
/// sum delta/2 psi(E_I) + gamma/2 psi(E_G) + alpha/2 psi(|grad u|^2 + |grad v|^2),
/// where E_I and E_G are the squared brightness and gradient differences, linearised at w and normalised by the gradients' norms
/// (Zimmer et al. 2011). The weights psi' lag one fixed-point iteration behind; the linear system is solved by successive over-relaxation
/// in red-black order (exact parallel order: red pixels see black ones and the other way round).
/// </summary>
/// <remarks>
/// Planes are split by colour: the pixel (x, y) lies in colour (x + y) mod 2 at place x / 2. Its vertical neighbours lie in the other
/// colour at the same place, its horizontal ones at places next to each other, so every access is a plain vector load.
/// </remarks>
internal readonly unsafe struct VariationalRefinement
{
    private const float Alpha = 20f;
    private const float Delta = 5f;
    private const float Gamma = 10f;
    private const float Omega = 1.6f;
    private const int RelaxationIterations = 5;
    private const float EpsilonSquared = 0.01f * 0.01f; // DISOpticalFlow's variational_refinement_epsilon, px or code values
    private const float ZetaSquared = 0.1f * 0.1f; // keeps the normalisation finite in flat places
    private const int Pad = 8;
    private const int SplitPlanes = 18;
    private const int NaturalPlanes = 4;

    private readonly int _width;
    private readonly int _height;
    private readonly int _stride; // of a split plane
    private readonly long _plane; // floats of a split plane
    private readonly int _naturalStride;
    private readonly float* _average;
    private readonly float* _difference;
    private readonly float* _slopeX;
    private readonly float* _slopeY;
    private readonly float* _base; // pixel place (0,0) of the first split plane

    /// <summary>Lays out the planes for one scale.</summary>
    public VariationalRefinement(int width, int height, Scratch scratch)
    {
        _width = width;
        _height = height;
        _stride = SplitStride(width);
        _plane = (long)_stride * (height + 2);
        _naturalStride = NaturalStride(width);
        long natural = (long)_naturalStride * (height + 2);
        long origin = _naturalStride + Pad;
        _average = scratch.Take(natural) + origin;
        _difference = scratch.Take(natural) + origin;
        _slopeX = scratch.Take(natural) + origin;
        _slopeY = scratch.Take(natural) + origin;
        float* split = scratch.Take(2 * SplitPlanes * _plane);
        // Padding takes part in vector arithmetic: it must hold numbers, and zero weights and increments.
        NativeMemory.Clear(split, (nuint)(2 * SplitPlanes * _plane * sizeof(float)));
        _base = split + _stride + Pad;
    }

    private enum Quantity
    {
        Ix,
        Iy,
        Iz,
        Ixx,
        Ixy,
        Iyy,
        Ixz,
        Iyz,
        FlowX,
        FlowY,
        IncrementX,
        IncrementY,
        Smoothness,
        A12,
        RelaxX,
        RelaxY,
        B1,
        B2,
    }

    /// <summary>Floats of scratch that one scale takes.</summary>
    public static long ScratchLength(int width, int height)
    {
        long natural = Scratch.Rounded((long)NaturalStride(width) * (height + 2));
        return (NaturalPlanes * natural) + Scratch.Rounded(2L * SplitPlanes * SplitStride(width) * (height + 2));
    }

    /// <summary>Refines a flow in place.</summary>
    /// <param name="from">Frame 0 at this scale.</param>
    /// <param name="to">Frame 1 at this scale.</param>
    /// <param name="flowX">x, rows <paramref name="flowStride"/> (a multiple of 8, padding included) apart.</param>
    /// <param name="flowY">y.</param>
    /// <param name="flowStride">Distance of rows.</param>
    /// <param name="iterations">Fixed-point iterations.</param>
    public void Run(in PyramidLevel from, in PyramidLevel to, float* flowX, float* flowY, int flowStride, int iterations)
    {
        WarpAndDifference(from, to, flowX, flowY, flowStride);
        DeriveX(_average, _slopeX, Quantity.Ix);
        DeriveY(_average, _slopeY, Quantity.Iy);
        DeriveX(_difference, null, Quantity.Ixz);
        DeriveY(_difference, null, Quantity.Iyz);
        DeriveX(_slopeX, null, Quantity.Ixx);
        DeriveY(_slopeX, null, Quantity.Ixy);
        DeriveY(_slopeY, null, Quantity.Iyy);
        for (int y = 0; y < _height; y++)
        {
            SplitRow(_difference + ((long)y * _naturalStride), y, Quantity.Iz);
            SplitRow(flowX + ((long)y * flowStride), y, Quantity.FlowX);
            SplitRow(flowY + ((long)y * flowStride), y, Quantity.FlowY);
        }

        for (int iteration = 0; iteration < iterations; iteration++)
        {
            for (int y = 0; y < _height; y++)
            {
                SmoothnessRow(y, 0);
                SmoothnessRow(y, 1);
                SystemRow(y, 0);
                SystemRow(y, 1);
            }

            // All half sweeps at once, each a row behind the one before: the same result as one after the other, in a few cached rows.
            const int HalfSweeps = 2 * RelaxationIterations;
            for (int front = 0; front < _height + HalfSweeps - 1; front++)
            {
                for (int half = Math.Max(0, front - _height + 1); half <= Math.Min(front, HalfSweeps - 1); half++)
                {
                    RelaxRow(front - half, half & 1);
                }
            }
        }

        for (int y = 0; y < _height; y++)
        {
            MergeRow(y, Quantity.FlowX, Quantity.IncrementX, flowX + ((long)y * flowStride));
            MergeRow(y, Quantity.FlowY, Quantity.IncrementY, flowY + ((long)y * flowStride));
        }
    }

    private static int SplitStride(int width) => ((((width + 1) / 2) + 7) & ~7) + (2 * Pad);

    private static int NaturalStride(int width) => ((width + 15) & ~15) + (2 * Pad);

    /// <summary>Row y of a quantity in one colour.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float* Row(Quantity quantity, int colour, int y) => _base + (((2 * (int)quantity) + colour) * _plane) + ((long)y * _stride);

    /// <summary>I_z = I1(p + w) - I0(p) and the average of both, bilinear, both with a border of one replicated pixel.</summary>
    private void WarpAndDifference(in PyramidLevel from, in PyramidLevel to, float* flowX, float* flowY, int flowStride)
    {
        Vector256<float> iota = Vector256.Create(0f, 1, 2, 3, 4, 5, 6, 7);
        Vector256<float> right = Vector256.Create(_width - 1f);
        Vector256<float> bottom = Vector256.Create(_height - 1f);
        float* corners = stackalloc float[32];
        int* places = stackalloc int[8];
        for (int y = 0; y < _height; y++)
        {
            float* template = from.Image + ((long)y * from.Stride);
            float* average = _average + ((long)y * _naturalStride);
            float* difference = _difference + ((long)y * _naturalStride);
            for (int x = 0; x < _width; x += 8)
            {
                Vector256<float> px = Vector256.Load(flowX + ((long)y * flowStride) + x) + (iota + Vector256.Create((float)x));
                Vector256<float> py = Vector256.Load(flowY + ((long)y * flowStride) + x) + Vector256.Create((float)y);
                px = Vector256.MaxNative(Vector256.MinNative(px, right), Vector256<float>.Zero);
                py = Vector256.MaxNative(Vector256.MinNative(py, bottom), Vector256<float>.Zero);
                Vector256<float> left = Vector256.Floor(px);
                Vector256<float> top = Vector256.Floor(py);
                Vector256<float> fx = px - left;
                Vector256<float> fy = py - top;
                Vector256<int> place = (Vector256.ConvertToInt32Native(top) * to.Stride) + Vector256.ConvertToInt32Native(left);
                place.Store(places);
                for (int i = 0; i < 8; i++)
                {
                    float* corner = to.Image + places[i];
                    corners[i] = corner[0];
                    corners[8 + i] = corner[1];
                    corners[16 + i] = corner[to.Stride];
                    corners[24 + i] = corner[to.Stride + 1];
                }

                Vector256<float> a = Vector256.Load(corners);
                Vector256<float> b = Vector256.Load(corners + 16);
                a = Vector256.FusedMultiplyAdd(fx, Vector256.Load(corners + 8) - a, a);
                b = Vector256.FusedMultiplyAdd(fx, Vector256.Load(corners + 24) - b, b);
                Vector256<float> warped = Vector256.FusedMultiplyAdd(fy, b - a, a);
                Vector256<float> original = Vector256.Load(template + x);
                ((original + warped) * 0.5f).Store(average + x);
                (warped - original).Store(difference + x);
            }

            Replicate(average);
            Replicate(difference);
        }

        ReplicateRows(_average);
        ReplicateRows(_difference);
    }

    private void Replicate(float* row)
    {
        row[-1] = row[0];
        row[_width] = row[_width - 1];
    }

    private void ReplicateRows(float* plane)
    {
        int bytes = (_width + 2) * sizeof(float);
        Buffer.MemoryCopy(plane - 1, plane - _naturalStride - 1, bytes, bytes);
        float* last = plane + ((long)(_height - 1) * _naturalStride);
        Buffer.MemoryCopy(last - 1, last + _naturalStride - 1, bytes, bytes);
    }

    private void DeriveX(float* source, float* natural, Quantity quantity)
    {
        for (int y = 0; y < _height; y++)
        {
            float* row = source + ((long)y * _naturalStride);
            DeriveRow(row + 1, row - 1, natural == null ? null : natural + ((long)y * _naturalStride), y, quantity);
        }

        if (natural != null)
        {
            ReplicateRows(natural);
        }
    }

    private void DeriveY(float* source, float* natural, Quantity quantity)
    {
        for (int y = 0; y < _height; y++)
        {
            float* row = source + ((long)y * _naturalStride);
            DeriveRow(row + _naturalStride, row - _naturalStride, natural == null ? null : natural + ((long)y * _naturalStride), y, quantity);
        }

        if (natural != null)
        {
            ReplicateRows(natural);
        }
    }

    /// <summary>The difference of two rows (twice a derivative, as OpenCV's Sobel of size 1 is), split, and kept whole where asked for.</summary>
    private void DeriveRow(float* plus, float* minus, float* natural, int y, Quantity quantity)
    {
        float* even = Row(quantity, y & 1, y);
        float* odd = Row(quantity, (y & 1) ^ 1, y);
        for (int x = 0; x < _width; x += 16)
        {
            Vector256<float> first = Vector256.Load(plus + x) - Vector256.Load(minus + x);
            Vector256<float> second = Vector256.Load(plus + x + 8) - Vector256.Load(minus + x + 8);
            if (natural != null)
            {
                first.Store(natural + x);
                second.Store(natural + x + 8);
            }

            (Vector256<float> e, Vector256<float> o) = Lanes.Deinterleave(first, second);
            Keep(e, x, 0).Store(even + (x / 2));
            Keep(o, x, 1).Store(odd + (x / 2));
        }

        if (natural != null)
        {
            Replicate(natural);
        }
    }

    private void SplitRow(float* source, int y, Quantity quantity)
    {
        float* even = Row(quantity, y & 1, y);
        float* odd = Row(quantity, (y & 1) ^ 1, y);
        for (int x = 0; x < _width; x += 16)
        {
            (Vector256<float> e, Vector256<float> o) = Lanes.Deinterleave(Vector256.Load(source + x), Vector256.Load(source + x + 8));
            Keep(e, x, 0).Store(even + (x / 2));
            Keep(o, x, 1).Store(odd + (x / 2));
        }
    }

    /// <summary>Zero where the pixel x + 2 lane + parity lies beyond the row: there the source is anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<float> Keep(Vector256<float> values, int x, int parity) => x + 16 <= _width ? values : values & Before(x + parity, _width);

    /// <summary>All bits set in the lanes whose pixel first + 2 lane is below the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Before(int first, int end) =>
        Vector256.LessThan(Vector256.Create(0, 2, 4, 6, 8, 10, 12, 14), Vector256.Create(end - first)).AsSingle();

    private void MergeRow(int y, Quantity flow, Quantity increment, float* destination)
    {
        float* evenFlow = Row(flow, y & 1, y);
        float* oddFlow = Row(flow, (y & 1) ^ 1, y);
        float* evenIncrement = Row(increment, y & 1, y);
        float* oddIncrement = Row(increment, (y & 1) ^ 1, y);
        for (int x = 0; x < _width; x += 16)
        {
            int k = x / 2;
            (Vector256<float> first, Vector256<float> second) = Lanes.Interleave(
                Vector256.Load(evenFlow + k) + Vector256.Load(evenIncrement + k), Vector256.Load(oddFlow + k) + Vector256.Load(oddIncrement + k));
            first.Store(destination + x);
            second.Store(destination + x + 8);
        }
    }

    /// <summary>The smoothness weight alpha/2 psi' of a pixel: it weighs the edges to its right and its lower neighbour.</summary>
    private void SmoothnessRow(int y, int colour)
    {
        int parity = (colour + y) & 1;
        int other = colour ^ 1;
        bool hasBelow = y + 1 < _height;
        float* weight = Row(Quantity.Smoothness, colour, y);
        float* u = Row(Quantity.FlowX, colour, y);
        float* v = Row(Quantity.FlowY, colour, y);
        float* du = Row(Quantity.IncrementX, colour, y);
        float* dv = Row(Quantity.IncrementY, colour, y);
        float* rightU = Row(Quantity.FlowX, other, y) + parity;
        float* rightV = Row(Quantity.FlowY, other, y) + parity;
        float* rightDu = Row(Quantity.IncrementX, other, y) + parity;
        float* rightDv = Row(Quantity.IncrementY, other, y) + parity;
        int below = hasBelow ? y + 1 : y;
        float* belowU = Row(Quantity.FlowX, hasBelow ? other : colour, below);
        float* belowV = Row(Quantity.FlowY, hasBelow ? other : colour, below);
        float* belowDu = Row(Quantity.IncrementX, hasBelow ? other : colour, below);
        float* belowDv = Row(Quantity.IncrementY, hasBelow ? other : colour, below);
        Vector256<float> epsilon = Vector256.Create(EpsilonSquared);
        Vector256<float> alpha = Vector256.Create(Alpha / 2);
        int count = (_width - parity + 1) / 2;
        for (int k = 0; k < count; k += 8)
        {
            Vector256<float> fullU = Vector256.Load(u + k) + Vector256.Load(du + k);
            Vector256<float> fullV = Vector256.Load(v + k) + Vector256.Load(dv + k);
            Vector256<float> hasRight = Before((2 * k) + parity + 1, _width);
            Vector256<float> ux = (Vector256.Load(rightU + k) + Vector256.Load(rightDu + k) - fullU) & hasRight;
            Vector256<float> vx = (Vector256.Load(rightV + k) + Vector256.Load(rightDv + k) - fullV) & hasRight;
            Vector256<float> uy = Vector256.Load(belowU + k) + Vector256.Load(belowDu + k) - fullU;
            Vector256<float> vy = Vector256.Load(belowV + k) + Vector256.Load(belowDv + k) - fullV;
            Vector256<float> square = Vector256.FusedMultiplyAdd(ux, ux, Vector256.FusedMultiplyAdd(vx, vx, Vector256.FusedMultiplyAdd(uy, uy, Vector256.FusedMultiplyAdd(vy, vy, epsilon))));
            (alpha / Vector256.Sqrt(square)).Store(weight + k);
        }
    }

    /// <summary>The 2x2 system of every pixel of a row: data terms at the present increment, plus the smoothness at w.</summary>
    private void SystemRow(int y, int colour)
    {
        int parity = (colour + y) & 1;
        int other = colour ^ 1;
        float* ixRow = Row(Quantity.Ix, colour, y);
        float* incrementX = Row(Quantity.IncrementX, colour, y);
        float* incrementY = Row(Quantity.IncrementY, colour, y);
        float* smoothness = Row(Quantity.Smoothness, colour, y);
        float* smoothnessLeft = Row(Quantity.Smoothness, other, y) + parity - 1;
        float* smoothnessAbove = Row(Quantity.Smoothness, other, y - 1);
        float* flowX = Row(Quantity.FlowX, colour, y);
        float* flowY = Row(Quantity.FlowY, colour, y);
        float* sideX = Row(Quantity.FlowX, other, y) + parity;
        float* sideY = Row(Quantity.FlowY, other, y) + parity;
        float* aboveX = Row(Quantity.FlowX, other, y - 1);
        float* aboveY = Row(Quantity.FlowY, other, y - 1);
        float* belowX = Row(Quantity.FlowX, other, y + 1);
        float* belowY = Row(Quantity.FlowY, other, y + 1);
        float* a12Row = Row(Quantity.A12, colour, y);
        float* relaxX = Row(Quantity.RelaxX, colour, y);
        float* relaxY = Row(Quantity.RelaxY, colour, y);
        float* b1Row = Row(Quantity.B1, colour, y);
        float* b2Row = Row(Quantity.B2, colour, y);
        long quantity = 2 * _plane;
        Vector256<float> zeta = Vector256.Create(ZetaSquared);
        Vector256<float> epsilon = Vector256.Create(EpsilonSquared);
        Vector256<float> belowMask = y + 1 < _height ? Vector256<float>.AllBitsSet : Vector256<float>.Zero;
        int count = (_width - parity + 1) / 2;
        for (int k = 0; k < count; k += 8)
        {
            Vector256<float> du = Vector256.Load(incrementX + k);
            Vector256<float> dv = Vector256.Load(incrementY + k);

            // Brightness constancy: delta/2 psi'(E_I) / (Ix^2 + Iy^2 + zeta^2).
            Vector256<float> ix = Vector256.Load(ixRow + k);
            Vector256<float> iy = Vector256.Load(ixRow + quantity + k);
            Vector256<float> iz = Vector256.Load(ixRow + (2 * quantity) + k);
            Vector256<float> norm = Vector256<float>.One / Vector256.FusedMultiplyAdd(ix, ix, Vector256.FusedMultiplyAdd(iy, iy, zeta));
            Vector256<float> error = Vector256.FusedMultiplyAdd(ix, du, Vector256.FusedMultiplyAdd(iy, dv, iz));
            Vector256<float> weight = norm * (Delta / 2) / Vector256.Sqrt(Vector256.FusedMultiplyAdd(error * error, norm, epsilon));
            Vector256<float> wx = weight * ix;
            Vector256<float> wy = weight * iy;
            Vector256<float> a11 = Vector256.FusedMultiplyAdd(wx, ix, zeta);
            Vector256<float> a12 = wx * iy;
            Vector256<float> a22 = Vector256.FusedMultiplyAdd(wy, iy, zeta);
            Vector256<float> b1 = -(wx * iz);
            Vector256<float> b2 = -(wy * iz);

            // Gradient constancy: gamma/2 psi'(E_G), each component with its own norm.
            Vector256<float> ixx = Vector256.Load(ixRow + (3 * quantity) + k);
            Vector256<float> ixy = Vector256.Load(ixRow + (4 * quantity) + k);
            Vector256<float> iyy = Vector256.Load(ixRow + (5 * quantity) + k);
            Vector256<float> ixz = Vector256.Load(ixRow + (6 * quantity) + k);
            Vector256<float> iyz = Vector256.Load(ixRow + (7 * quantity) + k);
            Vector256<float> cross = Vector256.FusedMultiplyAdd(ixy, ixy, zeta);
            Vector256<float> norm1 = Vector256<float>.One / Vector256.FusedMultiplyAdd(ixx, ixx, cross);
            Vector256<float> norm2 = Vector256<float>.One / Vector256.FusedMultiplyAdd(iyy, iyy, cross);
            Vector256<float> errorX = Vector256.FusedMultiplyAdd(ixx, du, Vector256.FusedMultiplyAdd(ixy, dv, ixz));
            Vector256<float> errorY = Vector256.FusedMultiplyAdd(ixy, du, Vector256.FusedMultiplyAdd(iyy, dv, iyz));
            weight = Vector256.Create(Gamma / 2) / Vector256.Sqrt(Vector256.FusedMultiplyAdd(errorX * errorX, norm1, Vector256.FusedMultiplyAdd(errorY * errorY, norm2, epsilon)));
            norm1 *= weight;
            norm2 *= weight;
            Vector256<float> xx1 = ixx * norm1;
            Vector256<float> xy1 = ixy * norm1;
            Vector256<float> xy2 = ixy * norm2;
            Vector256<float> yy2 = iyy * norm2;
            a11 = Vector256.FusedMultiplyAdd(xx1, ixx, Vector256.FusedMultiplyAdd(xy2, ixy, a11));
            a12 = Vector256.FusedMultiplyAdd(xx1, ixy, Vector256.FusedMultiplyAdd(xy2, iyy, a12));
            a22 = Vector256.FusedMultiplyAdd(xy1, ixy, Vector256.FusedMultiplyAdd(yy2, iyy, a22));
            b1 -= Vector256.FusedMultiplyAdd(xx1, ixz, xy2 * iyz);
            b2 -= Vector256.FusedMultiplyAdd(xy1, ixz, yy2 * iyz);

            // Smoothness: div(alpha/2 psi' grad(w + dw)); an edge to the outside does not exist (natural boundary).
            Vector256<float> own = Vector256.Load(smoothness + k);
            Vector256<float> toRight = own & Before((2 * k) + parity + 1, _width);
            Vector256<float> toBelow = own & belowMask;
            Vector256<float> toLeft = Vector256.Load(smoothnessLeft + k);
            Vector256<float> toAbove = Vector256.Load(smoothnessAbove + k);
            Vector256<float> edges = toRight + toBelow + (toLeft + toAbove);
            a11 += edges;
            a22 += edges;
            Vector256<float> u = Vector256.Load(flowX + k);
            Vector256<float> v = Vector256.Load(flowY + k);
            b1 += (toRight * (Vector256.Load(sideX + k) - u)) + (toLeft * (Vector256.Load(sideX + k - 1) - u)) + (toBelow * (Vector256.Load(belowX + k) - u)) + (toAbove * (Vector256.Load(aboveX + k) - u));
            b2 += (toRight * (Vector256.Load(sideY + k) - v)) + (toLeft * (Vector256.Load(sideY + k - 1) - v)) + (toBelow * (Vector256.Load(belowY + k) - v)) + (toAbove * (Vector256.Load(aboveY + k) - v));

            Vector256<float> valid = Before((2 * k) + parity, _width);
            Vector256<float> omega = Vector256.Create(Omega) & valid;
            a12.Store(a12Row + k);
            (omega / a11).Store(relaxX + k);
            (omega / a22).Store(relaxY + k);
            b1.Store(b1Row + k);
            b2.Store(b2Row + k);
        }
    }

    /// <summary>One half sweep of the over-relaxation over one row.</summary>
    private void RelaxRow(int y, int colour)
    {
        int parity = (colour + y) & 1;
        int other = colour ^ 1;
        float* incrementX = Row(Quantity.IncrementX, colour, y);
        float* incrementY = Row(Quantity.IncrementY, colour, y);
        float* sideX = Row(Quantity.IncrementX, other, y) + parity;
        float* sideY = Row(Quantity.IncrementY, other, y) + parity;
        float* aboveX = Row(Quantity.IncrementX, other, y - 1);
        float* aboveY = Row(Quantity.IncrementY, other, y - 1);
        float* belowX = Row(Quantity.IncrementX, other, y + 1);
        float* belowY = Row(Quantity.IncrementY, other, y + 1);
        float* smoothness = Row(Quantity.Smoothness, colour, y);
        float* smoothnessLeft = Row(Quantity.Smoothness, other, y) + parity - 1;
        float* smoothnessAbove = Row(Quantity.Smoothness, other, y - 1);
        float* a12Row = Row(Quantity.A12, colour, y);
        float* relaxX = Row(Quantity.RelaxX, colour, y);
        float* relaxY = Row(Quantity.RelaxY, colour, y);
        float* b1 = Row(Quantity.B1, colour, y);
        float* b2 = Row(Quantity.B2, colour, y);
        Vector256<float> keep = Vector256.Create(1 - Omega);
        int count = (_width - parity + 1) / 2;
        for (int k = 0; k < count; k += 8)
        {
            Vector256<float> own = Vector256.Load(smoothness + k);
            Vector256<float> left = Vector256.Load(smoothnessLeft + k);
            Vector256<float> above = Vector256.Load(smoothnessAbove + k);
            Vector256<float> a12 = Vector256.Load(a12Row + k);
            Vector256<float> u = Vector256.Load(incrementX + k);
            Vector256<float> v = Vector256.Load(incrementY + k);
            Vector256<float> sumX = Vector256.FusedMultiplyAdd(own, Vector256.Load(sideX + k) + Vector256.Load(belowX + k), Vector256.Load(b1 + k));
            Vector256<float> sumY = Vector256.FusedMultiplyAdd(own, Vector256.Load(sideY + k) + Vector256.Load(belowY + k), Vector256.Load(b2 + k));
            sumX = Vector256.FusedMultiplyAdd(left, Vector256.Load(sideX + k - 1), Vector256.FusedMultiplyAdd(above, Vector256.Load(aboveX + k), sumX));
            sumY = Vector256.FusedMultiplyAdd(left, Vector256.Load(sideY + k - 1), Vector256.FusedMultiplyAdd(above, Vector256.Load(aboveY + k), sumY));
            u = Vector256.FusedMultiplyAdd(sumX - (a12 * v), Vector256.Load(relaxX + k), u * keep);
            v = Vector256.FusedMultiplyAdd(sumY - (a12 * u), Vector256.Load(relaxY + k), v * keep);
            u.Store(incrementX + k);
            v.Store(incrementY + k);
        }
    }
}
