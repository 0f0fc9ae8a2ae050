using System.Numerics.Tensors;
using FrameFlow.Color;
using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Repair.Defects;

/// <summary>What every frame of a film shares in the search for defects.</summary>
/// <param name="Converter">To RGB and back.</param>
/// <param name="Motions">Finds motion.</param>
/// <param name="Options">Validated options.</param>
/// <param name="Memory">Where tensors come from; not owned.</param>
internal sealed record FilmTools(FrameConverter Converter, IMotionEstimator Motions, DefectOptions Options, NativePool Memory)
{
    public bool FindsDust => Options.Find is DefectKinds.Auto or DefectKinds.Dust;

    public bool FindsScratches => Options.Find is DefectKinds.Auto or DefectKinds.Scratches;
}

/// <summary>
/// A frame, its neighbours in the shot, and what is derived from them, each found once, by whoever asks first. Defects are found twice. A first look goes along
/// the motion of the frames as they are. What it found is filled from around, which misleads a search for motion less than a defect does; along the motion found so,
/// and near the defects along that of their surroundings, it is filled from the neighbours: <see cref="Cleaned"/>. Motion between cleaned frames serves
/// the second look and the fill. Whoever asks holds the frames up to <see cref="Reach"/> away.
/// </summary>
internal sealed class FilmFrame : Counted
{
    /// <summary>Frames on each side that the search and the fill of a frame look at, directly or through its neighbours' own search.</summary>
    public const int Reach = Neighbours + 1 + ScratchDetector.Reach;

    /// <summary>Frames on each side that a fill is made from.</summary>
    public const int Neighbours = 2;

    // A patch of the search for motion is 8 px wide at half size.
    private const int MisledPixels = 8;

    // Beyond what was marked a defect's soft edge goes on.
    private const int EdgePixels = 2;

    private readonly FilmTools _tools;
    private readonly Lazy<FloatImage> _rgb;
    private readonly Lazy<FloatImage> _calm;
    private readonly Lazy<FloatImage> _luma;
    private readonly Lazy<MotionField> _motion;
    private readonly Lazy<IReadOnlyList<ScratchLine>> _lines;
    private readonly Lazy<IReadOnlyList<ScratchLine>> _scratches;
    private readonly Lazy<FloatImage> _rough;
    private readonly Lazy<bool> _isRough;
    private readonly Lazy<MotionField> _patchedMotion;
    private readonly Lazy<FloatImage> _cleaned;
    private readonly Lazy<FloatImage> _cleanedCalm;
    private readonly Lazy<FloatImage> _cleanedLuma;
    private readonly Lazy<MotionField> _cleanedMotion;
    private bool _isShed;

    /// <summary>Takes a frame over.</summary>
    /// <param name="frame">The frame; owned.</param>
    /// <param name="given">[1,H,W], 1 where the user wants a repair, else 0; owned. Null: nowhere.</param>
    /// <param name="previous">The frame before, where it is of the same shot; learns of this one.</param>
    /// <param name="tools">What is shared.</param>
    public FilmFrame(Frame frame, FloatImage? given, FilmFrame? previous, FilmTools tools)
    {
        Frame = frame;
        Given = given;
        _tools = tools;
        Previous = previous;
        previous?.Next = this;
        _rgb = new(ToRgb);
        _calm = new(() => NoiseAnalysis.Calm(Rgb, tools.Memory));
        _luma = new(() => ToLuma(Rgb));
        _motion = new(() => tools.Motions.Estimate(_calm.Value, Next!._calm.Value, tools.Memory));
        _lines = new(() => ScratchDetector.FindLines(Luma, tools.Options.Sensitivity, tools.Memory));
        _scratches = new(() => ScratchDetector.Confirm(this));
        _rough = new(() => Defects(cleaned: false, out _, null));
        _isRough = new(() => Rough.Values.ContainsAnyExcept(0f));
        _patchedMotion = new(MotionOfPatched);
        _cleaned = new(Clean);
        _cleanedCalm = new(() => NoiseAnalysis.Calm(Cleaned, tools.Memory));
        _cleanedLuma = new(() => ToLuma(Cleaned));
        _cleanedMotion = new(() => tools.Motions.Estimate(_cleanedCalm.Value, Next!._cleanedCalm.Value, tools.Memory));
    }

