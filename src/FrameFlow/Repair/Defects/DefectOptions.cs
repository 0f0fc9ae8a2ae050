using System.Globalization;

namespace FrameFlow.Repair.Defects;

/// <summary>Which defects are looked for.</summary>
public enum DefectKinds
{
    /// <summary>Dust, dirt and hairs, and lasting scratches.</summary>
    Auto,

    /// <summary>None: masks that are given alone are repaired.</summary>
    Off,

    /// <summary>Dust, dirt and hairs: what stands in one frame alone.</summary>
    Dust,

    /// <summary>Vertical scratches: what stays at one column for many frames.</summary>
    Scratches,
}

/// <summary>How defects are found and filled.</summary>
public sealed record DefectOptions
{
    /// <summary>What is looked for.</summary>
    public DefectKinds Find { get; init; } = DefectKinds.Auto;

    /// <summary>0 (only what is beyond doubt) to 1 (all that may be one).</summary>
    public double Sensitivity { get; init; } = 0.5;

    /// <summary>Whether a fill gets grain like that of the frame around it; without, it is the mean, smooth and nearest to the truth.</summary>
    public bool Grain { get; init; } = true;

    /// <summary>The seed of the grain.</summary>
    public ulong Seed { get; init; }

    /// <summary>Frames that are worked on at once, at least 1. Changes speed and memory, not the pictures.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        if (Sensitivity is not (>= 0 and <= 1))
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"--sensitivity {Sensitivity}: 0 to 1"));
        }

        if (Workers is not (>= 1 and <= 64))
        {
            faults.Add($"--threads {Workers}: 1 to 64");
        }

        if (!Enum.IsDefined(Find))
        {
            faults.Add($"--defects {Find}: auto, off, dust or scratches");
        }

        return faults;
    }
}
