using FrameFlow.Denoising;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Pipeline;
using FrameFlow.Repair.Defects;
using FrameFlow.Tests.Pipeline;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Repair.Defects;

public sealed class DefectStageTests : FrameStageContract
{
    private const int Frames = 11;
    private const int DirtyFrame = 5;

    // Left, top, size, code: dark and bright, large and small.
    private static readonly (int X, int Y, int Size, byte Code)[] Dust = [(40, 40, 9, 30), (90, 70, 5, 225), (120, 30, 3, 20), (30, 100, 14, 235)];

    internal override IFrameStage CreateStage(NativePool pool, int frames) => Create(pool, new DefectOptions { Workers = 2 }, format: Some.Format);

    internal override long ExpectedFrames(int frames) => frames;

    [Fact]
    public async Task Process_DustOnAMovingTexture_IsFoundAndFilledAndTheRestIsBitIdentical()
    {
        using NativePool pool = new(1L << 30);
        List<byte[]> source = await BytesAsync(Film(pool, Soil));
        List<byte[]> clean = await BytesAsync(Film(pool, null));
        DefectStage stage = Create(pool, new DefectOptions { Grain = false });
        List<byte[]> result = await BytesAsync(stage.ProcessAsync(Film(pool, Soil), default));

        Assert.Equal(Dust.Length, stage.Spots);
        Assert.Equal(1, stage.RepairedFrames);
        int width = TexturedFilm.Format.Width;
        for (int i = 0; i < Frames; i++)
        {
            for (int p = 0; p < result[i].Length; p++)
            {
                (int x, int y) = PlaceOf(p);
                int distance = i == DirtyFrame ? Dust.Min(d => Distance(d, x, y)) : int.MaxValue;
                if (distance > MaskedFill.Whole + MaskedFill.FadePixels + 2)
                {
                    Assert.Equal(source[i][p], result[i][p]);
                }
                else if (p < width * TexturedFilm.Format.Height && distance == 0)
                {
                    // The texture's own code from its neighbours: the spots differ by 60 and more.
                    Assert.InRange(result[i][p] - clean[i][p], -12, 12);
                }
            }
        }

        Assert.Equal(0, pool.LiveBlocks);
    }

    /// <summary>Of a blast that is too large for dust no part is filled, also none that hangs on it; dust elsewhere is.</summary>
    [Fact]
    public async Task Process_BurstTooLargeForDust_IsLeftWhole()
    {
        using NativePool pool = new(1L << 30);
        (int X, int Y, int Size, byte Code)[] burst = [(10, 30, 45, 235), (60, 40, 6, 235), (72, 44, 5, 30)];
        (int X, int Y, int Size, byte Code) far = (130, 100, 7, 235);
        void Blast(int frame, byte[] luma)
        {
            if (frame == DirtyFrame)
            {
                Plant(luma, 0, [.. burst, far]);
            }
        }

        List<byte[]> source = await BytesAsync(Film(pool, Blast));
        DefectStage stage = Create(pool, new DefectOptions { Find = DefectKinds.Dust, Grain = false });
        List<byte[]> result = await BytesAsync(stage.ProcessAsync(Film(pool, Blast), default));
        Assert.Equal(1, stage.Spots);
        for (int p = 0; p < source[DirtyFrame].Length; p++)
        {
            (int x, int y) = PlaceOf(p);
            if (Distance(far, x, y) > MaskedFill.Whole + MaskedFill.FadePixels + 2)
            {
                Assert.Equal(source[DirtyFrame][p], result[DirtyFrame][p]);
            }
        }

        int middle = ((far.Y + 3) * TexturedFilm.Format.Width) + far.X + 3;
        Assert.NotEqual(source[DirtyFrame][middle], result[DirtyFrame][middle]);
    }

    [Fact]
    public async Task Process_CleanMovingTexture_StaysAsItIs()
    {
        using NativePool pool = new(1L << 30);
        DefectStage stage = Create(pool, new DefectOptions());
        Assert.Equal(await BytesAsync(Film(pool, null)), await BytesAsync(stage.ProcessAsync(Film(pool, null), default)));
        Assert.Equal(0, stage.Spots + stage.Scratches);
    }

    [Fact]
    public async Task Process_DustAtAShotsFirstFrame_IsFoundFromTheTwoFramesBehind()
    {
        using NativePool pool = new(1L << 30);
        DefectStage stage = Create(pool, new DefectOptions());
        List<byte[]> result = await BytesAsync(stage.ProcessAsync(Film(pool, Soil, cutAt: DirtyFrame), default));
        Assert.Equal(Dust.Length, stage.Spots);
        Assert.Equal(Frames, result.Count);
    }