    public Frame Frame { get; }

    /// <summary>[1,H,W], the user's own mask, or null.</summary>
    public FloatImage? Given { get; }

    /// <summary>The frame before, of the same shot. Not held.</summary>
    public FilmFrame? Previous { get; private set; }

    /// <summary>The frame behind, of the same shot. Not held.</summary>
    public FilmFrame? Next { get; private set; }

    // How far the frames have come between which motion is sought.
    private enum Stage
    {
        AsItIs,
        Patched,
        Cleaned,
    }

    /// <summary>[3,H,W], code values.</summary>
    public FloatImage Rgb => _rgb.Value;

    /// <summary>[1,H,W], BT.601 luma of <see cref="Rgb"/>.</summary>
    public FloatImage Luma => _luma.Value;

    /// <summary>Lines that may be scratches, seen in this frame alone.</summary>
    public IReadOnlyList<ScratchLine> Lines => _lines.Value;

    /// <summary>Those of <see cref="Lines"/> that last.</summary>
    public IReadOnlyList<ScratchLine> Scratches => _tools.FindsScratches ? _scratches.Value : [];

    /// <summary>The motion to the next frame as both are, or null at a shot's end.</summary>
    public MotionField? Motion => Next is null ? null : _motion.Value;

    /// <summary>[1,H,W], 1 where the first look found a defect, or the user wants a repair.</summary>
    public FloatImage Rough => _rough.Value;

    /// <summary>[3,H,W], <see cref="Rgb"/> with what is <see cref="Rough"/> filled by the mean of the aligned neighbours, or from the side.</summary>
    public FloatImage Cleaned => _cleaned.Value;

    private bool IsRough => _isRough.Value;

    /// <summary>Whether there are two frames of the shot to compare with.</summary>
    public bool CanCompare => (Previous, Next) switch
    {
        ({ }, { }) => true,
        ({ } p, null) => p.Previous is not null,
        (null, { } n) => n.Next is not null,
        _ => false,
    };

    /// <summary>The second look: what is to be repaired in this frame.</summary>
    /// <param name="found">How many spots and lines there are; what the user gave is not counted.</param>
    /// <param name="candidates">Receives every spot that was judged; null: not wanted.</param>
    /// <returns>[1,H,W], 1 inside; the caller disposes it.</returns>
    public FloatImage Find(out DefectCount found, ICollection<Spot>? candidates = null) => Defects(cleaned: true, out found, candidates);

    /// <summary>The flow from this frame to one of the same shot at most two away.</summary>
    /// <param name="offset">-2, -1, 1 or 2; the frame is there.</param>
    /// <param name="cleaned">Along the motion of the cleaned frames.</param>
    /// <returns>[2,H,W] px: this(p) ~ that(p + flow(p)); the caller disposes it.</returns>
    public FloatImage FlowTo(int offset, bool cleaned) => FlowTo(offset, cleaned ? Stage.Cleaned : Stage.AsItIs);

    private FloatImage FlowTo(int offset, Stage stage)
    {
        FloatImage step = Step(this, offset > 0);
        FloatImage flow = _tools.Memory.RentImage(2, step.Height, step.Width);
        if (Math.Abs(offset) == 1)
        {
            step.Values.CopyTo(flow.Values);
            return flow;
        }

        // F02(p) = F01(p) + F12(p + F01(p)).
        FilmFrame between = offset > 0 ? Next! : Previous!;
        Warp.Bilinear(Step(between, offset > 0), step, 1, flow);
        TensorPrimitives.Add(flow.Values, step.Values, flow.Values);
        return flow;

        FloatImage Step(FilmFrame from, bool forward) => forward ? from.MotionOf(stage).Forward : from.Previous!.MotionOf(stage).Backward;
    }

