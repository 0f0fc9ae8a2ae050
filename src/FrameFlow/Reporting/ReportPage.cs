using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FrameFlow.Reporting;

/// <summary>
/// A report as one page that needs nothing but itself: no request leaves it (its content security policy allows none), pictures and plots are in it, the figures
/// are in it once more as JSON (<c>script#figures</c>).
/// </summary>
public static class ReportPage
{
    // A small film's pictures are shown larger than they are, but not so that its pixels are all that is seen.
    private const int MostEnlarged = 2;

    // The default encoder: no '<' can end the script that holds it.
    private static readonly JsonSerializerOptions Figures = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Writes the page.</summary>
    /// <param name="report">What it shows.</param>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <exception cref="FrameFlowException">The disk refuses (<see cref="FaultKind.Storage"/>).</exception>
    public static async Task WriteAsync(JobReport report, string path, CancellationToken cancellationToken)
    {
        try
        {
            await File.WriteAllTextAsync(path, Write(report), cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The report '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ")}); free some space, or give another folder.", e) { CanRetry = true };
        }
    }

    /// <summary>The page's text.</summary>
    public static string Write(JobReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        string name = Path.GetFileName(report.Output);
        StringBuilder page = new();
        page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
            .Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n")
            .Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\n")
            .Append(CultureInfo.InvariantCulture, $"<title>{Html.Text(name)} · FrameFlow report</title>\n<style>{Resource("report.css")}</style></head><body>\n")
            .Append(CultureInfo.InvariantCulture, $"<header><p class=\"product\">FrameFlow report</p><h1>{Html.Text(name)}</h1><p class=\"from\">from {Html.Text(Path.GetFileName(report.Input))}</p></header>\n<main>\n");
        Overview(page, report);
        Stills(page, report);
        Timeline(page, report);
        Measured(page, report);
        Worst(page, report);
        Done(page, report);
        Throughput(page, report);
        Remarks(page, report);
        page.Append(CultureInfo.InvariantCulture, $"</main>\n<script type=\"application/json\" id=\"figures\">{FiguresOf(report)}</script>\n<script>{Resource("report.js")}</script>\n</body></html>\n");
        return page.ToString();
    }

    private static string FiguresOf(JobReport report) => JsonSerializer.Serialize(
        new
        {
            report.Input,
            report.Output,
            report.Ledger,
            report.Counts,
            report.Operations,
            report.Stages,
            report.Measurements,
            report.Cuts,
            report.Damage,
            report.Notes,
            report.Seconds,
            report.AudioOffsetIn,
            report.AudioOffsetOut,
            report.Facts,
            report.Versions,
            Stills = report.Stills.Select(s => new { s.Entry.Frame, s.Why }),
        },
        Figures);

    private static void Overview(StringBuilder page, JobReport report)
    {
        page.Append("<section aria-label=\"Overview\"><dl class=\"tiles\">");
        foreach (string kind in LedgerEntry.AllKinds.Where(k => report.Ledger.Kinds.ContainsKey(k)))
        {
            long frames = report.Ledger.Kinds[kind];
            Tile(frames.ToString("N0", CultureInfo.InvariantCulture), kind == "source" ? "frames of the source" : "frames " + kind, "--k-" + kind);
        }

        if (report.Ledger.MeanConfidence is { } confidence && report.Ledger.LowestConfidence < 1)
        {
            Tile(confidence.ToString("0.00", CultureInfo.InvariantCulture), $"mean confidence, lowest {Number(report.Ledger.LowestConfidence!.Value, "0.00")}");
        }

        if (report.Ledger.MostChanged > 0)
        {
            Tile(report.Ledger.MeanChanged.ToString("0.00 %", CultureInfo.InvariantCulture), $"of the pixels repaired, at most {Number(report.Ledger.MostChanged, "0.0 %")}");
        }

        Tile(report.Cuts.Count.ToString(CultureInfo.InvariantCulture), report.Cuts.Count == 1 ? "scene cut" : "scene cuts");
        Tile(Duration(report.Seconds), $"of work, {Number(report.Ledger.Frames / Math.Max(0.001, report.Seconds), "0.0")} frames/s");
        page.Append("</dl><dl class=\"facts\">");
        foreach (ReportFact fact in report.Facts)
        {
            page.Append(CultureInfo.InvariantCulture, $"<div><dt>{Html.Text(fact.Name)}</dt><dd>{Html.Text(fact.Value)}</dd></div>");
        }

        page.Append("</dl></section>\n");

        void Tile(string value, string words, string? colour = null) =>
            page.Append(CultureInfo.InvariantCulture, $"<div{(colour is null ? "" : $" style=\"--c:var({colour})\"")}><dt>{Html.Text(words)}</dt><dd>{Html.Text(value)}</dd></div>");
    }

