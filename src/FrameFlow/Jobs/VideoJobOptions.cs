using System.Text.Json.Serialization;
using FrameFlow.Decoding;
using FrameFlow.Encoding;
using FrameFlow.Inference;

namespace FrameFlow.Jobs;

/// <summary>What every job is asked for, whatever it does to the film.</summary>
public sealed record VideoJobOptions
{
    /// <summary>60 % of the memory that this process may use.</summary>
    public static long DefaultMemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 10 * 6;

    /// <summary>The source's path.</summary>
    public required string Input { get; init; }

    /// <summary>The output's path; its ending chooses the container.</summary>
    public required string Output { get; init; }

    /// <summary>Where networks run, see <see cref="DeviceRequest"/>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Whether devices decode and encode, one of <see cref="HardwareDecoder.Allowed"/>: a decoder that gives the processor's samples, and an encoder where none is named. Software where they cannot.</summary>
    public string Hwaccel { get; init; } = "off";

    /// <summary>What happens when that device fails and fails again. Of the machine, not of the request.</summary>
    [JsonIgnore]
    public DeviceLossPolicy OnDeviceLoss { get; init; }

    /// <summary>The seed of all that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>Processor threads for the model, at least 1. Of the machine, not of the request.</summary>
    [JsonIgnore]
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The cap for frames and working memory, bytes. Of the machine, not of the request.</summary>
    [JsonIgnore]
    public long MemoryBytes { get; init; } = DefaultMemoryBytes;

    /// <summary>How the output is encoded.</summary>
    public EncodeOptions Encode { get; init; } = new();

    /// <summary>Which part of the source is read, and how.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>Whether scene cuts are looked for.</summary>
    public bool FindCuts { get; init; } = true;

    /// <summary>Whether a damaged source is refused.</summary>
    public bool Strict { get; init; }

    /// <summary>Whether a file of the output's name may be replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Where the ledger goes, a line of JSON a frame (<see cref="Reporting.LedgerEntry"/>); null for none.</summary>
    public string? Ledger { get; init; }

    /// <summary>Where the report goes, a page of HTML; null for none.</summary>
    public string? Report { get; init; }

    /// <summary>What the request was made from beside the input, such as a recipe's file: nothing is written over it.</summary>
    [JsonIgnore]
    public IReadOnlyList<(string What, string Path)> Reads { get; init; } = [];

    /// <summary>Lists every option that is out of range: name, value, range.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> faults = [.. Encode.Validate(), .. Decode.Validate()];
        if (Threads is < 1 or > 1024)
        {
            faults.Add($"--threads {Threads}: 1 to 1024");
        }

        if (MemoryBytes < 64L << 20)
        {
            faults.Add($"--memory {MemoryBytes >> 20}: 64 MiB or more");
        }

        _ = DeviceRequest.Parse(Device, out string? deviceFault);
        if (deviceFault is not null)
        {
            faults.Add(deviceFault);
        }

        if (!HardwareDecoder.IsAllowed(Hwaccel))
        {
            faults.Add($"--hwaccel {Hwaccel}: {HardwareDecoder.Allowed}");
        }

        return faults;
    }
}
