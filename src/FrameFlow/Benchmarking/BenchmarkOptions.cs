using System.Collections.Immutable;
using System.Globalization;
using FrameFlow.Jobs;

namespace FrameFlow.Benchmarking;

/// <summary>A picture's size in pixels.</summary>
/// <param name="Width">Columns, even.</param>
/// <param name="Height">Rows, even.</param>
public readonly record struct PictureSize(int Width, int Height)
{
    /// <summary>The least side that a network's and the motion search's coarsest scale make sense for.</summary>
    public const int Least = 32;

    /// <summary>The largest side.</summary>
    public const int Most = 8192;

    private static readonly ImmutableDictionary<string, PictureSize> Known = new Dictionary<string, PictureSize>
    {
        ["480p"] = new(854, 480),
        ["720p"] = new(1280, 720),
        ["1080p"] = new(1920, 1080),
        ["2160p"] = new(3840, 2160),
    }.ToImmutableDictionary();

    /// <summary>Pixels.</summary>
    public long Pixels => (long)Width * Height;

    /// <summary>Reads <c>720p</c> (480p, 1080p, 2160p), or <c>1024x576</c>.</summary>
    public static bool TryParse(string text, out PictureSize size)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Known.TryGetValue(text, out size))
        {
            return true;
        }

        string[] sides = text.Split('x');
        if (sides.Length == 2 && int.TryParse(sides[0], NumberStyles.None, CultureInfo.InvariantCulture, out int width) && int.TryParse(sides[1], NumberStyles.None, CultureInfo.InvariantCulture, out int height)
            && width is >= Least and <= Most && height is >= Least and <= Most && width % 2 == 0 && height % 2 == 0)
        {
            size = new PictureSize(width, height);
            return true;
        }

        return false;
    }

    /// <summary><c>720p</c> where it is one of those, else <c>1024x576</c>.</summary>
    public override string ToString()
    {
        PictureSize self = this;
        return Known.FirstOrDefault(k => k.Value == self).Key ?? string.Create(CultureInfo.InvariantCulture, $"{Width}x{Height}");
    }
}

/// <summary>What a benchmark is asked for.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>What can be measured, in order: parts of the pipeline alone, whole jobs, the calls that a made frame is composed of, and the networks' operators.</summary>
    public static ImmutableArray<string> Cases { get; } = ["decode", "encode", "stage:cuts", "stage:interpolate", "stage:denoise", "null", "interpolate", "denoise", "calls", "operators"];

    /// <summary>A film to measure on, all of it, at its own size and rate; null: a clip that is made, at <see cref="Sizes"/>.</summary>
    public string? Film { get; init; }

    /// <summary>The pictures' sizes.</summary>
    public IReadOnlyList<PictureSize> Sizes { get; init; } = [new(854, 480), new(1280, 720), new(1920, 1080)];

    /// <summary>Frames of the clip, at 24 a second, 4 to 1000.</summary>
    public int Frames { get; init; } = 24;

    /// <summary>The interpolation's model, or <c>hold</c>, <c>blend</c>, <c>flow</c>.</summary>
    public string Interpolator { get; init; } = "light";

    /// <summary>The denoising's model, or <c>average</c>.</summary>
    public string Denoiser { get; init; } = "denoise-light";

    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Processor threads for the model, at least 1.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The cap for frames and working memory, bytes.</summary>
    public long MemoryBytes { get; init; } = VideoJobOptions.DefaultMemoryBytes;

    /// <summary>Which of <see cref="Cases"/>; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [];
        if (Sizes.Count == 0)
        {
            faults.Add("--sizes: one or more, such as 720p or 1024x576");
        }

        if (Frames is < 4 or > 1000)
        {
            faults.Add($"--frames {Frames}: 4 to 1000");
        }

        if (Threads is < 1 or > 1024)
        {
            faults.Add($"--threads {Threads}: 1 to 1024");
        }

        faults.AddRange(Only.Except(Cases).Select(o => $"--only {o}: {string.Join(", ", Cases)}"));
        return faults;
    }

    internal bool Wants(string name) => Only.Count == 0 || Only.Contains(name);
}
