using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace FrameFlow.Reporting;

/// <summary>
/// Plots as SVG that stands in a page: by OxyPlot, with the page's own colours (CSS variables), so that they are right in light and dark. Each is drawn twice, for a
/// wide and a narrow page, since text that is scaled down cannot be read.
/// </summary>
internal static partial class Plots
{
    // A colour is drawn as rgb(index, Mark, Mark) and written as var(--name).
    private const byte Mark = 99;

    private static readonly string[] Colours = ["ink", "muted", "grid", "bad", "s1", "s2", "s3", "s4", "s5", "s6", .. LedgerEntry.AllKinds.Select(k => "k-" + k)];

    /// <summary>The kinds of frames over time, in shares, with cuts and repeated frames.</summary>
    public static string Kinds(LedgerSummary ledger, double end, IReadOnlyList<double> cuts, IReadOnlyList<ReportDamage> damage)
    {
        string[] kinds = [.. LedgerEntry.AllKinds.Where(k => ledger.Kinds.ContainsKey(k)).Reverse()];
        string svg = Draw(150, model =>
        {
            Axes(model, ledger.Timeline[0].Start, end, "s", 0, 1, null, "0 %");
            double[] floor = new double[ledger.Timeline.Count];
            foreach (string kind in kinds)
            {
                AreaSeries area = new() { Color = OxyColors.Transparent, Color2 = OxyColors.Transparent, StrokeThickness = 0, Fill = Colour("k-" + kind) };
                for (int i = 0; i < floor.Length; i++)
                {
                    TimelineBin bin = ledger.Timeline[i];
                    double next = i + 1 < floor.Length ? ledger.Timeline[i + 1].Start : end;
                    double top = floor[i] + ((double)bin.Kinds.GetValueOrDefault(kind) / bin.Frames);
                    area.Points.AddRange([new DataPoint(bin.Start, top), new DataPoint(next, top)]);
                    area.Points2.AddRange([new DataPoint(bin.Start, floor[i]), new DataPoint(next, floor[i])]);
                    floor[i] = top;
                }

                model.Series.Add(area);
            }

            foreach (ReportDamage stretch in damage)
            {
                model.Annotations.Add(new RectangleAnnotation { MinimumX = stretch.Start, MaximumX = Math.Max(stretch.End, stretch.Start + (end / 500)), MinimumY = 0.92, MaximumY = 1, Fill = Colour("bad"), Layer = AnnotationLayer.AboveSeries });
            }

            Cuts(model, cuts);
            if (ledger.Repeats > 0)
            {
                model.Series.Add(Line(ledger.Timeline, b => (double)b.Repeats / b.Frames, "ink", LineStyle.Solid));
            }
        });
        List<(string, string)> legend = [.. kinds.Reverse().Select(k => ("k-" + k, string.Create(CultureInfo.InvariantCulture, $"{k}: {ledger.Kinds[k]}")))];
        Add(ledger.Repeats > 0, "ink line", string.Create(CultureInfo.InvariantCulture, $"repeats the frame before: {ledger.Repeats}"));
        Add(cuts.Count > 0, "muted cut", string.Create(CultureInfo.InvariantCulture, $"scene starts: {cuts.Count}"));
        Add(damage.Count > 0, "bad", string.Create(CultureInfo.InvariantCulture, $"damaged: {damage.Count}"));
        return Figure("Frames by kind, share of each moment", svg, legend);

        void Add(bool has, string colour, string words)
        {
            if (has)
            {
                legend.Add((colour, words));
            }
        }
    }

    /// <summary>The lowest confidence of each stretch.</summary>
    public static string Confidence(LedgerSummary ledger, double end, IReadOnlyList<double> cuts) => Figure(
        "Confidence: the lowest of each moment (1: as sure as a source frame, 0: in shreds)",
        Draw(120, model =>
        {
            Axes(model, ledger.Timeline[0].Start, end, "s", 0, 1.02, null, "0.0");
            Cuts(model, cuts);
            model.Series.Add(Line(ledger.Timeline, b => b.Confidence ?? double.NaN, "s1", LineStyle.Solid));
        }));

    /// <summary>The largest changed share of each stretch.</summary>
    public static string Changed(LedgerSummary ledger, double end, IReadOnlyList<double> cuts) => Figure(
        "Repairs: share of a frame's pixels that were changed, the most of each moment",
        Draw(120, model =>
        {
            Axes(model, ledger.Timeline[0].Start, end, "s", 0, Math.Max(0.001, ledger.MostChanged * 1.05), null, "0.##%");
            Cuts(model, cuts);
            model.Series.Add(Line(ledger.Timeline, b => b.Changed, "k-repaired", LineStyle.Solid));
        }));

