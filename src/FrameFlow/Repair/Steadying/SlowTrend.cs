namespace FrameFlow.Repair.Steadying;

/// <summary>
/// Parts what is slow from what is fast in a path that is known by its steps. The slow part is a local line: least squares with Gaussian weights around
/// the frame in question (W. S. Cleveland 1979 without the robust passes), so that an even change, a fade or a pan, is slow at a shot's ends as well.
/// </summary>
internal static class SlowTrend
{
    /// <summary>How far the slow part of the path lies from the path at one frame: what is to be added there.</summary>
    /// <param name="steps">The change from each frame to the next.</param>
    /// <param name="at">The frame in question: steps before this index lead to it, the others away from it.</param>
    /// <param name="reach">Frames on each side that are looked at; two deviations of the weights.</param>
    /// <param name="jump">A step of more than this, which later steps do not take back, ends the view: beyond it lies another light.</param>
    public static float Correction(ReadOnlySpan<float> steps, int at, int reach, float jump)
    {
        // The path is 0 at the frame itself: it adds nothing to the sums but its weight.
        double s0 = 1, s1 = 0, s2 = 0, t0 = 0, t1 = 0;
        for (int side = -1; side <= 1; side += 2)
        {
            double path = 0;
            for (int distance = 1; distance <= reach; distance++)
            {
                int step = side < 0 ? at - distance : at + distance - 1;
                if (step < 0 || step >= steps.Length || Lasts(steps, step, side, jump))
                {
                    break;
                }

                path += side * steps[step];
                double z = 2.0 * distance / reach;
                double weight = Math.Exp(-0.5 * z * z);
                double x = side * distance;
                s0 += weight;
                s1 += weight * x;
                s2 += weight * x * x;
                t0 += weight * path;
                t1 += weight * x * path;
            }
        }

        double determinant = (s0 * s2) - (s1 * s1);
        return determinant > 1e-9 ? (float)(((s2 * t0) - (s1 * t1)) / determinant) : 0;
    }

    // A jump that the next two steps do not undo by half.
    private static bool Lasts(ReadOnlySpan<float> steps, int step, int side, float jump)
    {
        if (!(Math.Abs(steps[step]) > jump))
        {
            return false;
        }

        float sum = steps[step];
        for (int i = 1; i <= 2; i++)
        {
            foreach (int other in (ReadOnlySpan<int>)[step + (side * i), step - (side * i)])
            {
                if (other >= 0 && other < steps.Length && Math.Abs(sum + steps[other]) < 0.5f * Math.Abs(steps[step]))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
