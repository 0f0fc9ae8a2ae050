using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace FrameFlow.Media;

/// <summary>
/// Owns native memory under a cap in bytes and lends it out in blocks. A returned block is kept for the next request of the same
/// size, so that a steady state allocates nothing. Thread-safe. Dispose it after every block has come back.
/// </summary>
public sealed class NativePool : IDisposable
{
    /// <summary>Alignment of every block in bytes: a cache line, and one AVX-512 vector.</summary>
    public const int Alignment = 64;

    private readonly ConcurrentDictionary<long, ConcurrentBag<nint>> _free = new();
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
        ObjectDisposedException.ThrowIf(_disposed, this);
        long size = (bytes + Alignment - 1) / Alignment * Alignment;
        if (!_free.TryGetValue(size, out ConcurrentBag<nint>? bag) || !bag.TryTake(out nint address))
        {
            Reserve(size);
            try
            {
                address = (nint)NativeMemory.AlignedAlloc((nuint)size, Alignment);
            }
            catch (OutOfMemoryException e)
            {
                Interlocked.Add(ref _reservedBytes, -size);
                throw new FrameFlowException(FaultKind.Usage, $"The system has no memory for {size:N0} bytes more; give a smaller --memory or free some.", e) { CanRetry = true, IsOutOfMemory = true };
            }
        }

        Interlocked.Increment(ref _liveBlocks);
        return new NativeBlock(this, address, size);
    }

    /// <summary>Frees what is kept. Blocks still lent out free themselves when they are disposed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        Trim();
    }

    internal unsafe void Return(nint address, long size)
    {
        Interlocked.Decrement(ref _liveBlocks);
        lock (_gate)
        {
            if (!_disposed)
            {
                _free.GetOrAdd(size, static _ => []).Add(address);
                return;
            }
        }

        NativeMemory.AlignedFree((void*)address);
        Interlocked.Add(ref _reservedBytes, -size);
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

    private unsafe void Trim()
    {
        foreach ((long size, ConcurrentBag<nint> bag) in _free)
        {
            while (bag.TryTake(out nint address))
            {
                NativeMemory.AlignedFree((void*)address);
                Interlocked.Add(ref _reservedBytes, -size);
            }
        }
    }
}

/// <summary>A block of native memory lent by a <see cref="NativePool"/>; disposing gives it back, once.</summary>
public sealed class NativeBlock : IDisposable
{
    private readonly NativePool _pool;
    private nint _address;

    internal NativeBlock(NativePool pool, nint address, long bytes)
    {
        _pool = pool;
        _address = address;
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
            nint address = _address;
            ObjectDisposedException.ThrowIf(address == 0, this);
            return address;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            _pool.Return(address, Bytes);
        }
    }
}
