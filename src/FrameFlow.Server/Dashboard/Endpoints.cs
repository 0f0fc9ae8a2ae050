using System.Text.Json;
using FrameFlow.Jobs;
using FrameFlow.Server.Queue;
using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Dashboard;

/// <summary>The dashboard's page and its JSON API. Films are named by id alone; no path is ever taken from a request.</summary>
internal static class Endpoints
{
    private const int LogBytes = 256 << 10;
    private static readonly TimeSpan EventPause = TimeSpan.FromSeconds(1);

    public static void Map(WebApplication app, IReadOnlyList<FilmFolder> folders, WorkBoard board, IFilmSteps? queue, TimeProvider time)
    {
        app.MapGet("/", () => Page("index.html", "text/html; charset=utf-8")).ExcludeFromDescription();
        app.MapGet("/app.js", () => Page("app.js", "text/javascript; charset=utf-8")).ExcludeFromDescription();
        app.MapGet("/app.css", () => Page("app.css", "text/css; charset=utf-8")).ExcludeFromDescription();
        app.MapGet("/favicon.ico", () => Results.NoContent()).ExcludeFromDescription();
        app.MapGet("/health", () => Results.Ok(new { status = "ok", watched = folders.Count })).WithSummary("Whether the process serves.");

        RouteGroupBuilder api = app.MapGroup("/api");
        api.MapGet("/jobs", (CancellationToken token) => ListAsync(folders, board, time, token)).WithSummary("Every film, what is under way first.");
        api.MapGet("/machine", () => Machine(folders)).WithSummary("Devices and disks.");
        api.MapGet("/events", (HttpContext context) => StreamAsync(context, folders, board, time)).WithSummary("The list of films and the machine every second, as server-sent events.");
        api.MapGet("/jobs/{id}", (string id, CancellationToken token) => WithAsync(folders, id, async (folder, record) => Results.Ok(await JobView.OfAsync(folder, record, board, time, token))))
            .WithSummary("One film.").Produces<JobView>();
        api.MapGet("/jobs/{id}/log", (string id) => WithAsync(folders, id, async (folder, record) => Results.Text(await TailAsync(folder.Records.LogOf(record.Id)), "text/plain; charset=utf-8")))
            .WithSummary("The end of a film's log.");
        api.MapGet("/jobs/{id}/report", (string id, HttpContext context) => WithAsync(folders, id, (folder, record) => Task.FromResult(Report(context, folder.Records.ReportOf(record.Id)))))
            .WithSummary("A published film's report, one page.");
        api.MapGet("/jobs/{id}/frames/{place:int}/{side}", (string id, int place, string side, CancellationToken token) => WithAsync(folders, id, async (_, record) =>
                place is < 0 or >= SampleFrames.Count || side is not ("before" or "after") ? Missing("There is no such picture.")
                : await SampleFrames.TakeAsync(record, place, side == "after", time, token) is { } picture ? Results.Bytes(picture, "image/jpeg") : Missing("That place is not done yet.")))
            .WithSummary("A picture of the film at one of five places, before or after.");

        api.MapPost("/jobs/{id}/pause", (string id) => ChangeAsync(id, r => r.IsOpen ? r with { IsPaused = true } : null, stops: true)).WithSummary("Holds a film back; what is done is kept.");
        api.MapPost("/jobs/{id}/resume", (string id) => ChangeAsync(id, r => r with { IsPaused = false }, plans: true)).WithSummary("Lets a film go on.");
        api.MapPost("/jobs/{id}/cancel", (string id) => ChangeAsync(id, r => r.IsOpen ? r with { State = JobState.Cancelled, IsPaused = false, EndedAt = time.GetUtcNow() } : null, stops: true))
            .WithSummary("Stops a film for good.");
        api.MapPost("/jobs/{id}/retry", (string id) => ChangeAsync(
                id,
                r => r.State is JobState.Quarantined or JobState.Cancelled or JobState.Retrying ? r with { State = JobState.Waiting, Failures = 0, Fault = null, EndedAt = null, IsPaused = false } : null,
                plans: true))
            .WithSummary("Tries a film again that failed or was cancelled.");
        api.MapPost("/jobs/{id}/priority/{priority}", (string id, string priority) =>
            Enum.GetNames<JobPriority>().FirstOrDefault(n => n.Equals(priority, StringComparison.OrdinalIgnoreCase)) is { } name
                ? ChangeAsync(id, r => r with { Priority = Enum.Parse<JobPriority>(name) }, plans: true) : Task.FromResult(Missing("There is no such priority."))).WithSummary("Says how soon a film's turn comes: high, normal, low.");

        Task<IResult> ChangeAsync(string id, Func<JobRecord, JobRecord?> change, bool stops = false, bool plans = false) => WithAsync(folders, id, async (folder, record) =>
        {
            bool isChanged = false;
            JobRecord after = (await folder.Records.ChangeAsync(
                id,
                r =>
                {
                    JobRecord? changed = r is null ? null : change(r);
                    isChanged = changed is not null;
                    return changed;
                },
                CancellationToken.None))!;
            if (!isChanged)
            {
                return Results.Json(new { error = $"A film that is {JsonNamingPolicy.CamelCase.ConvertName(after.State.ToString())} cannot be changed so." }, statusCode: StatusCodes.Status409Conflict);
            }

            if (stops)
            {
                board.Stop(id);
            }

            if (plans && after is { IsOpen: true, IsPaused: false })
            {
                try
                {
                    queue?.Plan(folder, after);
                }
                catch (QueueAwayException)
                {
                    // The change stands in the record: the watcher puts the film into the queue when it is back.
                }
            }

            return Results.Ok(await JobView.OfAsync(folder, after, board, time, CancellationToken.None));
        });
    }

