using Xunit;

namespace FrameFlow.Tests.Support;

/// <summary>The shared real clips, which no checkout carries.</summary>
internal static class FootageFolder
{
    /// <summary><c>FRAMEFLOW_FOOTAGE</c>, else <c>shared/footage</c> beside the checkout or one of its parents; null where there is none.</summary>
    public static string? Path { get; } = Find();

    /// <summary>A clip's path; skips the test, aloud, where the clips are absent.</summary>
    public static string Require(string clip)
    {
        Assert.SkipWhen(Path is null, "shared/footage is absent; set FRAMEFLOW_FOOTAGE to its folder.");
        return System.IO.Path.Combine(Path!, clip);
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("FRAMEFLOW_FOOTAGE") is { Length: > 0 } named)
        {
            return Directory.Exists(named) ? named : null;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = System.IO.Path.Combine(folder.FullName, "shared", "footage");
            if (File.Exists(System.IO.Path.Combine(candidate, "CLIPS.md")))
            {
                return candidate;
            }
        }

        return null;
    }
}
