using FrameFlow.Inference;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Inference;

public sealed class TilePlanTests
{
    [Fact]
    public void Create_AnySize_CoresTileThePictureAndWindowsReachAroundThem() => Prop.ForAll(
        (from width in Gen.Choose(1, 4200)
         from height in Gen.Choose(1, 2300)
         from radius in Gen.Choose(0, 100)
         select (width, height, radius)).ToArbitrary(),
        picture =>
        {
            TilePlan plan = TilePlan.Create(picture.width, picture.height, 8, picture.radius, 1280 * 736);
            int paddedWidth = (picture.width + 7) / 8 * 8;
            int paddedHeight = (picture.height + 7) / 8 * 8;
            long covered = plan.Tiles.Sum(t => (long)t.CoreWidth * t.CoreHeight);
            return covered == (long)picture.width * picture.height
                && plan.WindowWidth % 8 == 0 && plan.WindowHeight % 8 == 0
                && (long)plan.WindowWidth * plan.WindowHeight <= 1280 * 736
                && plan.Tiles.All(t => t.X % 8 == 0 && t.Y % 8 == 0 && t.X >= 0 && t.Y >= 0
                    && t.X + plan.WindowWidth <= paddedWidth && t.Y + plan.WindowHeight <= paddedHeight
                    && Reaches(t.X, plan.WindowWidth, t.CoreX, t.CoreWidth, picture.radius, picture.width)
                    && Reaches(t.Y, plan.WindowHeight, t.CoreY, t.CoreHeight, picture.radius, picture.height));
        }).QuickCheckThrowOnFailure();

    /// <summary>What is left of a picture when memory runs out is done in the windows of a smaller plan: all of it, and nothing twice.</summary>
    [Fact]
    public void Within_WhatIsLeftOfALargerPlan_IsCoveredOnce() => Prop.ForAll(
        (from width in Gen.Choose(300, 2000)
         from height in Gen.Choose(300, 1200)
         from radius in Gen.Choose(0, 60)
         from done in Gen.Choose(0, 20)
         select (width, height, radius, done)).ToArbitrary(),
        picture =>
        {
            TilePlan plan = TilePlan.Create(picture.width, picture.height, 8, picture.radius, 300 * 300);
            Tile[] left = [.. plan.Tiles.Skip(picture.done)];
            if (plan.Halved() is not { } smaller)
            {
                return true;
            }

            IReadOnlyList<Tile> tiles = smaller.Within(left);
            return (long)smaller.WindowWidth * smaller.WindowHeight * 2 <= (long)plan.WindowWidth * plan.WindowHeight
                && tiles.Sum(t => (long)t.CoreWidth * t.CoreHeight) == left.Sum(t => (long)t.CoreWidth * t.CoreHeight)
                && tiles.All(t => left.Any(l => t.CoreX >= l.CoreX && t.CoreY >= l.CoreY && t.CoreX + t.CoreWidth <= l.CoreX + l.CoreWidth && t.CoreY + t.CoreHeight <= l.CoreY + l.CoreHeight)
                    && Reaches(t.X, smaller.WindowWidth, t.CoreX, t.CoreWidth, picture.radius, picture.width)
                    && Reaches(t.Y, smaller.WindowHeight, t.CoreY, t.CoreHeight, picture.radius, picture.height));
        }).QuickCheckThrowOnFailure();

    /// <summary>Where only a part of the picture is wanted, that part is covered once, by windows that reach around it and are no larger than the plan's.</summary>
    [Fact]
    public void Around_PartOfThePicture_IsCoveredOnce() => Prop.ForAll(
        (from width in Gen.Choose(64, 2000)
         from height in Gen.Choose(64, 1200)
         from radius in Gen.Choose(0, 100)
         from x in Gen.Choose(0, 63)
         from y in Gen.Choose(0, 63)
         from partWidth in Gen.Choose(1, 2000)
         from partHeight in Gen.Choose(1, 1200)
         select (width, height, radius, part: new PictureRegion(x, y, Math.Min(partWidth, width - x), Math.Min(partHeight, height - y)))).ToArbitrary(),
        picture =>
        {
            TilePlan whole = TilePlan.Create(picture.width, picture.height, 8, picture.radius, 600 * 600);
            TilePlan plan = whole.Around(picture.part);
            return plan.WindowWidth % 8 == 0 && plan.WindowHeight % 8 == 0
                && (long)plan.WindowWidth * plan.WindowHeight <= (long)whole.WindowWidth * whole.WindowHeight
                && plan.Tiles.Sum(t => (long)t.CoreWidth * t.CoreHeight) == (long)picture.part.Width * picture.part.Height
                && plan.Tiles.All(t => t.CoreX >= picture.part.X && t.CoreY >= picture.part.Y
                    && t.CoreX + t.CoreWidth <= picture.part.X + picture.part.Width && t.CoreY + t.CoreHeight <= picture.part.Y + picture.part.Height
                    && t.X % 8 == 0 && t.Y % 8 == 0 && t.X >= 0 && t.Y >= 0
                    && t.X + plan.WindowWidth <= (picture.width + 7) / 8 * 8 && t.Y + plan.WindowHeight <= (picture.height + 7) / 8 * 8
                    && Reaches(t.X, plan.WindowWidth, t.CoreX, t.CoreWidth, picture.radius, picture.width)
                    && Reaches(t.Y, plan.WindowHeight, t.CoreY, t.CoreHeight, picture.radius, picture.height));
        }).QuickCheckThrowOnFailure();

    private static bool Reaches(int start, int window, int core, int length, int radius, int size) =>
        start <= Math.Max(0, core - radius) && start + window >= Math.Min(size, core + length + radius);
}
