using FrameFlow.Decoding;
using FrameFlow.Media;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Decoding;

/// <summary>Counts the whole process's allocations, so nothing may run beside it.</summary>
[CollectionDefinition(nameof(FrameSourceAllocationTests), DisableParallelization = true)]
[Collection(nameof(FrameSourceAllocationTests))]
public sealed class FrameSourceAllocationTests : IDisposable
{
    private readonly LavfiClips _clips = new();

    public void Dispose() => _clips.Dispose();

    [Fact]
    public async Task Read_SteadyState_AllocatesNearlyNothing()
    {
        string path = await _clips.MakeAsync("a.mkv", "-f lavfi -i color=s=640x480:r=25:d=12 -pix_fmt yuv420p -c:v libx264 -preset ultrafast");
        (MediaInfo info, SourceScan scan) = await LavfiClips.ScanAsync(path);
        using NativePool memory = new(64 << 20);
        long before = 0;
        int frames = 0;
        await foreach (Frame frame in new FrameSource(info, scan, new(), new FramePool(memory, scan.Format)).ReadAsync(TestContext.Current.CancellationToken))
        {
            frame.Dispose();
            if (++frames == 100)
            {
                before = GC.GetTotalAllocatedBytes(precise: true);
            }
            else if (frames == 300)
            {
                Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / 200, 0, 32);
            }
        }

        Assert.Equal(300, frames);
    }
}
