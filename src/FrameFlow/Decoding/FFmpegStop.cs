namespace FrameFlow.Decoding;

/// <summary>
/// Stops a process that FFMpegCore runs (<c>CancellableThrough</c>) when a token is cancelled. FFMpegCore asks ffmpeg to quit by its standard input, inside the call that cancels:
/// where the process ended just now that pipe is broken, and whoever cancelled, for another reason, would be told of it. Nothing is lost then, and nobody is told.
/// </summary>
internal sealed class FFmpegStop : IDisposable
{
    private readonly CancellationTokenSource _process = new();
    private readonly CancellationTokenRegistration _asked;

    /// <summary>Waits for a token.</summary>
    /// <param name="cancellationToken">What stops the process.</param>
    public FFmpegStop(CancellationToken cancellationToken) => _asked = cancellationToken.Register(Stop);

    /// <summary>The process's own token.</summary>
    public CancellationToken Token => _process.Token;

    /// <summary>Ends the waiting; the process runs on.</summary>
    public void Dispose()
    {
        _asked.Dispose();
        _process.Dispose();
    }

    /// <summary>Stops the process, if it runs still.</summary>
    public void Stop()
    {
        try
        {
            _process.Cancel();
        }
        catch (AggregateException e) when (e.Flatten().InnerExceptions.All(i => i is IOException or InvalidOperationException))
        {
            // It is gone already.
        }
        catch (ObjectDisposedException)
        {
            // So is whoever waited for it.
        }
    }
}
