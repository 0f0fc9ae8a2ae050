using FrameFlow.Verification;
using Xunit;

namespace FrameFlow.Tests.Verification;

public sealed class SourcePictureTests
{
    [Theory]
    [InlineData(1, 0, 1, 0, false)]
    [InlineData(1, 5, 1, 0, false)] // a fast pan
    [InlineData(1, 0, 1, 10, false)] // a flicker
    [InlineData(1, 0, 2, 0, true)]
    [InlineData(2, 3, 3, 10, true)]
    public void Of_TwoPictures_OnlyAnotherSceneOpensOne(int sceneBefore, int shift, int sceneAfter, int brighter, bool opens)
    {
        byte[] before = Draw(sceneBefore, 0, 0);
        byte[] after = Draw(sceneAfter, shift, brighter);

        Assert.Equal(opens, SourcePicture.Of(after, before).OpensScene);
        Assert.False(SourcePicture.Of(after, null).OpensScene);
    }

    [Fact]
    public void Of_FlatPictures_OpenNoScene() =>
        Assert.False(SourcePicture.Of(Enumerable.Repeat((byte)24, 64 * 36).ToArray(), Enumerable.Repeat((byte)20, 64 * 36).ToArray()).OpensScene);

    // Overlapping boxes with sharp edges, another set for every scene.
    private static byte[] Draw(int scene, int shift, int brighter)
    {
        Random random = new(scene);
        byte[] picture = [.. Enumerable.Repeat((byte)(100 + brighter), 64 * 36)];
        for (int n = 0; n < 60; n++)
        {
            (int left, int top, int width, int height, int value) = (random.Next(-10, 75), random.Next(-5, 36), random.Next(3, 20), random.Next(3, 12), random.Next(30, 200));
            for (int y = Math.Max(0, top); y < Math.Min(36, top + height); y++)
            {
                for (int x = Math.Max(0, left - shift); x < Math.Min(64, left + width - shift); x++)
                {
                    picture[(y * 64) + x] = (byte)(value + brighter);
                }
            }
        }

        return picture;
    }
}
