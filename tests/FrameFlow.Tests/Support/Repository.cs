namespace FrameFlow.Tests.Support;

/// <summary>Where the repository's folders are, from wherever the tests run.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string TestData(params string[] parts) => Path.Combine([Root, "testdata", .. parts]);

    public static string Models => Path.Combine(Root, "models");

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
