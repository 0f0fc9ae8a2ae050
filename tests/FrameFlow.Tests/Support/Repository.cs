using Xunit;

namespace FrameFlow.Tests.Support;

/// <summary>Where test material lies: the repository's own, and the shared footage, which no checkout carries.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string TestData(params string[] parts) => Path.Combine([Root, "testdata", .. parts]);

    public static string Models => Path.Combine(Root, "models");

    /// <summary>
    /// A path in the folder of shared footage: <c>FRAMEFLOW_FOOTAGE</c>, else <c>../shared/footage</c>. The test is skipped, aloud, where
    /// that folder is absent, and only there: scripts/count-tests looks at the same folder.
    /// </summary>
    public static string SharedFootage(params string[] parts)
    {
        string folder = Environment.GetEnvironmentVariable("FRAMEFLOW_FOOTAGE") is { Length: > 0 } named ? named : Path.GetFullPath(Path.Combine(Root, "..", "shared", "footage"));
        Assert.SkipUnless(Directory.Exists(folder), $"shared footage is absent ({folder}); set FRAMEFLOW_FOOTAGE to its folder");
        return Path.Combine([folder, .. parts]);
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "FrameFlow.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("FrameFlow.sln is not above the tests.");
    }
}
