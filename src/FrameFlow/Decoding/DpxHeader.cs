using System.Buffers.Binary;
using System.Globalization;

namespace FrameFlow.Decoding;

/// <summary>
/// The header of a DPX file (SMPTE ST 268-1: generic, image, orientation, film and television headers, 2048 bytes, and what the maker's own part
/// holds behind them), in the byte order that it has. Fields that are all ones are undefined.
/// </summary>
public sealed class DpxHeader
{
    /// <summary>Bytes of the headers that the standard describes.</summary>
    public const int StandardBytes = 2048;

    /// <summary>Bytes of the generic part: file, image and orientation headers. ffmpeg writes no more.</summary>
    public const int GenericBytes = 1664;

    private const int MagicAt = 0;
    private const int ImageOffsetAt = 4;
    private const int FileSizeAt = 16;
    private const int GenericSizeAt = 24;
    private const int IndustrySizeAt = 28;
    private const int UserSizeAt = 32;
    private const int FileNameAt = 36;
    private const int FileNameBytes = 100;
    private const int ElementsAt = 770;

    // The first of eight image elements of 72 bytes; fields within it.
    private const int ElementAt = 780;
    private const int ElementsEnd = 1356;
    private const int TransferAt = ElementAt + 21;
    private const int ColorimetricAt = ElementAt + 22;
    private const int DepthAt = ElementAt + 23;
    private const int FilmNumbersAt = 1712;
    private const int FramePositionAt = 1712;
    private const int SequenceLengthAt = 1716;
    private const int FilmRateAt = 1724;
    private const int FrameIdentificationAt = 1732;
    private const int TelevisionAt = 1920;
    private const int TimecodeAt = 1920;
    private const int TelevisionRateAt = 1940;
    private const int TelevisionReservedAt = 1972;

    // A maker's own part is a few kilobytes; more is a broken field.
    private const int MostBytes = 1 << 20;

    private readonly byte[] _bytes;

    private DpxHeader(byte[] bytes, bool isLittleEndian)
    {
        _bytes = bytes;
        IsLittleEndian = isLittleEndian;
    }

    /// <summary>Whether numbers, the samples' too, have their low byte first (magic XPDS).</summary>
    public bool IsLittleEndian { get; }

    /// <summary>Bytes before the picture.</summary>
    public int Length => _bytes.Length;

    /// <summary>The transfer characteristic: 1 printing density, 2 linear, 3 logarithmic, 6 BT.709 ...; 255 undefined.</summary>
    public byte Transfer
    {
        get => _bytes[TransferAt];
        set => _bytes[TransferAt] = value;
    }

    /// <summary>The colorimetric specification, in the codes of <see cref="Transfer"/>.</summary>
    public byte Colorimetric
    {
        get => _bytes[ColorimetricAt];
        set => _bytes[ColorimetricAt] = value;
    }

    /// <summary>Bits a sample.</summary>
    public byte BitDepth => _bytes[DepthAt];

    /// <summary>Frames a second, the television header's, else the film header's; null where neither says. Set in both.</summary>
    public float? FrameRate
    {
        get => Rate(TelevisionRateAt) ?? Rate(FilmRateAt);
        set
        {
            WriteSingle(TelevisionRateAt, value);
            WriteSingle(FilmRateAt, value);
        }
    }

    /// <summary>The frame's position in its sequence, as the film header counts it; null where undefined.</summary>
    public uint? FramePosition
    {
        get => Defined(ReadUInt32(FramePositionAt));
        set => WriteUInt32(FramePositionAt, value ?? uint.MaxValue);
    }

    /// <summary>Frames of the sequence; null where undefined.</summary>
    public uint? SequenceLength
    {
        get => Defined(ReadUInt32(SequenceLengthAt));
        set => WriteUInt32(SequenceLengthAt, value ?? uint.MaxValue);
    }

