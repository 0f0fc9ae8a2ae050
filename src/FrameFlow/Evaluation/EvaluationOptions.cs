using FrameFlow.Decoding;
using FrameFlow.Interpolation;

namespace FrameFlow.Evaluation;

/// <summary>What an evaluation is asked for.</summary>
public sealed record EvaluationOptions
{
    /// <summary>ffmpeg's motion-compensated interpolation, beside the models and the built-in methods.</summary>
    public const string Minterpolate = "minterpolate";

    /// <summary>The clip.</summary>
    public required string Input { get; init; }

    /// <summary>Models, built-in methods (<c>hold</c>, <c>blend</c>, <c>flow</c>) and <see cref="Minterpolate"/>; the first is the one whose worst frames are shown.</summary>
    public IReadOnlyList<string> Methods { get; init; } = ["light", "blend", "hold", Minterpolate];

    /// <summary>How models sample.</summary>
    public InterpolationOptions Sampling { get; init; } = new();

    /// <summary>Which part is taken.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Processor threads, at least 1.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The seed of the noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where a PNG of the worst frames goes; null for none.</summary>
    public string? Sheet { get; init; }

    /// <summary>How many frames the sheet shows, 1 to 32.</summary>
    public int Worst { get; init; } = 4;

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [.. Sampling.Validate()];
        if (Methods.Count == 0 || Methods.Distinct(StringComparer.Ordinal).Count() != Methods.Count)
        {
            faults.Add($"--methods {string.Join(',', Methods)}: one or more, each once");
        }

        if (Worst is < 1 or > 32)
        {
            faults.Add($"--worst {Worst}: 1 to 32");
        }

        if (Sheet is { Length: > 0 } && SequencePattern.TryParse(Sheet) is not null)
        {
            faults.Add($"--sheet {Sheet}: the name of one PNG");
        }

        return faults;
    }
}
