using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

public sealed class BroadcastSinkTests
{
    [Fact]
    public async Task Consume_SeveralConsumers_EachSeesEveryFrame()
    {
        using NativePool pool = new(1 << 22);
        FakeSink[] sinks = [new(), new(), new()];
        await new BroadcastSink([.. sinks.Select(Of)]).ConsumeAsync(Some.Frames(pool, 40), default);
        foreach (FakeSink sink in sinks)
        {
            Assert.Equal(Enumerable.Range(0, 40).Select(i => (new Rational(i, 24), (byte)(i * 5))), sink.Received);
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_OneStopsEarly_TheOthersSeeTheRest()
    {
        using NativePool pool = new(1 << 22);
        FakeSink whole = new();
        int seen = 0;
        await new BroadcastSink([SeeTwoAsync, Of(whole)]).ConsumeAsync(Some.Frames(pool, 20), default);
        Assert.Equal((2, 20), (seen, whole.Received.Count));
        Assert.Equal(0, pool.LiveBlocks);

        async Task SeeTwoAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
        {
            await foreach (Frame frame in frames)
            {
                frame.Dispose();
                if (++seen == 2)
                {
                    return;
                }
            }
        }
    }

    [Fact]
    public async Task Consume_OneFaults_AllEndAndItsFaultIsThrown()
    {
        using NativePool pool = new(1 << 22);
        InvalidDataException fault = new("torn");
        BroadcastSink sink = new([Of(new FakeSink()), Of(new FakeSink { FaultAtThird = fault })]);
        Assert.Same(fault, await Assert.ThrowsAsync<InvalidDataException>(() => sink.ConsumeAsync(Some.Frames(pool, 40), default)));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_SourceFaults_ConsumersDoNotTakeItForTheEnd()
    {
        using NativePool pool = new(1 << 22);
        InvalidDataException fault = new("torn");
        bool ended = false;
        BroadcastSink sink = new([ReadAsync, Of(new FakeSink())]);
        Assert.Same(fault, await Assert.ThrowsAsync<InvalidDataException>(() => sink.ConsumeAsync(Some.FramesThenFault(pool, 5, fault), default)));
        Assert.False(ended);
        Assert.Equal(0, pool.LiveBlocks);

        async Task ReadAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
        {
            await foreach (Frame frame in frames)
            {
                frame.Dispose();
            }

            ended = true;
        }
    }

    private static Func<IAsyncEnumerable<Frame>, CancellationToken, Task> Of(FakeSink sink) => sink.ConsumeAsync;
}
