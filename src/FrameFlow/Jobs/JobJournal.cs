using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace FrameFlow.Jobs;

/// <summary>
/// What a job has done, on the disk: one line an entry, appended and flushed to the disk before the call returns. Each line begins with a
/// check of itself, so a line that a crash tore is known for one and passed over, wherever it stands. Several processes may append: the file is
/// locked for the moment of writing.
/// </summary>
/// <param name="path">The journal's file; it need not exist.</param>
/// <param name="time">Counts the wait for another writer.</param>
public sealed class JobJournal(string path, TimeProvider time)
{
    /// <summary>The format of the journal and of the plan beside it.</summary>
    public const int Version = 1;

    private const int CheckLength = 16;
    private static readonly TimeSpan WriterPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WriterPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Reads what stands in the journal.</summary>
    /// <returns>The state; empty where there is no journal, or no whole line in it.</returns>
    /// <exception cref="FrameFlowException">The journal is of a newer format, or cannot be read (<see cref="FaultKind.Storage"/>).</exception>
    public async Task<JournalState> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!File.Exists(path))
            {
                return JournalState.Empty;
            }

            await using FileStream file = await OpenAsync(FileMode.Open, FileAccess.Read, cancellationToken);
            byte[] bytes = new byte[file.Length];
            await file.ReadExactlyAsync(bytes, cancellationToken);
            return Fold(bytes);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return JournalState.Empty;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The journal '{path}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); mend its permissions, or begin anew with --restart.", e);
        }
    }

    /// <summary>Appends an entry; when this returns it is on the disk.</summary>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public async Task AppendAsync(JournalEntry entry, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entry);
        byte[] line = Line(entry);
        try
        {
            await using FileStream file = await OpenAsync(FileMode.OpenOrCreate, FileAccess.ReadWrite, cancellationToken);

            // A torn last line is ended first, so that it spoils nothing but itself.
            if (file.Length > 0)
            {
                file.Position = file.Length - 1;
                if (file.ReadByte() != '\n')
                {
                    file.WriteByte((byte)'\n');
                }
            }

            file.Write(line);
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The journal '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or mend its permissions, and run it again.", e) { CanRetry = true };
        }
    }

    /// <summary>A line with its check, as it is written.</summary>
    internal static byte[] Line(JournalEntry entry)
    {
        string json = JobJson.Write(entry);
        return System.Text.Encoding.UTF8.GetBytes($"{Check(json)} {json}\n");
    }

    /// <summary>Folds a journal's bytes; lines that are torn or altered are passed over.</summary>
    internal static JournalState Fold(ReadOnlySpan<byte> bytes)
    {
        JournalState state = JournalState.Empty;
        foreach (Range range in bytes.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> raw = bytes[range];
            if (raw.Length <= CheckLength + 1 || raw[CheckLength] != ' ')
            {
                continue;
            }

            string json = System.Text.Encoding.UTF8.GetString(raw[(CheckLength + 1)..]);
            if (System.Text.Encoding.UTF8.GetString(raw[..CheckLength]) != Check(json))
            {
                continue;
            }

            state = state.Apply(Parse(json));
        }

        return state;
    }

    private static JournalEntry Parse(string json)
    {
        // The line is whole; if it cannot be understood, another version wrote it.
        try
        {
            JournalEntry entry = JobJson.Read<JournalEntry>(json);
            return entry is JobBegun { Version: not Version } begun ? throw OtherVersion(begun.Version.ToString(CultureInfo.InvariantCulture)) : entry;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw OtherVersion("another version");
        }
    }

    private static FrameFlowException OtherVersion(string found) =>
        new(FaultKind.Usage, $"The work begun here was begun by another FrameFlow (journal format {found}, this one writes {Version}); finish it with that one, or begin anew with --restart.");

    private static string Check(string json) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(json)).AsSpan(0, CheckLength / 2));

    // Reading takes the lock as well (.NET locks every file that it opens, readers together), so neither side sees half a line.
    private async Task<FileStream> OpenAsync(FileMode mode, FileAccess access, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, mode, access, access == FileAccess.Read ? FileShare.Read : FileShare.None, bufferSize: 0);
            }
            catch (IOException e) when (FileLock.IsHeldByAnother(e) && time.GetElapsedTime(begun) < WriterPatience)
            {
                await Task.Delay(WriterPause, time, cancellationToken);
            }
        }
    }
}
