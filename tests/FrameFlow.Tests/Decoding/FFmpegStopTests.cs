using FrameFlow.Decoding;
using Xunit;

namespace FrameFlow.Tests.Decoding;

public sealed class FFmpegStopTests
{
    [Fact]
    public async Task Cancel_ProcessIsGone_WhoeverCancelsIsNotTold()
    {
        using CancellationTokenSource asked = new();
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(asked.Token);
        using FFmpegStop stop = new(linked.Token);
        using CancellationTokenRegistration quit = stop.Token.Register(static () => throw new IOException("Broken pipe"));
        await asked.CancelAsync();
        Assert.True(stop.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Cancel_OtherFault_IsTold()
    {
        using CancellationTokenSource asked = new();
        using FFmpegStop stop = new(asked.Token);
        using CancellationTokenRegistration quit = stop.Token.Register(static () => throw new NotSupportedException());
        AggregateException fault = await Assert.ThrowsAsync<AggregateException>(asked.CancelAsync);
        Assert.IsType<NotSupportedException>(Assert.Single(fault.Flatten().InnerExceptions));
    }

    [Fact]
    public void Dispose_CancelledLater_NothingIsStopped()
    {
        using CancellationTokenSource asked = new();
        CancellationToken token;
        using (FFmpegStop stop = new(asked.Token))
        {
            token = stop.Token;
        }

        asked.Cancel();
        Assert.False(token.IsCancellationRequested);
    }
}
