using System.Threading.Tasks.Sources;

namespace FrameFlow.Encoding;

/// <summary>
/// Writes native memory into a stream from a thread of its own. A frame is some fifteen times what a socket holds: one blocking call writes it all, where an asynchronous one
/// is woken, and makes objects, every time that the socket has room. What comes after a write goes on on that thread until it waits for something else.
/// </summary>
internal sealed class BlockingWriter : IValueTaskSource<bool>, IDisposable
{
    private readonly Stream _stream;
    private readonly SemaphoreSlim _given = new(0);
    private ManualResetValueTaskSourceCore<bool> _written;
    private ReadOnlyMemory<byte> _prefix;
    private nint _address;
    private int _length;
    private bool _ended;

    /// <summary>Starts the thread.</summary>
    /// <param name="stream">Where all goes; not owned. Whoever breaks it ends a write that waits.</param>
    public BlockingWriter(Stream stream)
    {
        _stream = stream;
        new Thread(Run) { IsBackground = true, Name = "FrameFlow writer" }.Start();
    }

    /// <summary>Writes, one call at a time.</summary>
    /// <param name="prefix">What goes before the native memory.</param>
    /// <param name="address">The native memory's first byte; stays the caller's, as the prefix does, and untouched until the task ends.</param>
    /// <param name="length">Bytes of native memory.</param>
    /// <returns>False where the stream is broken.</returns>
    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> prefix, nint address, int length)
    {
        _written.Reset();
        (_prefix, _address, _length) = (prefix, address, length);
        _given.Release();
        return new(this, _written.Version);
    }

    /// <summary>Ends the thread; no write may be under way.</summary>
    public void Dispose()
    {
        _ended = true;
        _given.Release();
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _written.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _written.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _written.OnCompleted(continuation, state, token, flags);

    private void Run()
    {
        for (_given.Wait(); !_ended; _given.Wait())
        {
            Exception? fault = null;
            bool isBroken = false;
            try
            {
                Write();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                isBroken = true;
            }
            catch (Exception e)
            {
                fault = e;
            }

            if (fault is null)
            {
                _written.SetResult(!isBroken);
            }
            else
            {
                _written.SetException(fault);
            }
        }

        _given.Dispose();
    }

    private unsafe void Write()
    {
        if (!_prefix.IsEmpty)
        {
            _stream.Write(_prefix.Span);
        }

        _stream.Write(new ReadOnlySpan<byte>((void*)_address, _length));
    }
}
