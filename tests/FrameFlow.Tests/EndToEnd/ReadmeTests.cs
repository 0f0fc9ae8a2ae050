using FrameFlow.Diffusion;
using FrameFlow.Encoding;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

public sealed class ReadmeTests
{
    [Fact]
    public async Task Readme_Tables_AreThoseOfTheCatalogues()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        Assert.Contains(ContainerCatalog.ToMarkdown().Trim(), readme, StringComparison.Ordinal);
        Assert.Contains(EncoderCatalog.ToMarkdown().Trim(), readme, StringComparison.Ordinal);
        Assert.Contains(SamplerCatalog.ToMarkdown().Trim(), readme, StringComparison.Ordinal);
    }
}
