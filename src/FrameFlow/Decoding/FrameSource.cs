using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using FFMpegCore;
using FFMpegCore.Exceptions;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Decoding;

/// <summary>
/// Decodes the source with ffmpeg, through FFMpegCore, into pooled frames. Frame i gets the i-th time of the scan's timeline. The decoder
/// runs ahead by a small bounded channel; whoever stops reading stops it, and no process outlives the reading.
/// </summary>
public sealed partial class FrameSource : IFrameSource
{
    // Frames that wait between the decoder and the reader: enough to overlap, few enough to stay within the memory plan.
    private const int Ahead = 2;

    private readonly MediaInfo _info;
    private readonly SourceScan _scan;
    private readonly FramePool _pool;
    private readonly DecodePlan _plan;
    private readonly TaskCompletionSource _health = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FrameRange _part;
    private readonly bool _beginsAtPart;
    private readonly string? _hardware;
    private int _isUsed;

    /// <summary>Prepares the source; nothing runs yet.</summary>
    /// <param name="info">What the probe found.</param>
    /// <param name="scan">What <see cref="SourceScanner"/> found with the same options.</param>
    /// <param name="options">The options of the scan.</param>
    /// <param name="pool">Lends frames of the scan's format; not owned.</param>
    /// <param name="part">The frames wanted, by their index in the scan's timeline; null for all.</param>
    /// <param name="mayStartInside">
    /// Whether decoding of a part may begin shortly before it rather than at the film's start. It is not done where filters or damage make a
    /// frame depend on what came long before it. A stream without real key frames may then decode to other pictures: compare them.
    /// </param>
    /// <exception cref="ArgumentException">The pool lends another format, or the part is empty or outside the film.</exception>
    public FrameSource(MediaInfo info, SourceScan scan, DecodeOptions options, FramePool pool, FrameRange? part = null, bool mayStartInside = false)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(scan);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pool);
        if (pool.Format != scan.Format)
        {
            throw new ArgumentException("The pool lends frames of another format than the scan states.", nameof(pool));
        }

        _info = info;
        _scan = scan;
        _pool = pool;
        _hardware = options.HardwareMethod;
        _part = part ?? new FrameRange(0, scan.Timeline.Count);
        if (_part.First < 0 || _part.End > scan.Timeline.Count || (_part.Count <= 0 && scan.Timeline.Count > 0))
        {
            throw new ArgumentException($"The film has {scan.Timeline.Count} frames, not {_part}.", nameof(part));
        }

        StreamInfo stream = info.Video ?? throw InputFaults.NoVideo(info.Path, info.Streams);
        _beginsAtPart = mayStartInside && _part.First > 0 && scan.Filters is null && scan.DroppedFrames.Count == 0 && scan.Damage.Count == 0;
        _plan = _beginsAtPart ? new DecodePlan(info, stream, options, scan.Timeline, _part) : new DecodePlan(info, stream, options);
    }

    /// <inheritdoc/>
    public VideoFormat Format => _scan.Format;

    /// <summary>Those in the channel and the one that is being filled.</summary>
    public int HeldFrames => Ahead + 1;

    /// <inheritdoc/>
    public Task Health => _health.Task;

    /// <inheritdoc/>
    /// <exception cref="FrameFlowException">Decoding failed, or gave other frames than the scan (<see cref="FaultKind.Decode"/>).</exception>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isUsed, 1) != 0)
        {
            throw new InvalidOperationException("A frame source is read once.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        using CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<Frame> channel = Channel.CreateBounded<Frame>(new BoundedChannelOptions(Ahead) { SingleReader = true, SingleWriter = true });
        using SemaphoreSlim room = new(Ahead);
        Task decoding = DecodeAsync(channel.Writer, room, stopping.Token);
        try
        {
            // Without a token, which would cost objects with every frame: the decoding ends by it, and with it the channel.
            while (await channel.Reader.WaitToReadAsync(CancellationToken.None))
            {
                while (channel.Reader.TryRead(out Frame? frame))
                {
                    room.Release();
                    if (cancellationToken.IsCancellationRequested)
                    {
                        frame.Dispose();
                        cancellationToken.ThrowIfCancellationRequested();
                    }

                    yield return frame;
                }
            }

            await EndAsync(decoding, cancellationToken);
        }
        finally
        {
            await stopping.CancelAsync();
            await decoding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (channel.Reader.TryRead(out Frame? frame))
            {
                frame.Dispose();
            }
        }
    }

    private async Task DecodeAsync(ChannelWriter<Frame> writer, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        try
        {
            using FFmpegStop stop = new(cancellationToken);
            string? complaint = null;
            RawFrameReceiver receiver = new(_pool, _scan, _part, _beginsAtPart, writer, room, cancellationToken);
            FFMpegArgumentProcessor processor = FFMpegArguments
                .FromFileInput(Quotable(_plan.Input), verifyExists: false, o => o
                    .WithCustomArgument("-hide_banner -nostats -nostdin -v " + (_scan.IsConcluded ? "level+warning" : "error"))
                    .WithCustomArgument(string.Join(' ', (string[])[.. _hardware is null ? [] : (string[])["-hwaccel", _hardware], .. _plan.InputOptions])))
                .OutputToPipe(receiver, o => o
                    .WithCustomArgument(string.Join(' ', _plan.OutputOptions))
                    .WithCustomArgument(DecodePlan.Chain(_plan.Trim, _scan.Conversion ?? (_hardware is null ? null : "format=" + _scan.RawPixelFormat), _scan.Filters) is { } filters ? $"-vf \"{filters}\"" : ""))
                .CancellableThrough(stop.Token, TimeSpan.Zero);
            if (_scan.IsConcluded)
            {
                processor.NotifyOnStandardError(line =>
                {
                    if (complaint is null && SourceScanner.ComplaintIn(line) is { } text)
                    {
                        complaint = text;
                        stop.Stop();
                    }
                });
            }

            // The token goes in above, where no grace is given: a decoder that waits for a full socket would not see a polite request.
            FFMpegResult result = await processor.ProcessAsynchronously(throwOnError: false, new FFOptions(), CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            if (complaint is not null && !receiver.HasMore)
            {
                throw Refuted(complaint);
            }

            receiver.ThrowIfFaulted();
            ThrowUnlessComplete(receiver, result, "ffmpeg " + processor.Arguments);
        }
        catch (FFMpegException e)
        {
            FrameFlowException fault = new(FaultKind.Decode, $"ffmpeg could not be run to decode '{_info.Path}' ({e.Message}); install ffmpeg 5.1 or newer (apt-get install ffmpeg).", e);
            _health.TrySetException(fault);
            throw fault;
        }
        catch (FrameFlowException e)
        {
            _health.TrySetException(e);
            throw;
        }
        finally
        {
            writer.TryComplete();
            _health.TrySetResult();
        }
    }

    // The caller is told of its own token, not of the one that is made here.
    private static async Task EndAsync(Task decoding, CancellationToken cancellationToken)
    {
        try
        {
            await decoding;
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("Decoding was cancelled.", e, cancellationToken);
        }
    }

    // FFMpegCore puts the path between quotes on one command line; backslashes count only in front of a quote.
    private static string Quotable(string path) => TrailingBackslashes().Replace(BackslashesAndQuote().Replace(path, "$1$1\\\""), "$1$1");

    [GeneratedRegex(@"(\\*)""")]
    private static partial Regex BackslashesAndQuote();

    [GeneratedRegex(@"(\\+)$")]
    private static partial Regex TrailingBackslashes();

    private FrameFlowException Refuted(string reason) =>
        new(FaultKind.Decode, $"'{_info.Path}' does not decode as its packets tell ({reason}); run it again.") { RefutesScan = true, CanRetry = true };

    private void ThrowUnlessComplete(RawFrameReceiver receiver, FFMpegResult result, string command)
    {
        if (_scan.IsConcluded && (receiver.HasMore || receiver.Received < receiver.Expected))
        {
            throw Refuted(string.Create(CultureInfo.InvariantCulture, $"{(receiver.HasMore ? "more than" : $"{receiver.Received} of")} {receiver.Expected} frames"));
        }

        int expected = receiver.Expected;
        string[] errors = [.. result.StandardError.TakeLast(20)];
        string output = command + "\n" + string.Join('\n', errors);
        if (receiver.HasMore)
        {
            if (_scan.Damage.Count == 0)
            {
                throw new FrameFlowException(FaultKind.Decode, string.Create(CultureInfo.InvariantCulture, $"Decoding '{_info.Path}' gave more than the {expected} frames that its scan found; was the file changed meanwhile? Run it again.")) { ToolOutput = output, CanRetry = true };
            }

            return;
        }

        // A damaged stretch may decode to a frame fewer from one run to the next; a decoder that died is never that.
        if (receiver.Received < expected && (!result.Success || _scan.Damage.Count == 0))
        {
            string reason = errors.Length > 0 ? $" ({InputFaults.LastReason(_info.Path, errors)})" : "";
            throw new FrameFlowException(FaultKind.Decode, string.Create(CultureInfo.InvariantCulture, $"Decoding '{_info.Path}' ended after {receiver.Received} of {expected} frames{reason}; run it again, and check the file if it happens there again.")) { ToolOutput = output, CanRetry = true };
        }
    }
}
