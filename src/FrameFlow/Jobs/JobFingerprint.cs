namespace FrameFlow.Jobs;

/// <summary>
/// Everything that decides a job's pictures. Two runs with one fingerprint make the same frames; a segment made under another is of no use.
/// </summary>
public sealed record JobFingerprint
{
    /// <summary>SHA-256 of the source's content, lower-case hexadecimal.</summary>
    public required string Input { get; init; }

    /// <summary>The operations and settings that change pictures, as canonical JSON.</summary>
    public required string Settings { get; init; }

    /// <summary>SHA-256 of every weights file in use, by <c>model/graph</c>, as the manifests state and <c>Load</c> relies on.</summary>
    public required IReadOnlyDictionary<string, string> Models { get; init; }

    /// <summary>The library's build.</summary>
    public required string Build { get; init; }

    /// <summary>ffmpeg's first line about itself.</summary>
    public required string Ffmpeg { get; init; }

    /// <summary>The kind of device that the networks run on; <c>none</c> where there is none.</summary>
    public required string Device { get; init; }

    /// <summary>What differs, in words, a phrase each; empty where nothing does.</summary>
    public IReadOnlyList<string> DifferencesFrom(JobFingerprint before)
    {
        ArgumentNullException.ThrowIfNull(before);
        List<string> found = [];
        Compare("the input's content", before.Input, Input, tell: false);
        Compare("the settings", before.Settings, Settings, tell: true);
        string Weights(JobFingerprint of) => string.Join(", ", of.Models.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key} {m.Value}"));
        Compare("the model's weights", Weights(before), Weights(this), tell: false);
        Compare("FrameFlow's build", before.Build, Build, tell: false);
        Compare("ffmpeg", before.Ffmpeg, Ffmpeg, tell: true);
        Compare("the device", before.Device, Device, tell: true);
        return found;

        void Compare(string what, string then, string now, bool tell)
        {
            if (then != now)
            {
                found.Add(tell ? $"{what} ({Changed(then, now)})" : what);
            }
        }
    }

    // The part that differs, not the whole.
    private static string Changed(string then, string now)
    {
        int same = 0;
        while (same < then.Length && same < now.Length && then[same] == now[same])
        {
            same++;
        }

        int tail = 0;
        while (tail < then.Length - same && tail < now.Length - same && then[^(tail + 1)] == now[^(tail + 1)])
        {
            tail++;
        }

        // Whole entries around it.
        while (same > 0 && then[same - 1] != ',')
        {
            same--;
        }

        while (tail > 0 && then[^tail] != ',')
        {
            tail--;
        }

        return $"{then[same..^tail]} before, {now[same..^tail]} now";
    }
}
