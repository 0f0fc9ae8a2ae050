using System.CommandLine;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Jobs;
using FrameFlow.Media;

namespace FrameFlow.Cli;

/// <summary>The arguments and options of every command that makes one film from another.</summary>
internal sealed class JobArguments
{
    private readonly Argument<string> _input = new("IN") { Description = "The video, or a numbered sequence such as scan/frame_%06d.dpx." };
    private readonly Option<string> _output = new("--output", "-o") { Description = "The file to write; its ending chooses the container. A sequence (out/frame_%06d.dpx) gets a folder of its own.", Required = true };
    private readonly Option<ulong> _seed = new("--seed") { Description = "The seed of the sampled detail.", DefaultValueFactory = _ => 0 };
    private readonly Option<string> _device = new("--device") { Description = "auto, cpu, webgpu, cuda[:GPU][,memory=MiB] or tensorrt[:GPU][,memory=MiB][,fp16]; 'frameflow devices' tries them.", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _hwaccel = new("--hwaccel") { Description = "off, auto, cuda or vaapi: decode on a device, where its first pictures are the processor's bit for bit, and encode on one (NVENC) where no --encoder is named. auto falls back to software.", DefaultValueFactory = _ => "off" };
    private readonly Option<string> _onDeviceLoss = MachineArguments.OnDeviceLoss();
    private readonly Option<int> _threads = new("--threads") { Description = "Processor threads for the model.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<int?> _memory = new("--memory") { Description = "Cap for frames and working memory in MiB. Default: 60 % of what the machine has." };
    private readonly Option<string?> _encoder = new("--encoder") { Description = "libx264, libx265, libsvtav1, ffv1, prores_ks, h264_nvenc ... Default: by the container." };
    private readonly Option<decimal?> _crf = new("--crf") { Description = "The encoder's constant quality. Default: near lossless, by the encoder." };
    private readonly Option<string?> _encoderArguments = new("--encoder-args") { Description = "More arguments for ffmpeg's encoder, as one string." };
    private readonly Option<string> _deinterlace = Parsers.Switch("--deinterlace", "auto", "off", "Make interlaced or telecined pictures progressive first; also called --cadence.", "--cadence");
    private readonly Option<Rational?> _start = new("--start") { Description = "Begin here: seconds or HH:MM:SS.", CustomParser = Parsers.Time("--start") };
    private readonly Option<Rational?> _duration = new("--duration") { Description = "Take this much: seconds or HH:MM:SS.", CustomParser = Parsers.Time("--duration") };
    private readonly Option<Rational?> _inputFps = new("--input-fps") { Description = "Frames a second of a numbered sequence (frame_%06d.dpx): 24, 24000/1001, 23.976. Default: what its headers say, else 24.", CustomParser = Parsers.InputRate };
    private readonly Option<bool> _strict = new("--strict") { Description = "Publish nothing where the source is damaged (exit code 3)." };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace the output if it exists." };
    private readonly Option<double> _segment = new("--segment") { Description = "Seconds that a piece of a long film holds; what a run that is cut short may lose. 0: in one go, nothing is kept.", DefaultValueFactory = _ => new SegmentPolicy().TargetSeconds };
    private readonly Option<bool> _restart = new("--restart") { Description = "Throw away what a run that was cut short has left, and begin anew." };
    private readonly Option<string?> _ledger = new("--ledger") { Description = "Write a line of JSON for every output frame here: time, source frames, what was done, confidence, hash." };
    private readonly Option<string?> _report = new("--report") { Description = "Write a page (HTML, needs nothing but itself) here: before and after, time line, measurements, models." };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Say what would be done, and do nothing." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object at the end." };
    private readonly Option<string> _cuts;

    /// <summary>Describes the options; the commands' words differ in one.</summary>
    /// <param name="cuts">What cuts are looked for.</param>
    public JobArguments(string cuts) => _cuts = Parsers.Switch("--cuts", "on", "off", cuts);

    /// <summary>A command with these arguments around its own options.</summary>
    public Command CreateCommand(string name, string description, params ReadOnlySpan<Option> own)
    {
        Command command = new(name, description) { _input, _output };
        foreach (Option option in own)
        {
            command.Add(option);
        }

        foreach (Option option in (ReadOnlySpan<Option>)[_seed, _device, _hwaccel, _onDeviceLoss, _threads, _memory, _encoder, _crf, _encoderArguments, _cuts, _deinterlace, _inputFps, _start, _duration, _strict, _overwrite, _segment, _restart, _ledger, _report, _dryRun, _json])
        {
            command.Add(option);
        }

        return command;
    }

    /// <summary>Whether only the plan is wanted.</summary>
    public bool IsDryRun(ParseResult parsed) => parsed.GetValue(_dryRun);

    /// <summary>Whether JSON is wanted.</summary>
    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>How the work is cut.</summary>
    public SegmentPolicy ReadPolicy(ParseResult parsed) => new() { TargetSeconds = parsed.GetValue(_segment), Restart = parsed.GetValue(_restart) };

    /// <summary>What was asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="recipe">What holds where the command line says nothing; null for the usual.</param>
    public VideoJobOptions Read(ParseResult parsed, Recipe? recipe = null) => new()
    {
        Input = parsed.GetRequiredValue(_input),
        Output = parsed.GetRequiredValue(_output),
        Seed = recipe is not null && !IsSaid(parsed, _seed) ? recipe.Seed : parsed.GetValue(_seed),
        Device = recipe is not null && !IsSaid(parsed, _device) ? recipe.Device : parsed.GetRequiredValue(_device),
        Hwaccel = recipe is not null && !IsSaid(parsed, _hwaccel) ? recipe.Hwaccel : parsed.GetRequiredValue(_hwaccel),
        OnDeviceLoss = MachineArguments.PolicyOf(parsed, _onDeviceLoss),
        Threads = parsed.GetValue(_threads),
        MemoryBytes = parsed.GetValue(_memory) is { } mebibytes ? (long)mebibytes << 20 : VideoJobOptions.DefaultMemoryBytes,
        Encode = (recipe?.Encode ?? new EncodeOptions()) with
        {
            Encoder = parsed.GetValue(_encoder) ?? recipe?.Encode.Encoder,
            Crf = parsed.GetValue(_crf) ?? (IsSaid(parsed, _encoder) ? null : recipe?.Encode.Crf),
            EncoderArgs = parsed.GetValue(_encoderArguments) ?? (IsSaid(parsed, _encoder) ? null : recipe?.Encode.EncoderArgs),
        },
        Decode = (recipe?.Decode ?? new DecodeOptions()) with
        {
            Start = parsed.GetValue(_start) ?? recipe?.Decode.Start ?? Rational.Zero,
            Duration = parsed.GetValue(_duration) ?? recipe?.Decode.Duration,
            InputRate = parsed.GetValue(_inputFps) ?? recipe?.Decode.InputRate,
            Deinterlace = recipe is not null && !IsSaid(parsed, _deinterlace) ? recipe.Decode.Deinterlace : parsed.GetValue(_deinterlace) == "auto",
        },
        FindCuts = recipe is not null && !IsSaid(parsed, _cuts) ? recipe.FindCuts : parsed.GetValue(_cuts) == "on",
        Strict = parsed.GetValue(_strict) || recipe?.Strict == true,
        Overwrite = parsed.GetValue(_overwrite),
        Ledger = parsed.GetValue(_ledger),
        Report = parsed.GetValue(_report),
    };

    /// <summary>Whether an option stands on the command line itself.</summary>
    public static bool IsSaid(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };
}
