using System.Buffers.Binary;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>
/// Raw video as NUT (the container of FFmpeg's and MPlayer's developers, nut.txt of 2013), which carries what a raw pipe cannot: each frame's
/// exact time. One stream, one time base, a sync point before every frame, so that a reader's limit of 64 KiB between sync points holds.
/// </summary>
internal sealed class NutWriter
{
    private const ulong MainStart = 0x4E4D7A561F5F04AD;
    private const ulong StreamStart = 0x4E5311405BF2F9DB;
    private const ulong SyncStart = 0x4E4BE4ADEECA4569;

    // Frame flags: key, coded pts, coded size (its low part always 0), checksum of the frame's header (asked for by large frames).
    private const byte FrameFlags = 1 + 8 + 32 + 64;
    private const int Invalid = 8192;
    private const byte FrameCode = 1;
    private const int MaxDistance = 65536;

    private static readonly uint[] Crc = CreateCrc();

    private readonly VideoFormat _format;
    private readonly Rational _timeBase;
    private readonly byte[] _packet = new byte[512];
    private readonly byte[] _out = new byte[512];

    /// <summary>Creates a writer.</summary>
    /// <param name="format">What the frames look like.</param>
    /// <param name="timeBase">Seconds a tick; both parts below 2^31.</param>
    public NutWriter(VideoFormat format, Rational timeBase)
    {
        _format = format;
        _timeBase = timeBase;
    }

    /// <summary>Whether ffmpeg has a tag for raw frames of a format.</summary>
    public static bool Carries(PixelFormat format) => Tag(format).Length == 4;

    /// <summary>What stands before the first frame.</summary>
    public ReadOnlyMemory<byte> Header()
    {
        List<byte> all = [.. "nut/multimedia container\0"u8];
        int length = 0;
        foreach (ulong value in (ReadOnlySpan<ulong>)[3, 1, MaxDistance, 1, (ulong)_timeBase.Numerator, (ulong)_timeBase.Denominator])
        {
            Number(_packet, ref length, value); // version, streams, distance, time bases
        }

        // Frame codes: 0 invalid, 1 ours, the rest (255 less 'N') invalid. Fields: flags, count of fields, pts delta, multiplier, stream, size, reserved, count.
        foreach ((int flags, int count) in ((int, int)[])[(Invalid, 1), (FrameFlags, 1), (Invalid, 253)])
        {
            foreach (int value in (ReadOnlySpan<int>)[flags, 6, 0, 1, 0, 0, 0, count])
            {
                Number(_packet, ref length, (ulong)value);
            }
        }

        Number(_packet, ref length, 0); // no elision headers
        all.AddRange(Packet(MainStart, length).Span);

        length = 0;
        Number(_packet, ref length, 0); // stream 0
        Number(_packet, ref length, 0); // video
        Number(_packet, ref length, 4);
        Tag(_format.PixelFormat).CopyTo(_packet.AsSpan(length));
        length += 4;
        foreach (int value in (ReadOnlySpan<int>)[0, 0, 1 << 14, 0, 0, 0, _format.Width, _format.Height, 0, 0, 0])
        {
            Number(_packet, ref length, (ulong)value); // time base, msb shift, pts distance, delay, flags, extradata; size, aspect, colour space
        }

        all.AddRange(Packet(StreamStart, length).Span);
        return all.ToArray();
    }

    /// <summary>What stands before a frame's samples; valid until the next call.</summary>
    /// <param name="ticks">The frame's time, not negative.</param>
    public ReadOnlyMemory<byte> BeforeFrame(long ticks)
    {
        int length = 0;
        Number(_packet, ref length, (ulong)ticks);
        Number(_packet, ref length, 0); // the frame before needs no earlier sync point
        length = Packet(SyncStart, length).Length;
        int begin = length;
        _out[length++] = FrameCode;
        Number(_out, ref length, (ulong)ticks + 1); // 1 << msb shift is added to a full time
        Number(_out, ref length, (ulong)_format.FrameBytes);
        BinaryPrimitives.WriteUInt32BigEndian(_out.AsSpan(length), Checksum(_out.AsSpan(begin, length - begin)));
        return _out.AsMemory(0, length + 4);
    }

    // ffmpeg's tags for raw frames (libavformat/nut.c, libavcodec/raw.c): Y or G, the number of planes, the shifts of chroma, the depth; old ones for 8 bit.
    private static byte[] Tag(PixelFormat format)
    {
        if (format is { BitDepth: 8, HasAlpha: false, Model: not ColorModel.Rgb })
        {
            return format.Model == ColorModel.Gray ? [.. "Y800"u8]
                : format.Sampling switch { ChromaSampling.Yuv420 => [.. "I420"u8], ChromaSampling.Yuv422 => [.. "422P"u8], _ => [.. "444P"u8] };
        }

        byte shifts = format.Sampling switch { ChromaSampling.Yuv420 => 11, ChromaSampling.Yuv422 => 10, _ => 0 };
        return format.IsFloat ? [] : [format.Model == ColorModel.Rgb ? (byte)'G' : (byte)'Y', (byte)('0' + format.PlaneCount), shifts, (byte)format.BitDepth];
    }

    // Start code, length with the checksum, payload, checksum.
    private ReadOnlyMemory<byte> Packet(ulong start, int length)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_out, start);
        int at = 8;
        Number(_out, ref at, (ulong)length + 4);
        _packet.AsSpan(0, length).CopyTo(_out.AsSpan(at));
        BinaryPrimitives.WriteUInt32BigEndian(_out.AsSpan(at + length), Checksum(_packet.AsSpan(0, length)));
        return _out.AsMemory(0, at + length + 4);
    }

    // Seven bits a byte, the highest first, the top bit set on all but the last.
    private static void Number(byte[] to, ref int at, ulong value)
    {
        int bytes = 1;
        for (ulong rest = value >> 7; rest > 0; rest >>= 7)
        {
            bytes++;
        }

        while (--bytes > 0)
        {
            to[at++] = (byte)(0x80 | (value >> (7 * bytes)));
        }

        to[at++] = (byte)(value & 0x7F);
    }

    // CRC-32 of polynomial 0x04C11DB7, most significant bit first, from 0, not inverted.
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0;
        foreach (byte b in bytes)
        {
            crc = (crc << 8) ^ Crc[(crc >> 24) ^ b];
        }

        return crc;
    }

    private static uint[] CreateCrc()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i << 24;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 0x80000000) != 0 ? (crc << 1) ^ 0x04C11DB7 : crc << 1;
            }

            table[i] = crc;
        }

        return table;
    }
}
