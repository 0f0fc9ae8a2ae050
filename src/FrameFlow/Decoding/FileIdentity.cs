using System.Runtime.InteropServices;

namespace FrameFlow.Decoding;

/// <summary>What a path leads to, links followed: enough to tell two names of one file.</summary>
/// <param name="Device">The file system.</param>
/// <param name="Inode">The file in it.</param>
/// <param name="IsRegular">Whether it is a plain file (no device, no pipe).</param>
internal readonly partial record struct FileIdentity(ulong Device, ulong Inode, bool IsRegular)
{
    /// <summary>The identity, or null where nothing is there or the system cannot say.</summary>
    public static unsafe FileIdentity? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        // struct statx has one layout on every Linux (linux/stat.h): mode at 28, inode at 32, device major and minor at 136 and 140.
        byte* buffer = stackalloc byte[256];
        const int AtCurrentFolder = -100;
        const uint BasicStats = 0x7ff;
        try
        {
            if (StatX(AtCurrentFolder, path, 0, BasicStats, buffer) != 0)
            {
                return null;
            }
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        const int TypeMask = 0xF000;
        const int RegularFile = 0x8000;
        ulong device = ((ulong)*(uint*)(buffer + 136) << 32) | *(uint*)(buffer + 140);
        return new FileIdentity(device, *(ulong*)(buffer + 32), (*(ushort*)(buffer + 28) & TypeMask) == RegularFile);
    }

    /// <summary>Gives a file a second name (a hard link) on its file system.</summary>
    /// <returns>False where the file system has no such, or anything else refuses: the reason is the last system error.</returns>
    public static bool TryLink(string path, string name)
    {
        try
        {
            return Link(path, name) == 0;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string name);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* buffer);
}