    private static void Stills(StringBuilder page, JobReport report)
    {
        if (report.Stills.Count == 0)
        {
            return;
        }

        page.Append("<section id=\"stills\"><h2>Before and after</h2><div class=\"choice\" role=\"radiogroup\" aria-label=\"Frame\">");
        for (int i = 0; i < report.Stills.Count; i++)
        {
            ReportStill still = report.Stills[i];
            page.Append(CultureInfo.InvariantCulture, $"<label><input type=\"radio\" name=\"still\" value=\"{i}\"{(i == 0 ? " checked" : "")}><span><b>{Clock(still.Entry.Seconds)}</b> {Html.Text(still.Why)}</span></label>");
        }

        page.Append("</div>");
        for (int i = 0; i < report.Stills.Count; i++)
        {
            ReportStill still = report.Stills[i];
            LedgerEntry entry = still.Entry;
            string made = entry.Source.Count == 2
                ? string.Create(CultureInfo.InvariantCulture, $"Before: source frame {entry.Source[0]}, the one left of it. After: output frame {entry.Frame}, made at t = {entry.T:0.00} towards frame {entry.Source[1]}")
                : string.Create(CultureInfo.InvariantCulture, $"Before: source frame {entry.Source[0]}. After: output frame {entry.Frame}");
            page.Append(CultureInfo.InvariantCulture, $"<figure class=\"still\" data-still=\"{i}\"><div class=\"pair\" style=\"aspect-ratio:{still.Width}/{still.Height};max-width:{MostEnlarged * still.Width}px\">")
                .Append(CultureInfo.InvariantCulture, $"<img class=\"before\" alt=\"Before\" width=\"{still.Width}\" height=\"{still.Height}\" src=\"data:image/jpeg;base64,{Convert.ToBase64String(still.Before)}\">")
                .Append(CultureInfo.InvariantCulture, $"<img class=\"after\" alt=\"After\" width=\"{still.Width}\" height=\"{still.Height}\" src=\"data:image/jpeg;base64,{Convert.ToBase64String(still.After)}\">")
                .Append("<span class=\"tag left\">before</span><span class=\"tag right\">after</span></div>")
                .Append(CultureInfo.InvariantCulture, $"<figcaption>{Html.Text(made)} ({Html.Text(Words(entry))}).</figcaption></figure>");
        }

        page.Append("<div class=\"controls\"><input type=\"range\" id=\"slider\" min=\"0\" max=\"100\" value=\"50\" aria-label=\"Where before ends and after begins\">")
            .Append("<label><input type=\"checkbox\" id=\"difference\"> difference, 4 times as bright</label></div></section>\n");
    }

    private static void Timeline(StringBuilder page, JobReport report)
    {
        if (report.Ledger.Frames < 2)
        {
            return;
        }

        // The last stretch's end: as long as the one before.
        IReadOnlyList<TimelineBin> bins = report.Ledger.Timeline;
        double end = bins[^1].Start + (bins.Count > 1 ? bins[^1].Start - bins[^2].Start : 0.04);
        page.Append("<section><h2>Time line</h2>").Append(Plots.Kinds(report.Ledger, end, report.Cuts, report.Damage));
        if (report.Ledger.LowestConfidence < 1)
        {
            page.Append(Plots.Confidence(report.Ledger, end, report.Cuts));
        }

        if (report.Ledger.MostChanged > 0)
        {
            page.Append(Plots.Changed(report.Ledger, end, report.Cuts));
        }

        page.Append("</section>\n");
    }

