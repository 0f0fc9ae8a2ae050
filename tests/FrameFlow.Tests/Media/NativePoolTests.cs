using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Media;

public sealed class NativePoolTests : IDisposable
{
    private readonly NativePool _pool = new(1 << 24);

    public void Dispose() => _pool.Dispose();

    [Fact]
    public void Rent_AfterDispose_LendsTheSameBlockAndAllocatesNothing()
    {
        // An object rests until others of its kind have ended.
        for (int i = 0; i < 100; i++)
        {
            _pool.Rent(1000).Dispose();
        }

        NativeBlock first = _pool.Rent(1000);
        nint address = first.Address;
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Address);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using NativeBlock second = _pool.Rent(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(address, second.Address);
        Assert.Equal(1, _pool.LiveBlocks);
    }

    [Fact]
    public void Frame_DisposedTwice_EndsOnce()
    {
        FramePool frames = new(_pool, Some.Format);
        Frame frame = frames.Rent(Rational.One, 3);
        Frame shared = frame.Share();
        frame.Dispose();
        frame.Dispose();
        Assert.Equal(1, _pool.LiveBlocks);
        Assert.Throws<ObjectDisposedException>(() => frame.Address);
        Assert.Throws<ObjectDisposedException>(() => frame.Share());
        Assert.Equal(Rational.One, shared.Time);
        shared.Dispose();
        Assert.Equal(0, _pool.LiveBlocks);
    }

    [Fact]
    public void Frame_ObjectUsedAgain_BearsNoMarksOfTheOneBefore()
    {
        FramePool frames = new(_pool, Some.Format);
        HashSet<Frame> objects = new(ReferenceEqualityComparer.Instance);
        int again = 0;
        for (int i = 0; i < 2000; i++)
        {
            using Frame frame = frames.Rent(new Rational(i, 24), i);
            again += objects.Add(frame) ? 0 : 1;
            Assert.False(frame.IsSceneStart);
            Assert.Equal((FrameWork.None, 0d, 0f, 0f), (frame.Work, frame.Position, frame.ChangedShare, frame.ExpectedError));
            Assert.Equal(new Rational(i, 24), frame.Time);
            (frame.IsSceneStart, frame.Work, frame.Position, frame.ChangedShare, frame.ExpectedError) = (true, FrameWork.Held, 0.5, 0.1f, 0.2f);
        }

        Assert.InRange(objects.Count, 32, 200); // not at once, but in the end
        Assert.Equal(2000, again + objects.Count);
    }

    [Fact]
    public void FloatImage_DisposedTwice_GivesItsMemoryBackOnce()
    {
        FloatImage image = _pool.RentImage(1, 8, 8);
        image.Dispose();
        using FloatImage other = _pool.RentImage(1, 8, 8);
        image.Dispose();
        Assert.Equal(1, _pool.LiveBlocks);
        Assert.Throws<ObjectDisposedException>(() => image.Values.Length);
    }
}
