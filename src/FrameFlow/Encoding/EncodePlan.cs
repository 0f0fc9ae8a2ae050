using System.Globalization;
using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>
/// Everything that ffmpeg will be told, decided before the first frame: pure, so that it can be shown (<c>--dry-run</c>) and tested
/// without running anything.
/// </summary>
/// <remarks>
/// Time: ffmpeg subtracts the source's start time (and <c>--start</c>) from what it copies, so frame 0 belongs at
/// X = first frame's time - source start - <c>--start</c>. For X &gt; 0 the video is moved by <c>setpts</c> in a time base that holds
/// both 1/F and X; for X &lt; 0 what is copied is moved by -X, because a negative video time would be hidden by an edit list.
/// Even frames go through a raw pipe, which knows a rate only; others through a NUT pipe, which carries each one's time (<see cref="PipeTimeBase"/>).
/// </remarks>
public sealed record EncodePlan
{
    // The only encoder here that takes a film-grain table (SVT-AV1 does from 2.0 on).
    private const string GrainEncoder = "libaom-av1";

    // A shift smaller than this is inaudible and below every container's resolution except MP4's own.
    private static readonly Rational ShiftTolerance = new(1, 200_000);

    private EncodePlan()
    {
    }

    /// <summary>The request that this plan answers.</summary>
    public required EncodeRequest Request { get; init; }

    /// <summary>The container.</summary>
    public required ContainerInfo Container { get; init; }

    /// <summary>The encoder.</summary>
    public required EncoderInfo Encoder { get; init; }

    /// <summary>The pixel format that the encoder is given, by ffmpeg's name.</summary>
    public required string EncoderPixelFormat { get; init; }

    /// <summary>Whether ffmpeg must convert or turn the pixels; false means that the encoder sees the frames' own bits.</summary>
    public required bool ConvertsPixels { get; init; }

    /// <summary>Arguments before the pipe input.</summary>
    public required IReadOnlyList<string> PipeArguments { get; init; }

    /// <summary>Seconds a tick of the NUT pipe; null where the pipe is raw.</summary>
    public Rational? PipeTimeBase { get; init; }

    /// <summary>Arguments before the source as second input; null where nothing is taken from it.</summary>
    public required IReadOnlyList<string>? SourceArguments { get; init; }

    /// <summary>Arguments before the output's name.</summary>
    public required IReadOnlyList<string> OutputArguments { get; init; }

    /// <summary>Arguments before a segment's name: the picture alone, in a container that keeps exact times.</summary>
    public required IReadOnlyList<string> SegmentArguments { get; init; }

    /// <summary>Arguments before the output's name where the picture comes, encoded, from segments (first input) and the rest from the source (second).</summary>
    public required IReadOnlyList<string> JoinArguments { get; init; }

    /// <summary>Where the first frame stands on ffmpeg's output clock, in seconds (rounded to 5 microseconds or better); not negative.</summary>
    public required Rational VideoShift { get; init; }

    /// <summary>By how much the copied streams are moved later, in seconds.</summary>
    public required Rational SourceShift { get; init; }

    /// <summary>Clockwise degrees that the track header must be given after encoding (ffmpeg 5.1 cannot); 0 for none.</summary>
    public required int HeaderRotation { get; init; }

    /// <summary>What is converted, dropped or done differently, a line each, for the log.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Frames planned.</summary>
    public long FrameCount => Request.FrameCount;

    /// <summary>The plan of the whole output: this one, unless it is a segment's.</summary>
    public EncodePlan Whole => WholeOfSegment ?? this;

    /// <summary>The index in <see cref="Whole"/> of this plan's first frame.</summary>
    public long FirstIndex { get; private init; }

    private EncodePlan? WholeOfSegment { get; init; }

    /// <summary>The time of frame <paramref name="index"/> on the clock of the frames handed over, in seconds.</summary>
    public Rational TimeOf(long index) => Request.Times is { } times ? times[checked((int)(FirstIndex + index))] : Request.FirstFrameTime + (index / Request.FrameRate);

