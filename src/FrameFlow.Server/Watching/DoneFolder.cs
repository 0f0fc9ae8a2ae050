using System.Runtime.InteropServices;
using FrameFlow.Decoding;
using FrameFlow.Jobs;

namespace FrameFlow.Server.Watching;

/// <summary>
/// Where originals go when they are published. Under its real name an original is there whole or not at all: it gets a hidden name there first, by a second
/// name (a hard link) where that can be, else by a copy that is flushed and compared in length, and only then its own, which replaces nothing. Its old name
/// goes last, so that killed at any moment it is lost nowhere.
/// </summary>
/// <param name="path">The folder.</param>
internal sealed class DoneFolder(string path)
{
    private const int BufferBytes = 1 << 20;

    // EXDEV, the same number on Linux and macOS: between two file systems, or two mounts of one.
    private const int BetweenDevices = 18;

    /// <summary>Moves a film here, into the same sub-folder. For one process at a time.</summary>
    /// <param name="record">The film.</param>
    /// <param name="cancellationToken">Ends a copy; nothing is left of it.</param>
    /// <returns>Its path now.</returns>
    /// <exception cref="IOException">The disk refuses, or the film changes; it is where it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for want of rights.</exception>
    public async Task<string> TakeAsync(JobRecord record, CancellationToken cancellationToken)
    {
        string target = Path.Combine(path, record.Relative);
        string folder = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(folder);
        string partial = Path.Combine(folder, $".{record.Id}.partial");
        File.Delete(partial); // of a move that was killed
        try
        {
            bool isCopied = !FileIdentity.TryLink(record.Input, partial);
            if (isCopied)
            {
                int fault = Marshal.GetLastPInvokeError();
                if (fault != BetweenDevices && FileIdentity.Of(record.Input)?.Device == FileIdentity.Of(folder)?.Device)
                {
                    // One file system, which has no second names: a plain rename, which copies nothing.
                    return Name(record.Input, record.Input, target);
                }

                await CopyAsync(record, partial, cancellationToken);
            }

            string name = Name(partial, record.Input, target);
            try
            {
                File.Delete(record.Input);
            }
            catch when (isCopied && File.Exists(record.Input))
            {
                // It cannot be taken from where it is: no second one at every try.
                File.Delete(name);
                throw;
            }

            return name;
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static async Task CopyAsync(JobRecord record, string partial, CancellationToken cancellationToken)
    {
        FileStreamOptions reading = new() { Options = FileOptions.SequentialScan | FileOptions.Asynchronous, BufferSize = 0 };
        FileStreamOptions writing = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, Options = FileOptions.Asynchronous, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            writing.UnixCreateMode = File.GetUnixFileMode(record.Input);
        }

        await using (FileStream original = new(record.Input, reading))
        await using (FileStream copy = new(partial, writing))
        {
            await original.CopyToAsync(copy, BufferBytes, cancellationToken);
            copy.Flush(flushToDisk: true);
        }

        if (new FileInfo(partial).Length != record.Stamp.Bytes || SourceStamp.Of(record.Input) != record.Stamp)
        {
            throw new IOException("It changed while it was copied.");
        }

        File.SetLastWriteTimeUtc(partial, File.GetLastWriteTimeUtc(record.Input));
    }

    // What is there under a name is never replaced.
    private static string Name(string from, string original, string target)
    {
        for (int i = 1; ; i++)
        {
            string name = i == 1 ? target : FormattableString.Invariant($"{Path.Combine(Path.GetDirectoryName(target)!, Path.GetFileNameWithoutExtension(target))} ({i}){Path.GetExtension(target)}");
            if (FileIdentity.Of(name) is { } there && there == FileIdentity.Of(original))
            {
                // It got its name in a move that was killed before the old one went.
                return name;
            }

            try
            {
                if (!Path.Exists(name))
                {
                    File.Move(from, name);
                    return name;
                }
            }
            catch (IOException) when (Path.Exists(name) && File.Exists(from))
            {
                // It came to be meanwhile.
            }
        }
    }
}
