using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FrameFlow.Encoding;
using FrameFlow.Media;
using FrameFlow.Reporting;

namespace FrameFlow.Jobs;

/// <summary>Gathers what a report shows of a job.</summary>
internal static class JobReports
{
    private const int Doubted = 4;
    private const int Changed = 4;

    // What is said elsewhere in the report, or is of the machine and changes no picture.
    private static readonly HashSet<string> Elsewhere = ["operation", "seed", "batch", "workers"];

    /// <summary>Gathers.</summary>
    /// <param name="options">The request, paths as the user gave them.</param>
    /// <param name="job">The job; what its operations found is that of the whole film.</param>
    /// <param name="summary">What was done.</param>
    /// <param name="ledger">The ledger, summed up.</param>
    /// <param name="stages">How the pipeline's parts did.</param>
    /// <param name="stills">Takes pictures.</param>
    /// <param name="film">The finished film's file.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<JobReport> CreateAsync(
        VideoJobOptions options, VideoJob job, JobSummary summary, LedgerSummary ledger, IReadOnlyList<StageRecord> stages, StillPictures stills, string film, CancellationToken cancellationToken)
    {
        List<ReportStill> pictures = [];
        foreach ((LedgerEntry entry, string why) in Choose(ledger))
        {
            if (await stills.TakeAsync(entry, why, film, summary.FirstTime, cancellationToken) is { } still)
            {
                pictures.Add(still);
            }
        }

        return new JobReport
        {
            Input = options.Input,
            Output = options.Output,
            Facts = Facts(options, summary),
            Ledger = ledger,
            Counts = summary.Counts,
            Operations = [.. job.Operations.Select(Describe)],
            Stages = stages,
            Measurements = [.. job.Operations.SelectMany(o => o.Measurements)],
            Cuts = [.. summary.Cuts.Select(c => Math.Round(c.ToDouble(), 6))],
            Damage = [.. summary.Plan.Damage.Select(d => new ReportDamage(Math.Round(d.Start.ToDouble(), 6), Math.Round(d.End.ToDouble(), 6), d.What))],
            Notes = [.. summary.Plan.Notes, .. summary.DeviceLosses],
            Seconds = Math.Round(summary.Seconds, 3),
            AudioOffsetIn = Seconds(summary.AudioOffsetIn),
            AudioOffsetOut = Seconds(summary.AudioOffsetOut),
            Versions =
            [
                new("FrameFlow", typeof(JobReports).Assembly.GetName().Version?.ToString(3) ?? "?"),
                new("build", typeof(JobReports).Assembly.ManifestModule.ModuleVersionId.ToString("N")[..12]),
                new(".NET", Environment.Version.ToString()),
                new("ffmpeg", (await EncoderCatalog.FfmpegVersionAsync(cancellationToken)).Split(' ').SkipWhile(w => w != "version").Skip(1).FirstOrDefault("?")),
            ],
            Stills = pictures,
        };
    }

    private static List<(LedgerEntry Entry, string Why)> Choose(LedgerSummary ledger)
    {
        List<(LedgerEntry Entry, string Why)> chosen = [];
        foreach ((LedgerEntry entry, string why) in
            ledger.Doubted.Take(Doubted).Select(e => (e, string.Create(CultureInfo.InvariantCulture, $"confidence {e.Confidence:0.00}")))
            .Concat(ledger.Changed.Take(Changed).Select(e => (e, string.Create(CultureInfo.InvariantCulture, $"{e.Changed:0.0 %} repaired"))))
            .Concat(ledger.Typical.Select(e => (e, e.Kind))))
        {
            if (chosen.All(c => c.Entry.Frame != entry.Frame))
            {
                chosen.Add((entry, why));
            }
        }

        return chosen;
    }

    private static ReportFact[] Facts(VideoJobOptions options, JobSummary summary)
    {
        JobPlan plan = summary.Plan;
        VideoFormat format = plan.Format;
        List<ReportFact> facts =
        [
            new("Source", string.Create(CultureInfo.InvariantCulture, $"{plan.FramesIn} frames, {Rate(plan.SourceRate)}, {plan.Content.ToString().ToLowerInvariant()}")),
            new("Film", string.Create(CultureInfo.InvariantCulture, $"{summary.FramesOut} frames, {Rate(plan.TargetRate)}, {(summary.LastTime - summary.FirstTime).ToDouble():0.###} s from first to last")),
            new("Pictures", string.Create(CultureInfo.InvariantCulture, $"{format.Width} × {format.Height}, {format.PixelFormat.Name}")),
            new("Encoder", plan.Encoder),
            new("Sound", summary.AudioOffsetOut is { } after
                ? string.Create(CultureInfo.InvariantCulture, $"begins {Milliseconds(after)} after the first frame{(summary.AudioOffsetIn is { } before ? $", {Milliseconds(before)} in the source" : "")}")
                : "none"),
            new("Seed", options.Seed.ToString(CultureInfo.InvariantCulture)),
            new("Memory", string.Create(CultureInfo.InvariantCulture, $"{summary.PeakMemoryBytes >> 20} MiB at most")),
        ];
        if (summary.Segments is { } segments)
        {
            facts.Add(new("Segments", segments.All.ToString(CultureInfo.InvariantCulture)));
        }

        return [.. facts];

        static string Rate(Rational? rate) => rate is { } r ? string.Create(CultureInfo.InvariantCulture, $"{r.ToDouble():0.###} fps") : "varying rate";
        static string Milliseconds(Rational time) => string.Create(CultureInfo.InvariantCulture, $"{time.ToDouble() * 1000:0.#} ms");
    }

    private static ReportOperation Describe(IVideoOperation operation)
    {
        List<ReportFact> settings = [];
        string name = operation.Method;
        if (operation.Request is { } request)
        {
            JsonObject json = JsonNode.Parse(JobJson.Write(request.OfPictures()))!.AsObject();
            name = (string?)json["operation"] ?? name;
            Flatten(json, "", settings);
        }

        return new ReportOperation(
            name,
            operation.Method,
            operation.Device,
            settings,
            [.. operation.Models.SelectMany(m => m.Manifest.Files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => new ReportWeights($"{m.Manifest.Name}/{f.Key}", m.Manifest.Version, f.Value.Sha256, m.Manifest.Licence)))]);
    }

    private static void Flatten(JsonObject json, string path, List<ReportFact> settings)
    {
        foreach ((string key, JsonNode? value) in json)
        {
            if (value is JsonObject inner)
            {
                Flatten(inner, path + key + ".", settings);
            }
            else if (!Elsewhere.Contains(key))
            {
                settings.Add(new ReportFact(path + key, value is JsonValue v && v.GetValueKind() == JsonValueKind.String ? (string)v! : value?.ToJsonString() ?? "null"));
            }
        }
    }

    private static double? Seconds(Rational? time) => time is { } t ? Math.Round(t.ToDouble(), 6) : null;
}
