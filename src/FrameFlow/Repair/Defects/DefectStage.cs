using System.Runtime.CompilerServices;
using FrameFlow.Color;
using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;

namespace FrameFlow.Repair.Defects;

/// <summary>
/// Finds defects and fills them: one frame in, one out, at its own time. Samples outside of the feathered masks are those of the input. Looks
/// <see cref="Reach"/> frames ahead and back, within the shot; what leaves depends on no more than these.
/// </summary>
public sealed class DefectStage : IFrameStage
{
    /// <summary>Frames on each side that a frame's repair depends on.</summary>
    public const int Reach = FilmFrame.Reach;

    private readonly FilmTools _tools;
    private readonly MaskedFill? _fill;
    private readonly VideoFormat _format;
    private readonly FrameRange _outputs;
    private readonly Predicate<long>? _isCounted;
    private readonly Func<IFrameMasks>? _masks;
    private long _spots;
    private long _spotPixels;
    private long _scratches;
    private long _repaired;
    private long _alone;

    /// <summary>Creates the stage.</summary>
    /// <param name="denoiser">Fills, for pictures of <see cref="WindowOf"/>; not owned. Null: the masks themselves leave, white where a repair would be.</param>
    /// <param name="motions">Finds motion.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="memory">Where frames and working memory come from; not owned.</param>
    /// <param name="outputs">The frames that shall leave, by index. As many as <see cref="Reach"/> on either side must come, where the film has them: these only help.</param>
    /// <param name="isCounted">Whether an output frame, by index, is counted; null: all are.</param>
    /// <param name="masks">Opens the user's own masks; null: there are none.</param>
    public DefectStage(
        IDenoiser? denoiser, IMotionEstimator motions, VideoFormat format, DefectOptions options, NativePool memory, FrameRange outputs, Predicate<long>? isCounted = null, Func<IFrameMasks>? masks = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        _format = format;
        _outputs = outputs;
        _isCounted = isCounted;
        _masks = masks;
        _tools = new FilmTools(new FrameConverter(format), motions, options, memory);
        _fill = denoiser is null ? null : new MaskedFill(denoiser, format, _tools);
    }

    /// <inheritdoc/>
    public string Name => "defects";

    /// <inheritdoc/>
    public int HeldFrames => (2 * Reach) + 1 + (3 * (_tools.Options.Workers + 3));

    /// <summary>Dust, dirt and hairs that were found.</summary>
    public long Spots => Interlocked.Read(ref _spots);

    /// <summary>Their pixels.</summary>
    public long SpotPixels => Interlocked.Read(ref _spotPixels);

    /// <summary>Scratches, counted in every frame that shows them.</summary>
    public long Scratches => Interlocked.Read(ref _scratches);

    /// <summary>Frames in which something was filled.</summary>
    public long RepairedFrames => Interlocked.Read(ref _repaired);

    /// <summary>Frames in which no dust could be looked for: their shot has less than three.</summary>
    public long FramesAlone => Interlocked.Read(ref _alone);

    /// <summary>The format of the windows that are filled.</summary>
    public static VideoFormat WindowOf(VideoFormat format) => MaskedFill.WindowOf(format);

    /// <summary>Bytes of working memory beside frames, an upper bound.</summary>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">How many workers there are.</param>
    public static long WorkingBytes(VideoFormat format, DefectOptions options)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        long pixels = (long)format.Width * format.Height;
        VideoFormat window = WindowOf(format);
        (int ofFrame, int ofWindow) = MaskedFill.FloatsPerPixel;