    private static IResult Page(string name, string type) =>
        Results.Stream(typeof(Endpoints).Assembly.GetManifestResourceStream("page/" + name)!, type);

    // A report's script and style stand in it. It is a stranger here: an origin of its own, from which nothing of the dashboard can be reached.
    private static IResult Report(HttpContext context, string path)
    {
        if (!File.Exists(path))
        {
            return Missing("There is no report of this film yet.");
        }

        context.Response.Headers.ContentSecurityPolicy =
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        return Results.File(path, "text/html; charset=utf-8");
    }

    private static IResult Missing(string reason) => Results.Json(new { error = reason }, statusCode: StatusCodes.Status404NotFound);

    private static async Task<IResult> WithAsync(IReadOnlyList<FilmFolder> folders, string id, Func<FilmFolder, JobRecord, Task<IResult>> answer)
    {
        // Sixteen hexadecimal digits or nothing: an id never becomes a path that it does not spell.
        if (id.Length == 16 && id.All(char.IsAsciiHexDigitLower))
        {
            foreach (FilmFolder folder in folders)
            {
                JobRecord? record;
                try
                {
                    record = folder.Records.Find(id);
                }
                catch (FrameFlowException)
                {
                    return Results.Json(new { error = "The film's record cannot be read; delete its file in the output folder's .frameflow/jobs, and the film is taken anew." }, statusCode: StatusCodes.Status500InternalServerError);
                }

                if (record is not null)
                {
                    return await answer(folder, record);
                }
            }
        }

        return Missing("There is no such film.");
    }

    private static async Task<IReadOnlyList<JobView>> ListAsync(IReadOnlyList<FilmFolder> folders, WorkBoard board, TimeProvider time, CancellationToken cancellationToken)
    {
        List<JobView> views = [];
        foreach (FilmFolder folder in folders)
        {
            foreach (JobRecord record in folder.Records.List())
            {
                views.Add(await JobView.OfAsync(folder, record, board, time, cancellationToken));
            }
        }

        return [.. views.OrderBy(v => v.State switch { JobState.Running => 0, JobState.Retrying => 1, JobState.Waiting => 2, JobState.Quarantined => 3, _ => 4 })
            .ThenBy(v => v.Priority).ThenByDescending(v => v.EndedAt).ThenBy(v => v.TakenAt).ThenBy(v => v.Name, StringComparer.Ordinal)];
    }

    private static MachineView Machine(IReadOnlyList<FilmFolder> folders)
    {
        List<DiskView> disks = [];
        foreach (FilmFolder folder in folders)
        {
            try
            {
                DriveInfo drive = new(folder.Folder.Output);
                disks.Add(new DiskView(Path.GetFileName(folder.Folder.Output), drive.AvailableFreeSpace, drive.TotalSize));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                disks.Add(new DiskView(Path.GetFileName(folder.Folder.Output), 0, 0));
            }
        }

        string[] devices = File.Exists("/proc/driver/nvidia/version") ? ["cpu", "cuda"] : ["cpu"];
        return new MachineView(Environment.MachineName, Environment.ProcessorCount, devices, disks);
    }

    private static async Task StreamAsync(HttpContext context, IReadOnlyList<FilmFolder> folders, WorkBoard board, TimeProvider time)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        using PeriodicTimer timer = new(EventPause, time);
        try
        {
            do
            {
                string json = JobJson.Write(new Snapshot(await ListAsync(folders, board, time, context.RequestAborted), Machine(folders)));
                await context.Response.WriteAsync($"data: {json}\n\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
            while (await timer.WaitForNextTickAsync(context.RequestAborted));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The page was closed.
        }
    }

    private sealed record Snapshot(IReadOnlyList<JobView> Jobs, MachineView Machine);

    private static async Task<string> TailAsync(string path)
    {
        if (!File.Exists(path))
        {
            return "";
        }

        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = Math.Max(0, file.Length - LogBytes);
        using StreamReader reader = new(file);
        return await reader.ReadToEndAsync();
    }
}
