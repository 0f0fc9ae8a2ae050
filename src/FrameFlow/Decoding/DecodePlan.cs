using System.Globalization;
using FrameFlow.Media;

namespace FrameFlow.Decoding;

/// <summary>The one place that says how ffmpeg reads the source, so that the scan and the decode see the same frames.</summary>
internal sealed class DecodePlan
{
    // How far ahead of a wanted start reading begins: a container without an index may land inside a group of pictures.
    private static readonly Rational IndexedMargin = 1;
    private static readonly Rational UnindexedMargin = 10;

    // libavcodec's automatic number of frame threads (pthread_frame.c), and the usual reordering of B-frames.
    private const int MostAutomaticThreads = 16;
    private const int ReorderedFrames = 2;

    private readonly DecodeOptions _options;
    private readonly string _path;
    private readonly int _streamIndex;
    private readonly Rational? _seek;
    private readonly ImageSequence? _sequence;

    public DecodePlan(MediaInfo info, StreamInfo stream, DecodeOptions options)
    {
        _options = options;
        _path = info.Path;
        _sequence = info.Sequence;
        _streamIndex = stream.Index;
        int threads = options.Threads > 0 ? options.Threads : Math.Min(MostAutomaticThreads, Environment.ProcessorCount + 1);
        ReadAheadFrames = _sequence is not null || stream.Codec is "mpeg1video" or "mpeg2video" or "dvvideo" ? 0 : threads + ReorderedFrames;
        if (options.Start > Rational.Zero || options.Duration is not null)
        {
            // What begins at the asked time or behind it; times are rounded by half a tick, though hardly by the tick of a whole frame that a sequence has. Stretches that follow one another neither
            // share nor lose a frame.
            Rational start = info.StartTime + options.Start;
            StartTick = options.Start > Rational.Zero ? FirstFrom(start) : long.MinValue;
            EndTick = options.Duration is { } duration ? FirstFrom(start + duration) : long.MaxValue;
            End = options.Duration is { } length ? start + length : null;
        }

        _seek = Seek(info, options.Start);

        long FirstFrom(Rational time) => ((time - Rational.Min(stream.TimeBase / 2, new Rational(1, 1000))) / stream.TimeBase).Ceiling();
    }

    /// <summary>The plan for a part of a scanned source: it begins at the part, and is cut out by the frames' own ticks.</summary>
    /// <param name="info">The probe.</param>
    /// <param name="stream">The video stream.</param>
    /// <param name="options">The options of the scan.</param>
    /// <param name="timeline">The scan's timeline.</param>
    /// <param name="part">Which of its frames are wanted; not empty.</param>
    public DecodePlan(MediaInfo info, StreamInfo stream, DecodeOptions options, FrameTimeline timeline, FrameRange part)
        : this(info, stream, options)
    {
        StartTick = timeline.TickOf((int)part.First);
        EndTick = part.End < timeline.Count ? timeline.TickOf((int)part.End) : EndTick;
        _seek = Seek(info, (StartTick * timeline.Tick) - info.StartTime);
    }

    /// <summary>The plan for the frames from a key frame on, sought without a margin.</summary>
    /// <param name="info">The probe; of an indexed container (<see cref="IsIndexed"/>).</param>
    /// <param name="stream">The video stream.</param>
    /// <param name="options">The options of the scan.</param>
    /// <param name="keyTick">The key frame's tick, or the film's first one.</param>
    /// <param name="endTick">The first tick that is not wanted.</param>
    public DecodePlan(MediaInfo info, StreamInfo stream, DecodeOptions options, long keyTick, long endTick)
        : this(info, stream, options)
    {
        StartTick = keyTick;
        EndTick = endTick;
        Rational seek = ((keyTick + 1) * stream.TimeBase) - info.StartTime;
        _seek = seek > IndexedMargin ? seek : null;
    }

    /// <summary>Whether a container has an index of its key frames.</summary>
    public static bool IsIndexed(MediaInfo info) => info.Container.Contains("mp4", StringComparison.Ordinal) || info.Container.Contains("matroska", StringComparison.Ordinal);

    private static Rational? Seek(MediaInfo info, Rational start)
    {
        if (info.Sequence is { } sequence)
        {
            // ffmpeg counts the pictures that exist, each whole on its own.
            long index = sequence.IndexAt((start * sequence.Rate).Floor()) - 1;
            return index > 0 ? index / sequence.Rate : null;
        }

        Rational seek = start - (IsIndexed(info) ? IndexedMargin : UnindexedMargin);
        return seek > Rational.Zero ? seek : null;
    }

    /// <summary>By how many frames the decoder's complaints may come before the pictures that they concern; 0 where it threads by slices.</summary>
    public int ReadAheadFrames { get; }

    /// <summary>The first tick that belongs to the wanted stretch.</summary>
    public long StartTick { get; } = long.MinValue;

    /// <summary>The first tick behind the wanted stretch.</summary>
    public long EndTick { get; } = long.MaxValue;

    /// <summary>The end of the wanted stretch in seconds, or null.</summary>
    public Rational? End { get; }

    /// <summary>Options before the input: no rotation, the container's own times, damaged frames kept.</summary>
    public IEnumerable<string> InputOptions =>
    [
        "-copyts", "-noautorotate",
        .. _sequence is null ? [] : MediaProbe.InputOf(_sequence),
        .. _options.Threads > 0 ? (string[])["-threads", Number(_options.Threads)] : [],
        .. _seek is { } seek ? (string[])["-noaccurate_seek", "-ss", ((seek * 1_000_000).Floor() / 1_000_000m).ToString(CultureInfo.InvariantCulture)] : [],
    ];

    /// <summary>The input as ffmpeg's <c>-i</c> takes it; a colon in a name is no protocol.</summary>
    public string Input => _sequence is null ? "file:" + _path : _sequence.Pattern.Glob(_sequence.Numbers[^1]);

    /// <summary>Options between the input and the filters. Every decoded frame comes out once, none doubled or dropped for a rate.</summary>
    public IEnumerable<string> OutputOptions => ["-map", "0:" + Number(_streamIndex), "-fps_mode", "passthrough", "-max_error_rate", "1"];

    /// <summary>The filter that cuts out the wanted stretch by exact ticks, or null.</summary>
    public string? Trim => StartTick == long.MinValue && EndTick == long.MaxValue ? null
        : "trim=" + string.Join(':', ((string[])[StartTick == long.MinValue ? "" : "start_pts=" + Number(Read(StartTick)), EndTick == long.MaxValue ? "" : "end_pts=" + Number(Read(EndTick))]).Where(p => p.Length > 0));

    /// <summary>The tick at which a frame that ffmpeg puts at a tick of its own really stands: in a sequence with holes it counts the pictures that exist.</summary>
    public long Place(long tick) => _sequence?.TickOf(tick) ?? tick;

    /// <summary>Whether a decoded frame belongs to the wanted stretch.</summary>
    public bool Contains(long tick) => tick >= StartTick && tick < EndTick;

    /// <summary>Joins filters into a chain, leaving out those that are null.</summary>
    public static string? Chain(params string?[] filters) => filters.All(f => f is null) ? null : string.Join(',', filters.Where(f => f is not null));

    private long Read(long tick) => _sequence?.IndexAt(tick) ?? tick;

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
