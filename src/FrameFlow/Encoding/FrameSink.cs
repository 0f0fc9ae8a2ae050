using System.Globalization;
using FFMpegCore;
using FFMpegCore.Exceptions;
using FFMpegCore.Pipes;
using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Encoding;

/// <summary>
/// Encodes frames into the <see cref="OutputFile"/>'s partial file through FFMpegCore, straight from native memory. It does not
/// publish: check the file with <see cref="OutputCheck"/>, then call <see cref="OutputFile.PublishAsync"/>. On a fault or a cancellation
/// the partial file is deleted.
/// </summary>
/// <param name="plan">What ffmpeg is told.</param>
/// <param name="output">Where it writes; stays the caller's to dispose.</param>
public sealed class FrameSink(EncodePlan plan, OutputFile output) : IFrameSink
{
    private const int KeptErrorLines = 60;

    // Ctrl-C in a terminal reaches ffmpeg as well as us, in either order.
    private static readonly TimeSpan SignalGrace = TimeSpan.FromMilliseconds(500);

    private readonly Queue<string> _errorLines = new();
    private readonly Lock _errorGate = new();
    private readonly List<int> _sources = [];
    private long _framesWritten;

    /// <inheritdoc/>
    public int HeldFrames => 1;

    /// <summary>Frames handed to the encoder so far.</summary>
    public long FramesWritten => Interlocked.Read(ref _framesWritten);

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">Cancelled; ffmpeg is killed.</exception>
    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        bool done = false;
        try
        {
            await EncodeAsync(frames, cancellationToken);
            done = true;
        }
        finally
        {
            if (!done)
            {
                output.Abandon();
            }
        }
    }

    private async Task EncodeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        output.Begin();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using FFmpegStop stopEncoder = new(stop.Token);
        FramePipe pipe = new(this, frames, stop);
        FFMpegArguments arguments = FFMpegArguments.FromPipeInput(pipe, o => o.WithCustomArgument(CommandLine.Join(["-hide_banner", "-loglevel", "warning", "-nostats"])));
        if (plan.SourceArguments is { } sourceArguments)
        {
            arguments = arguments.AddFileInput(
                CommandLine.Inner(Path.GetFullPath(plan.Request.Source.Path)),
                verifyExists: false,
                o =>
                {
                    if (sourceArguments.Count > 0)
                    {
                        o.WithCustomArgument(CommandLine.Join(sourceArguments));
                    }
                });
        }

        FFMpegArgumentProcessor processor = arguments
            .OutputToFile(CommandLine.Inner(output.WrittenPath), overwrite: true, o => o.WithCustomArgument(CommandLine.Join(plan.OutputArguments)))
            .NotifyOnStandardError(KeepErrorLine)
            .CancellableThrough(stopEncoder.Token, TimeSpan.Zero);

        bool succeeded = false;
        Exception? toolFault = null;
        try
        {
            succeeded = (await processor.ProcessAsynchronously(throwOnError: false, new FFOptions(), CancellationToken.None)).Success;
        }
        catch (Exception e) when (e is FFMpegException or IOException or OperationCanceledException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            toolFault = e;
        }

        // The process may end before the pipe was ever opened; the frames still have to be drained of their owner.
        pipe.Fault?.Throw();
        if (!succeeded && !cancellationToken.IsCancellationRequested && ErrorText().Contains("received signal 2", StringComparison.Ordinal))
        {
            await Task.Delay(SignalGrace, cancellationToken);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (!succeeded || toolFault is not null || !pipe.Completed || EncodeFaults.IsCutOff(ErrorText()))
        {
            throw Failure(processor.Arguments, toolFault);
        }

        try
        {
            await output.FinishAsync(plan, _sources, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"'{output.Path}' could not be written ({e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}); free some space, or give another folder.", e);
        }

        if (plan.HeaderRotation != 0)
        {
            try
            {
                TrackRotation.Write(output.PartialPath, plan.HeaderRotation);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                throw new FrameFlowException(FaultKind.Encode, $"The display rotation could not be written into '{output.Path}' ({e.Message}); write .mkv instead.", e);
            }
        }
    }

    private FrameFlowException Failure(string arguments, Exception? cause)
    {
        string text = ErrorText();
        string toolOutput = $"ffmpeg {arguments}\nafter {FramesWritten.ToString(CultureInfo.InvariantCulture)} frames\n{text}";
        if (EncodeFaults.OfStorage(text, output.Path, toolOutput, cause) is { } storage)
        {
            return storage;
        }

        if (cause is System.ComponentModel.Win32Exception || (cause is FFMpegException && text.Length == 0))
        {
            return new FrameFlowException(FaultKind.Encode, "ffmpeg could not be started; install it (Debian: apt-get install ffmpeg) so that it is on the PATH.", cause) { ToolOutput = toolOutput };
        }

        string reason = EncodeFaults.Reason(text, cause);
        return new FrameFlowException(FaultKind.Encode, $"The encoder {plan.Encoder.Name} failed after {FramesWritten.ToString(CultureInfo.InvariantCulture)} frames ({reason}); try another --encoder, or without --encoder-args.", cause)
        {
            ToolOutput = toolOutput,
        };
    }

    private void KeepErrorLine(string line)
    {
        lock (_errorGate)
        {
            _errorLines.Enqueue(line);
            if (_errorLines.Count > KeptErrorLines)
            {
                _errorLines.Dequeue();
            }
        }
    }

    private string ErrorText()
    {
        lock (_errorGate)
        {
            return string.Join('\n', _errorLines);
        }
    }

    private void CheckTime(Frame frame, Rational? previous)
    {
        if (previous is { } before && frame.Time <= before)
        {
            throw new FrameFlowException(FaultKind.Encode, $"Frame {FramesWritten} stands at {frame.Time} s, not after the one before it at {before} s; this is a fault in FrameFlow, please report it.");
        }

        Rational expected = plan.TimeOf(FramesWritten);
        if (frame.Time != expected)
        {
            throw new FrameFlowException(FaultKind.Encode, $"Frame {FramesWritten} stands at {frame.Time} s instead of {expected} s; this is a fault in FrameFlow, please report it.");
        }

        if (frame.Format.FrameBytes != plan.Request.Format.FrameBytes || frame.Format.PixelFormat != plan.Request.Format.PixelFormat || frame.Format.Width != plan.Request.Format.Width)
        {
            throw new FrameFlowException(FaultKind.Encode, $"Frame {FramesWritten} is {frame.Format.Width}x{frame.Format.Height} {frame.Format.PixelFormat.Name}, which is not what was planned; this is a fault in FrameFlow, please report it.");
        }
    }

    /// <summary>FFMpegCore's view of the frames. Its own raw video source wants a rate as a double.</summary>
    private sealed class FramePipe(FrameSink sink, IAsyncEnumerable<Frame> frames, CancellationTokenSource stop) : IPipeSource
    {
        /// <summary>What the frames' side threw: the root cause, whatever ffmpeg says to the pipe's end.</summary>
        public System.Runtime.ExceptionServices.ExceptionDispatchInfo? Fault { get; private set; }

        /// <summary>Whether every frame was handed over.</summary>
        public bool Completed { get; private set; }

        public string GetStreamArguments() => CommandLine.Join(sink.Plan.PipeArguments);

        public async Task WriteAsync(Stream outputStream, CancellationToken cancellationToken)
        {
            // FFMpegCore's token ends when ffmpeg does; ours when the caller wants it. Upstream must hear of both.
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stop.Token);
            using BlockingWriter writer = new(outputStream);
            NutWriter? nut = sink.Plan.PipeTimeBase is { } unit ? new NutWriter(sink.Plan.Request.Format, unit) : null;
            Rational? previous = null;
            try
            {
                if (nut is not null && !await writer.WriteAsync(nut.Header(), 0, 0))
                {
                    return;
                }

                await foreach (Frame frame in frames.WithCancellation(either.Token))
                {
                    using (frame)
                    {
                        sink.CheckTime(frame, previous);
                        previous = frame.Time;
                        if (sink.Plan.Container.IsSequence)
                        {
                            sink._sources.Add((int)frame.SourceIndex);
                        }

                        // Where the pipe breaks ffmpeg is gone, and its exit code and last words say why.
                        if (!await writer.WriteAsync(nut?.BeforeFrame(sink.TicksOf(frame.Time)) ?? default, frame.Address, checked((int)frame.Format.FrameBytes)))
                        {
                            return;
                        }
                    }

                    Interlocked.Increment(ref sink._framesWritten);
                }

                Completed = true;
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                // Whoever cancelled knows why.
            }
            catch (Exception e)
            {
                // Must not pass into FFMpegCore, which would close the pipe and let ffmpeg finish a short file.
                Fault = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
                await stop.CancelAsync();
            }
        }
    }

    private EncodePlan Plan => plan;

    // From the first frame on: ffmpeg takes a pipe's start for 0, the shift is a filter's.
    private long TicksOf(Rational time) => ((time - plan.TimeOf(0)) / plan.PipeTimeBase!.Value).Round();
}
