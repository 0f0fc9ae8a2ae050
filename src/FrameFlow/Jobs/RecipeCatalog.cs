using System.Text.Json;
using FrameFlow.Interpolation;

namespace FrameFlow.Jobs;

/// <summary>The recipes that FrameFlow brings, and those in files. A new one is a row here.</summary>
public static class RecipeCatalog
{
    /// <summary>The recipes by name.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new()
        {
            Name = "smooth-60",
            Description = "60 frames a second by the trained model, everything else as it is.",
            Operations = [new InterpolationOperationOptions { Rate = new TargetRate(60, false) }],
        },
    ];

    /// <summary>A recipe by its name, or from a JSON file.</summary>
    /// <param name="nameOrFile">A name; anything with a separator, or that ends in <c>.json</c>, is a file's path.</param>
    /// <exception cref="FrameFlowException">There is none of that name, or the file does not hold one (<see cref="FaultKind.Usage"/>).</exception>
    public static Recipe Find(string nameOrFile)
    {
        ArgumentNullException.ThrowIfNull(nameOrFile);
        if (!nameOrFile.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) && !nameOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return All.FirstOrDefault(r => r.Name == nameOrFile)
                ?? throw new FrameFlowException(FaultKind.Usage, $"There is no recipe '{nameOrFile}'; known: {string.Join(", ", All.Select(r => r.Name))}, or a file that ends in .json.");
        }

        try
        {
            return JobJson.Read<Recipe>(File.ReadAllText(nameOrFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The recipe '{nameOrFile}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); compare it with one of README.md.", e);
        }
    }
}
