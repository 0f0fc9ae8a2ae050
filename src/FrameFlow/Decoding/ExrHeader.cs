using System.Buffers.Binary;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>What is needed of an OpenEXR file's header ("OpenEXR File Layout"): attributes of name, type, size and value, little-endian.</summary>
/// <param name="IsHalf">Whether every channel holds halves, so that nothing is lost in writing halves again.</param>
/// <param name="FrameRate">The attribute <c>framesPerSecond</c>, or null.</param>
/// <param name="Attributes">All of them, in order.</param>
/// <param name="EndOffset">Where the zero byte stands that ends the header, in bytes.</param>
internal sealed record ExrHeader(bool IsHalf, Rational? FrameRate, IReadOnlyList<ExrAttribute> Attributes, int EndOffset)
{
    private const uint Magic = 20000630;

    // Headers are hundreds of bytes; previews some tens of thousands.
    private const int MostBytes = 1 << 20;

    /// <summary>Reads a file's header; null where it is no EXR or breaks off.</summary>
    public static ExrHeader? TryRead(string path)
    {
        byte[] bytes = new byte[MostBytes];
        int length;
        using (FileStream file = File.OpenRead(path))
        {
            length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }

        return TryParse(bytes.AsSpan(0, length));
    }

    /// <summary>The header at a file's beginning; null where it is no EXR or breaks off.</summary>
    public static ExrHeader? TryParse(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        if (rest.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(rest) != Magic)
        {
            return null;
        }

        bool? isHalf = null;
        Rational? rate = null;
        List<ExrAttribute> attributes = [];
        rest = rest[8..];
        while (rest.Length > 0 && rest[0] != 0)
        {
            if (!TryText(ref rest, out string name) || !TryText(ref rest, out string type) || rest.Length < 4)
            {
                return null;
            }

            int size = BinaryPrimitives.ReadInt32LittleEndian(rest);
            if (size < 0 || size > rest.Length - 4)
            {
                return null;
            }

            ReadOnlySpan<byte> value = rest.Slice(4, size);
            attributes.Add(new ExrAttribute(name, type, value.ToArray()));
            if (type == "chlist")
            {
                isHalf = AreHalves(value);
            }
            else if (name == "framesPerSecond" && type == "rational" && size == 8)
            {
                int top = BinaryPrimitives.ReadInt32LittleEndian(value);
                uint bottom = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
                rate = top > 0 && bottom > 0 ? new Rational(top, bottom) : null;
            }

            rest = rest[(4 + size)..];
        }

        return isHalf is { } half && rest.Length > 0 ? new ExrHeader(half, rate, attributes, bytes.Length - rest.Length) : null;
    }

    // Of each channel: name, pixel type (0 unsigned, 1 half, 2 float), linearity and three spare bytes, samplings along x and y.
    private static bool AreHalves(ReadOnlySpan<byte> channels)
    {
        while (channels.Length > 1 && channels[0] != 0)
        {
            if (!TryText(ref channels, out _) || channels.Length < 16 || BinaryPrimitives.ReadInt32LittleEndian(channels) != 1)
            {
                return false;
            }

            channels = channels[16..];
        }

        return true;
    }

    private static bool TryText(ref ReadOnlySpan<byte> rest, out string text)
    {
        int end = rest.IndexOf((byte)0);
        text = end < 0 ? "" : System.Text.Encoding.ASCII.GetString(rest[..end]);
        rest = end < 0 ? rest : rest[(end + 1)..];
        return end >= 0;
    }
}

/// <summary>One attribute of an OpenEXR header.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type's name.</param>
/// <param name="Value">Its value, little-endian.</param>
internal sealed record ExrAttribute(string Name, string Type, ReadOnlyMemory<byte> Value);
