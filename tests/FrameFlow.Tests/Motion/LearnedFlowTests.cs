using FrameFlow.Inference;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Motion;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Motion;

/// <summary>What stands around a model's flow network. The network is scripts/make-flow-probe's: flow01 = 8 (R, G) of frame 0 - 2, flow10 = 2 - 8 (R, G) of frame 1, both plus the mean blue.</summary>
public sealed class LearnedFlowTests : IDisposable
{
    private readonly NativePool _pool = new(1L << 32);
    private readonly Model _probe = new ModelCatalog(Repository.TestData("models")).Find("flow-probe", "flow");

    public void Dispose()
    {
        Assert.Equal(0, _pool.LiveBlocks);
        _pool.Dispose();
    }

    [Theory]
    [InlineData(70, 45)]
    [InlineData(64, 96)]
    public void Estimate_AnySize_PadsByReplicationAndCutsBack(int width, int height)
    {
        using FloatImage rgb0 = Picture(width, height, 1);
        using FloatImage rgb1 = Picture(width, height, 2);
        using LearnedFlow flow = new(_probe, ExecutionDevice.Cpu(1), width, height, _pool);
        using MotionField found = flow.Estimate(rgb0, rgb1, _pool);
        Assert.Equal((width, height), (found.Width, found.Height));
        float blue = (float)((PaddedMean(rgb0) + PaddedMean(rgb1)) / 2);
        for (int c = 0; c < 2; c++)
        {
            for (int i = 0; i < found.Forward.PlaneLength; i++)
            {
                Assert.Equal((8 * rgb0.Channel(c)[i]) - 2 + blue, found.Forward.Channel(c)[i], 1e-4f);
                Assert.Equal(2 - (8 * rgb1.Channel(c)[i]) + blue, found.Backward.Channel(c)[i], 1e-4f);
            }
        }

        double PaddedMean(FloatImage image)
        {
            int across = (width + 31) / 32 * 32, down = (height + 31) / 32 * 32;
            double sum = 0;
            for (int y = 0; y < down; y++)
            {
                for (int x = 0; x < across; x++)
                {
                    sum += image.Channel(2)[(Math.Min(y, height - 1) * width) + Math.Min(x, width - 1)];
                }
            }

            return sum / across / down;
        }
    }

    [Theory]
    [InlineData(1079, 1)]
    [InlineData(1080, 2)]
    public void Estimate_LargeFrames_SearchesAtHalfSizeAndDoublesTheMotion(int lines, float factor)
    {
        using FloatImage rgb = _pool.RentImage(3, lines, 1201);
        rgb.Channel(0).Fill(0.5f);
        rgb.Channel(1).Fill(0.125f);
        rgb.Channel(2).Fill(0.25f);
        using LearnedFlow flow = new(_probe, ExecutionDevice.Cpu(1), 1201, lines, _pool);
        using MotionField found = flow.Estimate(rgb, rgb, _pool);
        Assert.Equal((1201, lines), (found.Width, found.Height));
        foreach (int i in (ReadOnlySpan<int>)[0, 1200, found.Forward.PlaneLength / 2, found.Forward.PlaneLength - 1])
        {
            Assert.Equal(factor * 2.25f, found.Forward.Channel(0)[i], 1e-4f);
            Assert.Equal(factor * -0.75f, found.Forward.Channel(1)[i], 1e-4f);
            Assert.Equal(factor * -1.75f, found.Backward.Channel(0)[i], 1e-4f);
        }
    }

    [Fact]
    public void Estimate_GraphOfHalfPrecision_FindsNearlyTheSame()
    {
        ModelFile file = _probe.Manifest.Files[LearnedFlow.Graph];
        Model half = _probe with { Manifest = _probe.Manifest with { Files = new Dictionary<string, ModelFile> { [LearnedFlow.Graph] = file with { Path = file.Half!.Path } } } };
        using FloatImage rgb0 = Picture(64, 64, 1);
        using FloatImage rgb1 = Picture(64, 64, 2);
        using LearnedFlow whole = new(_probe, ExecutionDevice.Cpu(1), 64, 64, _pool);
        using LearnedFlow halved = new(half, ExecutionDevice.Cpu(1), 64, 64, _pool);
        using MotionField expected = whole.Estimate(rgb0, rgb1, _pool);
        using MotionField found = halved.Estimate(rgb0, rgb1, _pool);
        double worst = expected.Forward.Values.ToArray().Zip(found.Forward.Values.ToArray(), (a, b) => Math.Abs(a - b)).Max();
        Assert.InRange(worst, 1e-5, 1e-2);
    }

    [Theory]
    [InlineData("cuda,fp16", DeviceKind.Cuda, true)]
    [InlineData("webgpu,fp16", DeviceKind.WebGpu, true)]
    [InlineData("tensorrt,fp16", DeviceKind.TensorRt, false)] // it halves the precision itself
    [InlineData("cuda,fp16", DeviceKind.Cpu, false)] // what a lost device leaves to the processor
    [InlineData("cuda", DeviceKind.Cuda, false)]
    public void PathFor_Precision_ChoosesTheGraph(string device, DeviceKind runsOn, bool half)
    {
        ExecutionDevice chosen = new(DeviceRequest.Parse(device, out _), 1, DeviceLossPolicy.Stop, _ => { });
        Assert.EndsWith(half ? "flow.fp16.onnx" : "flow.onnx", chosen.PathFor(_probe.Graph(LearnedFlow.Graph), runsOn), StringComparison.Ordinal);
        Assert.EndsWith("residual.onnx", chosen.PathFor(new ModelCatalog(Repository.Models).Find("light", "interpolate").Graph("residual"), runsOn), StringComparison.Ordinal);
    }

