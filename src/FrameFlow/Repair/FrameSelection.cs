using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Repair;

/// <summary>Which faults are looked for in the pictures.</summary>
[Flags]
public enum FrameFaults
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Black frames between pictures of one scene.</summary>
    Black = 1,

    /// <summary>Frames that have nothing in common with the pictures of one scene around them, and what a damaged stretch left.</summary>
    Corrupt = 2,

    /// <summary>Frames that repeat the one before, two or more in a row, where the picture moves before and behind.</summary>
    Frozen = 4,

    /// <summary>Any frame that repeats the one before while the picture moves before and behind.</summary>
    Repeated = 8,
}

/// <summary>The frames to rebuild as a user names them: numbers from 0, stretches, and kinds of faults that are to be found. Immutable.</summary>
public sealed class FrameSelection
{
    private static readonly (string Word, FrameFaults Faults)[] Words =
    [
        ("auto", FrameFaults.Black | FrameFaults.Corrupt),
        ("black", FrameFaults.Black),
        ("corrupt", FrameFaults.Corrupt),
        ("frozen", FrameFaults.Frozen),
    ];

    private FrameSelection(IReadOnlyList<FrameRange> ranges, FrameFaults faults)
    {
        Ranges = ranges;
        Faults = faults;
    }

    /// <summary>No frame.</summary>
    public static FrameSelection None { get; } = new([], FrameFaults.None);

    /// <summary>What an item may be, for a message.</summary>
    public static string Allowed => "numbers from 0 and stretches such as 120,240-246, or " + string.Join(", ", Words.Select(w => w.Word));

    /// <summary>The stretches named, in order, apart from one another.</summary>
    public IReadOnlyList<FrameRange> Ranges { get; }

    /// <summary>The faults to find.</summary>
    public FrameFaults Faults { get; }

    /// <summary>Parses a list between commas or white space.</summary>
    /// <param name="text">For example <c>120,240-246,auto</c>; empty for none.</param>
    /// <param name="selection">The selection; overlapping stretches are joined.</param>
    /// <param name="fault">The item that is none; null where all are.</param>
    public static bool TryParse(string text, out FrameSelection selection, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(text);
        selection = None;
        List<FrameRange> ranges = [];
        FrameFaults faults = FrameFaults.None;
        foreach (string item in text.Split([',', ' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (Words.FirstOrDefault(w => w.Word == item) is { Word: not null } word)
            {
                faults |= word.Faults;
                continue;
            }

            string[] ends = item.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out long first) || !TryNumber(ends[^1], out long last) || last < first)
            {
                fault = item;
                return false;
            }

            ranges.Add(new FrameRange(first, last + 1));
        }

        selection = new FrameSelection(Joined(ranges), faults);
        fault = null;
        return true;

        static bool TryNumber(string digits, out long number) =>
            long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < int.MaxValue;
    }

    /// <summary>Reads a text file of such lists; what stands behind <c>#</c> is a remark.</summary>
    /// <exception cref="FrameFlowException">The file cannot be read or a line holds something else (<see cref="FaultKind.Usage"/>).</exception>
    public static FrameSelection Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Usage, $"The list of frames '{path}' cannot be read ({e.Message.ReplaceLineEndings(" ")}); mend its path or permissions.", e);
        }

        List<FrameRange> ranges = [];
        FrameFaults faults = FrameFaults.None;
        for (int i = 0; i < lines.Length; i++)
        {
            if (!TryParse(lines[i].Split('#')[0], out FrameSelection line, out string? fault))
            {
                throw new FrameFlowException(FaultKind.Usage, $"The list of frames '{path}', line {i + 1}: '{fault}' is none; give {Allowed}.");
            }

            ranges.AddRange(line.Ranges);
            faults |= line.Faults;
        }

        return new FrameSelection(Joined(ranges), faults);
    }

    /// <summary>The same with more faults to find.</summary>
    public FrameSelection With(FrameFaults faults) => new(Ranges, Faults | faults);

    /// <summary>The shortest text that parses to this.</summary>
    public override string ToString() => string.Join(',', [
        .. Ranges.Select(r => r.Count == 1 ? FormattableString.Invariant($"{r.First}") : FormattableString.Invariant($"{r.First}-{r.End - 1}")),
        .. Words.Where(w => w.Faults == (FrameFaults.Black | FrameFaults.Corrupt) ? Faults.HasFlag(w.Faults) : Faults.HasFlag(w.Faults) && !(Faults.HasFlag(Words[0].Faults) && Words[0].Faults.HasFlag(w.Faults))).Select(w => w.Word)]);

    private static List<FrameRange> Joined(IEnumerable<FrameRange> ranges)
    {
        List<FrameRange> joined = [];
        foreach (FrameRange range in ranges.OrderBy(r => r.First))
        {
            if (joined.Count > 0 && range.First <= joined[^1].End)
            {
                joined[^1] = joined[^1] with { End = Math.Max(joined[^1].End, range.End) };
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }
}
