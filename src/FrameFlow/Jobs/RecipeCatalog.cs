using FrameFlow.Denoising;
using FrameFlow.Interpolation;
using FrameFlow.Repair.Defects;

namespace FrameFlow.Jobs;

/// <summary>The recipes that FrameFlow brings, and those in files. A new one is a row here.</summary>
public static class RecipeCatalog
{
    /// <summary>The recipes by name.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new()
        {
            Name = "film-scan",
            Description = "A scanned film: flicker and dust taken away, lost and spoilt frames made anew, noise taken away and a third of the grain put back, at its own rate.",
            Operations =
            [
                new DeflickerOperationOptions(),
                new DefectsOperationOptions { Find = DefectKinds.Dust },
                new RebuildOperationOptions { Frames = "auto" },
                new DenoiseOperationOptions(),
                new GrainOperationOptions { Amount = 0.33 },
            ],
        },
        new()
        {
            Name = "home-movie",
            Description = "A camera's video: gaps filled, noise taken away, 60 frames a second.",
            Operations =
            [
                new RebuildOperationOptions(),
                new DenoiseOperationOptions { Denoising = new DenoiseOptions { Strength = 0.9 } },
                new InterpolationOperationOptions { Rate = new TargetRate(60, false) },
            ],
        },
        new()
        {
            Name = "animation",
            Description = "Drawn frames that repeat are made anew in place, then 60 frames a second; no noise is looked for.",
            Operations =
            [
                new RebuildOperationOptions { Duplicates = true },
                new InterpolationOperationOptions { Rate = new TargetRate(60, false) },
            ],
        },
        new()
        {
            Name = "smooth-60",
            Description = "60 frames a second by the trained model, everything else as it is.",
            Operations = [new InterpolationOperationOptions { Rate = new TargetRate(60, false) }],
        },
    ];

    /// <summary>A recipe by its name, or from a JSON file.</summary>
    /// <param name="nameOrFile">A name; anything with a separator, or that ends in <c>.json</c>, is a file's path.</param>
    /// <exception cref="FrameFlowException">There is none of that name, or the file does not hold one: everything that is wrong is named (<see cref="FaultKind.Usage"/>).</exception>
    public static Recipe Find(string nameOrFile)
    {
        ArgumentNullException.ThrowIfNull(nameOrFile);
        if (!nameOrFile.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) && !nameOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            string[] names = [.. All.Select(r => r.Name)];
            string meant = RecipeReader.Nearest(nameOrFile, names) is { } near ? $"did you mean '{near}'? " : "";
            return All.FirstOrDefault(r => r.Name == nameOrFile)
                ?? throw new FrameFlowException(FaultKind.Usage, $"There is no recipe '{nameOrFile}'; {meant}known: {string.Join(", ", names)}, or a file that ends in .json.");
        }

        string text;
        try
        {
            text = File.ReadAllText(nameOrFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The recipe '{nameOrFile}' cannot be read ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); check its name.", e);
        }

        return RecipeReader.Read(text, out IReadOnlyList<string> faults)
            ?? throw new FrameFlowException(FaultKind.Usage, $"The recipe '{nameOrFile}' has {faults.Count} fault(s): {string.Join("; ", faults)}. ('frameflow recipes show smooth-60' prints one to start from.)");
    }
}
