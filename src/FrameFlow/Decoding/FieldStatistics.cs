using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>
/// Gathers what ffmpeg's idet filter says of each frame and decides what the pictures are made of. The verdict on single frames is
/// counted (its multi-frame verdict carries the first opinion through static scenes); undetermined frames, where nothing moves,
/// are no evidence.
/// </summary>
internal sealed class FieldStatistics
{
    // In 3:2 pulldown two frames of five repeat a field of the frame before; cuts, static parts and edits of the cadence take some away.
    private const int CadenceLength = 5;

    private readonly char[] _recent = new char[CadenceLength];
    private long _repeated;
    private long _repeatedTop;
    private long _periodic;
    private long _seen;

    /// <summary>Frames whose fields show two moments, top first.</summary>
    public long TopFirst { get; private set; }

    /// <summary>Frames whose fields show two moments, bottom first.</summary>
    public long BottomFirst { get; private set; }

    /// <summary>Frames that are whole.</summary>
    public long Progressive { get; private set; }

    /// <summary>Frames in which nothing moves enough to tell.</summary>
    public long Undetermined { get; private set; }

    /// <summary>Takes one line of the <c>metadata=mode=print</c> filter.</summary>
    public void Add(ReadOnlySpan<char> line)
    {
        const string Single = "lavfi.idet.single.current_frame=";
        const string Repeated = "lavfi.idet.repeated.current_frame=";
        if (line.StartsWith(Single, StringComparison.Ordinal))
        {
            switch (line[Single.Length])
            {
                case 't': TopFirst++; break;
                case 'b': BottomFirst++; break;
                case 'p': Progressive++; break;
                default: Undetermined++; break;
            }
        }
        else if (line.StartsWith(Repeated, StringComparison.Ordinal))
        {
            char kind = line[Repeated.Length];
            ref char before = ref _recent[_seen++ % CadenceLength];
            if (kind is 't' or 'b')
            {
                _repeated++;
                _repeatedTop += kind == 't' ? 1 : 0;
                _periodic += before == kind ? 1 : 0;
            }

            before = kind;
        }
    }

    /// <summary>Decides.</summary>
    /// <param name="isFlagged">Whether the stream claims to be interlaced: then less evidence is asked for.</param>
    /// <param name="rate">The stream's rate, or null; 3:2 pulldown lives at 30 (1000/1001) frames a second.</param>
    public FieldContent Decide(bool isFlagged, Rational? rate)
    {
        long combed = Math.Max(TopFirst, BottomFirst);
        long against = Math.Min(TopFirst, BottomFirst);

        // Noise and fine horizontal lines make idet err on single frames, both ways alike; a field order errs one way only.
        bool isCombed = combed >= (isFlagged ? 4 : 8) && combed > 4 * against && combed * (isFlagged ? 2 : 1) > Progressive;
        if (!isCombed)
        {
            return FieldContent.Progressive;
        }

        long told = TopFirst + BottomFirst + Progressive;
        bool isPulldownRate = rate is { } r && r > new Rational(299, 10) && r < new Rational(301, 10);
        bool repeatsOften = _repeated * 4 >= told && _repeated * 20 <= told * 11;
        bool bothFields = _repeatedTop * 5 >= _repeated && (_repeated - _repeatedTop) * 5 >= _repeated;
        bool isPeriodic = _periodic * 2 >= _repeated;
        return isPulldownRate && told >= 12 && repeatsOften && bothFields && isPeriodic ? FieldContent.Telecined
            : TopFirst >= BottomFirst ? FieldContent.InterlacedTopFirst
            : FieldContent.InterlacedBottomFirst;
    }
}
