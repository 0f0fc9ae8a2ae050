using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using FrameFlow.Inference;
using FrameFlow.Server.Dashboard;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;
using OpenTelemetry.Metrics;
using Serilog;

namespace FrameFlow.Server;

/// <summary>What a server process is asked to do.</summary>
public sealed record FilmServerOptions
{
    /// <summary>The folders; not checked yet. Empty for a worker, whose steps name theirs.</summary>
    public required WatchSettings Settings { get; init; }

    /// <summary>PostgreSQL's connection string for a queue of many machines; null for one in memory.</summary>
    public string? Queue { get; init; }

    /// <summary>Whether the folders are looked at.</summary>
    public bool Watches { get; init; }

    /// <summary>Whether films are worked on here.</summary>
    public bool Works { get; init; }

    /// <summary>Whether to end when nothing is left to do.</summary>
    public bool UntilIdle { get; init; }

    /// <summary>Address and port of the dashboard; null for none. Port 0 for any that is free.</summary>
    public IPEndPoint? Listen { get; init; }

    /// <summary>The dashboard's token; null for a new one.</summary>
    public string? Token { get; init; }

    /// <summary>Host names under which the dashboard is reached, beside addresses.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];
}

/// <summary>Watching, working and the dashboard in one process, each where it is wanted.</summary>
public static class FilmServer
{
    /// <summary>Runs until it is cancelled (Ctrl-C, SIGTERM) or, where that was asked for, idle. What is under way is parked within ten seconds; the next start goes on.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="models">Where models are found.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The process's log.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FrameFlowException">The settings, the queue or the address are refused; or it is idle, and films are left in quarantine (<see cref="FaultKind.Input"/>).</exception>
    public static async Task RunAsync(FilmServerOptions options, ModelCatalog models, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(log);
        WatchSettings settings = options.Settings.Folders.Count == 0 && !options.Watches ? options.Settings.CheckedForWork() : options.Settings.Checked();
        FilmFolder[] folders = [.. settings.Folders.Select(f => new FilmFolder(f, time))];
        WorkBoard board = new(time);
        using HangfireSteps? queue = options.Watches || options.Works ? HangfireSteps.Open(options.Queue, board, settings) : null;
        await using WebApplication? dashboard = options.Listen is null ? null : await OpenAsync(options, folders, board, queue, time, log, cancellationToken);
        if (options.Works)
        {
            queue!.Work(models, time, log);
        }

        try
        {
            if (options.Watches)
            {
                foreach (FilmFolder folder in folders)
                {
                    log.Information("Watching {Input} for {Output} by {Recipe}.", folder.Folder.Input, folder.Folder.Output, folder.Recipe.Name);
                }

                await new FolderWatcher(settings, folders, queue!, time, log).RunAsync(options.UntilIdle, cancellationToken);
            }
            else
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            log.Information("Stopping: what is under way is parked, the next start goes on with it.");
        }

        if (dashboard is not null)
        {
            using CancellationTokenSource soon = new(TimeSpan.FromSeconds(1), time);
            await dashboard.StopAsync(soon.Token);
        }

        if (!options.UntilIdle || cancellationToken.IsCancellationRequested)
        {
            return;
        }

        int unreadable = 0;
        JobRecord[] failed = [.. folders.SelectMany(f => f.Records.List((_, _) => unreadable++).Where(f.IsOwn)).Where(r => r.State == JobState.Quarantined)];
        if (failed.Length > 0)
        {
            throw new FrameFlowException(FaultKind.Input, $"{failed.Length} film(s) are in quarantine, '{failed[0].Relative}' first: {failed[0].Fault} When that is mended, touch them, or have them tried again on the dashboard.");
        }

        if (unreadable > 0)
        {
            throw new FrameFlowException(FaultKind.Storage, $"{unreadable} film(s) were passed over, since their records cannot be read; delete the files that are named above.");
        }
    }

    private static async Task<WebApplication> OpenAsync(
        FilmServerOptions options, IReadOnlyList<FilmFolder> folders, WorkBoard board, IFilmSteps? queue, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Host.UseSerilog(new LoggerConfiguration().MinimumLevel.Warning().MinimumLevel.Override("Microsoft.Extensions.Hosting", Serilog.Events.LogEventLevel.Fatal).WriteTo.Logger(log).CreateLogger(), dispose: true);
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Listen(options.Listen!);
        });
        builder.Services.AddRouting();
        builder.Services.AddOpenApi();
        builder.Services.ConfigureHttpJsonOptions(o =>
        {
            o.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
            o.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            o.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
        });
        builder.Services.AddOpenTelemetry().WithMetrics(m => m.AddMeter(Metrics.Name).AddPrometheusExporter());
        WebApplication app = builder.Build();
        string token = options.Token ?? AccessGate.NewToken();
        app.Use(new AccessGate(token, options.HostNames).HandleAsync);
        Endpoints.Map(app, folders, board, queue, time);
        app.MapOpenApi();
        app.MapPrometheusScrapingEndpoint();
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            await app.DisposeAsync();
            throw new FrameFlowException(FaultKind.Usage, $"The dashboard cannot listen on {options.Listen} ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); give another --listen.", e);
        }

        log.Information("Dashboard: {Link:l}", AccessGate.PageLink(app.Urls.First(), token));
        return app;
    }
}
