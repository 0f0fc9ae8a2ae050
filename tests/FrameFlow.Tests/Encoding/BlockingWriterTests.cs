using FrameFlow.Encoding;
using Xunit;

namespace FrameFlow.Tests.Encoding;

public sealed class BlockingWriterTests
{
    [Fact]
    public async Task Write_PrefixAndNativeMemory_AreWrittenInOrder()
    {
        using MemoryStream stream = new();
        using (BlockingWriter writer = new(stream))
        {
            for (byte i = 0; i < 3; i++)
            {
                byte[] bytes = [i, (byte)(i + 10)];
                Assert.True(await WriteAsync(writer, bytes, new byte[] { 100 }));
            }

            Assert.True(await writer.WriteAsync(new byte[] { 7 }, 0, 0));
        }

        Assert.Equal<byte>([100, 0, 10, 100, 1, 11, 100, 2, 12, 7], stream.ToArray());
    }

    [Fact]
    public async Task Write_BrokenStream_IsFalse()
    {
        MemoryStream stream = new();
        await stream.DisposeAsync();
        using BlockingWriter writer = new(stream);
        Assert.False(await WriteAsync(writer, [1], default));
    }

    [Fact]
    public async Task Write_StreamThatTakesNothing_Throws()
    {
        using MemoryStream stream = new([], writable: false);
        using BlockingWriter writer = new(stream);
        await Assert.ThrowsAsync<NotSupportedException>(() => WriteAsync(writer, [1], default));
    }

    private static async Task<bool> WriteAsync(BlockingWriter writer, byte[] bytes, ReadOnlyMemory<byte> prefix)
    {
        using System.Buffers.MemoryHandle pin = bytes.AsMemory().Pin();
        return await writer.WriteAsync(prefix, AddressOf(pin), bytes.Length);
    }

    private static unsafe nint AddressOf(System.Buffers.MemoryHandle pin) => (nint)pin.Pointer;
}
