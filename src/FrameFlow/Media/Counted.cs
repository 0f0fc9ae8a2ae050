namespace FrameFlow.Media;

/// <summary>Something that several units of work read: freed when the last of its holders lets go. Begins with one, who made it.</summary>
public abstract class Counted : IDisposable
{
    private int _holders = 1;

    /// <summary>One holder more, which disposes it.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Free();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Makes what was freed serve again, with one holder.</summary>
    protected void Renew() => Volatile.Write(ref _holders, 1);

    /// <summary>Gives back what it holds; called once.</summary>
    protected abstract void Free();
}
