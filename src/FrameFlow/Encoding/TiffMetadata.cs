using System.Buffers.Binary;

namespace FrameFlow.Encoding;

/// <summary>
/// Carries what a TIFF says beside its samples (colour profile, resolution, who, when, with what, XMP, time code) over into one that ffmpeg wrote, which says
/// nothing of it. TIFF 6.0, classic, either byte order; the first directory.
/// </summary>
internal static class TiffMetadata
{
    private const int EntryBytes = 12;
    private const ushort Photometric = 262;
    private const ushort IccProfile = 34675;

    // TIFF 6.0 sections 8 and 12: names, resolution (282, 283, 296), date, artist, host, copyright; XMP 700, IPTC 33723, ICC profile.
    private static readonly HashSet<ushort> Carried = [269, 270, 271, 272, 282, 283, 285, 296, 306, 315, 316, 700, 33432, 33723, IccProfile];

    // TIFF/EP and CinemaDNG: time codes, frame rate. They name one frame.
    private static readonly HashSet<ushort> Labels = [51043, 51044];

    /// <summary>The written file's bytes with the source's tags, in a directory at its end; as they are where there are none or either is no classic TIFF.</summary>
    /// <param name="written">A whole TIFF file.</param>
    /// <param name="source">The whole TIFF file that it was made of.</param>
    /// <param name="isSameFrame">Whether it is that very frame, so that its labels hold.</param>
    public static byte[] Carry(byte[] written, byte[] source, bool isSameFrame)
    {
        if (Directory.TryRead(written) is not { } own || Directory.TryRead(source) is not { } other)
        {
            return written;
        }

        // A profile of another kind of samples (grey, RGB) would be wrong.
        bool isAlike = own.Number(Photometric) == other.Number(Photometric);
        Entry[] carried = [.. other.Entries.Where(e => (Carried.Contains(e.Tag) && (e.Tag != IccProfile || isAlike)) || (isSameFrame && Labels.Contains(e.Tag)))];
        if (carried.Length == 0)
        {
            return written;
        }

        Entry[] all = [.. own.Entries.Where(e => carried.All(c => c.Tag != e.Tag)).Concat(carried.Select(e => e.InOrder(other.IsBig, own.IsBig))).OrderBy(static e => e.Tag)];
        using MemoryStream file = new();
        file.Write(written);
        List<(Entry Entry, long Offset)> placed = [];
        foreach (Entry entry in all)
        {
            if (file.Length % 2 == 1)
            {
                file.WriteByte(0);
            }

            placed.Add((entry, file.Length));
            if (entry.Value.Length > 4)
            {
                file.Write(entry.Value);
            }
        }

        if (file.Length % 2 == 1)
        {
            file.WriteByte(0);
        }

        long start = file.Length;
        byte[] directory = new byte[2 + (EntryBytes * all.Length) + 4];
        own.Write16(directory, (ushort)all.Length);
        for (int i = 0; i < all.Length; i++)
        {
            (Entry entry, long offset) = placed[i];
            Span<byte> row = directory.AsSpan(2 + (EntryBytes * i), EntryBytes);
            own.Write16(row, entry.Tag);
            own.Write16(row[2..], entry.Type);
            own.Write32(row[4..], (uint)entry.Count);
            if (entry.Value.Length > 4)
            {
                own.Write32(row[8..], (uint)offset);
            }
            else
            {
                entry.Value.CopyTo(row[8..]);
            }
        }

        file.Write(directory);
        if (file.Length > uint.MaxValue)
        {
            return written; // its places could not be said
        }

        byte[] result = file.ToArray();
        own.Write32(result.AsSpan(4), (uint)start);
        return result;
    }

    private sealed record Entry(ushort Tag, ushort Type, int Count, byte[] Value)
    {
        // By type, 1 to 12: the size of a value, and of the number of which it is made (a rational's are two).
        public static int SizeOf(ushort type) => type switch { 1 or 2 or 6 or 7 => 1, 3 or 8 => 2, 4 or 9 or 11 => 4, 5 or 10 or 12 => 8, _ => 0 };

        public Entry InOrder(bool isBig, bool toBig)
        {
            int part = Type is 5 or 10 ? 4 : SizeOf(Type);
            if (isBig == toBig || part == 1)
            {
                return this;
            }

            byte[] turned = (byte[])Value.Clone();
            for (int i = 0; i < turned.Length; i += part)
            {
                Array.Reverse(turned, i, part);
            }

            return this with { Value = turned };
        }
    }

    private sealed record Directory(bool IsBig, List<Entry> Entries)
    {
        public static Directory? TryRead(byte[] file)
        {
            if (file.Length < 8 || file[0] != file[1] || file[0] is not ((byte)'I' or (byte)'M'))
            {
                return null;
            }

            Directory found = new(file[0] == 'M', []);
            long start = found.Read32(file.AsSpan(4));
            if (found.Read16(file.AsSpan(2)) != 42 || start + 2 > file.Length)
            {
                return null;
            }

            int count = found.Read16(file.AsSpan((int)start));
            if (start + 2 + (EntryBytes * (long)count) > file.Length)
            {
                return null;
            }

            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> row = file.AsSpan((int)start + 2 + (EntryBytes * i), EntryBytes);
                ushort type = found.Read16(row[2..]);
                long values = found.Read32(row[4..]);
                long bytes = values * Entry.SizeOf(type);
                long at = bytes > 4 ? found.Read32(row[8..]) : start + 2 + (EntryBytes * i) + 8;
                if (bytes == 0 || at + bytes > file.Length)
                {
                    continue; // of an unknown type, or it points out of the file
                }

                found.Entries.Add(new Entry(found.Read16(row), type, (int)values, file.AsSpan((int)at, (int)bytes).ToArray()));
            }

            return found;
        }

        public int? Number(ushort tag) => Entries.Find(e => e.Tag == tag && e.Type == 3) is { } entry ? Read16(entry.Value) : null;

        public ushort Read16(ReadOnlySpan<byte> at) => IsBig ? BinaryPrimitives.ReadUInt16BigEndian(at) : BinaryPrimitives.ReadUInt16LittleEndian(at);

        public uint Read32(ReadOnlySpan<byte> at) => IsBig ? BinaryPrimitives.ReadUInt32BigEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at);

        public void Write16(Span<byte> at, ushort value)
        {
            if (IsBig)
            {
                BinaryPrimitives.WriteUInt16BigEndian(at, value);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(at, value);
            }
        }

        public void Write32(Span<byte> at, uint value)
        {
            if (IsBig)
            {
                BinaryPrimitives.WriteUInt32BigEndian(at, value);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(at, value);
            }
        }
    }
}
