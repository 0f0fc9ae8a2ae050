using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Verification;

/// <summary>
/// Proves the timing contract of an output against its source: count, even and rising times, span, the offset and length of the
/// sound, and by the pictures that real frames stand in their places and that no frame is doubled, swapped or shifted.
/// Memory is bounded: times take 8 bytes a frame, pictures are streamed.
/// </summary>
public sealed class TimingVerifier
{
    private static readonly Rational AudioTolerance = new(2, 1000);

    private readonly VerificationOptions _options;

    /// <summary>Creates a verifier.</summary>
    /// <exception cref="FrameFlowException">A rate, factor or range is not positive.</exception>
    public TimingVerifier(VerificationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Rate <= Rational.Zero || options.Slow <= Rational.Zero || options.Duration <= Rational.Zero || options.Start < Rational.Zero)
        {
            throw new FrameFlowException(FaultKind.Usage, "verify: rate, slow factor and duration must be above 0, start at least 0.");
        }

        _options = options;
    }

    private bool BeginsLater => _options.Start > Rational.Zero;

    private bool IsTrimmed => BeginsLater || _options.Duration is not null;

    /// <summary>Checks <paramref name="output"/> against <paramref name="source"/>; decodes both twice.</summary>
    /// <exception cref="FrameFlowException">Either file is missing or holds no video that decodes. A contract that is not met is no exception but a failed check.</exception>
    public async Task<VerificationReport> VerifyAsync(string source, string output, CancellationToken cancellationToken = default)
    {
        DecodedVideo original = await DecodedVideo.OpenAsync(source, _options.Filters, isSource: true, _options, cancellationToken);
        DecodedVideo result = await DecodedVideo.OpenAsync(output, null, isSource: false, _options, cancellationToken);

        // A container without a display rotation gets pictures that are turned.
        original.AsShown = result.AsShown = original.Rotation != result.Rotation;
        (int skip, int take, long? lastDuration, Rational? end) = Range(original);
        if (take == 0)
        {
            throw new FrameFlowException(FaultKind.Usage, $"{source}: no frame lies in the asked range; choose an earlier start.");
        }

        ExpectedTimes times = ExpectedTimes.From(original.Ticks.AsSpan(skip, take), original.TimeBase, lastDuration, original.StatedRates, end, original.Slack);
        Rational? rate = _options.Rate ?? (result.Ticks.Length > 1
            ? ExpectedTimes.EvenRate(result.Ticks, result.TimeBase, result.StatedRates)
            : result.StatedRates.Cast<Rational?>().FirstOrDefault());

        List<VerificationCheck> checks = [];
        VerificationReport report = new()
        {
            Source = source,
            Output = output,
            SourceFrames = take,
            SourceRate = times.Rate,
            OutputFrames = result.Ticks.Length,
            Rate = rate,
            FirstTime = result.Ticks[0] * result.TimeBase,
            LastTime = result.Ticks[^1] * result.TimeBase,
            Checks = checks,
        };
        int undated = result.Kept.Count(kept => !kept);
        checks.Add(new("rising times", undated == 0, undated == 0 ? "strictly rising" : Invariant($"{undated} frames without a later time than the one before"), "strictly rising"));

        // Times that fit no rate, one frame, or a rate with holes that were left as they are: worked on frame for frame.
        bool isEven = rate is { } even && (times.Rate != even || take == times.CountAt(even, Rational.One));
        bool isOneForOne = _options.Rate is null && result.Ticks.Length == take && (take == 1 || !isEven);
        if (_options.Slow == 1 && ((rate is null && times.Rate is null) || isOneForOne))
        {
            CheckOwnTimes(checks, original, result, skip, take);
            return CheckAudio(checks, report with { ExpectedFrames = take }, original, result, skip, end);
        }

        if (rate is not { } target)
        {
            checks.Add(new("even times", false, "the output's times fit no rate", "first + k/F"));
            return report;
        }

        long expected = times.CountAt(target, _options.Slow);
        report = report with { ExpectedFrames = expected };
        CheckTimes(checks, result, times, target, expected);
        report = CheckAudio(checks, report, original, result, skip, end);
        CheckFirst(checks, original, result, skip);

        PicturePlacement placement = await ComparePicturesAsync(original, result, times, target, skip, cancellationToken);
        checks.Add(new("real frames in place", placement.Misplaced.Count == 0,
            Invariant($"{placement.Misplaced} of {placement.RealCompared} misplaced, largest difference {placement.LargestRealError:0.0}"), "0 misplaced"));
        checks.Add(new("frames between in order", placement.OutOfOrder.Count == 0,
            Invariant($"{placement.OutOfOrder} of {placement.BetweenPlaced} out of order"), "0 out of order"));
        if (!_options.AllowHeldFrames)
        {
            checks.Add(new("no frame doubled", placement.Doubled.Count == 0, Invariant($"{placement.Doubled} doubled"), "0 doubled"));
            checks.Add(new("pace", Math.Abs(placement.MedianPace) <= 0.25, Invariant($"{placement.MedianPace:+0.00;-0.00;0.00} source steps ahead"), "within 0.25"));
        }

        return report with { RealFramesCompared = placement.RealCompared, BetweenFramesPlaced = placement.BetweenPlaced };
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(Rational time) => Invariant($"{time.ToDouble():0.000000} s");

    private static bool Near(Rational? a, Rational? b, Rational tolerance) => a is { } x && b is { } y && Rational.Abs(x - y) <= tolerance;

    private static string Offset(Rational? time) => time is { } t ? Invariant($"{t.ToDouble() * 1000:0.00} ms") : "no sound";

    // The frames that lie in the asked part, how long the last of them stays in the source, and where the part ends, in seconds.
    private (int Skip, int Take, long? LastDurationTicks, Rational? End) Range(DecodedVideo source)
    {
        Rational begin = source.ContainerStart + _options.Start;
        long from = _options.Start > Rational.Zero ? FirstTick(begin, source.TimeBase) : long.MinValue;
        Rational? end = begin + _options.Duration;
        long to = end is { } limit ? FirstTick(limit, source.TimeBase) : long.MaxValue;
        int skip = source.Ticks.Count(t => t < from);
        int take = source.Ticks.Count(t => t >= from && t < to);
        int after = skip + take;
        long? last = after == source.Ticks.Length || take == 0 ? source.LastDurationTicks : source.Ticks[after] - source.Ticks[after - 1];
        return (skip, take, last, end);
    }

    // Ticks from a time on, less what rounding to a tick may have taken off: half of one, at most a millisecond.
    private static long FirstTick(Rational time, Rational tick) => (tick > new Rational(1, 500) ? (time - new Rational(1, 1000)) / tick : (time / tick) - new Rational(1, 2)).Ceiling();

    private void CheckTimes(List<VerificationCheck> checks, DecodedVideo result, ExpectedTimes times, Rational rate, long expected)
    {
        long count = result.Ticks.Length;
        checks.Add(new("frame count", count == expected, Invariant($"{count}"),
            Invariant($"{expected} = ceil({times.Span * _options.Slow} s x {rate})")));

        Rational first = result.Ticks[0] * result.TimeBase;
        long uneven = 0;
        long where = -1;
        Rational worst = Rational.Zero;
        for (long k = 0; k < count; k++)
        {
            Rational off = Rational.Abs((result.Ticks[k] * result.TimeBase) - first - (k / rate));
            if (off > result.TimeBase)
            {
                where = uneven++ == 0 ? k : where;
            }

            worst = Rational.Max(worst, off);
        }

        checks.Add(new("even times", uneven == 0,
            uneven == 0 ? Invariant($"at most {worst.ToDouble() * 1000:0.000} ms off") : Invariant($"{uneven} frames off first + k/{rate}, from frame {where} on, at most {worst.ToDouble() * 1000:0.000} ms"),
            Invariant($"first + k/{rate} within a tick ({result.TimeBase} s)")));

        Rational last = result.Ticks[^1] * result.TimeBase;
        Rational due = first + ((expected - 1) / rate);
        checks.Add(new("last time", Rational.Abs(last - due) <= result.TimeBase, Seconds(last), Seconds(due)));

        // Covered to the end, and no frame begins after it.
        Rational span = times.Span * _options.Slow;
        Rational covered = last - first + rate.Inverse;
        checks.Add(new("coverage", covered + result.TimeBase >= span && covered - rate.Inverse < span + result.TimeBase, Seconds(covered), Invariant($"{span.ToDouble():0.000000} s, less than a frame over")));
    }

    // A film of a variable rate whose frames were worked on one by one has each at its source's time.
    private static void CheckOwnTimes(List<VerificationCheck> checks, DecodedVideo original, DecodedVideo result, int skip, int take)
    {
        checks.Add(new("frame for frame", result.Ticks.Length == take, Invariant($"{result.Ticks.Length} frames"), Invariant($"{take} frames")));
        Rational tolerance = result.TimeBase + original.TimeBase;
        Rational worst = Rational.Zero;
        int moved = 0;
        for (int k = 0; k < Math.Min(take, result.Ticks.Length); k++)
        {
            Rational off = Rational.Abs(((result.Ticks[k] - result.Ticks[0]) * result.TimeBase) - ((original.Ticks[skip + k] - original.Ticks[skip]) * original.TimeBase));
            moved += off > tolerance ? 1 : 0;
            worst = Rational.Max(worst, off);
        }

        checks.Add(new("the source's own times", moved == 0, Invariant($"{moved} frames moved, at most {worst.ToDouble() * 1000:0.000} ms"), Invariant($"within a tick of both ({tolerance} s)")));
    }

    private static void CheckFirst(List<VerificationCheck> checks, DecodedVideo original, DecodedVideo result, int skip)
    {
        // With sound, the offset to it is the truth; without, the picture begins where the source's did, or at the file's start.
        if (result.Audio.Count > 0)
        {
            return;
        }

        Rational start = (result.Ticks[0] * result.TimeBase) - result.ContainerStart;
        Rational before = (original.Ticks[skip] * original.TimeBase) - original.ContainerStart;
        Rational tolerance = Rational.Max(original.TimeBase, result.TimeBase) + AudioTolerance;
        checks.Add(new("first time", Rational.Abs(start) <= tolerance || Rational.Abs(start - before) <= tolerance, Seconds(start), Invariant($"0 or {Seconds(before)} after the file's start")));
    }

    private VerificationReport CheckAudio(List<VerificationCheck> checks, VerificationReport report, DecodedVideo original, DecodedVideo result, int skip, Rational? end)
    {
        List<AudioExtent> tracks = _options.ExpectAudio && _options.Slow == Rational.One ? original.Audio : [];
        Rational firstIn = original.Ticks[skip] * original.TimeBase;
        Rational firstOut = result.Ticks[0] * result.TimeBase;
        int missing = tracks.Count - result.Audio.Count;
        if (missing > 0)
        {
            // MP4 and MOV have no track without a sample, as one has that ends before the part or begins behind it.
            AudioExtent[] silent = [.. tracks.Where(t => LengthDue(t) <= t.LongestFrame + AudioTolerance).OrderBy(LengthDue).Take(missing)];
            tracks = [.. tracks.Where(t => !silent.Contains(t, ReferenceEqualityComparer.Instance))];
        }

        checks.Add(new("audio tracks", result.Audio.Count == tracks.Count, Invariant($"{result.Audio.Count}"), Invariant($"{tracks.Count}")));
        for (int i = 0; i < Math.Min(tracks.Count, result.Audio.Count); i++)
        {
            AudioExtent heard = tracks[i];
            AudioExtent written = result.Audio[i];
            Rational? offsetIn = DueFrom(heard) - firstIn;
            Rational? offsetOut = written.Start - firstOut;
            Rational grain = Rational.Max(heard.LongestFrame, written.LongestFrame);
            Rational offsetTolerance = AudioTolerance;
            Rational lengthDue = LengthDue(heard);
            Rational lengthTolerance = grain + AudioTolerance;
            if (offsetOut is null && lengthDue <= lengthTolerance)
            {
                offsetIn = null;
            }

            if (IsTrimmed)
            {
                // Of Vorbis that is copied from the cut on, the first packet alone decodes to nothing.
                offsetTolerance += grain * (BeginsLater && heard.Codec == "vorbis" && written.Codec == "vorbis" ? 2 : 1);
                lengthTolerance += grain * 2;
            }

            if (i == 0)
            {
                report = report with { AudioOffsetIn = offsetIn, AudioOffsetOut = offsetOut };
            }

            string track = Invariant($"audio {i}");
            // As decoded, or as packed: priming that one container hides and the other does not is no shift.
            bool inPlace = Near(offsetIn, offsetOut, offsetTolerance)
                || (!BeginsLater && heard.StartsWithPriming && written.StartsWithPriming && Near(heard.FirstPacket - firstIn, written.FirstPacket - firstOut, offsetTolerance))
                || (!BeginsLater && StartsOnPacket(heard, written, firstIn, firstOut))
                || (offsetIn is null && offsetOut is null);
            // An encoder's first packet holds priming; MPEG-TS has no list that hides it, so that it is heard before the sound begins.
            if (written.Codec != heard.Codec && written.Codec == "aac" && !written.HidesSound && !inPlace)
            {
                inPlace = Near(offsetIn - written.LongestFrame, offsetOut, offsetTolerance);
                lengthDue += written.LongestFrame;
            }

            if (heard.HidesSound)
            {
                // Whole packets are copied: up to two more than are heard.
                lengthTolerance += grain * 2;
            }

            checks.Add(new(track + " offset", inPlace, Offset(offsetOut), Invariant($"{Offset(offsetIn)} within {Offset(offsetTolerance)}")));
            checks.Add(new(track + " length", Rational.Abs(written.Length - lengthDue) <= lengthTolerance, Seconds(written.Length), Invariant($"{Seconds(lengthDue)} within {Seconds(lengthTolerance)}")));
        }

        return report;

        // Sound is cut at the asked times themselves, which may lie between two frames; it can begin with the packet at the cut.
        Rational? DueFrom(AudioExtent track) => !IsTrimmed || track.Start is not { } begins ? track.Start
            : Rational.Max(begins, BeginsLater ? original.ContainerStart + _options.Start : firstIn);

        Rational LengthDue(AudioExtent track)
        {
            if (DueFrom(track) is not { } from)
            {
                return Rational.Zero;
            }

            Rational to = track.Start!.Value + track.Length;
            return Rational.Max((end is { } limit ? Rational.Min(to, limit) : to) - from, Rational.Zero);
        }
    }

    // What an edit list hides is cut off by whole packets where a container has no such list: the copy begins at most two packets early, and on one of the source's.
    private static bool StartsOnPacket(AudioExtent heard, AudioExtent written, Rational firstIn, Rational firstOut)
    {
        if (!heard.HidesSound || heard.FirstPacket is not { } hidden || written.FirstPacket is not { } first || heard.LongestFrame <= Rational.Zero)
        {
            return false;
        }

        Rational late = first - firstOut - (hidden - firstIn);
        Rational early = heard.Start!.Value - firstIn - (first - firstOut);
        return Rational.Abs(late - ((late / heard.LongestFrame).Round() * heard.LongestFrame)) <= AudioTolerance
            && early >= -AudioTolerance && early <= (heard.LongestFrame * 2) + AudioTolerance;
    }

    private async Task<PicturePlacement> ComparePicturesAsync(DecodedVideo original, DecodedVideo result, ExpectedTimes times, Rational rate, int skip, CancellationToken cancellationToken)
    {
        PicturePlacement placement = new(_options.AllowHeldFrames);
        await using IAsyncEnumerator<byte[]> pictures = original.PicturesAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        for (int i = 0; i < skip && await pictures.MoveNextAsync(); i++)
        {
        }

        List<SourcePicture> window = [];
        int firstIndex = 0;
        int index = 0;
        long k = 0;
        await foreach (byte[] picture in result.PicturesAsync(cancellationToken))
        {
            (index, double position) = times.Place(k, rate, _options.Slow, index);
            int wanted = Math.Min(times.Count, index + PicturePlacement.Reach + 1);
            while (firstIndex + window.Count < wanted && await pictures.MoveNextAsync())
            {
                window.Add(SourcePicture.Of(pictures.Current, window.LastOrDefault()?.Pixels));
            }

            while (firstIndex < index - PicturePlacement.Reach)
            {
                window.RemoveAt(0);
                firstIndex++;
            }

            if (index - firstIndex >= window.Count)
            {
                // Fewer source pictures than times: a source whose damage decodes differently from run to run.
                placement.Misplaced.Add(k++);
                continue;
            }

            bool beyondTheLast = index == times.Count - 1 && k / (rate * _options.Slow) > times.LastStart;
            placement.Add(k, picture, window, firstIndex, index, position, !beyondTheLast);
            k++;
        }

        return placement;
    }
}
