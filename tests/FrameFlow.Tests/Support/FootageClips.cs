using Xunit;

namespace FrameFlow.Tests.Support;

/// <summary>Where test material lies: the repository's own clips, and the shared footage that not every machine has.</summary>
internal static class FootageClips
{
    /// <summary>Why a test of shared footage was skipped; tests/skips.txt allows exactly this, and only where the folder is absent.</summary>
    public const string Absent = "shared footage is absent";

    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The folder of shared footage: FRAMEFLOW_FOOTAGE, else ../shared/footage beside the repository.</summary>
    public static string SharedFolder { get; } =
        Environment.GetEnvironmentVariable("FRAMEFLOW_FOOTAGE") is { Length: > 0 } set ? set : Path.GetFullPath(Path.Combine(Repository, "..", "shared", "footage"));

    /// <summary>The path of a clip in testdata/.</summary>
    public static string Own(string name) => Path.Combine(Repository, "testdata", name);

    /// <summary>The path of a shared clip; the test is skipped where the folder is absent.</summary>
    public static string Shared(string name)
    {
        Assert.SkipUnless(Directory.Exists(SharedFolder), Absent);
        return Path.Combine(SharedFolder, name);
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FrameFlow.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No FrameFlow.sln above {AppContext.BaseDirectory}.");
    }
}
