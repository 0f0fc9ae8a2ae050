using FrameFlow.Decoding;
using FrameFlow.Encoding;

namespace FrameFlow.Jobs;

/// <summary>One file to make from another: what a command line says, a recipe fills in, a journal keeps and a queue carries.</summary>
public sealed record JobRequest
{
    /// <summary>What every job is asked for.</summary>
    public required VideoJobOptions Options { get; init; }

    /// <summary>What is done to the film, in order.</summary>
    public required IReadOnlyList<OperationOptions> Operations { get; init; }

    /// <summary>The same with full paths.</summary>
    public JobRequest WithFullPaths() => this with
    {
        Options = Options with
        {
            Input = Path.GetFullPath(Options.Input),
            Output = Path.GetFullPath(Options.Output),
            Ledger = Options.Ledger is { } ledger ? Path.GetFullPath(ledger) : null,
            Report = Options.Report is { } report ? Path.GetFullPath(report) : null,
        },
    };

    /// <summary>All that decides pictures, as canonical JSON: of the output the ending alone, of the machine nothing.</summary>
    public string DescribeSettings() => JobJson.Write(this with
    {
        Options = Options with { Input = "", Output = Path.GetExtension(Options.Output), Device = "", Hwaccel = "", Overwrite = false, Strict = false, Ledger = null, Report = null },
        Operations = [.. Operations.Select(o => o.OfPictures())],
    });
}

/// <summary>What is done to every film of a folder: a request without the two paths.</summary>
public sealed record Recipe
{
    /// <summary>The name by which it is chosen.</summary>
    public required string Name { get; init; }

    /// <summary>One line on what it is for.</summary>
    public string Description { get; init; } = "";

    /// <summary>The output's ending, with its dot; null for the input's own where it can be written, else <c>.mkv</c>.</summary>
    public string? Container { get; init; }

    /// <summary>What is done to the film, in order.</summary>
    public required IReadOnlyList<OperationOptions> Operations { get; init; }

    /// <summary>Where networks run, see <see cref="Inference.DeviceRequest"/>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Whether devices decode and encode, see <see cref="VideoJobOptions.Hwaccel"/>.</summary>
    public string Hwaccel { get; init; } = "off";

    /// <summary>The seed of all that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the output is encoded.</summary>
    public EncodeOptions Encode { get; init; } = new();

    /// <summary>How the source is read.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>Whether scene cuts are looked for.</summary>
    public bool FindCuts { get; init; } = true;

    /// <summary>Whether a damaged source is refused.</summary>
    public bool Strict { get; init; }

    /// <summary>The name of the output that an input of this name becomes; no two inputs become one output: an ending that changes is added.</summary>
    public string OutputNameFor(string inputName)
    {
        string ending = Path.GetExtension(inputName);
        string container = Container ?? (ContainerCatalog.Knows(ending) ? ending : ".mkv");
        return string.Equals(ending, container, StringComparison.OrdinalIgnoreCase) ? inputName : inputName + container;
    }

    /// <summary>The request for one film.</summary>
    public JobRequest For(string input, string output) => new()
    {
        Options = new VideoJobOptions { Input = input, Output = output, Device = Device, Hwaccel = Hwaccel, Seed = Seed, Encode = Encode, Decode = Decode, FindCuts = FindCuts, Strict = Strict },
        Operations = Operations,
    };
}