    /// <summary>A chart of what operations measured.</summary>
    public static string Measured(IReadOnlyList<Measurement> curves)
    {
        Measurement first = curves[0];
        double most = curves.SelectMany(c => c.Y).Where(double.IsFinite).DefaultIfEmpty(1).Max();
        string svg = Draw(230, model =>
        {
            Axes(model, curves.Min(c => c.X[0]), Math.Max(curves.Max(c => c.X[^1]), curves.Min(c => c.X[0]) + 1e-6), null, 0, Math.Max(1e-6, most * 1.08), null, "0.###");
            for (int i = 0; i < curves.Count; i++)
            {
                LineSeries line = new() { Color = Colour(SeriesColour(i)), StrokeThickness = 2, LineStyle = i % 2 == 0 ? LineStyle.Solid : LineStyle.Dash };
                line.Points.AddRange(curves[i].X.Zip(curves[i].Y, (x, y) => new DataPoint(x, y)));
                if (line.Points.Count == 1)
                {
                    line.MarkerType = MarkerType.Circle;
                    line.MarkerSize = 4;
                    line.MarkerFill = line.Color;
                }

                model.Series.Add(line);
            }
        });
        return Figure($"{first.Chart}: {first.Up}, over {first.Across}", svg, [.. curves.Select((c, i) => (SeriesColour(i) + (i % 2 == 0 ? " line" : " dash"), c.Series))]);
    }

    private static string SeriesColour(int series) => string.Create(CultureInfo.InvariantCulture, $"s{(series % 6) + 1}");

    private static OxyColor Colour(string name) => OxyColor.FromRgb((byte)Array.IndexOf(Colours, name), Mark, Mark);

    private static LineSeries Line(IReadOnlyList<TimelineBin> bins, Func<TimelineBin, double> value, string colour, LineStyle style)
    {
        LineSeries line = new() { Color = Colour(colour), StrokeThickness = 1.8, LineStyle = style };
        line.Points.AddRange(bins.Select(b => new DataPoint(b.Start, value(b))));
        return line;
    }

    private static void Cuts(PlotModel model, IReadOnlyList<double> cuts)
    {
        foreach (double cut in cuts)
        {
            model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = cut, Color = Colour("muted"), StrokeThickness = 1, LineStyle = LineStyle.Dot, Layer = AnnotationLayer.AboveSeries });
        }
    }

    private static void Axes(PlotModel model, double left, double right, string? across, double low, double high, string? up, string format)
    {
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Minimum = left,
            Maximum = Math.Max(right, left + 1e-6),
            AxislineStyle = LineStyle.Solid,
            AxislineColor = Colour("muted"),
            TicklineColor = Colour("muted"),
            MinorTickSize = 0,
            Title = across,
            TitleFontSize = 12,
            AxisTitleDistance = 2,
            IsZoomEnabled = false,
        });
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Left,
            Minimum = low,
            Maximum = high,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = Colour("grid"),
            MinorTickSize = 0,
            MajorTickSize = 0,
            TicklineColor = Colour("grid"),
            StringFormat = format,
            Title = up,
            TitleFontSize = 12,
            IntervalLength = 44,
            AxisTitleDistance = 6,
        });
    }

    private static string Draw(double height, Action<PlotModel> fill)
    {
        StringBuilder both = new();
        foreach ((string name, double width) in ((string, double)[])[("wide", 1000), ("narrow", 360)])
        {
            PlotModel model = new()
            {
                Background = OxyColors.Undefined,
                PlotAreaBorderThickness = new OxyThickness(0),
                TextColor = Colour("muted"),
                DefaultFont = "sans-serif",
                DefaultFontSize = 12,
                Padding = new OxyThickness(10, 8, 14, 4),
            };
            fill(model);
            string svg = new SvgExporter { Width = width, Height = height, IsDocument = false, UseVerticalTextAlignmentWorkaround = true }.ExportToString(model);
            svg = svg[svg.IndexOf("<svg", StringComparison.Ordinal)..];
            svg = Root().Replace(svg, string.Create(CultureInfo.InvariantCulture, $"<svg class=\"{name}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">"), 1);

            // One page has many: names of clip paths must differ, and every shape lies within the plot anyway.
            svg = ClipPath().Replace(svg, "");
            svg = ColourAttribute().Replace(svg, m => $"style=\"{m.Groups[1].Value}:var(--{Colours[int.Parse(m.Groups[2].ValueSpan, CultureInfo.InvariantCulture)]})\"");
            svg = ColourStyle().Replace(svg, m => $"var(--{Colours[int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture)]})");
            both.Append(svg);
        }

        return both.ToString();
    }

    private static string Figure(string title, string svg, params List<(string Colour, string Words)> legend)
    {
        StringBuilder html = new();
        html.Append(CultureInfo.InvariantCulture, $"<figure class=\"plot\"><figcaption>{Html.Text(title)}</figcaption>{svg}");
        if (legend.Count > 0)
        {
            html.Append("<ul class=\"legend\">");
            foreach ((string colour, string words) in legend)
            {
                string[] classes = colour.Split(' ');
                html.Append(CultureInfo.InvariantCulture, $"<li><i class=\"{string.Join(' ', classes[1..])}\" style=\"--c:var(--{classes[0]})\"></i>{Html.Text(words)}</li>");
            }

            html.Append("</ul>");
        }

        return html.Append("</figure>").ToString();
    }

    [GeneratedRegex("<svg[^>]*>")]
    private static partial Regex Root();

    [GeneratedRegex("<defs>.*?</defs>| clip-path=\"[^\"]*\"", RegexOptions.Singleline)]
    private static partial Regex ClipPath();

    [GeneratedRegex("(fill|stroke)=\"rgb\\((\\d+),99,99\\)\"")]
    private static partial Regex ColourAttribute();

    [GeneratedRegex("rgb\\((\\d+),99,99\\)")]
    private static partial Regex ColourStyle();
}