        // Pictures, calm ones, luma, mask and flows of the frames around, as they are and cleaned, flows also patched; of the next on each side what there is before it is
        // cleaned; of those further ahead picture and luma. Motion search takes about 12.
        long full = (2 * FilmFrame.Neighbours) + 2 + options.Workers + 3;
        long around = (full * 27) + (2 * 12) + (ScratchDetector.Reach * 5);
        return sizeof(float) * ((around * pixels) + (options.Workers * (((ofFrame + 12) * pixels) + ((long)ofWindow * window.Width * window.Height))));
    }

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Done done in OrderedBatches.RunAsync(PlanAsync(input, cancellationToken), _tools.Options.Workers, Make, static d => d.Dispose(), cancellationToken))
        {
            using (done)
            {
                done.Shed();
                if (done.TakeFrame() is { } frame)
                {
                    yield return frame;
                }
            }
        }
    }

    /// <summary>Repairs some successive frames of one shot on the calling thread and forgets the result: for a trial.</summary>
    /// <param name="frames">At least one; they stay the caller's.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void Try(IReadOnlyList<Frame> frames, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        List<FilmFrame> all = [];
        try
        {
            foreach (Frame frame in frames)
            {
                all.Add(new FilmFrame(frame.Share(), null, all.Count > 0 ? all[^1] : null, _tools));
            }

            for (int i = 0; i < all.Count; i++)
            {
                using Done done = Make(new Work(all[i], all, i), cancellationToken);
                done.TakeFrame()?.Dispose();
            }
        }
        finally
        {
            all.ForEach(f => f.Dispose());
        }
    }

    // Reads ahead and says, for every frame, which are around it.
    private async IAsyncEnumerable<Work> PlanAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IFrameMasks? masks = _masks?.Invoke();
        List<FilmFrame> window = [];
        int next = 0;
        long index = Math.Max(0, _outputs.First - Reach);
        try
        {
            await foreach (Frame frame in input.WithCancellation(cancellationToken))
            {
                window.Add(await TakeAsync(frame, masks, window.Count > 0 && !frame.IsSceneStart ? window[^1] : null, cancellationToken));
                if (window.Count - next > Reach)
                {
                    yield return Next();
                }
            }

            while (next < window.Count)
            {
                yield return Next();
            }
        }
        finally
        {
            window.ForEach(f => f.Dispose());
            if (masks is not null)
            {
                await masks.DisposeAsync();
            }
        }

        Work Next()
        {
            Work work = new(window[next], window.Skip(Math.Max(0, next - Reach)).Take((2 * Reach) + 1), index++);
            next++;
            while (next > Reach)
            {
                window[0].Dispose();
                window.RemoveAt(0);
                next--;
            }

            return work;
        }
    }

    private async ValueTask<FilmFrame> TakeAsync(Frame frame, IFrameMasks? masks, FilmFrame? previous, CancellationToken cancellationToken)
    {
        FloatImage? given = null;
        try
        {
            if (masks is not null)
            {
                given = _tools.Memory.RentImage(1, _format.Height, _format.Width);
                if (!await masks.ReadAsync(frame.SourceIndex, given, cancellationToken))
                {
                    given.Dispose();
                    given = null;
                }
            }

            return new FilmFrame(frame, given, previous, _tools);
        }
        catch
        {
            given?.Dispose();
            frame.Dispose();
            throw;
        }
    }

    private Done Make(Work work, CancellationToken cancellationToken)
    {
        FilmFrame centre = work.Centre;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!_outputs.Contains(work.Index))
            {
                // What is asked of later frames is found when they ask.
                return new Done(work, null);
            }

            using FloatImage mask = centre.Find(out DefectCount found);
            bool isFilled = _fill is not null && mask.Values.ContainsAnyExcept(0f);
            if (_isCounted?.Invoke(work.Index) != false)
            {
                Interlocked.Add(ref _spots, found.Spots);
                Interlocked.Add(ref _spotPixels, found.SpotPixels);
                Interlocked.Add(ref _scratches, found.Scratches);
                Interlocked.Add(ref _alone, _tools.FindsDust && !centre.CanCompare ? 1 : 0);
                Interlocked.Add(ref _repaired, isFilled ? 1 : 0);
            }

            if (_fill is null)
            {
                return new Done(work, Show(centre.Frame, mask));
            }

            return new Done(work, isFilled ? _fill.Fill(centre, mask, cancellationToken) : centre.Frame.Share());
        }
        catch
        {
            work.Dispose();
            throw;
        }
    }

    // The mask as a picture: white, black, no colour.
    private Frame Show(Frame source, FloatImage mask)
    {
        Frame shown = new FramePool(_tools.Memory, _format).Rent(source.Time, source.SourceIndex);
        shown.TakeMarksOf(source);
        using FloatImage white = _tools.Memory.RentImage(3, _format.Height, _format.Width);
        for (int c = 0; c < 3; c++)
        {
            mask.Values.CopyTo(white.Channel(c));
        }

        _tools.Converter.FromRgb(white, shown);
        return shown;
    }

    // A frame whose turn it is, with all that may be looked at; holds them.
    private sealed class Work : IDisposable
    {
        private readonly List<FilmFrame> _around;

        public Work(FilmFrame centre, IEnumerable<FilmFrame> around, long index)
        {
            Centre = centre;
            Index = index;
            _around = [.. around];
            _around.ForEach(f => f.Hold());
        }

        public FilmFrame Centre { get; }

        // The centre's, in what comes: not its source index, since an operation before this one may have added frames.
        public long Index { get; }

        public void Dispose() => _around.ForEach(f => f.Dispose());

        // Called when this frame and all before it are done: the frames behind look back by so much less.
        public void Shed()
        {
            int at = _around.IndexOf(Centre) - FilmFrame.Neighbours - 2;
            if (at >= 0)
            {
                _around[at].Shed();
            }
        }
    }

    private sealed class Done(Work work, Frame? frame) : IDisposable
    {
        private Frame? _frame = frame;

        public Frame? TakeFrame() => Interlocked.Exchange(ref _frame, null);

        public void Shed() => work.Shed();

        public void Dispose()
        {
            Interlocked.Exchange(ref _frame, null)?.Dispose();
            work.Dispose();
        }
    }
}
