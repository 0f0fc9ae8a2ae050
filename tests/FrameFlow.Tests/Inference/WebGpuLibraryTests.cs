using System.Formats.Tar;
using System.IO.Compression;
using FrameFlow.Inference;
using Xunit;

namespace FrameFlow.Tests.Inference;

/// <summary>Packages that are not what is wanted leave nothing behind.</summary>
public sealed class WebGpuLibraryTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("frameflow-library-");

    private string Target => Path.Combine(_folder.FullName, "data", "library.so");

    private string Package => Path.Combine(_folder.FullName, "package.tgz");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Install_AnotherLibrary_IsRefusedByItsHash()
    {
        await PackAsync("package/bin/napi-v6/linux/x64/libonnxruntime.so.1", 100_000);
        FrameFlowException fault = await RefusedAsync();
        Assert.Contains($"expected {WebGpuLibrary.Sha256}", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_AnotherPackage_IsRefused()
    {
        await PackAsync("package/index.js", 100);
        FrameFlowException fault = await RefusedAsync();
        Assert.Contains("does not hold package/bin", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_PackageCutShort_IsRefused()
    {
        await PackAsync("package/bin/napi-v6/linux/x64/libonnxruntime.so.1", 100_000);
        await using (FileStream file = new(Package, FileMode.Open))
        {
            file.SetLength(file.Length / 2);
        }

        await RefusedAsync();
    }

    [Fact]
    public async Task Install_NoArchive_IsRefused()
    {
        await File.WriteAllTextAsync(Package, "not a package", TestContext.Current.CancellationToken);
        await RefusedAsync();
    }

    [Fact]
    public async Task Install_NoFile_IsRefused() => await RefusedAsync();

    private async Task<FrameFlowException> RefusedAsync()
    {
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => WebGpuLibrary.InstallAsync(Package, Target, TestContext.Current.CancellationToken));
        Assert.Equal(WebGpuLibrary.IsSupported ? FaultKind.Input : FaultKind.Device, fault.Kind);
        Assert.DoesNotContain('\n', fault.Message);
        Assert.False(Directory.Exists(Path.GetDirectoryName(Target)) && Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(Target)!).Any());
        return fault;
    }

    private async Task PackAsync(string entry, int bytes)
    {
        byte[] content = new byte[bytes];
        new Random(1).NextBytes(content);
        await using FileStream file = new(Package, FileMode.Create);
        await using GZipStream packed = new(file, CompressionMode.Compress);
        await using TarWriter tar = new(packed);
        await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, entry) { DataStream = new MemoryStream(content) }, TestContext.Current.CancellationToken);
    }
}
