using System.Buffers.Binary;
using FrameFlow.Decoding;

namespace FrameFlow.Encoding;

/// <summary>
/// Carries an OpenEXR picture's attributes (owner, comments, chromaticities, lens, time code ...) over into one that ffmpeg wrote, which has those alone
/// that a picture must have ("OpenEXR File Layout"). What the written file says of itself stays.
/// </summary>
internal static class ExrMetadata
{
    private const int VersionOffset = 4;
    private const int LongNames = 0x400;
    private const int ShortName = 31;

    // What describes the pixels as they are stored, or the file's parts.
    private static readonly HashSet<string> Structure =
    [
        "channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "screenWindowCenter", "screenWindowWidth", "tiles", "preview",
        "type", "name", "version", "chunkCount", "maxSamplesPerPixel", "view", "multiView", "dwaCompressionLevel",
    ];

    // What names one frame and no other.
    private static readonly HashSet<string> Labels = ["timeCode", "keyCode", "imageCounter"];

    /// <summary>The written file's bytes with the source's attributes; as they are where the source has none, or either is not of one part of scan lines.</summary>
    /// <param name="written">A whole EXR file.</param>
    /// <param name="source">The header of the picture that it was made of.</param>
    /// <param name="isSameFrame">Whether it is that very frame, so that its labels hold.</param>
    public static byte[] Carry(byte[] written, ExrHeader source, bool isSameFrame)
    {
        if (ExrHeader.TryParse(written) is not { } own)
        {
            return written;
        }

        ExrAttribute[] carried =
        [
            .. source.Attributes.Where(a => !Structure.Contains(a.Name) && (isSameFrame || !Labels.Contains(a.Name)) && own.Attributes.All(o => o.Name != a.Name)),
        ];

        // The header's end, then where each block of lines lies in the file: the first is right behind the table.
        int table = own.EndOffset + 1;
        long first = written.Length >= table + 8 ? BinaryPrimitives.ReadInt64LittleEndian(written.AsSpan(table)) : 0;
        if (carried.Length == 0 || first <= table || first > written.Length || (first - table) % 8 != 0)
        {
            return written;
        }

        using MemoryStream added = new();
        byte[] size = new byte[4];
        foreach (ExrAttribute attribute in carried)
        {
            added.Write(System.Text.Encoding.ASCII.GetBytes($"{attribute.Name}\0{attribute.Type}\0"));
            BinaryPrimitives.WriteInt32LittleEndian(size, attribute.Value.Length);
            added.Write(size);
            added.Write(attribute.Value.Span);
        }

        byte[] result = [.. written.AsSpan(0, own.EndOffset), .. added.ToArray(), .. written.AsSpan(own.EndOffset)];
        for (int at = table + (int)added.Length; at < first + added.Length; at += 8)
        {
            Span<byte> place = result.AsSpan(at, 8);
            BinaryPrimitives.WriteInt64LittleEndian(place, BinaryPrimitives.ReadInt64LittleEndian(place) + added.Length);
        }

        if (carried.Any(static a => a.Name.Length > ShortName || a.Type.Length > ShortName))
        {
            Span<byte> version = result.AsSpan(VersionOffset, 4);
            BinaryPrimitives.WriteInt32LittleEndian(version, BinaryPrimitives.ReadInt32LittleEndian(version) | LongNames);
        }

        return result;
    }
}
