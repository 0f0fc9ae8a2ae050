using FrameFlow.Pipeline;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

public sealed class OrderedBatchesTests
{
    [Fact]
    public void Run_WorkOfAnyLength_ComesOutInOrder() => Prop.ForAll(
        (from yields in Gen.Choose(0, 30).ListOf(40)
         from degree in Gen.Choose(1, 5)
         select (yields, degree)).ToArbitrary(),
        async run =>
        {
            List<int> results = [];
            int running = 0;
            int most = 0;
            await foreach (int result in OrderedBatches.RunAsync(
                Numbers(run.yields.Count),
                run.degree,
                (i, _) =>
                {
                    int now = Interlocked.Increment(ref running);
                    InterlockedMax(ref most, now);
                    for (int k = 0; k < run.yields[i]; k++)
                    {
                        Thread.Yield();
                    }

                    Interlocked.Decrement(ref running);
                    return i;
                },
                _ => { },
                default))
            {
                results.Add(result);
            }

            return results.SequenceEqual(Enumerable.Range(0, run.yields.Count)) && most <= run.degree;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task Run_WorkFails_RestIsReleasedAndFaultComesThrough()
    {
        int made = 0;
        int released = 0;
        InvalidOperationException seen = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (int result in OrderedBatches.RunAsync(
                Numbers(50),
                3,
                (i, _) => i == 5 ? throw new InvalidOperationException("five") : Interlocked.Increment(ref made),
                _ => Interlocked.Increment(ref released),
                default))
            {
                released++;
            }
        });
        Assert.Equal("five", seen.Message);
        Assert.Equal(made, released);
    }

    [Fact]
    public async Task Run_StoppedEarly_WhatIsUnderWayIsReleased()
    {
        int made = 0;
        int released = 0;
        await foreach (int result in OrderedBatches.RunAsync(Numbers(50), 3, (i, _) => Interlocked.Increment(ref made), _ => Interlocked.Increment(ref released), default))
        {
            released++;
            if (result == 7)
            {
                break;
            }
        }

        Assert.Equal(made, released);
    }

    private static async IAsyncEnumerable<int> Numbers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return i;
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }
}
