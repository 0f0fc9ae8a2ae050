using System.Numerics.Tensors;
using FrameFlow.Color;
using FrameFlow.Denoising;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Repair;

/// <summary>The good frames around a hole: the two that bound it, and beside each the one that tells how it moves. Not owned.</summary>
/// <param name="Before">The frame one place before <paramref name="Left"/>, of the same shot; null where there is none.</param>
/// <param name="Left">The last good frame before the hole; null at the film's start.</param>
/// <param name="Right">The first good frame behind it; null at the film's end.</param>
/// <param name="After">The frame one place behind <paramref name="Right"/>, of the same shot; null where there is none.</param>
internal readonly record struct Anchors(Frame? Before, Frame? Left, Frame? Right, Frame? After);

/// <summary>A frame to make: its place, and how far it stands from the left anchor (0) to the right one (1).</summary>
internal readonly record struct EmptyPlace(long Place, Rational Time, double Position, long SourceIndex);

/// <summary>
/// Makes the pictures of a hole. Between two anchors of one shot, by the interpolator: up to <see cref="LongestDirect"/> frames directly from the anchors, more by
/// the middle first and then each half (Flexible Diffusion, Harvey 2022: any subset may be observed, any generated), the path bent by what
/// the outer frames tell (<see cref="PathBend"/>). With one anchor, along its motion for a little while.
/// </summary>
/// <param name="interpolator">Makes frames between two; not owned.</param>
/// <param name="motions">Finds motion.</param>
/// <param name="format">The frames' format.</param>
/// <param name="options">How.</param>
/// <param name="memory">Where frames and working memory come from; not owned.</param>
internal sealed class FrameRebuilder(IFrameInterpolator interpolator, IMotionEstimator motions, VideoFormat format, RebuildOptions options, NativePool memory)
{
    /// <summary>
    /// The longest hole whose frames are made directly from the two anchors. Flexible diffusion's order would halve from 8 on; but with the bent path that cost .3 dB
    /// over 15 missing frames of s01, s03 and s07 (scripts/score-gaps): the middle's errors are in all others.
    /// </summary>
    public const int LongestDirect = 15;

    /// <summary>Frames that are made, and held, together.</summary>
    public const int MostAtOnce = 5;

    /// <summary>So many frames are carried on along the motion where there is one anchor only; further the motion is not known.</summary>
    public const int MostExtrapolated = 2;

    private readonly FrameConverter _converter = new(format);
    private readonly FramePool _frames = new(memory, format);

    /// <summary>Makes the frames between two anchors, in order of place. Each belongs to the caller.</summary>
    /// <param name="anchors">Left and right are there.</param>
    /// <param name="places">All places of the hole, in order.</param>
    /// <param name="periods">How many times as far left and right are apart as each is from its outer frame; of no meaning where one of these is missing.</param>
    /// <param name="isWanted">Which of them are asked for.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public IEnumerable<Frame> Between(Anchors anchors, IReadOnlyList<EmptyPlace> places, double periods, Func<EmptyPlace, bool> isWanted, CancellationToken cancellationToken)
    {
        (MotionAround? found, NeighbourGrain? grain) = LookAround(anchors, periods);
        using MotionAround? around = found;
        int next = 0;
        foreach (Frame frame in Between(anchors.Left!, anchors.Right!, 0, 1, around, places, 0, places.Count, isWanted, cancellationToken))
        {
            // What serves as an anchor itself has none yet.
            while (!isWanted(places[next]))
            {
                next++;
            }

            yield return WithGrain(frame, grain, places[next++].Place);
        }
    }

