using FrameFlow.Color;
using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Repair.Defects;
using Serilog;

namespace FrameFlow.Jobs;

/// <summary>Masks from a video: its n-th frame is the mask of the film's n-th; light is to be repaired.</summary>
/// <param name="path">The video.</param>
/// <param name="frames">How many frames of the film are read.</param>
/// <param name="memory">Where frames come from; not owned.</param>
/// <param name="log">Told of masks that are too few or too many.</param>
internal sealed class MaskVideo(string path, long frames, NativePool memory, ILogger log) : IFrameMasks
{
    private IAsyncEnumerator<Frame>? _frames;
    private FrameConverter? _converter;
    private Frame? _current;
    private bool _ended;

    /// <inheritdoc/>
    public async ValueTask<bool> ReadAsync(long frame, FloatImage mask, CancellationToken cancellationToken)
    {
        if (_frames is null)
        {
            // As it is: fields of a mask are no fields, and a mask that repeats is no film at a lower rate.
            DecodeOptions options = new() { Deinterlace = false };
            MediaInfo info = await MediaProbe.ProbeAsync(path, cancellationToken);
            SourceScan scan = await SourceScanner.ScanAsync(info, options, cancellationToken);
            if (scan.Format.Width != mask.Width || scan.Format.Height != mask.Height)
            {
                throw new FrameFlowException(FaultKind.Input, $"The masks of '{path}' are {scan.Format.Width}x{scan.Format.Height}, the film is {mask.Width}x{mask.Height}; make them of the film's size.");
            }

            if (frame == 0 && scan.Timeline.Count != frames)
            {
                // Said by the reader of the film's first part alone.
                log.Warning("The masks of '{Mask:l}' are {Masks}, the frames that are read {Frames}: the last {Difference} {What:l}.",
                    path, scan.Timeline.Count, frames, Math.Abs(frames - scan.Timeline.Count), scan.Timeline.Count < frames ? "frames have none" : "masks are of no frame");
            }

            _converter = new FrameConverter(scan.Format);
            _ended = frame >= scan.Timeline.Count;
            FrameRange part = new(_ended ? 0 : frame, scan.Timeline.Count);
            _frames = new FrameSource(info, scan, options, new FramePool(memory, scan.Format), part).ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        }

        while (!_ended && (_current is null || _current.SourceIndex < frame))
        {
            _current?.Dispose();
            _current = null;
            _ended = !await _frames.MoveNextAsync();
            _current = _ended ? null : _frames.Current;
        }

        if (_current is null || _current.SourceIndex != frame)
        {
            return false;
        }

        Take(_current, mask);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _current?.Dispose();
        _current = null;
        if (_frames is not null)
        {
            await _frames.DisposeAsync();
        }
    }

    private void Take(Frame frame, FloatImage mask)
    {
        using FloatImage rgb = memory.RentImage(3, mask.Height, mask.Width);
        _converter!.ToRgb(frame, rgb);
        ReadOnlySpan<float> green = rgb.Channel(1);
        Span<float> inside = mask.Values;
        for (int i = 0; i < inside.Length; i++)
        {
            inside[i] = green[i] >= 0.5f ? 1 : 0;
        }
    }
}