    // To the next frame. Where neither has anything to fill it stays what it was.
    private MotionField MotionOf(Stage stage) => stage switch
    {
        Stage.Patched when IsRough || Next!.IsRough => _patchedMotion.Value,
        Stage.Cleaned when IsRough || Next!.IsRough => _cleanedMotion.Value,
        _ => _motion.Value,
    };

    /// <summary>The frame of the same shot at most two away, or null.</summary>
    public FilmFrame? At(int offset) => offset switch
    {
        -2 => Previous?.Previous,
        -1 => Previous,
        1 => Next,
        2 => Next?.Next,
        _ => this,
    };

    /// <summary>The two frames that this one is compared with: one on each side, at a shot's ends both on the same. Null: there are none.</summary>
    public (int First, int Second)? References => !CanCompare ? null : Previous is null ? (1, 2) : Next is null ? (-1, -2) : (-1, 1);

    /// <summary>Frees all but the frame and its lines: no work that is left looks at more.</summary>
    public void Shed()
    {
        // Once: what was disposed serves another by now.
        if (Interlocked.Exchange(ref _isShed, true))
        {
            return;
        }

        Release(_rgb);
        Release(_calm);
        Release(_luma);
        Release(_motion);
        Release(_rough);
        Release(_patchedMotion);
        Release(_cleaned);
        Release(_cleanedCalm);
        Release(_cleanedLuma);
        Release(_cleanedMotion);

        static void Release<T>(Lazy<T> made)
            where T : IDisposable
        {
            if (made.IsValueCreated)
            {
                made.Value.Dispose();
            }
        }
    }

    protected override void Free()
    {
        Frame.Dispose();
        Given?.Dispose();
        Shed();

        // Else every frame of a shot would keep all before it.
        Previous = null;
    }

    private FloatImage ToRgb()
    {
        FloatImage rgb = _tools.Memory.RentImage(3, Frame.Format.Height, Frame.Format.Width);
        _tools.Converter.ToRgb(Frame, rgb);
        return rgb;
    }

    private FloatImage ToLuma(FloatImage rgb)
    {
        FloatImage luma = _tools.Memory.RentImage(1, rgb.Height, rgb.Width);
        TensorPrimitives.Multiply(rgb.Channel(0), 0.299f, luma.Values);
        TensorPrimitives.MultiplyAdd(rgb.Channel(1), 0.587f, luma.Values, luma.Values);
        TensorPrimitives.MultiplyAdd(rgb.Channel(2), 0.114f, luma.Values, luma.Values);
        return luma;
    }

    private FloatImage Defects(bool cleaned, out DefectCount found, ICollection<Spot>? candidates)
    {
        FloatImage mask = _tools.Memory.RentImage(1, Frame.Format.Height, Frame.Format.Width);
        try
        {
            int spots = 0;
            if (_tools.FindsDust && References is { } references)
            {
                using FloatImage first = Aligned(references.First, cleaned);
                using FloatImage second = Aligned(references.Second, cleaned);
                spots = SpikeDetector.Find(Luma, first, second, _tools.Options.Sensitivity, mask, _tools.Memory, candidates);
            }
            else
            {
                mask.Values.Clear();
            }

            int pixels = Marked(mask);
            foreach (ScratchLine line in Scratches)
            {
                line.Mark(mask);
            }

            if (Given is not null)
            {
                TensorPrimitives.Max(mask.Values, Given.Values, mask.Values);
            }

            found = new DefectCount(spots, pixels, Scratches.Count);
            return mask;
        }
        catch
        {
            mask.Dispose();
            throw;
        }
    }

    private static int Marked(FloatImage mask) => (int)TensorPrimitives.Sum<float>(mask.Values);

    private FloatImage Aligned(int offset, bool cleaned)
    {
        using FloatImage flow = FlowTo(offset, cleaned);
        FloatImage aligned = _tools.Memory.RentImage(1, flow.Height, flow.Width);
        FilmFrame other = At(offset)!;
        Warp.Bicubic(cleaned ? other._cleanedLuma.Value : other.Luma, flow, 1, aligned);
        return aligned;
    }

