using FrameFlow.Media;
using FrameFlow.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Pipeline;

public sealed class FrameTeeTests
{
    [Fact]
    public async Task Consume_ReadersOfAnyPace_SeeEveryFrame()
    {
        using NativePool pool = new(1 << 24);
        List<long>[] seen = [[], [], []];
        FrameTee tee = new([.. seen.Select((list, i) => (FrameReader)(async (frames, token) =>
        {
            await foreach (Frame frame in frames.WithCancellation(token))
            {
                for (int turn = 0; turn < i * 3; turn++)
                {
                    await Task.Yield();
                }

                list.Add(frame.SourceIndex);
                frame.Dispose();
            }
        }))]);
        await tee.ConsumeAsync(Some.Frames(pool, 20), default);
        Assert.All(seen, s => Assert.Equal(Enumerable.Range(0, 20).Select(i => (long)i), s));
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_OneReaderFails_EndsAllWithItsFault()
    {
        using NativePool pool = new(1 << 24);
        FrameTee tee = new(
        [
            async (frames, token) =>
            {
                await foreach (Frame frame in frames.WithCancellation(token))
                {
                    frame.Dispose();
                }
            },
            async (frames, token) =>
            {
                await foreach (Frame frame in frames.WithCancellation(token))
                {
                    using (frame)
                    {
                        throw new InvalidDataException("the second reader's own");
                    }
                }
            },
        ]);
        Assert.Equal("the second reader's own", (await Assert.ThrowsAsync<InvalidDataException>(() => tee.ConsumeAsync(Some.Frames(pool, 20), default))).Message);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public async Task Consume_SourceFails_ReadersAndCallerSeeIt()
    {
        using NativePool pool = new(1 << 24);
        Exception? seen = null;
        FrameTee tee = new(
        [
            async (frames, token) =>
            {
                try
                {
                    await foreach (Frame frame in frames.WithCancellation(token))
                    {
                        frame.Dispose();
                    }
                }
                catch (IOException e)
                {
                    seen = e;
                    throw;
                }
            },
        ]);
        await Assert.ThrowsAsync<IOException>(() => tee.ConsumeAsync(Some.FramesThenFault(pool, 3, new IOException("the source's own")), default));
        Assert.NotNull(seen);
        Assert.Equal(0, pool.LiveBlocks);
    }
}
