using System.Collections.Concurrent;
using FrameFlow.Media;

namespace FrameFlow.Color;

/// <summary>A source frame and its picture in RGB, found once, by whoever asks first.</summary>
public sealed class SourceFrame : Counted
{
    private readonly Lock _gate = new();
    private readonly ConcurrentBag<SourceFrame>? _idle;
    private Frame? _frame;
    private FloatImage? _rgb;

    /// <summary>Takes a frame over.</summary>
    /// <param name="frame">The frame.</param>
    public SourceFrame(Frame frame)
        : this(frame, null)
    {
    }

    private SourceFrame(Frame frame, ConcurrentBag<SourceFrame>? idle) => (_frame, _idle) = (frame, idle);

    /// <summary>The frame.</summary>
    /// <exception cref="ObjectDisposedException">Nobody holds it any more.</exception>
    public Frame Frame => _frame ?? throw new ObjectDisposedException(nameof(SourceFrame));

    /// <summary>Takes a frame over into an object that others left, or a new one; it goes there in the end.</summary>
    internal static SourceFrame Of(Frame frame, ConcurrentBag<SourceFrame> idle)
    {
        if (!idle.TryTake(out SourceFrame? source))
        {
            return new SourceFrame(frame, idle);
        }

        source._frame = frame;
        source.Renew();
        return source;
    }

    /// <summary>The picture [3,H,W], code values; this object's own.</summary>
    /// <param name="converter">Converts it at the first call.</param>
    /// <param name="memory">Where it comes from.</param>
    public FloatImage Rgb(FrameConverter converter, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(converter);
        lock (_gate)
        {
            if (_rgb is null)
            {
                FloatImage rgb = memory.RentImage(3, Frame.Format.Height, Frame.Format.Width);
                converter.ToRgb(Frame, rgb);
                _rgb = rgb;
            }

            return _rgb;
        }
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        _frame!.Dispose();
        _rgb?.Dispose();
        (_frame, _rgb) = (null, null);
        _idle?.Add(this);
    }
}
