using FrameFlow.Media;
using FrameFlow.Repair.Defects;
using OpenCvSharp;
using Xunit;

namespace FrameFlow.Tests.Repair.Defects;

public sealed class MaskFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-masks").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Read_PictureOfTheFrame_IsOneWhereWhite()
    {
        using (Mat picture = new(4, 6, MatType.CV_8UC1, Scalar.All(0)))
        {
            picture.Set<byte>(2, 5, 255);
            Cv2.ImWrite(Path.Combine(_folder, "mask2_000007.png"), picture);
        }

        using NativePool pool = new(1 << 20);
        using FloatImage mask = pool.RentImage(1, 4, 6);
        await using MaskFolder masks = new(_folder);
        Assert.False(await masks.ReadAsync(2, mask, default));
        Assert.True(await masks.ReadAsync(7, mask, default));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => i == (2 * 6) + 5 ? 1f : 0f), mask.Values.ToArray());
    }

    [Fact]
    public async Task Read_PictureOfAnotherSize_IsRefused()
    {
        using (Mat picture = new(4, 6, MatType.CV_8UC1, Scalar.All(0)))
        {
            Cv2.ImWrite(Path.Combine(_folder, "3.png"), picture);
        }

        using NativePool pool = new(1 << 20);
        using FloatImage mask = pool.RentImage(1, 4, 5);
        await using MaskFolder masks = new(_folder);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(async () => await masks.ReadAsync(3, mask, default));
        Assert.Equal(FaultKind.Input, fault.Kind);
        Assert.Contains("6x4", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_WithoutNumbers_IsRefused()
    {
        File.WriteAllText(Path.Combine(_folder, "mask.png"), "");
        Assert.Equal(FaultKind.Input, Assert.Throws<FrameFlowException>(() => new MaskFolder(_folder)).Kind);
    }
}
