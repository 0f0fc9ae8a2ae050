using System.Runtime.InteropServices;

namespace FrameFlow.Media;

/// <summary>
/// Owns native memory under a cap in bytes and lends it out in blocks. A returned block is kept for the next request of the same
/// size, and so are the objects that stand for blocks, frames, tensors and what is made of them: a steady state allocates nothing, neither native nor managed. Thread-safe.
/// Dispose it after every block has come back.
/// </summary>
public sealed class NativePool : IDisposable
{
    /// <summary>Alignment of every block in bytes: a cache line, and one AVX-512 vector.</summary>
    public const int Alignment = 64;

    // So many objects of a kind end before one serves again. Whoever disposes a frame twice, or reads one that it gave away, is
    // found out in the meantime as if objects were never used again.
    private const int Quarantine = 64;

    private readonly Dictionary<long, Stack<NativeBlock>> _free = [];
    private readonly Dictionary<Type, Queue<object>> _ended = [];
    private readonly Lock _gate = new();
    private long _reservedBytes;
    private long _peakBytes;
    private long _liveBlocks;
    private bool _disposed;

    /// <summary>Creates a pool.</summary>
    /// <param name="limitBytes">The most that may be reserved, lent out or kept, at any time.</param>
    public NativePool(long limitBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limitBytes, 1);
        LimitBytes = limitBytes;
    }

    /// <summary>The cap in bytes.</summary>
    public long LimitBytes { get; }

    /// <summary>Bytes reserved from the system now, lent out or kept for reuse.</summary>
    public long ReservedBytes => Interlocked.Read(ref _reservedBytes);

    /// <summary>The highest <see cref="ReservedBytes"/> so far.</summary>
    public long PeakBytes => Interlocked.Read(ref _peakBytes);

    /// <summary>Blocks that are lent out now. 0 after a run, or something leaked.</summary>
    public long LiveBlocks => Interlocked.Read(ref _liveBlocks);

    /// <summary>Lends a block of at least <paramref name="bytes"/> bytes, aligned to <see cref="Alignment"/>; its content is undefined.</summary>
    /// <returns>A block that the caller owns and disposes.</returns>
    /// <exception cref="FrameFlowException">The cap would be passed, or the system has no memory (<see cref="FaultKind.Usage"/>).</exception>
    public unsafe NativeBlock Rent(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        long size = (bytes + Alignment - 1) / Alignment * Alignment;
        NativeBlock? block;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            block = _free.TryGetValue(size, out Stack<NativeBlock>? kept) && kept.TryPop(out NativeBlock? top) ? top : null;
        }

        if (block is null)
        {
            Reserve(size);
            try
            {
                block = new NativeBlock(this, (nint)NativeMemory.AlignedAlloc((nuint)size, Alignment), size);
            }
            catch (OutOfMemoryException e)
            {
                Interlocked.Add(ref _reservedBytes, -size);
                throw new FrameFlowException(FaultKind.Usage, $"The system has no memory for {size:N0} bytes more; give a smaller --memory or free some.", e) { CanRetry = true, IsOutOfMemory = true };
            }
        }

        Interlocked.Increment(ref _liveBlocks);
        block.Begin();
        return block;
    }

    /// <summary>Lends a tensor; its content is undefined.</summary>
    /// <param name="channels">C, at least 1.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <returns>A tensor [C,H,W] that the caller owns and disposes.</returns>
    /// <exception cref="FrameFlowException">As <see cref="Rent"/>.</exception>
    public FloatImage RentImage(int channels, int height, int width) =>
        FloatImage.Over(Rent(checked((long)channels * height * width * sizeof(float))), channels, height, width);

    /// <summary>Frees what is kept. Blocks still lent out free themselves when they are disposed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _ended.Clear();
        }

        Trim();
    }

    internal void Return(NativeBlock block)
    {
        Interlocked.Decrement(ref _liveBlocks);
        lock (_gate)
        {
            if (!_disposed)
            {
                if (!_free.TryGetValue(block.Bytes, out Stack<NativeBlock>? kept))
                {
                    _free.Add(block.Bytes, kept = []);
                }

                kept.Push(block);
                return;
            }
        }

        Free(block);
    }

    /// <summary>An object that ended, to serve again; null where none has rested long enough.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    internal T? TakeEnded<T>()
        where T : class
    {
        lock (_gate)
        {
            return _ended.TryGetValue(typeof(T), out Queue<object>? ended) && ended.Count > Quarantine ? (T)ended.Dequeue() : null;
        }
    }

    /// <summary>Keeps an object that ended, holds nothing any more, and will be another's.</summary>
    internal void KeepEnded(object ended)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            if (!_ended.TryGetValue(ended.GetType(), out Queue<object>? others))
            {
                _ended.Add(ended.GetType(), others = new());
            }

            others.Enqueue(ended);
        }
    }

    private void Reserve(long size)
    {
        long reserved = Interlocked.Add(ref _reservedBytes, size);
        if (reserved > LimitBytes)
        {
            // Kept blocks of other sizes may be in the way: give them back to the system before giving up.
            Trim();
            reserved = ReservedBytes;
            if (reserved > LimitBytes)
            {
                Interlocked.Add(ref _reservedBytes, -size);
                throw new FrameFlowException(FaultKind.Usage, $"The memory cap of {LimitBytes >> 20} MiB is too small for this work ({reserved >> 20} MiB needed at once); raise --memory or lower --threads.") { IsOutOfMemory = true };
            }
        }

        long peak;
        while ((peak = Interlocked.Read(ref _peakBytes)) < reserved && Interlocked.CompareExchange(ref _peakBytes, reserved, peak) != peak)
        {
        }
    }

    private void Trim()
    {
        lock (_gate)
        {
            foreach (Stack<NativeBlock> kept in _free.Values)
            {
                while (kept.TryPop(out NativeBlock? block))
                {
                    Free(block);
                }
            }
        }
    }

    private unsafe void Free(NativeBlock block)
    {
        NativeMemory.AlignedFree((void*)block.Memory);
        Interlocked.Add(ref _reservedBytes, -block.Bytes);
    }
}

/// <summary>
/// A block of native memory lent by a <see cref="NativePool"/>; disposing gives it back. The same object is lent again: whoever disposed it forgets it.
/// </summary>
public sealed class NativeBlock : IDisposable
{
    private int _isLent;
    private int _holders;

    internal NativeBlock(NativePool pool, nint memory, long bytes)
    {
        Pool = pool;
        Memory = memory;
        Bytes = bytes;
    }

    /// <summary>The size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The address of the first byte.</summary>
    /// <exception cref="ObjectDisposedException">The block was given back.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isLent == 0, this);
            return Memory;
        }
    }

    /// <summary>Where it came from.</summary>
    internal NativePool Pool { get; }

    /// <summary>The address, lent or not.</summary>
    internal nint Memory { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isLent, 0) != 0)
        {
            Pool.Return(this);
        }
    }

    /// <summary>It is lent, to one holder.</summary>
    internal void Begin()
    {
        _holders = 1;
        Volatile.Write(ref _isLent, 1);
    }

    /// <summary>One holder more, each of whom lets go once.</summary>
    internal void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less; the last one gives the block back.</summary>
    internal void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Dispose();
        }
    }
}
