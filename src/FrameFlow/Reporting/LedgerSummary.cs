using System.Text.Json.Serialization;

namespace FrameFlow.Reporting;

/// <summary>A ledger summed up, line by line, in memory that does not grow with it: counts, a time line of at most <see cref="MostBins"/> stretches, the frames to look at.</summary>
/// <param name="frames">How many lines there will be, at least 1.</param>
public sealed class LedgerSummary(long frames)
{
    /// <summary>The most stretches that the time line has: more than a screen tells apart.</summary>
    public const int MostBins = 240;

    private const int MostWorst = 8;
    private const int Samples = 4;

    private readonly SortedDictionary<string, long> _kinds = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _works = new(StringComparer.Ordinal);
    private readonly List<TimelineBin> _bins = [];
    private readonly List<LedgerEntry> _doubted = [];
    private readonly List<LedgerEntry> _changed = [];
    private readonly LedgerEntry?[] _samples = new LedgerEntry?[Samples];
    private string _lastHash = "";
    private double _confidenceSum;
    private long _confident;
    private double _changedSum;

    /// <summary>Lines so far.</summary>
    public long Frames { get; private set; }

    /// <summary>Frames of each kind.</summary>
    public IReadOnlyDictionary<string, long> Kinds => _kinds;

    /// <summary>Frames to which each thing was done; a frame counts in each.</summary>
    public IReadOnlyDictionary<string, long> Works => _works;

    /// <summary>Frames that are, bit for bit, the one before: held, repeated in the source, or still.</summary>
    public long Repeats { get; private set; }

    /// <summary>The mean of those confidences that are known; null where none is.</summary>
    public double? MeanConfidence => _confident == 0 ? null : Math.Round(_confidenceSum / _confident, 4);

    /// <summary>The lowest confidence; null where none is known.</summary>
    public double? LowestConfidence { get; private set; }

    /// <summary>The mean share of pixels that repairs changed.</summary>
    public double MeanChanged => Frames == 0 ? 0 : Math.Round(_changedSum / Frames, 6);

    /// <summary>The largest such share of one frame.</summary>
    public double MostChanged { get; private set; }

    /// <summary>Made frames that are trusted least, the least first; of those made from the same source frames, the worst only.</summary>
    [JsonIgnore]
    public IReadOnlyList<LedgerEntry> Doubted => _doubted;

    /// <summary>Frames of which repairs changed most, the most first.</summary>
    [JsonIgnore]
    public IReadOnlyList<LedgerEntry> Changed => _changed;

    /// <summary>A few frames, evenly over the film; those that something was done to, if there are any near.</summary>
    [JsonIgnore]
    public IReadOnlyList<LedgerEntry> Typical => [.. _samples.OfType<LedgerEntry>()];

    /// <summary>The time line, in order.</summary>
    public IReadOnlyList<TimelineBin> Timeline => _bins;

    /// <summary>Sums up.</summary>
    /// <param name="entries">The ledger.</param>
    /// <param name="frames">How many lines it has.</param>
    public static async Task<LedgerSummary> OfAsync(IAsyncEnumerable<LedgerEntry> entries, long frames)
    {
        ArgumentNullException.ThrowIfNull(entries);
        LedgerSummary summary = new(Math.Max(1, frames));
        await foreach (LedgerEntry entry in entries)
        {
            summary.Add(entry);
        }

        return summary;
    }

    /// <summary>Takes the next line.</summary>
    public void Add(LedgerEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        _kinds[entry.Kind] = _kinds.GetValueOrDefault(entry.Kind) + 1;
        foreach (string work in entry.Work)
        {
            _works[work] = _works.GetValueOrDefault(work) + 1;
        }

        bool isRepeat = entry.Hash == _lastHash;
        _lastHash = entry.Hash;
        Repeats += isRepeat ? 1 : 0;
        if (entry.Confidence is { } confidence)
        {
            _confidenceSum += confidence;
            _confident++;
            LowestConfidence = Math.Min(LowestConfidence ?? 1, confidence);
        }

        _changedSum += entry.Changed;
        MostChanged = Math.Max(MostChanged, entry.Changed);
        int bins = (int)Math.Min(frames, MostBins);
        int bin = (int)Math.Min(bins - 1, Frames * bins / frames);
        if (bin >= _bins.Count)
        {
            _bins.Add(new TimelineBin(entry.Seconds));
        }

        _bins[^1].Add(entry, isRepeat);
        if (entry.Confidence < 1)
        {
            // One of each pair: its frames resemble one another.
            int same = _doubted.FindIndex(d => d.Source[0] == entry.Source[0]);
            if (same < 0 || _doubted[same].Confidence > entry.Confidence)
            {
                if (same >= 0)
                {
                    _doubted.RemoveAt(same);
                }

                Insert(_doubted, entry, e => e.Confidence!.Value);
            }
        }

        if (entry.Changed > 0)
        {
            Insert(_changed, entry, e => -e.Changed);
        }

        // From each part's middle on, the first that something was done to; else the middle itself.
        int part = (int)Math.Min(Samples - 1, Frames * Samples / frames);
        long middle = ((2 * part) + 1) * frames / (2 * Samples);
        if (Frames >= middle && (_samples[part] is null || (_samples[part]!.Kind == "source" && entry.Kind != "source")))
        {
            _samples[part] = entry;
        }

        Frames++;
    }

    private static void Insert(List<LedgerEntry> list, LedgerEntry entry, Func<LedgerEntry, double> order)
    {
        double key = order(entry);
        int at = list.FindIndex(e => order(e) > key);
        if (at < 0 && list.Count >= MostWorst)
        {
            return;
        }

        list.Insert(at < 0 ? list.Count : at, entry);
        if (list.Count > MostWorst)
        {
            list.RemoveAt(MostWorst);
        }
    }
}

/// <summary>A stretch of the time line.</summary>
/// <param name="start">Its first frame's time, seconds.</param>
public sealed class TimelineBin(double start)
{
    private readonly SortedDictionary<string, long> _kinds = new(StringComparer.Ordinal);

    /// <summary>Its first frame's time, seconds.</summary>
    public double Start { get; } = start;

    /// <summary>Its frames.</summary>
    public long Frames { get; private set; }

    /// <summary>Its frames by kind.</summary>
    public IReadOnlyDictionary<string, long> Kinds => _kinds;

    /// <summary>Frames that are the one before.</summary>
    public long Repeats { get; private set; }

    /// <summary>The lowest confidence; null where none is known.</summary>
    public double? Confidence { get; private set; }

    /// <summary>The largest share of a frame's pixels that repairs changed.</summary>
    public double Changed { get; private set; }

    internal void Add(LedgerEntry entry, bool isRepeat)
    {
        Frames++;
        _kinds[entry.Kind] = _kinds.GetValueOrDefault(entry.Kind) + 1;
        Repeats += isRepeat ? 1 : 0;
        Confidence = entry.Confidence is { } known ? Math.Min(Confidence ?? 1, known) : Confidence;
        Changed = Math.Max(Changed, entry.Changed);
    }
}
