using System.Text.Json;
using System.Text.Json.Serialization;
using FrameFlow.Interpolation;
using FrameFlow.Media;

namespace FrameFlow.Reporting;

/// <summary>One output frame as the ledger tells of it: one line of JSON, in the order of the properties here.</summary>
public sealed record LedgerEntry
{
    // What a frame is called that several things were done to: the one that decides most of its pixels.
    private static readonly (FrameWork Work, string Kind)[] Kinds =
    [
        (FrameWork.Interpolated, "interpolated"),
        (FrameWork.Held, "held"),
        (FrameWork.Rebuilt, "rebuilt"),
        (FrameWork.Repaired, "repaired"),
        (FrameWork.Denoised, "denoised"),
        (FrameWork.Stabilised, "stabilised"),
        (FrameWork.Deflickered, "deflickered"),
        (FrameWork.Grained, "grained"),
    ];

    internal static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>All kinds, the strongest first; <c>source</c>, a picture as the source holds it, is the last.</summary>
    public static IReadOnlyList<string> AllKinds { get; } = [.. Kinds.Select(k => k.Kind), "source"];

    /// <summary>The output frame's index, from 0.</summary>
    public required long Frame { get; init; }

    /// <summary>Its time in seconds on the source's clock, exact.</summary>
    public required Rational Time { get; init; }

    /// <summary>The same, rounded to a microsecond, for reading.</summary>
    public required double Seconds { get; init; }

    /// <summary>The source frames that it is, or stands between: one or two indices, counted over the part of the source that was read.</summary>
    public required IReadOnlyList<long> Source { get; init; }

    /// <summary>Their times, seconds, exact.</summary>
    public required IReadOnlyList<Rational> SourceTimes { get; init; }

    /// <summary>The strongest of what was done, one of <see cref="AllKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>All that was done, also to the frames that it was made from; the strongest first.</summary>
    public required IReadOnlyList<string> Work { get; init; }

    /// <summary>Where between the two source frames it was made, 0 to 1; 0 for a frame that was not.</summary>
    public required double T { get; init; }

    /// <summary>
    /// How far the picture is trusted: 1 for one that stands in the source; of one that was made anew max(0, 1 - e/<see cref="InterpolationOptions.ShredsAbove"/>) from the
    /// error e that its maker expects (<see cref="Media.Frame.ExpectedError"/>), 0 being a picture in shreds. Null where nobody can tell: a method that expects nothing, a held frame.
    /// </summary>
    public required double? Confidence { get; init; }

    /// <summary>The share of its pixels that a repair changed, 0 to 1.</summary>
    public required double Changed { get; init; }

    /// <summary>XXH128 of the raw frame as the encoder gets it, plane after plane, canonical (big-endian), 32 hexadecimal digits.</summary>
    public required string Hash { get; init; }

    /// <summary>The strongest of what was done.</summary>
    public static string KindOf(FrameWork work)
    {
        foreach ((FrameWork flag, string kind) in Kinds)
        {
            if (work.HasFlag(flag))
            {
                return kind;
            }
        }

        return "source";
    }

    /// <summary>See <see cref="Confidence"/>.</summary>
    public static double? ConfidenceOf(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (frame.Work.HasFlag(FrameWork.Held))
        {
            return null;
        }

        if ((frame.Work & (FrameWork.Interpolated | FrameWork.Rebuilt)) == 0)
        {
            return 1;
        }

        return frame.ExpectedError > 0 ? Math.Max(0, 1 - (frame.ExpectedError / InterpolationOptions.ShredsAbove)) : null;
    }

    /// <summary>Reads a ledger line by line.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="FrameFlowException">The file cannot be read, or a line is none of a ledger's (<see cref="FaultKind.Input"/>).</exception>
    public static async IAsyncEnumerable<LedgerEntry> ReadAsync(string path, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        long number = 0;
        await foreach (string line in File.ReadLinesAsync(path, cancellationToken))
        {
            number++;
            yield return Parse(line, path, number);
        }
    }

    internal static IEnumerable<string> Names(FrameWork work)
    {
        foreach ((FrameWork flag, string kind) in Kinds)
        {
            if (work.HasFlag(flag))
            {
                yield return kind;
            }
        }
    }

    private static LedgerEntry Parse(string line, string path, long number)
    {
        try
        {
            return JsonSerializer.Deserialize<LedgerEntry>(line, Json) ?? throw new JsonException("it says null");
        }
        catch (JsonException e)
        {
            throw new FrameFlowException(FaultKind.Input, $"Line {number} of '{path}' is none of a ledger's ({e.Message.ReplaceLineEndings(" ")}).", e);
        }
    }
}
