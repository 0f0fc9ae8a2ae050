using System.CommandLine;
using System.Globalization;
using FrameFlow.Encoding;
using FrameFlow.Jobs;
using FrameFlow.Repair.Defects;

namespace FrameFlow.Cli;

/// <summary>The options of <c>repair</c> that change pictures in place: defects, flicker, gate weave.</summary>
internal sealed class DefectArguments
{
    private readonly Option<string> _find = new("--defects") { Description = "Find defects and fill them: dust (dust, dirt and hairs, what stands in one frame alone), scratches (vertical, lasting), auto (both) or off. Default: off, or the masks of --mask alone.", DefaultValueFactory = _ => "off" };
    private readonly Option<double> _sensitivity = new("--sensitivity") { Description = "How readily something is taken for a defect, 0 to 1.", DefaultValueFactory = _ => 0.5 };
    private readonly Option<string?> _mask = new("--mask") { Description = "Your own masks, white is filled: a folder with a PNG for each frame that has one (the last number in its name is the frame's, from 0), or a video." };
    private readonly Option<string?> _preview = new("--preview-mask") { Description = "Write the masks as a video of the same times to this file, besides; edited, it can be given to --mask." };
    private readonly Option<string> _fill = new("--fill") { Description = "What fills: a model of the task denoise, or a built-in method: median (along the motion), average.", DefaultValueFactory = _ => "denoise-light" };
    private readonly Option<string> _deflicker = Parsers.Switch("--deflicker", "off", "on", "Take flicker away, and leave slow changes of light.");
    private readonly Option<string> _stabilise = Parsers.Switch("--stabilise", "off", "on", "Take gate weave away, and leave pans.");

    public DefectArguments() => _find.AcceptOnlyFromAmong("auto", "off", "dust", "scratches");

    /// <summary>The options.</summary>
    public Option[] All => [_find, _sensitivity, _mask, _preview, _fill, _deflicker, _stabilise];

    /// <summary>What was asked for, in the order in which it is done; empty for nothing.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="grain">Whether fills get grain.</param>
    /// <exception cref="FrameFlowException">An option is given that nothing asked for would heed (<see cref="FaultKind.Usage"/>).</exception>
    public IReadOnlyList<OperationOptions> Read(ParseResult parsed, bool grain)
    {
        List<OperationOptions> operations = [];
        if (parsed.GetValue(_deflicker) == "on")
        {
            operations.Add(new DeflickerOperationOptions());
        }

        if (parsed.GetValue(_stabilise) == "on")
        {
            operations.Add(new StabiliseOperationOptions());
        }

        DefectsOperationOptions defects = new()
        {
            Find = Enum.Parse<DefectKinds>(parsed.GetRequiredValue(_find), ignoreCase: true),
            Sensitivity = parsed.GetValue(_sensitivity),
            Mask = parsed.GetValue(_mask),
            Model = parsed.GetRequiredValue(_fill),
            Grain = grain,
        };
        if (defects.Find == DefectKinds.Off)
        {
            RefuseIfGiven(_sensitivity, "find", "--defects");
        }

        if (defects.Find != DefectKinds.Off || defects.Mask is not null)
        {
            operations.Add(defects);
        }
        else
        {
            RefuseIfGiven(_preview, "show", "--defects or --mask");
            RefuseIfGiven(_fill, "fill", "--defects or --mask");
        }

        return operations;

        void RefuseIfGiven(Option option, string what, string mend)
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                throw new FrameFlowException(FaultKind.Usage, $"{option.Name} has nothing to {what}; give {mend}.");
            }
        }
    }

    /// <summary>The job that makes the preview of the masks, or null.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="job">The job that repairs.</param>
    /// <exception cref="FrameFlowException">It would stand in the output's place (<see cref="FaultKind.Usage"/>).</exception>
    public JobRequest? ReadPreview(ParseResult parsed, JobRequest job)
    {
        if (parsed.GetValue(_preview) is not { } file)
        {
            return null;
        }

        if (string.Equals(Path.GetFullPath(file), Path.GetFullPath(job.Options.Output), StringComparison.Ordinal))
        {
            throw new FrameFlowException(FaultKind.Usage, string.Create(CultureInfo.InvariantCulture, $"--preview-mask '{file}' is the output itself; give another name."));
        }

        DefectsOperationOptions defects = job.Operations.OfType<DefectsOperationOptions>().First();
        return job with
        {
            Options = job.Options with { Output = file, Encode = new EncodeOptions(), Ledger = null, Report = null },
            Operations = [.. job.Operations.TakeWhile(o => o is not DefectsOperationOptions), defects with { ShowMask = true }],
        };
    }
}
