namespace FrameFlow.Reporting;

/// <summary>All that a report's page shows: a function of the ledger, a few stills and what the operations and the pipeline told.</summary>
public sealed record JobReport
{
    /// <summary>The source's path as it was given.</summary>
    public required string Input { get; init; }

    /// <summary>The output's path as it was given.</summary>
    public required string Output { get; init; }

    /// <summary>What the source and the output are, name and value.</summary>
    public required IReadOnlyList<ReportFact> Facts { get; init; }

    /// <summary>The ledger, summed up.</summary>
    public required LedgerSummary Ledger { get; init; }

    /// <summary>What the operations counted.</summary>
    public required IReadOnlyDictionary<string, long> Counts { get; init; }

    /// <summary>What was done, in order.</summary>
    public required IReadOnlyList<ReportOperation> Operations { get; init; }

    /// <summary>How the pipeline's parts did, in order.</summary>
    public required IReadOnlyList<StageRecord> Stages { get; init; }

    /// <summary>What the operations measured.</summary>
    public required IReadOnlyList<Measurement> Measurements { get; init; }

    /// <summary>Times of the frames that start a scene, seconds on the source's clock.</summary>
    public required IReadOnlyList<double> Cuts { get; init; }

    /// <summary>Damage: start, end, what.</summary>
    public required IReadOnlyList<ReportDamage> Damage { get; init; }

    /// <summary>What the user should know, a line each.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Wall-clock seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>First sound minus first frame, seconds, of the source; null without sound.</summary>
    public double? AudioOffsetIn { get; init; }

    /// <summary>The same of the output.</summary>
    public double? AudioOffsetOut { get; init; }

    /// <summary>Programs and their versions.</summary>
    public required IReadOnlyList<ReportFact> Versions { get; init; }

    /// <summary>Pictures before and after.</summary>
    public required IReadOnlyList<ReportStill> Stills { get; init; }
}

/// <summary>A name and what it is.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">The value, as it is read.</param>
public sealed record ReportFact(string Name, string Value);

/// <summary>A stretch of the source that is damaged.</summary>
/// <param name="Start">Seconds.</param>
/// <param name="End">Seconds.</param>
/// <param name="What">What was found.</param>
public sealed record ReportDamage(double Start, double End, string What);

/// <summary>One thing that was done.</summary>
/// <param name="Name">Its name, as recipes have it.</param>
/// <param name="Method">The model's or method's name.</param>
/// <param name="Device">Where it ran; <c>none</c> for no device.</param>
/// <param name="Settings">Its settings, flat: the path in a recipe, and the value as JSON.</param>
/// <param name="Weights">Each weights file as <c>model/graph</c> with its SHA-256, and the model's licence.</param>
public sealed record ReportOperation(string Name, string Method, string Device, IReadOnlyList<ReportFact> Settings, IReadOnlyList<ReportWeights> Weights);

/// <summary>A weights file.</summary>
/// <param name="Name"><c>model/graph</c>.</param>
/// <param name="Version">The model's version.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
/// <param name="Licence">The model's licence.</param>
public sealed record ReportWeights(string Name, int Version, string Sha256, string Licence);

/// <summary>One frame of the output beside the source frame that it is, or that stands left of it.</summary>
/// <param name="Entry">The frame.</param>
/// <param name="Why">Why it is shown.</param>
/// <param name="Before">The source's frame, JPEG; null where it could not be had.</param>
/// <param name="After">The output's, as it is in the file, JPEG, of the same size.</param>
/// <param name="Width">Of both, pixels.</param>
/// <param name="Height">Of both, pixels.</param>
public sealed record ReportStill(LedgerEntry Entry, string Why, byte[] Before, byte[] After, int Width, int Height);
