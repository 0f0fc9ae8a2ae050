using System.Globalization;
using FrameFlow.Diffusion;

namespace FrameFlow.Denoising;

/// <summary>What becomes of the grain that was found.</summary>
public enum GrainMode
{
    /// <summary>It goes; a part of it may stay (<see cref="DenoiseOptions.GrainKept"/>).</summary>
    Remove,

    /// <summary>Every output frame gets fresh grain of the measured deviation and spectrum.</summary>
    Resynthesise,

    /// <summary>It goes; the encoder (AV1) is told its deviation and spectrum, and the decoder makes it anew.</summary>
    Table,
}

/// <summary>What the denoising stage is asked for.</summary>
public sealed record DenoiseOptions
{
    /// <summary>The name of a sampler in <see cref="SamplerCatalog"/>.</summary>
    public string Sampler { get; init; } = "mmse";

    /// <summary>Evaluations of the network by the sampler; null: the sampler's own default.</summary>
    public int? Steps { get; init; }

    /// <summary>lambda in x = mean + lambda (sample - mean), 0..1; has an effect with any sampler but mmse.</summary>
    public double Detail { get; init; } = 1;

    /// <summary>The factor on the noise's deviation, 0..1.5: above 1 more is taken away than was found.</summary>
    public double Strength { get; init; } = 1;

    /// <summary>Neighbours on each side, 0..2.</summary>
    public int Temporal { get; init; } = 2;

    /// <summary>What becomes of the grain.</summary>
    public GrainMode Grain { get; init; }

    /// <summary>The part of the grain that is put back as it was, 0..1.</summary>
    public double GrainKept { get; init; }

    /// <summary>The seed of all that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>Frames that are worked on at once, at least 1. Changes speed and memory, not the pictures.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>The most pixels of a tile.</summary>
    public long TilePixels { get; init; } = 1280 * 736;

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        Check(SamplerCatalog.Find(Sampler) is not null, $"--sampler {Sampler}: {SamplerCatalog.Names}");
        Check(Steps is null or (>= 1 and <= 1000), $"--steps {Steps}: 1 to 1000");
        Check(Sampler != "mmse" || Steps is null or 1, $"--steps {Steps}: 1 with the sampler mmse, which takes one; others take more");
        Check(Detail is >= 0 and <= 1, string.Create(CultureInfo.InvariantCulture, $"--detail {Detail}: 0 to 1"));
        Check(Sampler != "mmse" || Detail is not (>= 0 and < 1), string.Create(CultureInfo.InvariantCulture, $"--detail {Detail}: 1 with the sampler mmse, which draws no detail; others do"));
        Check(Strength is >= 0 and <= 1.5, string.Create(CultureInfo.InvariantCulture, $"--strength {Strength}: 0 to 1.5"));
        Check(Temporal is >= 0 and <= 2, $"--temporal {Temporal}: 0 to 2");
        Check(GrainKept is >= 0 and <= 1, string.Create(CultureInfo.InvariantCulture, $"--grain keep={GrainKept}: 0 to 1"));
        Check(Workers is >= 1 and <= 64, $"--threads {Workers}: 1 to 64");
        Check(TilePixels >= 256 * 256, $"tile of {TilePixels} pixels: 65536 or more");
        return faults;

        void Check(bool good, string fault)
        {
            if (!good)
            {
                faults.Add(fault);
            }
        }
    }
}