    private MotionField MotionOfPatched()
    {
        using FloatImage own = Patch();
        using FloatImage next = Next!.Patch();
        return _tools.Motions.Estimate(own, next, _tools.Memory);
    }

    // What the motion is sought in once the defects are known: filled from around. Not kept.
    private FloatImage Patch()
    {
        using FloatImage patched = _tools.Memory.RentImage(3, Rough.Height, Rough.Width);
        Rgb.Values.CopyTo(patched.Values);
        if (IsRough)
        {
            using FloatImage wide = _tools.Memory.RentImage(1, Rough.Height, Rough.Width);
            MaskShape.Widen(Rough, EdgePixels, wide);
            MaskShape.FillFromAround(patched, wide, _tools.Memory);
        }

        return NoiseAnalysis.Calm(patched, _tools.Memory);
    }

    // Rough: good enough not to mislead a search for motion.
    private FloatImage Clean()
    {
        FloatImage rough = Rough;
        FloatImage cleaned = _tools.Memory.RentImage(3, rough.Height, rough.Width);
        Rgb.Values.CopyTo(cleaned.Values);
        if (!IsRough)
        {
            return cleaned;
        }

        try
        {
            using FloatImage wide = _tools.Memory.RentImage(1, rough.Height, rough.Width);
            MaskShape.Widen(rough, EdgePixels, wide);
            if (References is not { } references)
            {
                MaskShape.FillFromAround(cleaned, wide, _tools.Memory);
                return cleaned;
            }

            // Where the search was misled, as far as its patches reach, the motion around speaks.
            using FloatImage misled = _tools.Memory.RentImage(1, rough.Height, rough.Width);
            MaskShape.Widen(rough, MisledPixels, misled);
            using FloatImage warped = _tools.Memory.RentImage(3, rough.Height, rough.Width);
            using FloatImage spoilt = _tools.Memory.RentImage(1, rough.Height, rough.Width);
            using FloatImage weight = _tools.Memory.RentImage(1, rough.Height, rough.Width);
            weight.Values.Clear();
            Bring(references.First);
            Bring(references.Second);

            foreach (ScratchLine line in Scratches)
            {
                line.FillFromTheSides(cleaned);
            }

            return cleaned;

            // The mean over those that have the place unspoilt; of two spoilt ones the second.
            void Bring(int offset)
            {
                FilmFrame other = At(offset)!;
                using FloatImage flow = FlowTo(offset, Stage.Patched);
                MaskShape.FillFromAround(flow, misled, _tools.Memory);
                Warp.Bilinear(other.Rgb, flow, 1, warped);
                using FloatImage its = _tools.Memory.RentImage(1, rough.Height, rough.Width);
                MaskShape.Widen(other.Rough, EdgePixels, its);
                Warp.Bilinear(its, flow, 1, spoilt);
                ReadOnlySpan<float> inside = wide.Values;
                Span<float> total = weight.Values;
                for (int i = 0; i < inside.Length; i++)
                {
                    if (inside[i] == 0 || (spoilt.Values[i] > 0 && total[i] > 0))
                    {
                        continue;
                    }

                    float own = total[i] / (total[i] + 1);
                    for (int c = 0; c < 3; c++)
                    {
                        Span<float> to = cleaned.Channel(c);
                        to[i] = (own * to[i]) + ((1 - own) * warped.Channel(c)[i]);
                    }

                    total[i] += spoilt.Values[i] > 0 ? 0 : 1;
                }
            }
        }
        catch
        {
            cleaned.Dispose();
            throw;
        }
    }
}

/// <summary>What was found in one frame.</summary>
/// <param name="Spots">Dust, dirt and hairs.</param>
/// <param name="SpotPixels">Their pixels.</param>
/// <param name="Scratches">Lasting lines.</param>
internal readonly record struct DefectCount(int Spots, int SpotPixels, int Scratches);
