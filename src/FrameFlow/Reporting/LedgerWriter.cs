using System.Buffers;
using System.IO.Hashing;
using System.Text.Encodings.Web;
using System.Text.Json;
using FrameFlow.Media;

namespace FrameFlow.Reporting;

/// <summary>Writes a ledger, frame by frame. Nothing is kept in memory but one line; what was written before is complete when <see cref="Finish"/> returns.</summary>
public sealed class LedgerWriter : IDisposable
{
    private const int BufferBytes = 1 << 16;

    private readonly string _path;
    private readonly FrameTimeline _source;
    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new(512);
    private readonly Utf8JsonWriter _json;
    private long _next;

    /// <summary>Creates the file; one that is there is replaced.</summary>
    /// <param name="path">The file.</param>
    /// <param name="source">The times of the source's frames.</param>
    /// <param name="first">The index of the first output frame that will come.</param>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public LedgerWriter(string path, FrameTimeline source, long first)
    {
        ArgumentNullException.ThrowIfNull(source);
        _path = path;
        _source = source;
        _next = first;
        try
        {
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, BufferBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(e);
        }

        _json = new Utf8JsonWriter(_line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    /// <summary>Writes the next frame's line.</summary>
    /// <param name="frame">The frame as the encoder gets it; stays the caller's.</param>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public void Add(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        _line.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("frame"u8, _next++);
        Write("time"u8, frame.Time);
        _json.WriteNumber("seconds"u8, Math.Round(frame.Time.ToDouble(), 6));

        // A picture between two frames has two; where the source ends, one.
        long left = frame.SourceIndex;
        bool isBetween = frame.Position > 0 && left + 1 < _source.Count;
        _json.WriteStartArray("source"u8);
        _json.WriteNumberValue(left);
        if (isBetween)
        {
            _json.WriteNumberValue(left + 1);
        }

        _json.WriteEndArray();
        _json.WriteStartArray("sourceTimes"u8);
        if (left < _source.Count)
        {
            Write(_source[(int)left]);
        }

        if (isBetween)
        {
            Write(_source[(int)left + 1]);
        }

        _json.WriteEndArray();
        _json.WriteString("kind"u8, LedgerEntry.KindOf(frame.Work));
        _json.WriteStartArray("work"u8);
        foreach (string name in LedgerEntry.Names(frame.Work))
        {
            _json.WriteStringValue(name);
        }

        _json.WriteEndArray();
        _json.WriteNumber("t"u8, Math.Round(frame.Position, 6));
        if (LedgerEntry.ConfidenceOf(frame) is { } confidence)
        {
            _json.WriteNumber("confidence"u8, Math.Round(confidence, 4));
        }
        else
        {
            _json.WriteNull("confidence"u8);
        }

        _json.WriteNumber("changed"u8, Math.Round(frame.ChangedShare, 6));
        Span<byte> hash = stackalloc byte[16];
        Span<char> digits = stackalloc char[32];
        XxHash128.Hash(frame.Bytes, hash);
        Convert.TryToHexStringLower(hash, digits, out _);
        _json.WriteString("hash"u8, digits);
        _json.WriteEndObject();
        _json.Flush();
        _line.GetSpan(1)[0] = (byte)'\n';
        _line.Advance(1);
        Try(() => _file.Write(_line.WrittenSpan));
    }

    /// <summary>Ends the ledger; when this returns it is on the disk.</summary>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public void Finish() => Try(() => _file.Flush(flushToDisk: true));

    /// <inheritdoc/>
    public void Dispose()
    {
        _json.Dispose();
        try
        {
            _file.Dispose();
        }
        catch (IOException)
        {
            // On the way out of another fault, which is the one to report: a finished ledger has nothing left to write.
        }
    }

    private void Write(Rational time)
    {
        Span<byte> text = stackalloc byte[48];
        _json.WriteStringValue(text[..Format(time, text)]);
    }

    private void Write(ReadOnlySpan<byte> name, Rational time)
    {
        Span<byte> text = stackalloc byte[48];
        _json.WriteString(name, text[..Format(time, text)]);
    }

    // As Rational.ToString has it, without a string a frame.
    private static int Format(Rational time, Span<byte> text)
    {
        _ = time.Numerator.TryFormat(text, out int length, provider: System.Globalization.CultureInfo.InvariantCulture);
        if (time.Denominator != 1)
        {
            text[length++] = (byte)'/';
            _ = time.Denominator.TryFormat(text[length..], out int more, provider: System.Globalization.CultureInfo.InvariantCulture);
            length += more;
        }

        return length;
    }

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(e);
        }
    }

    private FrameFlowException Refused(Exception e) =>
        new(FaultKind.Storage, $"The ledger '{_path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or give another folder.", e) { CanRetry = true };
}
