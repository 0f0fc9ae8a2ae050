using System.Linq.Expressions;
using FrameFlow.Inference;
using FrameFlow.Jobs;
using FrameFlow.Server.Watching;
using Hangfire;
using Hangfire.InMemory;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Hangfire.States;

namespace FrameFlow.Server.Queue;

/// <summary>
/// The queue over Hangfire: in memory on one machine (files are the truth, so nothing is lost with it), in PostgreSQL for many. Each of its queues is one
/// device, one priority, and films that are begun or not; workers of a device take from its queues in that order.
/// </summary>
public sealed class HangfireSteps : IFilmSteps, INextSteps, IDisposable
{
    // Within the ten seconds in which a service must have ended.
    private static readonly TimeSpan ShutdownTime = TimeSpan.FromSeconds(7);

    private readonly JobStorage _storage;
    private readonly BackgroundJobClient _client;
    private readonly WorkBoard _board;
    private readonly WatchSettings _settings;
    private readonly List<BackgroundJobServer> _servers = [];

    private HangfireSteps(JobStorage storage, WorkBoard board, WatchSettings settings)
    {
        _storage = storage;
        _client = new BackgroundJobClient(storage);
        _board = board;
        _settings = settings;
    }

    /// <summary>Opens the queue.</summary>
    /// <param name="connection">PostgreSQL's connection string; null for memory.</param>
    /// <param name="board">Where this process's work is entered.</param>
    /// <param name="settings">Lease and the like.</param>
    /// <exception cref="FrameFlowException">The database cannot be reached (<see cref="FaultKind.Storage"/>).</exception>
    public static HangfireSteps Open(string? connection, WorkBoard board, WatchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (connection is null)
        {
            return new HangfireSteps(new InMemoryStorage(), board, settings);
        }

        try
        {
            PostgreSqlStorageOptions options = new()
            {
                SchemaName = "frameflow",
                PrepareSchemaIfNecessary = true,

                // A database that is not there at the start is said at once; one that goes away later is waited for.
                StartupConnectionMaxRetries = 0,
                AllowDegradedModeWithoutStorage = false,
                QueuePollInterval = TimeSpan.FromSeconds(1),

                // A worker that lives renews its lease; one that was killed does not, and its step is another's then.
                InvisibilityTimeout = TimeSpan.FromSeconds(settings.LeaseSeconds),
                UseSlidingInvisibilityTimeout = true,
                DistributedLockTimeout = TimeSpan.FromSeconds(30),
            };
            return new HangfireSteps(new PostgreSqlStorage(new NpgsqlConnectionFactory(connection, options), options), board, settings);
        }
        catch (Exception e) when (e is Npgsql.NpgsqlException or ArgumentException or System.Net.Sockets.SocketException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The queue's database cannot be reached ({e.Message.ReplaceLineEndings(" ")}); check --queue.", e) { CanRetry = true };
        }
    }

    /// <summary>Starts this process's workers.</summary>
    public void Work(ModelCatalog models, TimeProvider time, ILogger log)
    {
        JobSteps steps = new(models, _board, this, time, log);
        foreach ((string device, int workers) in ((string, int)[])[("cpu", _settings.Workers.Cpu), ("gpu", _settings.Workers.Gpu)])
        {
            _servers.Add(new BackgroundJobServer(
                new BackgroundJobServerOptions
                {
                    Queues = [.. Enum.GetValues<JobPriority>().SelectMany(p => (string[])[NameOf(device, p, isBegun: true), NameOf(device, p, isBegun: false)])],
                    WorkerCount = workers,
                    Activator = new Activator(steps),
                    ShutdownTimeout = ShutdownTime,
                    StopTimeout = TimeSpan.Zero,
                    CancellationCheckInterval = TimeSpan.FromSeconds(1),
                    ServerName = $"{Environment.MachineName}-{Environment.ProcessId}-{device}",
                },
                _storage));
        }
    }

    /// <inheritdoc/>
    public void Plan(FilmFolder folder, JobRecord record)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(record);
        Plan(new StepTicket { Folder = folder.Folder, Recipe = folder.Recipe, Id = record.Id, SegmentSeconds = _settings.SegmentSeconds, Tries = _settings.Tries, Priority = record.Priority });
    }

    /// <inheritdoc/>
    public void Plan(StepTicket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        string text = JobJson.Write(ticket);
        Put(s => s.PlanAsync(text, CancellationToken.None), ticket, ticket.Priority, isBegun: false);
    }

    /// <inheritdoc/>
    public void Segment(StepTicket ticket, JobPriority priority, int index)
    {
        string text = JobJson.Write(ticket with { Priority = priority });
        Put(s => s.SegmentAsync(text, index, CancellationToken.None), ticket, priority, isBegun: true);
    }

    /// <inheritdoc/>
    public void Join(StepTicket ticket)
    {
        string text = JobJson.Write(ticket);
        Put(s => s.JoinAsync(text, CancellationToken.None), ticket, JobPriority.High, isBegun: true);
    }

    /// <inheritdoc/>
    public void Halt(string id) => _board.Stop(id);

    /// <inheritdoc/>
    public bool IsAtWork(string id) => _board.IsAtWork(id);

    /// <inheritdoc/>
    public TimeSpan? SinceFailure(string id) => _board.SinceFailure(id);

    /// <summary>Ends the workers: what they do is stopped and goes back into the queue.</summary>
    public void Dispose()
    {
        foreach (BackgroundJobServer server in _servers)
        {
            server.SendStop();
        }

        foreach (BackgroundJobServer server in _servers)
        {
            server.Dispose();
        }

        (_storage as IDisposable)?.Dispose();
    }

    private void Put(Expression<Func<JobSteps, Task>> step, StepTicket ticket, JobPriority priority, bool isBegun)
    {
        try
        {
            _client.Create(step, new EnqueuedState(NameOf(ticket.Recipe.Device is "auto" or "cpu" ? "cpu" : "gpu", priority, isBegun)));
        }
        catch (BackgroundJobClientException e)
        {
            throw new QueueAwayException((e.InnerException ?? e).Message.ReplaceLineEndings(" ").TrimEnd('.'), e);
        }
    }

    // PostgreSQL's storage takes queues in the order of their names: of one priority, films that are begun are done before others are planned.
    private static string NameOf(string device, JobPriority priority, bool isBegun) => FormattableString.Invariant($"{device}-{(int)priority}-{(isBegun ? "begun" : "new")}");

    private sealed class Activator(JobSteps steps) : JobActivator
    {
        public override object ActivateJob(Type jobType) => steps;
    }
}