    [Fact]
    public void Estimate_OtherSize_IsRefused()
    {
        using FloatImage rgb = Picture(64, 48, 1);
        using LearnedFlow flow = new(_probe, ExecutionDevice.Cpu(1), 64, 64, _pool);
        Assert.Throws<ArgumentException>(() => flow.Estimate(rgb, rgb, _pool));
    }

    [Fact]
    public async Task Verify_GraphOfHalfPrecisionDamaged_SaysSo()
    {
        string folder = Directory.CreateTempSubdirectory("frameflow-models").FullName;
        try
        {
            foreach (string file in Directory.EnumerateFiles(_probe.Folder))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            Model copy = _probe with { Folder = folder };
            Assert.Empty(await ModelCatalog.VerifyAsync(copy, TestContext.Current.CancellationToken));
            await File.AppendAllTextAsync(Path.Combine(folder, "flow.fp16.onnx"), "x", TestContext.Current.CancellationToken);
            Assert.Contains("flow.fp16.onnx has SHA-256", Assert.Single(await ModelCatalog.VerifyAsync(copy, TestContext.Current.CancellationToken)), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>`light`'s networks behind the probe's motion: frames of one grey value but for R and G that say "2 px to the right", over a pattern in blue that did move so.</summary>
    [Fact]
    public void Create_ModelThatBringsItsMotion_FollowsIt()
    {
        Model light = new ModelCatalog(Repository.Models).Find("light", "interpolate");
        Model both = Renamed(light, new Dictionary<string, ModelFile>(light.Manifest.Files.Select(f => KeyValuePair.Create(f.Key, f.Value with { Path = Path.Combine(light.Folder, f.Value.Path) })))
        {
            [LearnedFlow.Graph] = _probe.Manifest.Files[LearnedFlow.Graph] with { Path = Path.Combine(_probe.Folder, "flow.onnx") },
        });
        VideoFormat format = new() { Width = 64, Height = 48, PixelFormat = PixelFormat.Known["yuv444p"] };
        using FloatImage rgb0 = Moved(0);
        using FloatImage rgb1 = Moved(2);
        using ResidualDiffusionInterpolator interpolator = ResidualDiffusionInterpolator.Create(both, ExecutionDevice.Cpu(1), format, new InterpolationOptions(), _pool);
        using LearnedFlow flow = new(_probe, ExecutionDevice.Cpu(1), 64, 48, _pool);
        using MotionField motion = flow.Estimate(rgb0, rgb1, _pool);
        Assert.Equal(2, motion.Forward.Channel(0)[999], 0.1);
        Assert.True(LearnedFlow.IsIn(both) && !LearnedFlow.IsIn(light));
        Assert.True(ResidualDiffusionInterpolator.WorkingBytes(both, format, new InterpolationOptions()) >= ResidualDiffusionInterpolator.WorkingBytes(light, format, new InterpolationOptions()));

        // Through frames, as a job does: what comes out at t = 1/2 has moved by one.
        FrameFlow.Color.FrameConverter converter = new(format);
        FramePool frames = new(_pool, format);
        using Frame left = frames.Rent(Rational.Zero, 0), right = frames.Rent(Rational.One, 1), made = frames.Rent(Rational.Zero, 0), expected = frames.Rent(Rational.Zero, 0);
        converter.FromRgb(rgb0, left);
        converter.FromRgb(rgb1, right);
        using FloatImage half = Moved(1);
        converter.FromRgb(half, expected);
        interpolator.Interpolate(left, right, [new InterpolationRequest(0.5, made)], TestContext.Current.CancellationToken);
        double Far(Frame frame) => made.Plane<byte>(0).ToArray().Zip(frame.Plane<byte>(0).ToArray(), (a, b) => Math.Abs(a - b)).Average();
        Assert.True(Far(expected) < Far(left) / 3, $"{Far(expected)} from where it should be, {Far(left)} from where it was");

        FloatImage Moved(int by)
        {
            FloatImage image = _pool.RentImage(3, 48, 64);
            for (int i = 0; i < image.PlaneLength; i++)
            {
                int x = i % 64;
                float blue = 0.5f + (0.45f * MathF.Sin((x - by) * 0.9f) * MathF.Cos(i / 64 * 0.35f));
                (image.Channel(0)[i], image.Channel(1)[i], image.Channel(2)[i]) = (0.4375f, 0.1875f, blue); // 8 R - 2 + mean blue (1/2) = 2; G: 0
            }

            return image;
        }
    }

    private static Model Renamed(Model model, IReadOnlyDictionary<string, ModelFile> files) => model with { Manifest = model.Manifest with { Files = files } };

    private FloatImage Picture(int width, int height, int seed)
    {
        FloatImage image = _pool.RentImage(3, height, width);
        Random random = new(seed);
        foreach (ref float value in image.Values)
        {
            value = random.NextSingle();
        }

        return image;
    }
}
