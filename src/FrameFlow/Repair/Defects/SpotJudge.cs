namespace FrameFlow.Repair.Defects;

/// <summary>
/// Judges a spot as a whole: the log-odds that it is a defect and no motion gone wrong, linear in the logarithms of what was measured. Fitted by logistic
/// regression, each spot weighed by the root of its area, on dust that was planted into clips and on what the same clips show without any.
/// </summary>
internal static class SpotJudge
{
    // Above 0 a spot is more likely a defect than not; a whole step of sensitivity moves that by so much to either side.
    private const double Reach = 6;

    /// <summary>The log-odds from which a spot counts.</summary>
    public static float Threshold(double sensitivity) => (float)((0.5 - sensitivity) * Reach);

    /// <summary>The log-odds of a spot.</summary>
    public static float Score(in Spot spot)
    {
        const float Least = 0.5f / 255;
        double contrast = Math.Log(Math.Max(spot.Contrast, Least));
        double clarity = contrast - Math.Log(Math.Max(spot.Doubt, Least));
        double agreement = contrast - Math.Log(Math.Max(spot.Disagreement, Least));
        double calm = contrast - Math.Log(Math.Max(spot.Ring, Least));
        double edge = Math.Clamp(spot.Edge / Math.Max(spot.Contrast, Least), -1, 2);
        double size = Math.Log(spot.Area);
        return (float)(-6.134 + (0.710 * clarity) + (0.221 * agreement) + (0.019 * calm) - (0.493 * edge) + (0.543 * size) + (1.696 * (contrast + 3)));
    }
}