    /// <summary>
    /// The number of frame <paramref name="index"/> in a sequence: its place in time, in frames of the output's rate, counted from the source's own number where that
    /// is a sequence, else from 0. So numbers that the source misses stay missing.
    /// </summary>
    public long NumberOf(long index)
    {
        if (WholeOfSegment is { } whole)
        {
            return whole.NumberOf(FirstIndex + index);
        }

        long first = Request.Source.Sequence is { } source ? source.Numbers[0] + (Request.FirstFrameTime * source.Rate).Round() : 0;
        return first + (Request.Times?.ConstantRate is { } rate ? ((TimeOf(index) - TimeOf(0)) * rate).Round() : index);
    }

    /// <summary>The encoder that a request asks for: the user's, else the container's default.</summary>
    /// <exception cref="FrameFlowException">The output's extension is unknown.</exception>
    public static string EncoderNameFor(EncodeOptions options, string outputPath)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Encoder ?? ContainerCatalog.ForPath(outputPath).DefaultEncoder;
    }

    /// <summary>
    /// Whether segments that are encoded each on its own join without loss. MPEG-2 in NUT comes out a frame late (found by comparing times);
    /// every other encoder in <see cref="EncoderCatalog"/> was tried. Films of uneven times are not cut, nor is one whose grain is told by its times.
    /// </summary>
    public bool CanBeJoined => Container.IsSequence || (Encoder.Codec != "mpeg2video" && Request.Times is null && Request.GrainTable is null);

    /// <summary>The plan for one segment: the same picture, encoded alone, so that it begins with a key frame and refers to nothing outside.</summary>
    /// <param name="outputs">Its frames, by their index in this plan.</param>
    public EncodePlan ForSegment(FrameRange outputs) => this with
    {
        Request = Request with { FirstFrameTime = TimeOf(outputs.First), FrameCount = outputs.Count, IncludeAudio = false },
        WholeOfSegment = Whole,
        FirstIndex = FirstIndex + outputs.First,
        SourceArguments = null,
        OutputArguments = Container.IsSequence ? OutputArguments : SegmentArguments,
        VideoShift = Rational.Zero,
        SourceShift = Rational.Zero,
        HeaderRotation = 0,
    };

    /// <summary>Plans with the encoder as the installed ffmpeg has it.</summary>
    /// <exception cref="FrameFlowException">See <see cref="Create"/> and <see cref="EncoderCatalog.ResolveAsync"/>.</exception>
    public static async Task<EncodePlan> CreateAsync(EncodeRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ThrowIfAny(request.Options.Validate());
        return await CreateAsync(request, await EncoderCatalog.ResolveAsync(EncoderNameFor(request.Options, request.OutputPath), cancellationToken), cancellationToken);
    }

    /// <summary>Plans with an encoder that <see cref="EncoderCatalog.ResolveAsync"/> gave.</summary>
    /// <exception cref="FrameFlowException">See <see cref="Create"/>.</exception>
    public static async Task<EncodePlan> CreateAsync(EncodeRequest request, EncoderInfo encoder, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ThrowIfAny(request.Options.Validate());
        return PlanWith(request, encoder, await HiddenSound.FindAsync(request, cancellationToken));
    }

    /// <summary>Plans.</summary>
    /// <param name="request">What shall be encoded.</param>
    /// <param name="encoder">The encoder, from <see cref="EncoderCatalog"/>.</param>
    /// <exception cref="FrameFlowException">The options contradict each other, the container or the picture
    /// (<see cref="FaultKind.Usage"/>; every reason in one line, separated by "; ").</exception>
    public static EncodePlan Create(EncodeRequest request, EncoderInfo encoder) => PlanWith(request, encoder, new HashSet<int>());

    private static EncodePlan PlanWith(EncodeRequest request, EncoderInfo encoder, IReadOnlySet<int> hiddenSound)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(encoder);
        ContainerInfo container = ContainerCatalog.ForPath(request.OutputPath);
        List<string> errors = [.. request.Options.Validate(encoder)];
        if (container.VideoCodecs is { } codecs && !codecs.Contains(encoder.Codec))
        {
            string fitting = string.Join(", ", EncoderCatalog.All.Where(e => codecs.Contains(e.Codec)).Select(e => e.Name));
            errors.Add($"{container.Name} cannot carry {encoder.Codec}, which {encoder.Name} makes; use {fitting}, or write .mkv.");
        }

        if (request.FrameRate <= Rational.Zero)
        {
            errors.Add($"The frame rate {request.FrameRate} is not positive.");
        }

        if (request.Times is not null && encoder.Codec == "mpeg2video")
        {
            errors.Add($"{encoder.Name} knows even frame rates only, and this film's is variable; use {container.DefaultEncoder}, or write .mkv.");
        }

        if (request.GrainTable is not null && encoder.Name != GrainEncoder)
        {
            errors.Add($"--grain table is written by {GrainEncoder} alone, not by {encoder.Name}; give --encoder {GrainEncoder} and .mkv, .mp4 or .webm.");
        }

        if (request.GrainTable is not null && request.Format.PixelFormat.Model == ColorModel.Rgb)
        {
            errors.Add("--grain table is for Y'CbCr and grey: AV1 makes grain by luma; use --grain resynthesise for RGB.");
        }

        VideoPlan video = PlanVideo(request, container, encoder, errors);
        ThrowIfAny(errors);

        List<string> notes = [.. video.Notes];
        (Rational videoShift, Rational sourceShift) = container.IsSequence ? (Rational.Zero, Rational.Zero) : PlanShift(request);
        StreamPlan streams = StreamPlan.Create(request, container, sourceShift, hiddenSound, notes);

        // A sequence's pictures have numbers, not times.
        bool isEven = request.Times is null || container.IsSequence;
        List<string> pipe = !isEven ? ["-f", "nut"] :
        [
            "-f", "rawvideo", "-pix_fmt", request.Format.PixelFormat.Name,
            "-video_size", string.Create(CultureInfo.InvariantCulture, $"{request.Format.Width}x{request.Format.Height}"),
            "-framerate", request.FrameRate.ToString(),
        ];

        List<string>? source = null;
        if (streams.UsesSource)
        {
            source = [];
            Rational start = Microseconds(request.Decode.Start);
            if (request.IncludeAudio && start > Rational.Zero)
            {
                source.AddRange(["-ss", Decimal(start)]);
            }

            if (request.IncludeAudio && request.Decode.Duration is { } duration)
            {
                source.AddRange(["-t", Decimal(duration + sourceShift)]);
            }

            if (sourceShift > Rational.Zero)
            {
                source.AddRange(["-itsoffset", Decimal(sourceShift)]);
            }
            else if (request.Source.Container.Contains("mpeg", StringComparison.Ordinal))
            {
                // From an MPEG stream ffmpeg subtracts not the file's start but that of the streams in use (the sound's), unless its
                // offset differs from the file's start (ffmpeg.c, "Correcting starttime based on the enabled streams"): by 1 us it does.
                source.AddRange(["-itsoffset", "0.000001"]);
            }
        }

        List<string> output = ["-map", "0:v:0", .. streams.Maps];
        List<string> filters = [.. video.Filters];
        List<string> segment = ["-map", "0:v:0", .. filters.Count > 0 ? (string[])["-filter:v:0", string.Join(',', filters)] : []];
        Rational encoderTimeBase = UnitOf(request);
        if (videoShift > Rational.Zero)
        {
            // Seconds a tick: fine enough for 1/F and for the shift, so that both are whole.
            encoderTimeBase = CommonUnit(encoderTimeBase, videoShift);
            filters.Add($"settb={encoderTimeBase},setpts=PTS+{(videoShift / encoderTimeBase).Numerator.ToString(CultureInfo.InvariantCulture)}");
        }

        if (filters.Count > 0)
        {
            output.AddRange(["-filter:v:0", string.Join(',', filters)]);
        }

        // Named, because -1 would mean the pipe's time base (1/F), in which the shift is rounded to whole frames.
        output.AddRange(["-fps_mode", "passthrough", "-enc_time_base:v:0", encoderTimeBase.ToString(), "-c:v:0", encoder.Name]);
        output.AddRange(video.Arguments);
        output.AddRange(video.MuxerArguments);
        int streamsFrom = output.Count;
        output.AddRange(streams.Arguments);
        if (request.IncludeAudio && request.Decode.Duration is not null && request.Source.ChapterCount > 0 && container.Chapters)
        {
            // Ends the chapters with the picture; half a frame later than the last frame's end, so that none is cut off.
            output.AddRange(["-t", Decimal(videoShift + (request.Times is { } times ? times.Duration - times.LastDuration : (request.FrameCount - 1) / request.FrameRate) + (new Rational(3, 2) / request.FrameRate))]);
        }

        if (container.IsSequence)
        {
            output.AddRange(["-start_number", "0"]);
        }

        output.AddRange(["-max_muxing_queue_size", "4096"]);
        if (container.Muxer is "mp4" or "mov")
        {
            // An edit list says late starts in the movie's ticks, by default whole milliseconds rounded down.
            output.AddRange(["-movflags", "+faststart+write_colr", "-movie_timescale", "90000"]);
        }

        List<string> join =
        [
            "-map", "0:v:0", .. streams.Maps, "-c:v:0", "copy", "-r:v:0", request.FrameRate.ToString(), "-field_order:v:0", "progressive", .. ColorArguments(video.Tags), .. video.MuxerArguments,
            .. output[streamsFrom..],
        ];
        segment.AddRange(["-fps_mode", "passthrough", "-enc_time_base:v:0", request.FrameRate.Inverse.ToString(), "-c:v:0", encoder.Name, .. video.Arguments, "-map_metadata", "-1"]);
        if (container.Muxer is "mp4" or "mov")
        {
            // The muxer's own choice for an encoder's time base (movenc.c, mov_init); a copied stream would bring NUT's.
            long scale = encoderTimeBase.Denominator;
            while (scale < 10_000)
            {
                scale *= 2;
            }

            join.AddRange(["-video_track_timescale", scale.ToString(CultureInfo.InvariantCulture)]);
        }

        if (request.Options.EncoderArgs is { } text && EncodeOptions.TrySplit(text, out IReadOnlyList<string> more, out _))
        {
            output.AddRange(more);
            segment.AddRange(more);
        }

        segment.AddRange(["-f", "nut"]);
        join.AddRange(["-f", container.Muxer]);

        output.AddRange(["-f", container.Muxer]);
        return new EncodePlan
        {
            Request = request,
            Container = container,
            Encoder = encoder,
            EncoderPixelFormat = video.PixelFormat,
            ConvertsPixels = video.ConvertsPixels,
            PipeArguments = pipe,
            PipeTimeBase = isEven ? null : encoderTimeBase,
            SourceArguments = source,
            OutputArguments = output,
            SegmentArguments = segment,
            JoinArguments = join,
            VideoShift = videoShift,
            SourceShift = sourceShift,
            HeaderRotation = video.HeaderRotation,
            Notes = notes,
        };
    }

    /// <summary>Seconds as ffmpeg reads them, to the microsecond.</summary>
    internal static string Decimal(Rational seconds)
    {
        long micros = (seconds * 1_000_000).Round();
        long whole = Math.Abs(micros) / 1_000_000;
        long rest = Math.Abs(micros) % 1_000_000;
        return string.Create(CultureInfo.InvariantCulture, $"{(micros < 0 ? "-" : string.Empty)}{whole}.{rest:000000}");
    }

    private static Rational Microseconds(Rational seconds) => new((seconds * 1_000_000).Round(), 1_000_000);

    private static (Rational Video, Rational Source) PlanShift(EncodeRequest request)
    {
        if (!request.IncludeAudio)
        {
            return (Rational.Zero, Rational.Zero);
        }

        // ffmpeg knows both to the microsecond only.
        Rational shift = request.FirstFrameTime - Microseconds(request.Source.StartTime) - Microseconds(request.Decode.Start);
        if (Rational.Abs(shift) <= ShiftTolerance)
        {
            return (Rational.Zero, Rational.Zero);
        }

        if (shift < Rational.Zero)
        {
            return (Rational.Zero, -shift);
        }

        // The coarsest grid that divides the frame period's own ticks and meets the shift.
        for (long parts = 1; ; parts++)
        {
            Rational unit = new(1, checked(UnitOf(request).Denominator * parts));
            Rational rounded = (shift / unit).Round() * unit;
            if (Rational.Abs(rounded - shift) <= ShiftTolerance)
            {
                return (rounded, Rational.Zero);
            }
        }
    }

    // Seconds of which the distance of any two frames is a whole multiple.
    private static Rational UnitOf(EncodeRequest request) => request.Times?.Unit ?? request.FrameRate.Inverse;

    // The largest 1/n of which both are whole multiples.
    private static Rational CommonUnit(Rational a, Rational b)
    {
        long denominator = a.Denominator / (long)System.Numerics.BigInteger.GreatestCommonDivisor(a.Denominator, b.Denominator) * b.Denominator;
        return new Rational(1, denominator);
    }

    private static void ThrowIfAny(IReadOnlyList<string> errors)
    {
        if (errors.Count > 0)
        {
            throw new FrameFlowException(FaultKind.Usage, string.Join("; ", errors.Select(e => e.TrimEnd('.'))) + ".");
        }
    }

    private sealed record VideoPlan(string PixelFormat, bool ConvertsPixels, ColorDescription Tags, int HeaderRotation, IReadOnlyList<string> Filters, IReadOnlyList<string> Arguments, IReadOnlyList<string> MuxerArguments, IReadOnlyList<string> Notes);

    private static VideoPlan PlanVideo(EncodeRequest request, ContainerInfo container, EncoderInfo encoder, List<string> errors)
    {
        VideoFormat format = request.Format;
        VideoDescription? source = request.Source.Video?.Video;
        List<string> filters = [];
        List<string> arguments = [];
        List<string> notes = [];
        bool converts = false;
        // Rotation: in the header where there is one, else in the pixels.
        int rotation = (((source?.Rotation ?? 0) % 360) + 360) % 360;
        int headerRotation = container.Rotation ? rotation : 0;
        bool turns = !container.Rotation && rotation != 0;
        bool swaps = turns && rotation is 90 or 270;
        PixelFormat carried = format.PixelFormat;
        if (swaps && carried.Sampling == ChromaSampling.Yuv422)
        {
            // Turned by a quarter, 4:2:2 would be 4:4:0, which no encoder here takes.
            carried = carried with { Sampling = ChromaSampling.Yuv444 };
            filters.Add(PixelConversion.Filters(format, carried.Name, carried, format.Color));
            converts = true;
        }

        if (turns)
        {
            filters.Add(rotation switch { 90 => "transpose=clock", 180 => "hflip,vflip", _ => "transpose=cclock" });
            converts = true;
            notes.Add($"{container.Name} carries no display rotation: the pictures themselves are turned by {rotation} degrees clockwise.");
        }

        (int width, int height) = swaps ? (format.Height, format.Width) : (format.Width, format.Height);

        // Pixel format.
        if (PixelConversion.Nearest(carried, encoder) is not { } target)
        {
            errors.Add(carried.IsFloat
                ? $"The pictures are floats of linear light, which {encoder.Name} cannot hold; write an EXR sequence (-o out/frame_%06d.exr)."
                : $"{encoder.Name} holds linear light, which codes of {carried.Description} are not; write a sequence of .dpx, .tif or .png, or a film.");
            target = encoder.PixelFormats[0];
        }

        if (encoder.Name == "dpx" && request.Source.Sequence?.Dpx is { IsLittleEndian: true } && target.EndsWith("be", StringComparison.Ordinal))
        {
            target = target[..^2] + "le";
        }

        PixelFormat taken = EncoderCatalog.Kept(encoder, target);
        ColorDescription tags = PixelConversion.TagsAfter(format, taken);
        if (target != carried.Name)
        {
            filters.Add(PixelConversion.Filters(format with { PixelFormat = carried }, target, taken, tags));
            converts = true;
        }

        if (taken != format.PixelFormat)
        {
            notes.Add(PixelConversion.Describe(format.PixelFormat, taken, encoder));
        }

        // Size.
        int evenWidth = width + (encoder.NeedsEvenSize && taken.Sampling != ChromaSampling.Yuv444 ? width & 1 : 0);
        int evenHeight = height + (encoder.NeedsEvenSize && taken.Sampling == ChromaSampling.Yuv420 ? height & 1 : 0);
        if (evenWidth != width || evenHeight != height)
        {
            filters.Add(string.Create(CultureInfo.InvariantCulture, $"pad={evenWidth}:{evenHeight}:0:0,fillborders=right={evenWidth - width}:bottom={evenHeight - height}:mode=smear"));
            converts = true;
            notes.Add($"{encoder.Name} takes only even sizes: {width}x{height} is padded to {evenWidth}x{evenHeight} by repeating the edge; use --encoder ffv1 to keep the size.");
        }

        if (width < encoder.MinimumSize.Width || height < encoder.MinimumSize.Height)
        {
            errors.Add($"{encoder.Name} takes pictures from {encoder.MinimumSize.Width}x{encoder.MinimumSize.Height} on, this one is {width}x{height}; use --encoder libx264 or ffv1.");
        }

        // Tags. They are written on the frames, from where the encoder's bitstream and the container take them.
        if (ColorFilter(tags) is { } color)
        {
            filters.Add(color);
            if (!container.ColorTags && encoder.Codec is "ffv1")
            {
                notes.Add($"{container.Name} has no colour tags, and {encoder.Codec} none of its own: they are lost.");
            }
        }

        if (tags.ChromaLocation is { } location && location != "unspecified")
        {
            arguments.AddRange(["-chroma_sample_location", location]);
        }

        Rational aspect = swaps ? format.SampleAspect.Inverse : format.SampleAspect;
        if (aspect > Rational.Zero)
        {
            filters.Add($"setsar=sar={aspect}:max=1000000");
        }

        // Encoder.
        arguments.AddRange(["-pix_fmt:v:0", target]);
        arguments.AddRange(encoder.Arguments);
        if (encoder.Quality is { } quality)
        {
            if ((request.Options.Crf ?? quality.Default) is { } value)
            {
                arguments.AddRange([quality.Option, value.ToString(CultureInfo.InvariantCulture)]);
            }
        }

        switch (encoder.Name)
        {
            case "ffv1" when ((format.Width | format.Height) & 1) != 0 && taken.Sampling != ChromaSampling.Yuv444:
                // ffmpeg refuses a number of slices whose borders split a chroma sample of an odd size (ff_need_new_slices, ffv1.c): let it choose.
                arguments.RemoveRange(arguments.IndexOf("-slices"), 2);
                break;
            case "prores_ks":
                arguments.AddRange(["-profile:v", taken.Sampling == ChromaSampling.Yuv444 ? "4444" : "hq"]);
                break;
            case "dnxhd":
                arguments.AddRange(["-profile:v", taken.Sampling == ChromaSampling.Yuv444 ? "dnxhr_444" : taken.BitDepth == 8 ? "dnxhr_hq" : "dnxhr_hqx"]);
                break;
            case "exr":
                arguments.AddRange(["-format", request.Source.Sequence is { IsHalf: true } ? "half" : "float"]);
                break;
            case "hevc_nvenc" when taken.BitDepth == 10 && taken.Sampling == ChromaSampling.Yuv420:
                arguments.AddRange(["-profile:v", "main10"]);
                break;
            default:
                break;
        }

        AddParameters(request, encoder, source, arguments, notes);
        if (request.GrainTable is { } table)
        {
            // A list of key=value between colons.
            arguments.AddRange(["-aom-params", "film-grain-table=" + table.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal)]);
        }

        // QuickTime and Apple's players know hvc1 only.
        string[] muxer = encoder.Codec == "hevc" && container.Muxer is "mp4" or "mov" ? ["-tag:v:0", "hvc1"] : [];

        if (container.IsSequence && request.Source.Sequence is { } pictures && !SequencePictures.CarriesHeaders(pictures.Pattern.Extension, container))
        {
            notes.Add($"{container.Name}: what the source's files say beside their pictures (headers, colour profile, timecode) is not carried; {(pictures.Pattern.Extension == ".png" ? "take it from them by number" : $"write {pictures.Pattern.Extension} to keep it")}.");
        }

        if (source is { DynamicMetadata.Count: > 0 })
        {
            notes.Add($"{string.Join(" and ", source.DynamicMetadata)} metadata describes the source's frames one by one and would lie on new ones: it is dropped.");
        }

        return new VideoPlan(target, converts, tags, headerRotation, filters, arguments, muxer, notes);
    }

    private static void AddParameters(EncodeRequest request, EncoderInfo encoder, VideoDescription? source, List<string> arguments, List<string> notes)
    {
        List<string> parameters = [];
        string? option = encoder.Name switch { "libx264" => "-x264-params", "libx265" => "-x265-params", "libsvtav1" => "-svtav1-params", _ => null };
        if (encoder.Name == "libx265")
        {
            parameters.Add("log-level=error");
        }

        if (request.Options.Threads > 0)
        {
            if (encoder.ThreadsParameter is { } name)
            {
                parameters.Add(string.Create(CultureInfo.InvariantCulture, $"{name}={request.Options.Threads}"));
            }
            else
            {
                arguments.AddRange(["-threads", request.Options.Threads.ToString(CultureInfo.InvariantCulture)]);
            }
        }

        if (source?.Hdr10 is { } hdr)
        {
            if (encoder.Hdr == HdrSyntax.None)
            {
                notes.Add($"{encoder.Name} writes no HDR10 mastering metadata: it is lost; use --encoder libx265 to keep it.");
            }
            else
            {
                parameters.AddRange(HdrParameters(hdr, encoder.Hdr));
            }
        }

        if (parameters.Count > 0 && option is not null)
        {
            arguments.AddRange([option, string.Join(':', parameters)]);
        }
    }

    private static IEnumerable<string> HdrParameters(Hdr10Metadata hdr, HdrSyntax syntax)
    {
        if (syntax == HdrSyntax.X265)
        {
            yield return "hdr10=1";
            yield return "repeat-headers=1";
        }

        if (hdr.Chromaticities is { Count: 8 } c && hdr.MinLuminance is { } min && hdr.MaxLuminance is { } max)
        {
            // H.265 D.2.28: chromaticities in 1/50000, luminances in 1/10000 cd/m2; SVT-AV1 takes plain decimals.
            string P(Rational value, long scale) => syntax == HdrSyntax.SvtAv1
                ? Decimal(value)
                : (value * scale).Round().ToString(CultureInfo.InvariantCulture);
            string XY(int i) => $"({P(c[i], 50000)},{P(c[i + 1], 50000)})";
            string name = syntax == HdrSyntax.X265 ? "master-display" : "mastering-display";
            yield return $"{name}=G{XY(2)}B{XY(4)}R{XY(0)}WP{XY(6)}L({P(max, 10000)},{P(min, 10000)})";
        }

        if (hdr.MaxContentLight is { } cll && hdr.MaxFrameAverageLight is { } fall)
        {
            string name = syntax switch { HdrSyntax.X264 => "cll", HdrSyntax.X265 => "max-cll", _ => "content-light" };
            yield return string.Create(CultureInfo.InvariantCulture, $"{name}={cll},{fall}");
        }
    }

    private static bool Said(string? tag) => tag is not (null or "" or "unknown" or "unspecified" or "reserved");

    // NUT has no place for colour tags, nor for the field order; where the bitstream has none either, the container gets them from here.
    private static IEnumerable<string> ColorArguments(ColorDescription color) =>
    [
        .. color.FullRange is { } full ? (string[])["-color_range:v:0", full ? "pc" : "tv"] : [],
        .. Said(color.Primaries) ? (string[])["-color_primaries:v:0", color.Primaries == "ebu3213" ? "jedec-p22" : color.Primaries!] : [],
        .. Said(color.Transfer) ? (string[])["-color_trc:v:0", color.Transfer switch { "bt470m" => "gamma22", "bt470bg" => "gamma28", var other => other! }] : [],
        .. Said(color.Matrix) && color.Matrix is not ("gbr" or "rgb") ? (string[])["-colorspace:v:0", color.Matrix!] : [],
        .. Said(color.ChromaLocation) ? (string[])["-chroma_sample_location:v:0", color.ChromaLocation!] : [],
    ];

    // ffprobe's names are setparams' names but for these.
    private static string? ColorFilter(ColorDescription color)
    {
        List<string> parts = [];
        if (color.FullRange is { } full)
        {
            parts.Add(full ? "range=pc" : "range=tv");
        }

        if (Said(color.Primaries))
        {
            parts.Add("color_primaries=" + (color.Primaries == "ebu3213" ? "jedec-p22" : color.Primaries));
        }

        if (Said(color.Transfer))
        {
            parts.Add("color_trc=" + color.Transfer switch { "gamma22" => "bt470m", "gamma28" => "bt470bg", var other => other });
        }

        // A Y'CbCr picture with RGB's identity matrix would be wrong in itself.
        if (Said(color.Matrix) && color.Matrix is not ("gbr" or "rgb"))
        {
            parts.Add("colorspace=" + color.Matrix);
        }

        return parts.Count == 0 ? null : "setparams=" + string.Join(':', parts);
    }
}
