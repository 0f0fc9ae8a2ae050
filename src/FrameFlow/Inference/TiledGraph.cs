using FrameFlow.Media;

namespace FrameFlow.Inference;

/// <summary>A tensor of a graph: [N,C,h,w] for a window of h x w, or numbers without a place.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Channels">C.</param>
/// <param name="FlatAxes">0 for a tensor with a place; 2 for [N,C], 4 for [N,C,1,1].</param>
internal readonly record struct GraphTensor(string Name, int Channels, int FlatAxes = 0)
{
    /// <summary>The shape for <paramref name="count"/> windows of a plan.</summary>
    public long[] Shape(int count, TilePlan plan) => FlatAxes switch
    {
        0 => [count, Channels, plan.WindowHeight, plan.WindowWidth],
        2 => [count, Channels],
        _ => [count, Channels, 1, 1],
    };
}

/// <summary>What is done with a graph's tensors, of which entry n is item first + n, window by window. A structure costs no object a run.</summary>
internal interface ITileWork
{
    /// <summary>Fills the inputs of a window.</summary>
    void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count);

    /// <summary>Takes the outputs' core.</summary>
    void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count);
}

/// <summary>
/// A graph that runs over pictures of one size, window by window, several pictures together. Where memory runs out, what is left of the picture is done with fewer pictures
/// at once, then in smaller windows, and so is all that follows: nothing that was stored is stored again, and tiled equals whole. Thread-safe.
/// </summary>
/// <param name="model">The graph; not owned.</param>
/// <param name="inputs">Its inputs.</param>
/// <param name="outputs">Its outputs.</param>
/// <param name="plan">The windows to begin with.</param>
/// <param name="memory">Where tensors come from; not owned.</param>
internal sealed class TiledGraph(OnnxModel model, GraphTensor[] inputs, GraphTensor[] outputs, TilePlan plan, NativePool memory) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Stack<BoundRun>> _idle = [];
    private TilePlan _plan = plan;
    private (int Width, int Height) _shape = (plan.WindowWidth, plan.WindowHeight);
    private int _most = int.MaxValue;

    /// <summary>The windows as they are now.</summary>
    public TilePlan Plan
    {
        get
        {
            lock (_gate)
            {
                return _plan;
            }
        }
    }

    /// <summary>Runs the graph over <paramref name="count"/> pictures. Waits for its turn where the device works for one at a time.</summary>
    /// <param name="count">How many, at least 1.</param>
    /// <param name="work">Fills the inputs and takes the outputs.</param>
    /// <param name="cancellationToken">Ends the work between two windows.</param>
    /// <param name="region">The part of the picture that is wanted, stored and no more; null for all.</param>
    /// <exception cref="FrameFlowException">The device failed for good, or memory does not suffice for the smallest window.</exception>
    public void Run<TWork>(int count, TWork work, CancellationToken cancellationToken, PictureRegion? region = null)
        where TWork : ITileWork, allows ref struct
    {
        if (model.Turn is not { } turn)
        {
            RunPart(0, count, null, region, work, cancellationToken);
            return;
        }

        lock (turn)
        {
            RunPart(0, count, null, region, work, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            Drop();
        }
    }

    private void RunPart<TWork>(int first, int count, IReadOnlyList<Tile>? left, PictureRegion? region, TWork work, CancellationToken cancellationToken)
        where TWork : ITileWork, allows ref struct
    {
        (TilePlan whole, int most) = State();
        TilePlan plan = region is { } part ? whole.Around(part) : whole;
        left = left is null ? plan.Tiles : plan.Within(left);
        if (count > most)
        {
            RunPart(first, most, left, region, work, cancellationToken);
            RunPart(first + most, count - most, left, region, work, cancellationToken);
            return;
        }

        int done = 0;
        try
        {
            BoundRun run = Take(whole, plan, count);
            try
            {
                for (; done < left.Count; done++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    work.Load(run, plan, left[done], first, count);
                    run.Run();
                    work.Store(run, plan, left[done], first, count);
                }
            }
            finally
            {
                Return(run, whole, plan, count);
            }
        }
        catch (FrameFlowException e) when (e.IsOutOfMemory)
        {
            if (!Shrink(whole, count))
            {
                throw;
            }

            RunPart(first, count, [.. left.Skip(done)], region, work, cancellationToken);
        }
    }

    private (TilePlan Plan, int Most) State()
    {
        lock (_gate)
        {
            return (_plan, _most);
        }
    }

    // Tensors of one size only are kept: those of the last one asked for.
    private BoundRun Take(TilePlan whole, TilePlan plan, int count)
    {
        lock (_gate)
        {
            if (_shape != (plan.WindowWidth, plan.WindowHeight))
            {
                Drop();
                _shape = (plan.WindowWidth, plan.WindowHeight);
            }

            if (ReferenceEquals(whole, _plan) && _idle.TryGetValue(count, out Stack<BoundRun>? idle) && idle.TryPop(out BoundRun? run))
            {
                return run;
            }
        }

        return Bind(plan, count);
    }

    private BoundRun Bind(TilePlan plan, int count) =>
        model.Bind(memory, [.. inputs.Select(t => (t.Name, t.Shape(count, plan)))], [.. outputs.Select(t => (t.Name, t.Shape(count, plan)))]);

    private void Return(BoundRun run, TilePlan whole, TilePlan plan, int count)
    {
        lock (_gate)
        {
            if (ReferenceEquals(whole, _plan) && count <= _most && _shape == (plan.WindowWidth, plan.WindowHeight))
            {
                if (!_idle.TryGetValue(count, out Stack<BoundRun>? idle))
                {
                    _idle.Add(count, idle = []);
                }

                idle.Push(run);
                return;
            }
        }

        run.Dispose();
    }

    // Half the pictures, then half the window. Another worker may have done so meanwhile.
    private bool Shrink(TilePlan failed, int count)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(failed, _plan) || count > _most)
            {
                return true;
            }

            TilePlan? smaller = null;
            if (count == 1 && (smaller = failed.Halved()) is null)
            {
                return false;
            }

            Drop();
            _plan = smaller ?? failed;
            _most = smaller is null ? count / 2 : _most;
            model.Tell(smaller is null
                ? $"Memory ran out: {Path.GetFileName(model.Path)} goes on with {_most} frame(s) at once instead of {count}."
                : $"Memory ran out: {Path.GetFileName(model.Path)} goes on in tiles of {smaller.WindowWidth}x{smaller.WindowHeight} instead of {failed.WindowWidth}x{failed.WindowHeight}.");
            return true;
        }
    }

    private void Drop()
    {
        foreach (BoundRun run in _idle.Values.SelectMany(s => s))
        {
            run.Dispose();
        }

        _idle.Clear();
    }
}
