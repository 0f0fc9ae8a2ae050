using System.Threading.Channels;
using FFMpegCore.Pipes;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// The receiving end of ffmpeg's raw video: cuts the bytes into frames, straight into pooled memory. It listens to the source's own token,
/// not FFMpegCore's: that one fires when the process ends, while the last bytes still wait in the socket.
/// </summary>
/// <param name="pool">Lends the frames.</param>
/// <param name="scan">What the scan found.</param>
/// <param name="part">The frames, by their index in the scan's timeline, that are handed over.</param>
/// <param name="beginsAtPart">Whether ffmpeg delivers that part alone; else it delivers all from the beginning, and what is outside the part is passed over.</param>
/// <param name="writer">Takes the frames.</param>
/// <param name="room">How many frames <paramref name="writer"/> has room for; whoever reads there releases it.</param>
/// <param name="stopping">Ends the receiving.</param>
internal sealed class RawFrameReceiver(FramePool pool, SourceScan scan, FrameRange part, bool beginsAtPart, ChannelWriter<Frame> writer, SemaphoreSlim room, CancellationToken stopping) : IPipeSink
{
    // More than any socket holds (Linux: some 200 KiB by default): what a decoder that is gone can still be owed.
    private const long InFlightBytes = 4 << 20;

    private readonly CancellationTokenSource _halted = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    private Exception? _fault;

    /// <summary>How many frames the scan saw decode, those left out included; of a part, up to its end.</summary>
    public int Expected { get; } = beginsAtPart ? (int)part.Count
        : part.End == scan.Timeline.Count ? scan.Timeline.Count + scan.DroppedFrames.Count
        : (int)part.End + CountDropped(scan.DroppedFrames, (int)part.End);

    /// <summary>How many whole frames came.</summary>
    public int Received { get; private set; }

    /// <summary>Whether bytes came behind the last expected frame.</summary>
    public bool HasMore { get; private set; }

    /// <inheritdoc/>
    public string GetStreamArguments() => $"-pix_fmt {scan.RawPixelFormat} -f rawvideo";

    /// <summary>Throws again what ended the receiving.</summary>
    public void ThrowIfFaulted()
    {
        if (_fault is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_fault);
        }
    }

    /// <inheritdoc/>
    public Task ReadAsync(Stream inputStream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(inputStream);

        // While a slow reader holds up this end, nothing is read that would tell that the decoder died.
        CancellationTokenRegistration ended = cancellationToken.Register(() =>
        {
            if (scan.Damage.Count == 0 && (Expected - Received - 1) * scan.Format.FrameBytes > InFlightBytes)
            {
                _halted.Cancel();
            }
        });

        // A frame of 1080p takes some fifty reads of the socket. Asynchronous ones allocate each, so one thread reads them blocking; it is
        // woken by the end of the process, which every way of stopping brings about.
        return Task.Factory.StartNew(
            () =>
            {
                using (_halted)
                using (ended)
                {
                    Receive(inputStream);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    private void Receive(Stream stream)
    {
        Frame? frame = null;
        try
        {
            int index = beginsAtPart ? (int)part.First : 0;
            int nextDropped = 0;
            while (Received < Expected)
            {
                bool isDropped = nextDropped < scan.DroppedFrames.Count && scan.DroppedFrames[nextDropped] == Received;
                frame ??= pool.Rent(Rational.Zero, index);
                if (!Fill(stream, frame.Bytes))
                {
                    return;
                }

                Received++;
                if (isDropped)
                {
                    nextDropped++;
                    continue;
                }

                if (index < part.First)
                {
                    index++;
                    continue;
                }

                frame.Time = scan.Timeline[index];
                frame.SourceIndex = index++;
                HandOver(frame);
                frame = null;
            }

            // Whoever wanted a part only does not wait for what is behind it.
            HasMore = (beginsAtPart || part.End == scan.Timeline.Count) && stream.Read(stackalloc byte[1]) > 0;
        }
        catch (OperationCanceledException) when (_halted.IsCancellationRequested)
        {
            // Returning closes the socket.
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The process died and FFMpegCore closed the socket: the count tells.
        }
        catch (FrameFlowException e)
        {
            _fault = e;
        }
        finally
        {
            frame?.Dispose();
        }
    }

    // Dropped frames are numbered in order of decoding: those that lie before the given index of the kept ones.
    private static int CountDropped(IReadOnlyList<int> dropped, int end)
    {
        int count = 0;
        while (count < dropped.Count && dropped[count] - count < end)
        {
            count++;
        }

        return count;
    }

    private bool Fill(Stream stream, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            stopping.ThrowIfCancellationRequested();
            int count = stream.Read(bytes);
            if (count == 0)
            {
                return false;
            }

            bytes = bytes[count..];
        }

        return true;
    }

    // The channel's own wait would allocate, and a thread that blocks needs no task.
    private void HandOver(Frame frame)
    {
        room.Wait(_halted.Token);
        if (!writer.TryWrite(frame))
        {
            throw new InvalidOperationException("A channel with room took no frame.");
        }
    }
}
