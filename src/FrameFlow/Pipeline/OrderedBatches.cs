using System.Runtime.CompilerServices;
using System.Threading.Channels;
using System.Threading.Tasks.Sources;

namespace FrameFlow.Pipeline;

/// <summary>
/// The one way to work in parallel without losing order: a bounded queue of running work in input order, whose head is awaited.
/// At most <c>degree</c> pieces run or wait for their turn, so one slow batch holds the queue back instead of letting a backlog grow.
/// The steady state allocates nothing: as many places as may run at once are used again and again.
/// </summary>
public static class OrderedBatches
{
    /// <summary>Runs <paramref name="work"/> on each input, at most <paramref name="degree"/> at once on the thread pool, and yields the results in input order.</summary>
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
        Func<TInput, CancellationToken, TResult> work,
        Action<TResult> release,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(degree, 1);
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(release);

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        BoundedChannelOptions bounds = new(degree) { SingleReader = true, SingleWriter = true };
        Channel<Place<TInput, TResult>> free = Channel.CreateBounded<Place<TInput, TResult>>(bounds);
        Channel<Place<TInput, TResult>> taken = Channel.CreateBounded<Place<TInput, TResult>>(bounds);
        for (int i = 0; i < degree; i++)
        {
            free.Writer.TryWrite(new Place<TInput, TResult>(work, stop.Token));
        }

        Task feeding = FeedAsync();
        try
        {
            // No wait takes a token: the feeding ends by it, and with it the channel.
            while (await taken.Reader.WaitToReadAsync(CancellationToken.None))
            {
                while (taken.Reader.TryRead(out Place<TInput, TResult>? head))
                {
                    // A failing head ends the iteration; the finally below awaits and releases what runs behind it.
                    TResult result;
                    try
                    {
                        result = await head.ResultAsync();
                    }
                    finally
                    {
                        free.Writer.TryWrite(head);
                    }

                    yield return result;
                }
            }

            await feeding;
        }
        finally
        {
            await stop.CancelAsync();
            while (await taken.Reader.WaitToReadAsync(CancellationToken.None).AsTask().ContinueWith(static t => t.IsCompletedSuccessfully && t.GetAwaiter().GetResult(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default))
            {
                while (taken.Reader.TryRead(out Place<TInput, TResult>? orphan))
                {
                    await orphan.ResultAsync().AsTask().ContinueWith(t => Drop(t, release), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                    free.Writer.TryWrite(orphan);
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
                    // Cancelled or not, a place comes free and `work` runs in it, since only it can release the input; it sees the token.
                    Place<TInput, TResult> place = await free.Reader.ReadAsync(CancellationToken.None);
                    place.Start(input);
                    taken.Writer.TryWrite(place);
                }

                taken.Writer.Complete();
            }
            catch (Exception e)
            {
                taken.Writer.Complete(e);
            }
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

    // Where one piece of work runs: on the thread pool, by itself, and its result is awaited once before the next piece begins.
    private sealed class Place<TInput, TResult>(Func<TInput, CancellationToken, TResult> work, CancellationToken cancellationToken) : IThreadPoolWorkItem, IValueTaskSource<TResult>
    {
        private ManualResetValueTaskSourceCore<TResult> _result = new() { RunContinuationsAsynchronously = true };
        private TInput? _input;

        public void Start(TInput input)
        {
            _result.Reset();
            _input = input;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        public ValueTask<TResult> ResultAsync() => new(this, _result.Version);

        void IThreadPoolWorkItem.Execute()
        {
            TInput input = _input!;
            _input = default;
            TResult result;
            try
            {
                result = work(input, cancellationToken);
            }
            catch (Exception e)
            {
                _result.SetException(e);
                return;
            }

            _result.SetResult(result);
        }

        TResult IValueTaskSource<TResult>.GetResult(short token) => _result.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource<TResult>.GetStatus(short token) => _result.GetStatus(token);

        void IValueTaskSource<TResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _result.OnCompleted(continuation, state, token, flags);
    }
}
