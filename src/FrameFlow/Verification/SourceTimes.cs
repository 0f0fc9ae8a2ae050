namespace FrameFlow.Verification;

/// <summary>
/// The contract's rule for times that a broken writer got wrong, worked out apart from the pipeline's: a frame without a time stands
/// one step after the frame before; a frame that repeats the time of the one before, while its own place is empty, belongs in that
/// place. What still does not advance is no frame of the film.
/// </summary>
internal static class SourceTimes
{
    /// <summary>Puts the times of all decoded frames right, in place.</summary>
    public static void Mend(Span<long?> ticks)
    {
        long step = UsualStep(ticks);
        int firstKnown = 0;
        while (firstKnown < ticks.Length && ticks[firstKnown] is null)
        {
            firstKnown++;
        }

        for (int i = 0; i < ticks.Length; i++)
        {
            ticks[i] ??= i > 0 ? ticks[i - 1] + step : firstKnown < ticks.Length ? ticks[firstKnown] - (firstKnown * step) : 0;
        }

        for (int i = 1; i + 1 < ticks.Length; i++)
        {
            long before = ticks[i - 1]!.Value;
            long hole = ticks[i + 1]!.Value - before;
            bool repeats = Math.Abs(ticks[i]!.Value - before) <= step / 16.0;
            if (repeats && hole >= 1.5 * step)
            {
                ticks[i] = before + (hole / 2);
            }
        }
    }

    private static long UsualStep(ReadOnlySpan<long?> ticks)
    {
        List<long> steps = [];
        for (int i = 1; i < ticks.Length; i++)
        {
            if (ticks[i] - ticks[i - 1] is { } step and > 0)
            {
                steps.Add(step);
            }
        }

        steps.Sort();
        return steps.Count == 0 ? 1 : steps[steps.Count / 2];
    }
}
