using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FrameFlow.Inference;

/// <summary>
/// ONNX Runtime with the WebGPU provider (Dawn on Vulkan), as the npm package onnxruntime-node carries it. Too large for this repository (45 MB), so that
/// <c>frameflow devices install webgpu</c> fetches it once a user.
/// </summary>
public static class WebGpuLibrary
{
    /// <summary>The package and version that is known to work.</summary>
    public const string Package = "onnxruntime-node@1.30.0";

    /// <summary>SHA-256 of the one file that is taken from it, lower-case hexadecimal.</summary>
    public const string Sha256 = "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23";

    private const string Entry = "package/bin/napi-v6/linux/x64/libonnxruntime.so.1";

    /// <summary>Whether this machine can run the file at all.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Where it is put, and looked for: <c>$XDG_DATA_HOME/frameflow/webgpu</c>, else <c>~/.local/share/frameflow/webgpu</c>; the file's name holds its version.</summary>
    public static string Path
    {
        get
        {
            string? data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return System.IO.Path.Combine(string.IsNullOrEmpty(data) ? System.IO.Path.Combine(home, ".local", "share") : data, "frameflow", "webgpu", "libonnxruntime-1.30.0.so");
        }
    }

    /// <summary>Whether it is installed. It was compared with <see cref="Sha256"/> when it was put there.</summary>
    public static bool IsInstalled => File.Exists(Path);

    /// <summary>Takes the library out of the package, compares its SHA-256, and puts it in its place in one step.</summary>
    /// <param name="package">The package as the registry gives it: a gzipped tar.</param>
    /// <param name="cancellationToken">Ends the work; nothing is left then.</param>
    /// <exception cref="FrameFlowException">
    /// The file is not that package or is damaged (<see cref="FaultKind.Input"/>), the place cannot be written (<see cref="FaultKind.Storage"/>), or the machine is of another kind (<see cref="FaultKind.Device"/>).
    /// </exception>
    public static Task InstallAsync(string package, CancellationToken cancellationToken) => InstallAsync(package, Path, cancellationToken);

    /// <summary>The same, to another place.</summary>
    internal static async Task InstallAsync(string package, string path, CancellationToken cancellationToken)
    {
        if (!IsSupported)
        {
            throw new FrameFlowException(FaultKind.Device, "WebGPU's library is taken for Linux on x64 alone; give --device cpu.");
        }

        string folder = System.IO.Path.GetDirectoryName(path)!;
        string partial = System.IO.Path.Combine(folder, $".{Guid.NewGuid():N}.partial");
        try
        {
            await using TarReader tar = new(new GZipStream(OpenPackage(package), CompressionMode.Decompress));
            TarEntry entry = await FindAsync(tar, package, cancellationToken);
            Directory.CreateDirectory(folder);
            await entry.ExtractToFileAsync(partial, overwrite: false, cancellationToken);
            string actual;
            await using (FileStream written = new(partial, FileMode.Open, FileAccess.ReadWrite))
            {
                actual = Convert.ToHexStringLower(await SHA256.HashDataAsync(written, cancellationToken));
                written.Flush(flushToDisk: true);
            }

            if (actual != Sha256)
            {
                throw new FrameFlowException(FaultKind.Input, $"The library in '{package}' has SHA-256 {actual}, expected {Sha256}; get {Package} again.");
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new FrameFlowException(FaultKind.Input, $"'{package}' is no whole .tgz ({e.Message.ReplaceLineEndings(" ")}); give the file that 'npm pack {Package}' writes.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"'{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or set XDG_DATA_HOME to another folder.", e) { CanRetry = true };
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                File.Delete(partial);
            }
        }
    }

    private static FileStream OpenPackage(string package)
    {
        try
        {
            return new FileStream(package, new FileStreamOptions { Options = FileOptions.SequentialScan | FileOptions.Asynchronous, BufferSize = 1 << 20 });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Input, $"'{package}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); give the file that 'npm pack {Package}' writes.", e);
        }
    }

    private static async Task<TarEntry> FindAsync(TarReader tar, string package, CancellationToken cancellationToken)
    {
        while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
        {
            if (entry.Name == Entry)
            {
                return entry;
            }
        }

        throw new FrameFlowException(FaultKind.Input, $"'{package}' does not hold {Entry}; give the file that 'npm pack {Package}' writes.");
    }
}
