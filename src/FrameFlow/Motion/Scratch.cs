using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>One block of pooled memory, handed out piece by piece, given back as a whole.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private const int AlignmentFloats = NativePool.Alignment / sizeof(float);
    private readonly NativeBlock _block;
    private readonly long _capacity;
    private long _used;

    /// <summary>Rents room for so many floats; every piece that is taken may cost up to 15 more.</summary>
    public Scratch(NativePool pool, long floats)
    {
        _capacity = floats;
        _block = pool.Rent(floats * sizeof(float));
    }

    /// <summary>How many floats a piece of the given length takes up.</summary>
    public static long Rounded(long floats) => (floats + AlignmentFloats - 1) / AlignmentFloats * AlignmentFloats;

    /// <summary>The next piece, aligned to 64 bytes; content undefined.</summary>
    public float* Take(long floats)
    {
        long start = _used;
        _used += Rounded(floats);
        if (_used > _capacity)
        {
            throw new InvalidOperationException($"Scratch of {_capacity} floats is too small for {_used}.");
        }

        return (float*)_block.Address + start;
    }

    /// <summary>Takes every piece back; their content is lost.</summary>
    public void Clear() => _used = 0;

    public void Dispose() => _block.Dispose();
}
