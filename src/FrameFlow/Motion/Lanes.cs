using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FrameFlow.Motion;

/// <summary>Rearrangements of eight-lane vectors.</summary>
internal static class Lanes
{
    /// <summary>Splits the 16 values of a then b into those at even and at odd places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Even, Vector256<float> Odd) Deinterleave(Vector256<float> a, Vector256<float> b)
    {
        if (Avx2.IsSupported)
        {
            Vector256<double> even = Avx.Shuffle(a, b, 0x88).AsDouble();
            Vector256<double> odd = Avx.Shuffle(a, b, 0xDD).AsDouble();
            return (Avx2.Permute4x64(even, 0xD8).AsSingle(), Avx2.Permute4x64(odd, 0xD8).AsSingle());
        }

        Vector256<int> gather = Vector256.Create(0, 2, 4, 6, 1, 3, 5, 7);
        a = Vector256.Shuffle(a, gather);
        b = Vector256.Shuffle(b, gather);
        return (Vector256.Create(a.GetLower(), b.GetLower()), Vector256.Create(a.GetUpper(), b.GetUpper()));
    }

    /// <summary>The inverse of <see cref="Deinterleave"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> First, Vector256<float> Second) Interleave(Vector256<float> even, Vector256<float> odd)
    {
        if (Avx2.IsSupported)
        {
            Vector256<float> low = Avx.UnpackLow(even, odd);
            Vector256<float> high = Avx.UnpackHigh(even, odd);
            return (Avx.Permute2x128(low, high, 0x20), Avx.Permute2x128(low, high, 0x31));
        }

        Vector256<int> spread = Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7);
        return (Vector256.Shuffle(Vector256.Create(even.GetLower(), odd.GetLower()), spread), Vector256.Shuffle(Vector256.Create(even.GetUpper(), odd.GetUpper()), spread));
    }

    /// <summary>In either half: a0 b0 a1 b1, and a2 b2 a3 b3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Low, Vector256<float> High) Unpack(Vector256<float> a, Vector256<float> b)
    {
        if (Avx.IsSupported)
        {
            return (Avx.UnpackLow(a, b), Avx.UnpackHigh(a, b));
        }

        (Vector256<float> first, Vector256<float> second) = Interleave(a, b);
        return (Vector256.Create(first.GetLower(), second.GetLower()), Vector256.Create(first.GetUpper(), second.GetUpper()));
    }

    /// <summary>Transposes the 4x4 values in the lower halves, and those in the upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Transpose(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        (Vector256<float> ac0, Vector256<float> ac1) = Unpack(a, c);
        (Vector256<float> bd0, Vector256<float> bd1) = Unpack(b, d);
        (Vector256<float> first, Vector256<float> second) = Unpack(ac0, bd0);
        (Vector256<float> third, Vector256<float> fourth) = Unpack(ac1, bd1);
        return (first, second, third, fourth);
    }

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        if (Avx.IsSupported)
        {
            Vector256<float> sums = Avx.HorizontalAdd(Avx.HorizontalAdd(a, b), Avx.HorizontalAdd(c, d));
            return sums.GetLower() + sums.GetUpper();
        }

        return Vector128.Create(Vector256.Sum(a), Vector256.Sum(b), Vector256.Sum(c), Vector256.Sum(d));
    }

    /// <summary>Eight values from a table, by their places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector256<float> Gather(float* table, Vector256<int> places) => Avx2.IsSupported
        ? Avx2.GatherVector256(table, places, sizeof(float))
        : Vector256.Create(table[places[0]], table[places[1]], table[places[2]], table[places[3]], table[places[4]], table[places[5]], table[places[6]], table[places[7]]);

    /// <summary>Eight values from place x of a row of the given length; 0 beyond its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector256<float> Load(float* row, int x, int length)
    {
        return x + 8 <= length ? Vector256.Load(row + x) : Part(row, x, length);

        static Vector256<float> Part(float* row, int x, int length)
        {
            float* lanes = stackalloc float[8];
            new Span<float>(lanes, 8).Clear();
            for (int i = x; i < length; i++)
            {
                lanes[i - x] = row[i];
            }

            return Vector256.Load(lanes);
        }
    }

    /// <summary>Stores eight values at place x of a row of the given length, without those beyond its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store(Vector256<float> values, float* row, int x, int length)
    {
        if (x + 8 <= length)
        {
            values.Store(row + x);
        }
        else
        {
            Part(values, row, x, length);
        }

        static void Part(Vector256<float> values, float* row, int x, int length)
        {
            for (int i = x; i < length; i++)
            {
                row[i] = values[i - x];
            }
        }
    }

    /// <summary>x, x + 1, ... x + 7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> From(int x) => Vector256.Create((float)x) + Vector256.Create(0f, 1, 2, 3, 4, 5, 6, 7);
}