    /// <summary>The SMPTE ST 12-1 timecode HH:MM:SS:FF in binary-coded decimals, 8 digits; null where undefined or none.</summary>
    public string? Timecode
    {
        get
        {
            uint code = ReadUInt32(TimecodeAt);
            string digits = code.ToString("x8", CultureInfo.InvariantCulture);
            return code == uint.MaxValue || digits.Any(d => d > '9') ? null : $"{digits[..2]}:{digits[2..4]}:{digits[4..6]}:{digits[6..]}";
        }

        set => WriteUInt32(TimecodeAt, value is null ? uint.MaxValue : uint.Parse(value.Replace(":", "", StringComparison.Ordinal), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
    }

    /// <summary>The film's edge code and what else identifies the frame in its film header (manufacturer to format), as text without gaps.</summary>
    public string KeyCode => System.Text.Encoding.ASCII.GetString(_bytes, GenericBytes, 16).Replace("\0", "", StringComparison.Ordinal);

    /// <summary>The header, ready to be written.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads a file's header; what a shorter one lacks is undefined.</summary>
    /// <returns>The header, or null where the file is no DPX or is cut off within it.</returns>
    public static DpxHeader? TryRead(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] start = new byte[GenericBytes];
        if (file.ReadAtLeast(start, GenericBytes, throwOnEndOfStream: false) < GenericBytes)
        {
            return null;
        }

        bool isLittle = start.AsSpan(MagicAt, 4).SequenceEqual("XPDS"u8);
        if (!isLittle && !start.AsSpan(MagicAt, 4).SequenceEqual("SDPX"u8))
        {
            return null;
        }

        uint offset = isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(ImageOffsetAt)) : BinaryPrimitives.ReadUInt32BigEndian(start.AsSpan(ImageOffsetAt));
        if (offset < GenericBytes || offset > MostBytes)
        {
            return null;
        }

        byte[] all = new byte[Math.Max(offset, StandardBytes)];
        start.CopyTo(all.AsSpan());
        int more = (int)offset - GenericBytes;
        if (file.ReadAtLeast(all.AsSpan(GenericBytes, more), more, throwOnEndOfStream: false) < more)
        {
            return null;
        }

        if (offset < StandardBytes)
        {
            // Numbers are undefined; text is empty.
            int from = (int)offset;
            Undefine(FilmNumbersAt, FrameIdentificationAt);
            Undefine(TelevisionAt, TelevisionReservedAt);

            void Undefine(int begin, int end)
            {
                if (end > from)
                {
                    all.AsSpan(Math.Max(begin, from)..end).Fill(byte.MaxValue);
                }
            }
        }

        return new DpxHeader(all, isLittle);
    }

    /// <summary>This header with what another one says of how the samples lie: size, elements, depth, packing, and of no more.</summary>
    /// <param name="written">The header of the file that holds the samples.</param>
    /// <param name="pictureBytes">How many bytes of samples follow.</param>
    /// <param name="fileName">The file's name.</param>
    public DpxHeader Around(DpxHeader written, long pictureBytes, string fileName)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(fileName);
        DpxHeader header = new([.. _bytes], written.IsLittleEndian);
        if (IsLittleEndian != written.IsLittleEndian)
        {
            header.SwapNumbers();
        }

        bool sameDepth = BitDepth == written.BitDepth;
        byte transfer = Transfer;
        byte colorimetric = Colorimetric;
        byte[] reference = [.. header._bytes[(ElementAt + 4)..(ElementAt + 20)]];
        written._bytes.AsSpan(0, 4).CopyTo(header._bytes);

        // Orientation (768) stays; the number of elements, the size and the elements are the new file's.
        written._bytes.AsSpan(ElementsAt..ElementsEnd).CopyTo(header._bytes.AsSpan(ElementsAt));
        if (sameDepth)
        {
            reference.CopyTo(header._bytes.AsSpan(ElementAt + 4));
        }

        header.Transfer = transfer;
        header.Colorimetric = colorimetric;
        header.WriteUInt32(ElementAt + 28, (uint)header.Length);
        header.WriteUInt32(ImageOffsetAt, (uint)header.Length);
        header.WriteUInt32(FileSizeAt, (uint)Math.Min(uint.MaxValue, header.Length + pictureBytes));
        header.WriteUInt32(GenericSizeAt, GenericBytes);
        header.WriteUInt32(IndustrySizeAt, StandardBytes - GenericBytes);
        header.WriteUInt32(UserSizeAt, (uint)(header.Length - StandardBytes));
        Span<byte> name = header._bytes.AsSpan(FileNameAt, FileNameBytes);
        name.Clear();
        byte[] text = System.Text.Encoding.ASCII.GetBytes(fileName);
        text.AsSpan(0, Math.Min(text.Length, FileNameBytes - 1)).CopyTo(name);
        return header;
    }

    private static uint? Defined(uint value) => value == uint.MaxValue ? null : value;

    private float? Rate(int at)
    {
        float rate = BitConverter.UInt32BitsToSingle(ReadUInt32(at));
        return rate is >= 1 and <= 1000 ? rate : null;
    }

    private void WriteSingle(int at, float? value) => WriteUInt32(at, value is { } rate ? BitConverter.SingleToUInt32Bits(rate) : uint.MaxValue);

    private uint ReadUInt32(int at) => IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at)) : BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(at));

    private void WriteUInt32(int at, uint value)
    {
        if (IsLittleEndian)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(at), value);
        }
    }

    // Every number but those of the elements, which are replaced.
    private void SwapNumbers()
    {
        int[] words = [ImageOffsetAt, FileSizeAt, 20, GenericSizeAt, IndustrySizeAt, UserSizeAt, 660, 1408, 1412, 1416, 1420, 1424, 1428, 1628, 1632, 1636, 1640, 1712, 1716, 1720, 1724, 1728, 1920, 1924, 1932, 1936, 1940, 1944, 1948, 1952, 1956, 1960, 1964, 1968];
        foreach (int at in words)
        {
            _bytes.AsSpan(at, 4).Reverse();
        }

        foreach (int at in (int[])[768, 1620, 1622, 1624, 1626])
        {
            _bytes.AsSpan(at, 2).Reverse();
        }

        for (int at = ElementAt + 4; at < ElementAt + 20; at += 4)
        {
            _bytes.AsSpan(at, 4).Reverse();
        }
    }
}