    [Fact]
    public async Task Process_ShotOfTwoFrames_IsLeftAndSaid()
    {
        using NativePool pool = new(1L << 30);
        DefectStage stage = Create(pool, new DefectOptions { Find = DefectKinds.Dust });
        Assert.Equal(await BytesAsync(Film(pool, Soil, count: 2, first: DirtyFrame)), await BytesAsync(stage.ProcessAsync(Film(pool, Soil, count: 2, first: DirtyFrame), default)));
        Assert.Equal(2, stage.FramesAlone);
    }

    [Fact]
    public async Task Process_LastingLine_IsFoundInEveryFrameWhereTheSceneMoves()
    {
        using NativePool pool = new(1L << 30);
        DefectStage stage = Create(pool, new DefectOptions { Find = DefectKinds.Scratches, Grain = false });
        List<byte[]> clean = await BytesAsync(Film(pool, null));
        List<byte[]> result = await BytesAsync(stage.ProcessAsync(Film(pool, Scratch), default));

        // A texture of sines repeats itself, so that a stripe of it may pass for a line here and there.
        Assert.InRange(stage.Scratches, Frames, Frames * 1.3);
        List<byte[]> soiled = await BytesAsync(Film(pool, Scratch));
        Assert.True(Error(result, clean) < 0.25 * Error(soiled, clean), $"{Error(result, clean)} of {Error(soiled, clean)}");

        static double Error(List<byte[]> films, List<byte[]> truth) => films.Select((f, i) => Enumerable.Range(0, TexturedFilm.Format.Height).Sum(y =>
            Math.Abs(f[(y * TexturedFilm.Format.Width) + 70] - truth[i][(y * TexturedFilm.Format.Width) + 70]))).Sum();

        static void Scratch(int frame, byte[] luma)
        {
            for (int y = 0; y < TexturedFilm.Format.Height; y++)
            {
                luma[(y * TexturedFilm.Format.Width) + 70] = 230;
            }
        }
    }

    /// <summary>What a frame becomes depends on the frames of its reach alone: a film in parts is the film in one go.</summary>
    [Fact]
    public async Task Process_APart_GivesTheFramesOfTheWhole()
    {
        using NativePool pool = new(1L << 30);
        List<byte[]> whole = await BytesAsync(Create(pool, new DefectOptions { Seed = 3 }).ProcessAsync(Film(pool, Often), default));
        const int First = 6;
        DefectStage stage = new(new MedianFill(), new DenseInverseSearch(), TexturedFilm.Format, new DefectOptions { Seed = 3, Workers = 2 }, pool, new FrameRange(First, First + 1));
        int begin = First - DefectStage.Reach;
        List<byte[]> part = await BytesAsync(stage.ProcessAsync(Film(pool, Often, count: Frames - begin, first: begin), default));
        Assert.Single(part);
        Assert.Equal(whole[First], part[0]);
        Assert.Equal(1, stage.RepairedFrames);
    }

    [Fact]
    public async Task Process_GivenMaskAlone_IsRepairedThere()
    {
        using NativePool pool = new(1L << 30);
        List<byte[]> source = await BytesAsync(Film(pool, Soil));
        DefectStage stage = Create(pool, new DefectOptions { Find = DefectKinds.Off, Grain = false }, masks: () => new GivenMasks(Dust[0]));
        List<byte[]> result = await BytesAsync(stage.ProcessAsync(Film(pool, Soil), default));
        Assert.Equal(0, stage.Spots);
        Assert.Equal(1, stage.RepairedFrames);
        for (int p = 0; p < source[DirtyFrame].Length; p++)
        {
            (int x, int y) = PlaceOf(p);
            if (Distance(Dust[0], x, y) > MaskedFill.Whole + MaskedFill.FadePixels + 2)
            {
                Assert.Equal(source[DirtyFrame][p], result[DirtyFrame][p]);
            }
        }

        int middle = ((Dust[0].Y + 4) * TexturedFilm.Format.Width) + Dust[0].X + 4;
        Assert.NotEqual(source[DirtyFrame][middle], result[DirtyFrame][middle]);
    }

    /// <summary>At the border by which the picture comes in, in a shot's last frame, no neighbour shows what is to be filled.</summary>
    [Fact]
    public async Task Process_MaskWhereNoNeighbourKnows_NothingIsShownAsUnknown()
    {
        using NativePool pool = new(1L << 30);
        using Watcher denoiser = new();
        DefectStage stage = new(
            denoiser, new DenseInverseSearch(), TexturedFilm.Format, new DefectOptions { Find = DefectKinds.Off, Grain = false }, pool, new FrameRange(0, long.MaxValue), masks: () => new GivenMasks((0, 40, 12, 0)));
        _ = await BytesAsync(stage.ProcessAsync(Film(pool, null, count: DirtyFrame + 1), default));
        Assert.Equal(1, stage.RepairedFrames);
        Assert.True(denoiser.SawUnknownNeighbours);
        Assert.InRange(denoiser.LeastKnown, 0, 1);
    }

