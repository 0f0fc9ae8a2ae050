namespace FrameFlow.Jobs;

/// <summary>
/// An advisory lock on a file (flock), which the system takes back when its holder dies, however it dies. Two kinds: one holder alone, or many at once.
/// </summary>
public sealed class FileLock : IDisposable
{
    // EWOULDBLOCK on Linux and macOS; ERROR_SHARING_VIOLATION on Windows.
    private const int WouldBlockLinux = 11;
    private const int WouldBlockMac = 35;
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, creating the file where it is missing.</summary>
    /// <param name="path">The file; its content is of no account.</param>
    /// <param name="shared">Whether others may hold it too, if they say so as well.</param>
    /// <returns>The lock, which the caller disposes; null where another holds it.</returns>
    /// <exception cref="FrameFlowException">The file cannot be created or opened (<see cref="FaultKind.Storage"/>).</exception>
    public static FileLock? TryTake(string path, bool shared = false)
    {
        try
        {
            return new FileLock(new FileStream(path, FileMode.OpenOrCreate, shared ? FileAccess.Read : FileAccess.ReadWrite, shared ? FileShare.Read : FileShare.None, bufferSize: 0));
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"'{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); give another folder, or mend its permissions.", e);
        }
    }

    /// <summary>Gives the lock back; the file stays.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Whether opening failed because another has the file locked.</summary>
    internal static bool IsHeldByAnother(IOException fault) =>
        fault.GetType() == typeof(IOException) && (fault.HResult is WouldBlockLinux or WouldBlockMac or SharingViolation);
}
