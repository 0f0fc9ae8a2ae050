using System.Buffers.Binary;

namespace FrameFlow.Encoding;

/// <summary>
/// Writes a display rotation into the video track's header of an MP4 or QuickTime file (ISO/IEC 14496-12, 8.3.2): ffmpeg 5.1 can do so
/// only by copying the whole file once more.
/// </summary>
internal static class TrackRotation
{
    /// <summary>Sets the matrix of the first video track.</summary>
    /// <param name="path">The file.</param>
    /// <param name="degrees">Clockwise: 0, 90, 180 or 270.</param>
    /// <exception cref="InvalidDataException">The file has no video track header where the standard puts it.</exception>
    public static void Write(string path, int degrees)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        (long start, long end) moov = Find(file, 0, file.Length, "moov") ?? throw new InvalidDataException("The file has no moov box.");
        for (long at = moov.start; Find(file, at, moov.end, "trak") is { } track; at = track.End)
        {
            if (Find(file, track.Start, track.End, "mdia") is { } media && Find(file, media.Start, media.End, "hdlr") is { } handler
                && Text(file, handler.Start + 8) == "vide" && Find(file, track.Start, track.End, "tkhd") is { } header)
            {
                WriteMatrix(file, header.Start, degrees);
                return;
            }
        }

        throw new InvalidDataException("The file has no video track.");
    }

    // Version 0 has 32-bit times, version 1 64-bit ones; then reserved, layer, group, volume, reserved: 16 bytes; then matrix, width, height.
    private static void WriteMatrix(FileStream file, long header, int degrees)
    {
        file.Position = header;
        bool wide = file.ReadByte() == 1;
        long matrix = header + 4 + (wide ? 32 : 20) + 16;
        Span<byte> bytes = stackalloc byte[44];
        file.Position = matrix;
        file.ReadExactly(bytes);
        int width = BinaryPrimitives.ReadInt32BigEndian(bytes[36..]);
        int height = BinaryPrimitives.ReadInt32BigEndian(bytes[40..]);
        const int One = 1 << 16;
        (int a, int b, int c, int d, int x, int y) = degrees switch
        {
            90 => (0, One, -One, 0, height, 0),
            180 => (-One, 0, 0, -One, width, height),
            270 => (0, -One, One, 0, 0, width),
            _ => (One, 0, 0, One, 0, 0),
        };
        int[] values = [a, b, 0, c, d, 0, x, y, 1 << 30];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes[(4 * i)..], values[i]);
        }

        file.Position = matrix;
        file.Write(bytes[..36]);
    }

    private static (long Start, long End)? Find(FileStream file, long start, long end, string type)
    {
        Span<byte> head = stackalloc byte[16];
        for (long at = start; at + 8 <= end;)
        {
            file.Position = at;
            file.ReadExactly(head[..8]);
            long size = BinaryPrimitives.ReadUInt32BigEndian(head);
            int headSize = 8;
            if (size == 1)
            {
                file.ReadExactly(head[8..]);
                size = BinaryPrimitives.ReadInt64BigEndian(head[8..]);
                headSize = 16;
            }
            else if (size == 0)
            {
                size = end - at;
            }

            if (size < headSize || at + size > end)
            {
                return null;
            }

            if (System.Text.Encoding.ASCII.GetString(head[4..8]) == type)
            {
                return (at + headSize, at + size);
            }

            at += size;
        }

        return null;
    }

    private static string Text(FileStream file, long at)
    {
        Span<byte> bytes = stackalloc byte[4];
        file.Position = at;
        file.ReadExactly(bytes);
        return System.Text.Encoding.ASCII.GetString(bytes);
    }
}