    private static void Measured(StringBuilder page, JobReport report)
    {
        IGrouping<string, Measurement>[] charts = [.. report.Measurements.Where(m => m.X.Count > 0).GroupBy(m => m.Chart)];
        if (charts.Length == 0)
        {
            return;
        }

        page.Append("<section><h2>Measured</h2><div class=\"plots\">");
        foreach (IGrouping<string, Measurement> chart in charts)
        {
            page.Append(Plots.Measured([.. chart]));
        }

        page.Append("</div></section>\n");
    }

    private static void Worst(StringBuilder page, JobReport report)
    {
        if (report.Ledger.Doubted.Count + report.Ledger.Changed.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>Frames to look at</h2><div class=\"tables\">");
        Table("Trusted least", "confidence", report.Ledger.Doubted, e => Number(e.Confidence!.Value, "0.00"));
        Table("Repaired most", "changed", report.Ledger.Changed, e => Number(e.Changed, "0.00 %"));
        page.Append("</div></section>\n");

        void Table(string title, string column, IReadOnlyList<LedgerEntry> entries, Func<LedgerEntry, string> value)
        {
            if (entries.Count == 0)
            {
                return;
            }

            page.Append(CultureInfo.InvariantCulture, $"<div class=\"scroll\"><table><caption>{title}</caption><thead><tr><th class=\"n\">frame</th><th class=\"n\">time</th><th>kind</th><th class=\"n\">from</th><th class=\"n\">{column}</th></tr></thead><tbody>");
            foreach (LedgerEntry entry in entries)
            {
                page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"n\">{entry.Frame}</td><td class=\"n\">{Clock(entry.Seconds)}</td><td>{Html.Text(entry.Kind)}</td><td class=\"n\">{string.Join("–", entry.Source)}</td><td class=\"n\">{value(entry)}</td></tr>");
            }

            page.Append("</tbody></table></div>");
        }
    }

    private static void Done(StringBuilder page, JobReport report)
    {
        page.Append("<section><h2>What was done</h2>");
        foreach (ReportOperation operation in report.Operations)
        {
            page.Append(CultureInfo.InvariantCulture, $"<article><h3>{Html.Text(operation.Name)}</h3><p>{Html.Text(operation.Method)}{(operation.Device == "none" ? "" : " on " + Html.Text(operation.Device))}</p>");
            if (operation.Settings.Count > 0)
            {
                page.Append("<dl class=\"settings\">");
                foreach (ReportFact setting in operation.Settings)
                {
                    page.Append(CultureInfo.InvariantCulture, $"<div><dt>{Html.Text(setting.Name)}</dt><dd>{Html.Text(setting.Value)}</dd></div>");
                }

                page.Append("</dl>");
            }

            foreach (ReportWeights weights in operation.Weights)
            {
                page.Append(CultureInfo.InvariantCulture, $"<p class=\"weights\">{Html.Text(weights.Name)}, version {weights.Version}, {Html.Text(weights.Licence)}<br><code>sha256 {Html.Text(weights.Sha256)}</code></p>");
            }

            page.Append("</article>");
        }

        if (report.Counts.Count > 0)
        {
            page.Append("<dl class=\"settings\">");
            foreach ((string count, long value) in report.Counts)
            {
                page.Append(CultureInfo.InvariantCulture, $"<div><dt>{Html.Text(count)}</dt><dd>{value:N0}</dd></div>");
            }

            page.Append("</dl>");
        }

        page.Append("</section>\n");
    }

    private static void Throughput(StringBuilder page, JobReport report)
    {
        if (report.Stages.Count == 0)
        {
            return;
        }

        page.Append("<section><h2>Throughput</h2><p class=\"lead\">The part that waits for nobody is the one that the film waits for.</p><div class=\"scroll\"><table class=\"stages\"><thead><tr><th>stage</th><th class=\"n\">frames</th><th class=\"n\">frames/s</th><th>time</th></tr></thead><tbody>");
        foreach (StageRecord stage in report.Stages)
        {
            double whole = Math.Max(0.001, stage.Seconds);
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Html.Text(stage.Name)}</td><td class=\"n\">{stage.Frames:N0}</td><td class=\"n\">{stage.Frames / whole:0.0}</td><td><div class=\"bar\" role=\"img\" aria-label=\"busy {stage.Busy / whole:0 %}, waiting for frames {stage.Starved / whole:0 %}, waiting for room {stage.Blocked / whole:0 %}\">")
                .Append(CultureInfo.InvariantCulture, $"<i style=\"width:{100 * stage.Busy / whole:0.##}%\" class=\"busy\"></i><i style=\"width:{100 * stage.Starved / whole:0.##}%\" class=\"starved\"></i><i style=\"width:{100 * stage.Blocked / whole:0.##}%\" class=\"blocked\"></i></div>")
                .Append(CultureInfo.InvariantCulture, $"<span class=\"words\">busy {stage.Busy:0.0} s</span></td></tr>");
        }

        page.Append("</tbody></table></div><ul class=\"legend\"><li><i style=\"--c:var(--s1)\"></i>busy</li><li><i style=\"--c:var(--grid)\"></i>waits for frames</li><li><i style=\"--c:var(--muted)\"></i>waits for room</li></ul></section>\n");
    }

    private static void Remarks(StringBuilder page, JobReport report)
    {
        if (report.Notes.Count + report.Damage.Count > 0)
        {
            page.Append("<section><h2>Notes</h2><ul class=\"notes\">");
            foreach (ReportDamage damage in report.Damage)
            {
                page.Append(CultureInfo.InvariantCulture, $"<li class=\"bad\">Damaged from {Clock(damage.Start)} to {Clock(damage.End)}: {Html.Text(damage.What)}.</li>");
            }

            foreach (string note in report.Notes)
            {
                page.Append(CultureInfo.InvariantCulture, $"<li>{Html.Text(note)}</li>");
            }

            page.Append("</ul></section>\n");
        }

        page.Append("<footer>");
        foreach (ReportFact version in report.Versions)
        {
            page.Append(CultureInfo.InvariantCulture, $"<span>{Html.Text(version.Name)} {Html.Text(version.Value)}</span> ");
        }

        page.Append("</footer>");
    }

    private static string Words(LedgerEntry entry) =>
        (entry.Work.Count == 0 ? "as in the source" : string.Join(", ", entry.Work))
        + (entry.Confidence is { } confidence && confidence < 1 ? string.Create(CultureInfo.InvariantCulture, $"; confidence {confidence:0.00}") : "")
        + (entry.Changed > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {entry.Changed:0.00 %} of the pixels") : "");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Clock(double seconds)
    {
        TimeSpan time = TimeSpan.FromSeconds(Math.Abs(seconds));
        return (seconds < 0 ? "-" : "") + (time.TotalHours >= 1 ? time.ToString(@"h\:mm\:ss\.fff", CultureInfo.InvariantCulture) : time.ToString(@"m\:ss\.fff", CultureInfo.InvariantCulture));
    }

    private static string Duration(double seconds) => seconds switch
    {
        < 60 => Number(seconds, "0.0") + " s",
        < 3600 => Number(Math.Floor(seconds / 60), "0") + " min " + Number(seconds % 60, "0") + " s",
        _ => Number(Math.Floor(seconds / 3600), "0") + " h " + Number(seconds % 3600 / 60, "0") + " min",
    };

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("report/" + name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
