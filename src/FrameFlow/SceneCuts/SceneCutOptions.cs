namespace FrameFlow.SceneCuts;

/// <summary>
/// When two successive pictures are taken for two scenes. Both measures are of the second picture after its motion towards the
/// first was undone at thumbnail size, so that pans and fast subjects do not count.
/// </summary>
public sealed record SceneCutOptions
{
    /// <summary>
    /// The least 1 - correlation of the two thumbnails, 0..2. Over 23 real clips the ten cuts lay at .27 and above, everything else at .16
    /// and below (docs/scene-cuts.md).
    /// </summary>
    public double MinDecorrelation { get; init; } = 0.2;

    /// <summary>The least mean absolute difference in units of the pictures' standard deviation; cuts lay at .50 and above, all else at .36 and below.</summary>
    public double MinDifference { get; init; } = 0.42;
}