    [Fact]
    public async Task Process_WithoutADenoiser_ShowsTheMasks()
    {
        using NativePool pool = new(1L << 30);
        DefectStage stage = new(null, new DenseInverseSearch(), TexturedFilm.Format, new DefectOptions(), pool, new FrameRange(0, long.MaxValue));
        List<byte[]> masks = await BytesAsync(stage.ProcessAsync(Film(pool, Soil), default));
        int length = TexturedFilm.Format.Width * TexturedFilm.Format.Height;
        for (int i = 0; i < Frames; i++)
        {
            Assert.All(masks[i].Take(length), v => Assert.True(v is 16 or 235));
            Assert.All(masks[i].Skip(length), v => Assert.Equal(128, v));
            int white = masks[i].Take(length).Count(v => v == 235);
            int planted = i == DirtyFrame ? Dust.Sum(d => d.Size * d.Size) : 0;
            Assert.InRange(white, planted * 0.9, planted * 1.1);
        }
    }

    private static DefectStage Create(NativePool pool, DefectOptions options, VideoFormat? format = null, Func<IFrameMasks>? masks = null) =>
        new(new MedianFill(), new DenseInverseSearch(), format ?? TexturedFilm.Format, options, pool, new FrameRange(0, long.MaxValue), masks: masks);

    private static IAsyncEnumerable<Frame> Film(NativePool pool, Action<int, byte[]>? edit, int cutAt = -1, int count = Frames, int first = 0) =>
        Renumber(TexturedFilm.Frames(pool, count, i => (1.7 * (i + first), 0.6 * (i + first)), edit is null ? null : (i, luma) => edit(i + first, luma), cutAt, index: first), first);

    private static async IAsyncEnumerable<Frame> Renumber(IAsyncEnumerable<Frame> frames, int first)
    {
        await foreach (Frame frame in frames)
        {
            frame.SourceIndex += first;
            yield return frame;
        }
    }

    private static void Soil(int frame, byte[] luma)
    {
        if (frame == DirtyFrame)
        {
            Plant(luma, 0, Dust);
        }
    }

    private static void Often(int frame, byte[] luma) => Plant(luma, 7 * (frame % 3), Dust);

    private static void Plant(byte[] luma, int move, (int X, int Y, int Size, byte Code)[] dust)
    {
        foreach ((int left, int top, int size, byte code) in dust)
        {
            for (int y = top; y < top + size; y++)
            {
                luma.AsSpan((y * TexturedFilm.Format.Width) + left + move, size).Fill(code);
            }
        }
    }

    private static int Distance((int X, int Y, int Size, byte Code) dust, int x, int y) =>
        Math.Max(Math.Max(dust.X - x, x - (dust.X + dust.Size - 1)), Math.Max(Math.Max(dust.Y - y, y - (dust.Y + dust.Size - 1)), 0));

    // The place of a byte of a yuv420p frame; of chroma the middle of what it colours.
    private static (int X, int Y) PlaceOf(int at)
    {
        int width = TexturedFilm.Format.Width;
        int luma = width * TexturedFilm.Format.Height;
        if (at < luma)
        {
            return (at % width, at / width);
        }

        int chroma = (at - luma) % (luma / 4);
        return (chroma % (width / 2) * 2, chroma / (width / 2) * 2);
    }

    private static async Task<List<byte[]>> BytesAsync(IAsyncEnumerable<Frame> frames)
    {
        List<byte[]> all = [];
        await foreach (Frame frame in frames)
        {
            all.Add(frame.Bytes.ToArray());
            frame.Dispose();
        }

        return all;
    }

    // One spot in the dirty frame.
    private sealed class GivenMasks((int X, int Y, int Size, byte Code) spot) : IFrameMasks
    {
        public ValueTask<bool> ReadAsync(long frame, FloatImage mask, CancellationToken cancellationToken)
        {
            mask.Values.Clear();
            for (int y = 0; frame == DirtyFrame && y < spot.Size; y++)
            {
                mask.Values.Slice(((spot.Y + y) * mask.Width) + spot.X, spot.Size).Fill(1);
            }

            return ValueTask.FromResult(frame == DirtyFrame);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    // Gives the centre back, and remembers of what it was told least: the largest over all samples of the least deviation of the five frames.
    private sealed class Watcher : IDenoiser
    {
        public string Name => "watcher";

        public float LeastKnown { get; private set; }

        public bool SawUnknownNeighbours { get; private set; }

        public void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken)
        {
            for (int c = 0; c < 3; c++)
            {
                frames.Channel(6 + c).CopyTo(clean.Channel(c));
                for (int i = 0; i < sigma.PlaneLength; i++)
                {
                    float neighbours = new[] { 0, 3, 9, 12 }.Min(slot => sigma.Channel(slot + c)[i]);
                    SawUnknownNeighbours |= neighbours >= MedianFill.Known;
                    LeastKnown = Math.Max(LeastKnown, Math.Min(neighbours, sigma.Channel(6 + c)[i]));
                }
            }
        }

        public void Dispose()
        {
        }
    }
}