    /// <summary>Carries an anchor on along its motion, by whole periods.</summary>
    /// <param name="outer">The frame one period beyond the anchor, away from the hole.</param>
    /// <param name="anchor">The anchor.</param>
    /// <param name="periods">How far, above 0.</param>
    /// <param name="place">The place.</param>
    /// <returns>The frame; the caller owns it.</returns>
    public Frame Beyond(Frame outer, Frame anchor, int periods, EmptyPlace place)
    {
        using FloatImage rgb = ToRgb(anchor);
        using FloatImage other = ToRgb(outer);
        using MotionField motion = Motion(rgb, other);
        using FloatImage velocity = Negated(motion.Forward);

        // The frame at q shows what stood at p with p + n v(p) = q: the fixed point of p = q - n v(p).
        using FloatImage path = memory.RentImage(2, format.Height, format.Width);
        using FloatImage next = memory.RentImage(2, format.Height, format.Width);
        velocity.Values.CopyTo(path.Values);
        for (int i = 0; i < 4; i++)
        {
            Warp.Bilinear(velocity, path, -periods, next);
            next.Values.CopyTo(path.Values);
        }

        using FloatImage picture = memory.RentImage(3, format.Height, format.Width);
        Warp.Bicubic(rgb, path, -periods, picture);
        Frame frame = _frames.Rent(place.Time, place.SourceIndex);
        frame.Work = anchor.Work | FrameWork.Rebuilt;
        _converter.FromRgb(picture, frame);
        if (format.PixelFormat.HasAlpha)
        {
            using FloatImage alpha = memory.RentImage(1, format.Height, format.Width);
            using FloatImage moved = memory.RentImage(1, format.Height, format.Width);
            _converter.LoadAlpha(anchor, alpha);
            Warp.Bicubic(alpha, path, -periods, moved);
            _converter.StoreAlpha(moved, frame);
        }

        return frame;
    }

    /// <summary>Repeats an anchor.</summary>
    public static Frame Hold(Frame anchor, EmptyPlace place)
    {
        Frame held = anchor.Share();
        held.Time = place.Time;
        held.SourceIndex = place.SourceIndex;
        held.IsSceneStart = false;
        held.Work |= FrameWork.Held;
        return held;
    }

    private IEnumerable<Frame> Between(
        Frame left, Frame right, double from, double to, MotionAround? around, IReadOnlyList<EmptyPlace> places, int first, int end, Func<EmptyPlace, bool> isWanted, CancellationToken cancellationToken)
    {
        int count = 0;
        for (int i = first; i < end; i++)
        {
            count += isWanted(places[i]) ? 1 : 0;
        }

        if (count == 0)
        {
            yield break;
        }

        if (end - first <= LongestDirect)
        {
            foreach (EmptyPlace[] chunk in places.Skip(first).Take(end - first).Where(isWanted).Chunk(MostAtOnce))
            {
                Frame?[] made = Make(left, right, from, to, around, chunk, cancellationToken);
                try
                {
                    for (int i = 0; i < made.Length; i++)
                    {
                        Frame frame = made[i]!;
                        made[i] = null;
                        yield return frame;
                    }
                }
                finally
                {
                    foreach (Frame? frame in made)
                    {
                        frame?.Dispose();
                    }
                }
            }

            yield break;
        }

        int middle = (first + end) / 2;
        Frame anchor = Make(left, right, from, to, around, [places[middle]], cancellationToken)[0];
        using (Frame held = anchor.Share())
        {
            try
            {
                foreach (Frame frame in Between(left, held, from, places[middle].Position, null, places, first, middle, isWanted, cancellationToken))
                {
                    yield return frame;
                }

                if (isWanted(places[middle]))
                {
                    (Frame here, anchor) = (anchor, null!);
                    yield return here;
                }
            }
            finally
            {
                anchor?.Dispose();
            }

            foreach (Frame frame in Between(held, right, places[middle].Position, to, null, places, middle + 1, end, isWanted, cancellationToken))
            {
                yield return frame;
            }
        }
    }

