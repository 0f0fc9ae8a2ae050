using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace FrameFlow.Pipeline;

/// <summary>
/// The one way to work in parallel without losing order: a bounded queue of running tasks in input order, whose head is awaited.
/// At most <c>degree</c> tasks run or wait for their turn, so one slow batch holds the queue back instead of letting a backlog grow.
/// </summary>
public static class OrderedBatches
{
    /// <summary>Runs <paramref name="work"/> on each input, at most <paramref name="degree"/> at once, and yields the results in input order.</summary>
    /// <typeparam name="TInput">What is worked on. <paramref name="work"/> owns it from the moment that it is called.</typeparam>
    /// <typeparam name="TResult">The result; belongs to the receiver.</typeparam>
    /// <param name="inputs">The inputs, read one ahead of the running work at most.</param>
    /// <param name="degree">How many may run at once, at least 1.</param>
    /// <param name="work">The work. It must release its input whatever happens; called even when cancelled.</param>
    /// <param name="release">Disposes a result that nobody will receive.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="degree"/> is below 1.</exception>
    public static async IAsyncEnumerable<TResult> RunAsync<TInput, TResult>(
        IAsyncEnumerable<TInput> inputs,
        int degree,
        Func<TInput, CancellationToken, Task<TResult>> work,
        Action<TResult> release,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(degree, 1);
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(release);

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using SemaphoreSlim slots = new(degree);
        Channel<Task<TResult>> queue = Channel.CreateBounded<Task<TResult>>(new BoundedChannelOptions(degree) { SingleReader = true, SingleWriter = true });
        Task feeding = FeedAsync();
        try
        {
            await foreach (Task<TResult> head in queue.Reader.ReadAllAsync(CancellationToken.None))
            {
                // A failing head ends the iteration; the finally below awaits and releases what runs behind it.
                TResult result;
                try
                {
                    result = await head;
                }
                finally
                {
                    slots.Release();
                }

                yield return result;
            }

            await feeding;
        }
        finally
        {
            await stop.CancelAsync();
            while (await queue.Reader.WaitToReadAsync(CancellationToken.None).AsTask().ContinueWith(static t => t.IsCompletedSuccessfully && t.GetAwaiter().GetResult(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default))
            {
                while (queue.Reader.TryRead(out Task<TResult>? orphan))
                {
                    await orphan.ContinueWith(t => Drop(t, release), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                    slots.Release();
                }
            }

            await ((Task)feeding).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task FeedAsync()
        {
            try
            {
                await foreach (TInput input in inputs.WithCancellation(stop.Token))
                {
                    // The input is owned by `work` alone: hand it over first, wait for a slot inside.
                    Task<TResult> task = StartAsync(input);
                    await queue.Writer.WriteAsync(task, CancellationToken.None);
                }

                queue.Writer.Complete();
            }
            catch (Exception e)
            {
                queue.Writer.Complete(e);
            }
        }

        async Task<TResult> StartAsync(TInput input)
        {
            // Cancelled or not, `work` runs, since only it can release the input; it sees the token.
            await slots.WaitAsync(CancellationToken.None);
            return await Task.Run(() => work(input, stop.Token), CancellationToken.None);
        }
    }

    private static void Drop<TResult>(Task<TResult> task, Action<TResult> release)
    {
        if (task.IsCompletedSuccessfully)
        {
            release(task.GetAwaiter().GetResult());
        }
        else
        {
            // Observed: a fault behind the first one is a consequence of it.
            _ = task.Exception;
        }
    }
}
