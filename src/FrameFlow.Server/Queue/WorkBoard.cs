using System.Collections.Concurrent;

namespace FrameFlow.Server.Queue;

/// <summary>What this process is doing just now: for the dashboard, and for those who stop it.</summary>
/// <param name="time">The clock.</param>
public sealed class WorkBoard(TimeProvider time)
{
    private readonly ConcurrentDictionary<long, Work> _works = new();
    private readonly ConcurrentDictionary<string, long> _failed = new();
    private long _next;

    /// <summary>All that is under way.</summary>
    public IReadOnlyCollection<Work> All => [.. _works.Values];

    /// <summary>Enters a piece of work.</summary>
    /// <param name="id">The film.</param>
    /// <param name="step">What is done, a word or two.</param>
    /// <param name="cancellationToken">Ends it from outside.</param>
    /// <returns>The entry, which the caller disposes at the end.</returns>
    public Work Begin(string id, string step, CancellationToken cancellationToken)
    {
        _failed.TryRemove(id, out _);
        long key = Interlocked.Increment(ref _next);
        Work work = new(id, step, time, CancellationTokenSource.CreateLinkedTokenSource(cancellationToken), () => _works.TryRemove(key, out _));
        _works[key] = work;
        return work;
    }

    /// <summary>Stops all that is done for a film.</summary>
    public void Stop(string id)
    {
        foreach (Work work in _works.Values.Where(w => w.Id == id))
        {
            work.Stop();
        }
    }

    /// <summary>Notes that a step failed of which the film's record could not be told.</summary>
    public void Fail(string id) => _failed[id] = time.GetTimestamp();

    /// <summary>How long ago that was; null where it was not, or a step was begun since.</summary>
    public TimeSpan? SinceFailure(string id) => _failed.TryGetValue(id, out long at) ? time.GetElapsedTime(at) : null;

    /// <summary>Whether something is done for a film.</summary>
    public bool IsAtWork(string id) => _works.Values.Any(w => w.Id == id);
}

/// <summary>One step under way.</summary>
public sealed class Work : IDisposable
{
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop;
    private readonly Action _leave;
    private readonly long _begun;
    private Func<long> _framesDone = static () => 0;

    internal Work(string id, string step, TimeProvider time, CancellationTokenSource stop, Action leave)
    {
        (Id, Step, _time, _stop, _leave) = (id, step, time, stop, leave);
        _begun = time.GetTimestamp();
    }

    /// <summary>The film.</summary>
    public string Id { get; }

    /// <summary>What is done.</summary>
    public string Step { get; }

    /// <summary>Fires when it shall end.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Whether it was stopped by itself, not with the whole process.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Frames made so far in this step.</summary>
    public long FramesDone => _framesDone();

    /// <summary>Frames a second since it began.</summary>
    public double FramesPerSecond => FramesDone / Math.Max(0.001, _time.GetElapsedTime(_begun).TotalSeconds);

    /// <summary>Says where the frames are counted.</summary>
    public void Count(Func<long> framesDone) => _framesDone = framesDone;

    /// <summary>Ends it.</summary>
    public void Stop()
    {
        IsStopped = true;
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself meanwhile.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _leave();
        _stop.Dispose();
    }
}
