using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// A numbered sequence of pictures as it lies on the disk: which numbers exist, and at which rate they run. Number n stands at
/// (n - first)/rate, whether or not those before it exist: what is missing is a gap in time.
/// </summary>
public sealed class ImageSequence
{
    private static readonly Rational[] FilmRates = [new(24000, 1001), 24, 25, new(30000, 1001), 30, 48, 50, new(60000, 1001), 60];

    private ImageSequence(SequencePattern pattern, IReadOnlyList<long> numbers, Rational rate, string? note)
    {
        Pattern = pattern;
        Numbers = numbers;
        Rate = rate;
        Note = note;
    }

    /// <summary>The name.</summary>
    public SequencePattern Pattern { get; }

    /// <summary>The numbers that exist, in order; at least one.</summary>
    public IReadOnlyList<long> Numbers { get; }

    /// <summary>Frames a second.</summary>
    public Rational Rate { get; }

    /// <summary>Where the rate comes from, if the user should be told; else null.</summary>
    public string? Note { get; }

    /// <summary>The first picture's path.</summary>
    public string FirstPath => Pattern.PathOf(Numbers[0]);

    /// <summary>The DPX header of the first picture; null for other kinds.</summary>
    public DpxHeader? Dpx { get; private init; }

    /// <summary>Whether the first picture's samples are halves (16-bit floats), which EXR has beside 32-bit ones; false for other kinds.</summary>
    public bool IsHalf { get; private init; }

    /// <summary>The stretches of numbers that are missing between the first and the last, both ends included, in order.</summary>
    public IEnumerable<(long First, long Last)> Missing
    {
        get
        {
            for (int i = 1; i < Numbers.Count; i++)
            {
                if (Numbers[i] > Numbers[i - 1] + 1)
                {
                    yield return (Numbers[i - 1] + 1, Numbers[i] - 1);
                }
            }
        }
    }

    /// <summary>When the picture that ffmpeg reads as the i-th stands, in frames of <see cref="Rate"/> after the first.</summary>
    public long TickOf(long index) => Numbers[(int)Math.Clamp(index, 0, Numbers.Count - 1)] - Numbers[0];

    /// <summary>The first picture, as ffmpeg counts them, that stands at or behind a tick.</summary>
    public long IndexAt(long tick)
    {
        int low = 0;
        int high = Numbers.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = Numbers[middle] - Numbers[0] < tick ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Finds a sequence.</summary>
    /// <param name="path">What the user gave.</param>
    /// <param name="rate">The rate that the user gave, or null: the pictures' headers', else 24.</param>
    /// <returns>The sequence; null where the path is no pattern.</returns>
    /// <exception cref="FrameFlowException">No file of the sequence exists, or one cannot be read (<see cref="FaultKind.Input"/>).</exception>
    public static ImageSequence? Open(string path, Rational? rate)
    {
        if (SequencePattern.TryParse(path) is not { } pattern)
        {
            return null;
        }

        IReadOnlyList<long> numbers = pattern.FindNumbers();
        if (numbers.Count == 0)
        {
            throw new FrameFlowException(FaultKind.Input, $"Input '{path}' names a sequence of which no picture exists; check the folder and the number of digits.");
        }

        // ffmpeg ends at a picture that it cannot open or that is empty, as if it were the last.
        foreach (long number in numbers)
        {
            InputFaults.ThrowIfUnreadable(pattern.PathOf(number));
        }

        ExrHeader? exr = pattern.Extension == ".exr" ? ExrHeader.TryRead(pattern.PathOf(numbers[0])) : null;
        DpxHeader? dpx = pattern.Extension == ".dpx" ? DpxHeader.TryRead(pattern.PathOf(numbers[0])) : null;
        Rational? stated = dpx?.FrameRate is { } header ? Nearest(header) : exr?.FrameRate;
        string? note = rate is not null ? null
            : stated is { } own ? string.Create(CultureInfo.InvariantCulture, $"The pictures' headers say {own} frames a second; --input-fps says otherwise.")
            : "The pictures say no rate: 24 frames a second are taken; --input-fps says otherwise.";
        return new ImageSequence(pattern, numbers, rate ?? stated ?? 24, note) { Dpx = dpx, IsHalf = exr is { IsHalf: true } };
    }

    // A header has a 32-bit float: 23.976 is 24000/1001.
    private static Rational Nearest(float rate)
    {
        foreach (Rational film in FilmRates)
        {
            if (Math.Abs(film.ToDouble() - rate) < 0.003)
            {
                return film;
            }
        }

        return new Rational((long)Math.Round(rate * 1000.0), 1000);
    }
}