    private Frame[] Make(Frame left, Frame right, double from, double to, MotionAround? around, EmptyPlace[] places, CancellationToken cancellationToken)
    {
        List<InterpolationRequest> requests = [];
        try
        {
            foreach (EmptyPlace place in places)
            {
                Frame frame = _frames.Rent(place.Time, place.SourceIndex);
                frame.Work = left.Work | right.Work | FrameWork.Rebuilt;
                frame.Position = place.Position;
                requests.Add(new InterpolationRequest((place.Position - from) / (to - from), frame, around));
            }

            interpolator.Interpolate(left, right, requests, cancellationToken);
            for (int i = 0; i < requests.Count; i++)
            {
                if (InterpolationOptions.AreShreds(requests[i].Target.ExpectedError, requests[i].Position))
                {
                    Frame held = Hold(requests[i].Position <= 0.5 ? left : right, places[i]);
                    requests[i].Target.Dispose();
                    requests[i] = requests[i] with { Target = held };
                }
            }
        }
        catch
        {
            requests.ForEach(r => r.Target.Dispose());
            throw;
        }

        return [.. requests.Select(r => r.Target)];
    }

    // The frames beside the anchors tell how these move, and all of them what grain there is.
    private (MotionAround? Around, NeighbourGrain? Grain) LookAround(Anchors anchors, double periods)
    {
        using FloatImage left = ToRgb(anchors.Left!);
        using FloatImage right = ToRgb(anchors.Right!);
        NoiseEstimator noise = new(format.PixelFormat.CodeStep);
        MotionField? before = null;
        MotionField? after = null;
        try
        {
            if (anchors.Before is not null)
            {
                using FloatImage outer = ToRgb(anchors.Before);
                using MotionField motion = Motion(outer, left);
                noise.AddPair(outer, left, motion, memory);
                before = motion.Halved(memory);
            }

            if (anchors.After is not null)
            {
                using FloatImage outer = ToRgb(anchors.After);
                using MotionField motion = Motion(right, outer);
                noise.AddPair(right, outer, motion, memory);
                after = motion.Halved(memory);
            }

            if (before is null && after is null && options.Grain)
            {
                using MotionField motion = Motion(left, right);
                noise.AddPair(left, right, motion, memory);
            }

            NeighbourGrain? grain = options.Grain && noise.Solve() is { } model
                ? new NeighbourGrain(model, (NeighbourGrain.Energy(left, memory) + NeighbourGrain.Energy(right, memory)) / 2, options.Seed, memory)
                : null;
            if (before is null || after is null)
            {
                return (null, grain);
            }

            using MotionField between = Motion(left, right);
            using MotionField pair = between.Halved(memory);
            return (MotionAround.Find(before, pair, after, 1 / periods, 1 / periods, memory), grain);
        }
        finally
        {
            before?.Dispose();
            after?.Dispose();
        }
    }

    private Frame WithGrain(Frame frame, NeighbourGrain? grain, long place)
    {
        if (grain is null || !frame.Work.HasFlag(FrameWork.Rebuilt))
        {
            return frame;
        }

        try
        {
            using FloatImage picture = ToRgb(frame);
            if (!grain.Add(picture, place))
            {
                return frame;
            }

            Frame grained = _frames.Rent(frame.Time, frame.SourceIndex);
            grained.TakeMarksOf(frame);
            grained.Work |= FrameWork.Grained;
            _converter.FromRgb(picture, grained, alphaOf: frame);
            frame.Dispose();
            return grained;
        }
        catch
        {
            frame.Dispose();
            throw;
        }
    }

    // Grain would mislead the search.
    private MotionField Motion(FloatImage first, FloatImage second)
    {
        using FloatImage calm0 = NoiseAnalysis.Calm(first, memory);
        using FloatImage calm1 = NoiseAnalysis.Calm(second, memory);
        return motions.Estimate(calm0, calm1, memory);
    }

    private FloatImage ToRgb(Frame frame)
    {
        FloatImage rgb = memory.RentImage(3, format.Height, format.Width);
        try
        {
            _converter.ToRgb(frame, rgb);
            return rgb;
        }
        catch
        {
            rgb.Dispose();
            throw;
        }
    }

    private FloatImage Negated(FloatImage flow)
    {
        FloatImage negated = memory.RentImage(2, format.Height, format.Width);
        TensorPrimitives.Negate(flow.Values, negated.Values);
        return negated;
    }
}
