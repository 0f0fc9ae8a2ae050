using System.IO.Hashing;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Reporting;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Reporting;

public sealed class LedgerTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly NativePool _pool = new(1 << 22);

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [InlineData(FrameWork.None, "source")]
    [InlineData(FrameWork.Held, "held")]
    [InlineData(FrameWork.Denoised | FrameWork.Grained, "denoised")]
    [InlineData(FrameWork.Denoised | FrameWork.Repaired, "repaired")]
    [InlineData(FrameWork.Rebuilt | FrameWork.Denoised, "rebuilt")]
    [InlineData(FrameWork.Rebuilt | FrameWork.Interpolated | FrameWork.Denoised, "interpolated")]
    [InlineData(FrameWork.Deflickered | FrameWork.Stabilised, "stabilised")]
    public void KindOf_SeveralWorks_IsTheStrongest(FrameWork work, string kind) => Assert.Equal(kind, LedgerEntry.KindOf(work));

    [Theory]
    [InlineData(FrameWork.None, 0, 1.0)]
    [InlineData(FrameWork.Denoised, 0, 1.0)]
    [InlineData(FrameWork.Held, 0, null)]
    [InlineData(FrameWork.Interpolated, 0, null)]
    [InlineData(FrameWork.Interpolated, InterpolationOptions.ShredsAbove / 4, 0.75)]
    [InlineData(FrameWork.Rebuilt, InterpolationOptions.ShredsAbove * 2, 0.0)]
    public void ConfidenceOf_WhatIsExpected_IsOneToNothing(FrameWork work, double error, double? confidence)
    {
        using Frame frame = new FramePool(_pool, Some.Format).Rent(0, 0);
        (frame.Work, frame.ExpectedError) = (work, (float)error);
        Assert.Equal(confidence is null, LedgerEntry.ConfidenceOf(frame) is null);
        Assert.Equal(confidence ?? 0, LedgerEntry.ConfidenceOf(frame) ?? 0, 1e-6);
    }

    [Fact]
    public async Task Writer_UnevenTimes_AreReadBackExactly()
    {
        // A VFR source: times that no decimal holds.
        FrameTimeline source = FrameTimeline.FromTicks([0, 1, 3, 4, 9], new Rational(1001, 30000), null);
        using (LedgerWriter writer = new(_path, source, 7))
        {
            Add(writer, source[1], 1, FrameWork.Denoised, 0);
            Add(writer, (source[1] + source[2]) / 2, 1, FrameWork.Denoised | FrameWork.Interpolated, 0.5);
            Add(writer, source[4], 4, FrameWork.Held, 0);
            writer.Finish();
        }

        List<LedgerEntry> read = [];
        await foreach (LedgerEntry entry in LedgerEntry.ReadAsync(_path, TestContext.Current.CancellationToken))
        {
            read.Add(entry);
        }

        Assert.Equal([7, 8, 9], read.Select(e => e.Frame));
        Assert.Equal([source[1], (source[1] + source[2]) / 2, source[4]], read.Select(e => e.Time));
        Assert.Equal([[1], [1, 2], [4]], read.Select(e => e.Source));
        Assert.Equal([source[1], source[2]], read[1].SourceTimes);
        Assert.Equal(["denoised", "interpolated", "held"], read.Select(e => e.Kind));
        Assert.Equal(["interpolated", "denoised"], read[1].Work);
        byte[] bytes = new byte[Some.Format.FrameBytes];
        bytes.AsSpan().Fill(8);
        Assert.Equal(Convert.ToHexStringLower(XxHash128.Hash(bytes)), read[1].Hash);
    }

    [Fact]
    public async Task Read_LineOfSomethingElse_SaysWhich()
    {
        await File.WriteAllTextAsync(_path, "{\"frame\":0}\n", TestContext.Current.CancellationToken);
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(async () => await LedgerSummary.OfAsync(LedgerEntry.ReadAsync(_path), 1));
        Assert.Equal(FaultKind.Input, fault.Kind);
        Assert.Contains("Line 1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Summary_AnyLength_CountsAllAndStaysBounded()
    {
        const int Frames = 10_000;
        LedgerSummary summary = new(Frames);
        for (int i = 0; i < Frames; i++)
        {
            summary.Add(Entry(i, i % 3 == 0 ? "source" : "interpolated", i % 3 == 0 ? 1 : 1 - (i / 20_000.0), i / 100 % 2 == 0 ? "same" : i.ToString("x", null)));
        }

        Assert.Equal(Frames, summary.Frames);
        Assert.Equal(Frames, summary.Kinds.Values.Sum());
        Assert.Equal(3334, summary.Kinds["source"]);
        Assert.Equal(LedgerSummary.MostBins, summary.Timeline.Count);
        Assert.Equal(Frames, summary.Timeline.Sum(b => b.Frames));
        Assert.Equal(summary.Repeats, summary.Timeline.Sum(b => b.Repeats));
        Assert.Equal(50 * 99, summary.Repeats);

        // The least trusted first, one of each pair of source frames.
        Assert.Equal(8, summary.Doubted.Count);
        Assert.Equal(9998, summary.Doubted[0].Frame);
        Assert.Equal(summary.Doubted.Select(d => d.Source[0]).Distinct(), summary.Doubted.Select(d => d.Source[0]));
        Assert.Equal(summary.Doubted.OrderBy(d => d.Confidence).Select(d => d.Frame), summary.Doubted.Select(d => d.Frame));
        Assert.Equal(4, summary.Typical.Count);
        Assert.All(summary.Typical, t => Assert.Equal("interpolated", t.Kind));
        Assert.Equal(summary.Timeline.Min(b => b.Confidence), summary.LowestConfidence);
    }

    private static LedgerEntry Entry(int i, string kind, double confidence, string hash) => new()
    {
        Frame = i,
        Time = new Rational(i, 60),
        Seconds = i / 60.0,
        Source = [i / 3],
        SourceTimes = [new Rational(i / 3, 20)],
        Kind = kind,
        Work = kind == "source" ? [] : [kind],
        T = 0,
        Confidence = confidence,
        Changed = 0,
        Hash = hash,
    };

    private void Add(LedgerWriter writer, Rational time, long index, FrameWork work, double position)
    {
        using Frame frame = new FramePool(_pool, Some.Format).Rent(time, index);
        (frame.Work, frame.Position) = (work, position);
        frame.Bytes.Fill(8);
        writer.Add(frame);
    }
}
