using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>One block of pooled memory, handed out piece by piece, given back as a whole.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private const int AlignmentFloats = NativePool.Alignment / sizeof(float);
    private NativeBlock? _block; // null once disposed
    private long _capacity;
    private long _used;

    private Scratch()
    {
    }

    /// <summary>Rents room for so many floats; every piece that is taken may cost up to 15 more. The object serves again once it was disposed.</summary>
    public static Scratch Rent(NativePool pool, long floats)
    {
        NativeBlock block = pool.Rent(floats * sizeof(float));
        Scratch scratch = pool.TakeEnded<Scratch>() ?? new Scratch();
        (scratch._block, scratch._capacity, scratch._used) = (block, floats, 0);
        return scratch;
    }

    /// <summary>How many floats a piece of the given length takes up.</summary>
    public static long Rounded(long floats) => (floats + AlignmentFloats - 1) / AlignmentFloats * AlignmentFloats;

    /// <summary>The next piece, aligned to 64 bytes; content undefined.</summary>
    public float* Take(long floats)
    {
        ObjectDisposedException.ThrowIf(_block is null, this);
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

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _block, null) is { } block)
        {
            block.Dispose();
            block.Pool.KeepEnded(this);
        }
    }
}
