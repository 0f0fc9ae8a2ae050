using FrameFlow.Media;

namespace FrameFlow.Color;

/// <summary>A source frame and its picture in RGB, found once, by whoever asks first.</summary>
public sealed class SourceFrame : Counted
{
    private readonly Lock _gate = new();
    private Frame? _frame; // null once nobody holds it
    private FloatImage? _rgb;

    private SourceFrame()
    {
    }

    /// <summary>The frame.</summary>
    /// <exception cref="ObjectDisposedException">Nobody holds it any more.</exception>
    public Frame Frame => _frame ?? throw new ObjectDisposedException(nameof(SourceFrame));

    /// <summary>Takes a frame over.</summary>
    /// <param name="frame">The frame.</param>
    /// <returns>What the caller disposes, and forgets then: the object serves again.</returns>
    public static SourceFrame Of(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        SourceFrame source = frame.Memory.TakeEnded<SourceFrame>() ?? new SourceFrame();
        source.Renew();
        source._frame = frame;
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
        NativePool memory = _frame!.Memory;
        _frame.Dispose();
        _rgb?.Dispose();
        (_frame, _rgb) = (null, null);
        memory.KeepEnded(this);
    }
}
