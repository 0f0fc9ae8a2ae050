using System.Collections.Concurrent;
using System.Numerics.Tensors;
using FrameFlow.Color;
using FrameFlow.Diffusion;
using FrameFlow.Inference;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>
/// Residual video diffusion between two frames (Yang 2022, applied to interpolation; models/training/README.md): motion is found once a
/// pair, a synthesis network blends what it fetches (and corrects it first, where the graph has a <c>flow_delta</c>) into the base frame b, and a diffusion of what the base missed adds u = (x - b)/s.
/// One step is the posterior mean x = b + s E[u]; more draw a sample by DPM-Solver++ 2M from sigma_1, of which lambda is taken.
/// The networks are local and run in tiles; warping stays outside the graphs, so that tiles need no halo for the motion. At half size
/// (<see cref="InterpolationOptions.HalvesNetworks"/>) they see all at half the resolution, and their blend and residual are enlarged: the look-ups stay at full size.
/// </summary>
public sealed class ResidualDiffusionInterpolator : IFrameInterpolator
{
    // What the networks were trained with (models/training/nets.py): flows enter divided by this many pixels; the channels of their inputs.
    private const float FlowUnit = 32;
    private const int Looks = 6;
    private const int Motion = 10;
    private const int Pictures = 12;
    private const int Maps = 12;
    private const int FlatMaps = 4; // the last of the maps, which have no place

    // Where the base, the look-ups, and the motion or the maps with a place begin in an item's condition.
    private const int BaseAt = 0;
    private const int LooksAt = 3;
    private const int MapsAt = LooksAt + Looks;

    // Pictures with nothing in common are in no training sample, so that s falls short there: where the motion leads back nowhere (mean inconsistency over both frames, of the 8 px at which it
    // saturates; ten cuts .83 to 1, 48 triplets up to .67), the error is this many times s.
    private const float LostMotion = 0.75f;
    private const float LostFactor = 2.25f;

    private readonly ModelManifest _manifest;
    private readonly OnnxModel _synthesis;
    private readonly OnnxModel _residual;
    private readonly IMotionEstimator _estimator;
    private readonly FrameConverter _converter;
    private readonly InterpolationOptions _options;
    private readonly NativePool _memory;
    private readonly TiledGraph _synthesisTiles;
    private readonly TiledGraph _residualTiles;
    private readonly double[] _sigmas;
    private readonly int _residualReach;
    private readonly bool _corrects;
    private readonly ConcurrentBag<Making> _idle = [];

    /// <summary>Loads the model's networks.</summary>
    /// <param name="model">A model of task <c>interpolate</c>.</param>
    /// <param name="device">Where the networks run.</param>
    /// <param name="estimator">Finds the motion of a pair; disposed with this, where it can be.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="memory">Where working memory comes from; not owned.</param>
    /// <exception cref="FrameFlowException">A network cannot be loaded.</exception>
    public ResidualDiffusionInterpolator(Model model, ExecutionDevice device, IMotionEstimator estimator, VideoFormat format, InterpolationOptions options, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        _manifest = model.Manifest;
        _estimator = estimator;
        _converter = new FrameConverter(format);
        _options = options;
        _memory = memory;
        (int width, int height) = options.HalvesNetworks == true ? (HalfSize.Of(format.Width), HalfSize.Of(format.Height)) : (format.Width, format.Height);
        TilePlan synthesisPlan = TilePlan.Create(width, height, _manifest.Alignment, Radius("synthesis"), options.TilePixels);
        TilePlan residualPlan = TilePlan.Create(width, height, _manifest.Alignment, Radius("residual"), options.TilePixels);
        _sigmas = NoiseSchedule.EvenInAngle(options.Steps, _manifest.Sigma.Start);
        _synthesis = new OnnxModel(model, "synthesis", device);
        try
        {
            _residual = new OnnxModel(model, "residual", device);
        }
        catch
        {
            _synthesis.Dispose();
            throw;
        }

        _corrects = Corrects(_manifest);
        GraphTensor[] outputs = [new("mask", 1), new("scale", 1)];
        _synthesisTiles = new TiledGraph(_synthesis, [new("looks", Looks), new("motion", Motion)], _corrects ? [new("flow_delta", 4), .. outputs] : outputs, synthesisPlan, memory);
        _residualTiles = new TiledGraph(_residual, [new("pictures", Pictures), new("maps", Maps)], [new("n", 3)], residualPlan, memory);

        _residualReach = Radius("residual");

        int Radius(string graph) => _manifest.ReceptiveField.TryGetValue(graph, out int radius)
            ? radius
            : throw new FrameFlowException(FaultKind.Model, $"The manifest of model '{_manifest.Name}' has no receptiveField.{graph}; add it.");
    }

    /// <inheritdoc/>
    public string Name => _manifest.Name;

    /// <summary>Loads a model with the motion that it brings (<see cref="LearnedFlow"/>), else with dense inverse search as frames between others want it.</summary>
    /// <param name="model">A model of task <c>interpolate</c>.</param>
    /// <param name="device">Where its networks run.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Validated options.</param>
    /// <param name="memory">Where working memory comes from; not owned.</param>
    /// <exception cref="FrameFlowException">A network cannot be loaded.</exception>
    public static ResidualDiffusionInterpolator Create(Model model, ExecutionDevice device, VideoFormat format, InterpolationOptions options, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(format);
        IMotionEstimator estimator = LearnedFlow.IsIn(model)
            ? new LearnedFlow(model, device, format.Width, format.Height, memory)
            : new DenseInverseSearch(DenseInverseSearchOptions.ForInterpolation(format.Width, format.Height));
        try
        {
            return new ResidualDiffusionInterpolator(model, device, estimator, format, options, memory);
        }
        catch
        {
            (estimator as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Bytes that all workers need beside frames, an upper bound, so that a plan can be checked before the first frame: their pictures, and one run of a network
    /// at a time with its tensors and its activations.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="options">Workers, batch, steps and tile size.</param>
    public static long WorkingBytes(Model model, VideoFormat format, InterpolationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        long pixels = (long)format.Width * format.Height;
        long seen = options.HalvesNetworks == true ? (long)HalfSize.Of(format.Width) * HalfSize.Of(format.Height) : pixels;
        long tile = Math.Min((long)(format.Width + 15) * (format.Height + 15) * seen / pixels, options.TilePixels);

        // A pair: two pictures (6), both flows (4), their inconsistencies (2), and what the search keeps. A frame: motion (2), below 1080 lines what stands apart (4), two
        // flows (4), two look-ups (6), maps (4); as the networks see it: condition (19), scale and result (4), while sampling state, scratch and mean (12), and what limits the detail (6); a correction of the motion (4) where the model gives one.
        long ahead = options.AsksNeighbours ? 13 : 0; // the next pair's motion and right picture, and what pairs keep for their neighbours, once for all workers
        long pair = 12 + (DenseInverseSearchOptions.ForInterpolation(format.Width, format.Height).FinestScale == 0 ? 40 : 10);
        pair += options.AsksNeighbours ? 5 : 0; // what these tell, and what is found with it
        long frame = IntermediateMotion.IsHalved(format.Width, format.Height) ? 16 : 20;
        long networks = (options.Steps > 1 ? 41 : 23) + (Corrects(model.Manifest) ? 4 : 0);
        long bound = Looks + Motion + 6 + Pictures + Maps + 3;
        long pictures = (sizeof(float) * ahead * pixels) + (sizeof(float) * options.Workers * (((pair + (options.Batch * frame)) * pixels) + (options.Batch * networks * seen)));
        long run = (sizeof(float) * bound * options.Batch * tile) + model.ActivationBytes(options.Batch * tile);
        return pictures + (LearnedFlow.IsIn(model) ? Math.Max(run, LearnedFlow.WorkingBytes(model, format.Width, format.Height)) : run);
    }

    /// <inheritdoc/>
    public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        (Frame left, Frame right) = (pair.Pair.Left.Frame, pair.Pair.Right.Frame);
        Making making = Take();
        try
        {
            FloatImage rgb0 = pair.Pair.Left.Rgb(_converter, _memory);
            FloatImage rgb1 = pair.Pair.Right.Rgb(_converter, _memory);
            MotionField motion = pair.Pair.Motion(_estimator, _converter, _memory);
            using MotionAround? around = pair.Around(_estimator, _converter, _memory);
            making.Begin(left, right, around, requests, _options.BypassStatic);
            using AlphaPair? alpha = left.Format.PixelFormat.HasAlpha ? new AlphaPair(_converter, left, right, _memory) : null;
            making.Alpha = alpha;
            Interpolate(making, rgb0, rgb1, motion, requests.Count, making.PlaceOf, making.Draw, making.Deliver, alpha is null ? null : making.DeliverAlpha, cancellationToken);
            if (_options.BypassStatic)
            {
                // After the alpha, which is the source's there as well.
                making.Restore();
            }
        }
        finally
        {
            making.End();
            _idle.Add(making);
        }
    }

    /// <summary>Called with what the synthesis network is to see of a frame, looks [6,H,W] and motion [10,H,W] in a row (nets.py): training sees through it what the program sees.</summary>
    internal Action<ReadOnlySpan<float>>? Shown { get; init; }

    /// <summary>Fills [3,H,W] with unit-variance noise for the frame at <paramref name="position"/>, whose motion to both frames is given.</summary>
    internal delegate void DrawNoise(FloatImage noise, double position, FloatImage flow0, FloatImage flow1);

    /// <summary>Takes the picture of request <paramref name="index"/> and the error expected of it, as <see cref="Frame.ExpectedError"/>.</summary>
    internal delegate void Deliver(int index, FloatImage picture, float expectedError);

    /// <summary>Takes, after the picture of request <paramref name="index"/>, the motion [2,H,W] px to both frames and the first one's share [1,H,W] that made it but for its residual.</summary>
    internal delegate void DeliverMotion(int index, FloatImage flow0, FloatImage flow1, FloatImage mask);

    /// <summary>The mathematics alone: from pictures and motion to pictures, RGB [3,H,W].</summary>
    internal void Interpolate(
        FloatImage rgb0,
        FloatImage rgb1,
        MotionField motion,
        int count,
        Func<int, (double Position, MotionAround? Around)> placeOf,
        DrawNoise drawNoise,
        Deliver deliver,
        CancellationToken cancellationToken,
        DeliverMotion? deliverMotion = null)
    {
        Making making = Take();
        try
        {
            Interpolate(making, rgb0, rgb1, motion, count, placeOf, drawNoise, deliver, deliverMotion, cancellationToken);
        }
        finally
        {
            making.End();
            _idle.Add(making);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_idle.TryTake(out Making? making))
        {
            making.Dispose();
        }

        _synthesisTiles.Dispose();
        _residualTiles.Dispose();
        _synthesis.Dispose();
        _residual.Dispose();
        (_estimator as IDisposable)?.Dispose();
    }

    private static bool Corrects(ModelManifest manifest) => manifest.Files.TryGetValue("synthesis", out ModelFile? synthesis) && synthesis.Outputs.Contains("flow_delta");

    private Making Take() => _idle.TryTake(out Making? making) ? making : new Making(this);

    private void Interpolate(
        Making making,
        FloatImage rgb0,
        FloatImage rgb1,
        MotionField motion,
        int count,
        Func<int, (double Position, MotionAround? Around)> placeOf,
        DrawNoise drawNoise,
        Deliver deliver,
        DeliverMotion? deliverMotion,
        CancellationToken cancellationToken)
    {
        for (int first = 0; first < count; first += _options.Batch)
        {
            making.Count = Math.Min(_options.Batch, count - first);
            for (int i = 0; i < making.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                (double position, MotionAround? around) = placeOf(first + i);
                Approach(making.Begin(i, rgb0, position, around), rgb0, rgb1, motion);
                Shown?.Invoke(making[i].Condition.Values[(LooksAt * making[i].Condition.PlaneLength)..]);
            }

            RunSynthesis(making, cancellationToken);
            for (int i = 0; i < making.Count; i++)
            {
                Blend(making[i], rgb0, rgb1);
            }

            RunResidual(making, null, Math.PI / 2, isMean: true, cancellationToken);
            if (_options.Steps > 1 && _options.Detail > 0)
            {
                Sample(making, drawNoise, cancellationToken);
            }

            for (int i = 0; i < making.Count; i++)
            {
                // s is the residual's standard deviation as the synthesis network foresees it.
                Item item = making[i];
                Span<float> scale = item.Scale.Values;
                float expectedError = MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(scale) / scale.Length) * (item.Inconsistency > LostMotion ? LostFactor : 1);
                Compose(item);
                deliver(first + i, item.Picture, expectedError);
                deliverMotion?.Invoke(first + i, item.Flow0, item.Flow1, item.Mask);
            }
        }
    }

    // The motion at t and what it fetches: the synthesis network's inputs (nets.py, Synthesis) into item.Condition.
    // Mask, Scratch and Scale are scratch here: the network fills them afterwards.
    private void Approach(Item item, FloatImage rgb0, FloatImage rgb1, MotionField motion)
    {
        float t = (float)item.Position;
        FloatImage x = item.Condition;
        using FloatImage velocity = IntermediateMotion.At(motion, rgb0, rgb1, t, _memory, item.Apart);
        IntermediateMotion.InconsistencyAt(motion, velocity, t, item.Mask, item.Scratch);
        item.Inconsistency = (TensorPrimitives.Sum<float>(item.Mask.Values) + TensorPrimitives.Sum<float>(item.Scratch.Values)) / (2 * item.Mask.PlaneLength);
        item.See(item.Mask.Values, x.Channel(MapsAt + 4), item.PixelSize);
        item.See(item.Scratch.Values, x.Channel(MapsAt + 5), item.PixelSize);
        Warp.Inside(velocity, -t, item.Mask);
        Warp.Inside(velocity, 1 - t, item.Scratch);
        item.See(item.Mask.Values, x.Channel(MapsAt + 6));
        item.See(item.Scratch.Values, x.Channel(MapsAt + 7));
        TensorPrimitives.Multiply(velocity.Values, -t, item.Flow0.Values);
        TensorPrimitives.Multiply(velocity.Values, 1 - t, item.Flow1.Values);
        item.Around?.Bend.Apply(velocity, t, item.Flow0, item.Flow1, _memory);
        if (_corrects)
        {
            Warp.Bicubic(rgb0, item.Flow0, 1, item.Look0);
            Warp.Bicubic(rgb1, item.Flow1, 1, item.Look1);
        }
        else
        {
            LookUp(item, rgb0, rgb1);
        }

        for (int c = 0; c < 2; c++)
        {
            item.See(item.Flow0.Channel(c), x.Channel(MapsAt + c), item.PixelSize / FlowUnit);
            item.See(item.Flow1.Channel(c), x.Channel(MapsAt + 2 + c), item.PixelSize / FlowUnit);
        }

        x.Channel(MapsAt + 8).Fill(t);
        SeeLooks(item, MapsAt + 9, item.Scale.Values);
    }

    // The look-ups, and how much they differ into a channel.
    private static void SeeLooks(Item item, int channel, Span<float> scratch)
    {
        FloatImage seen = item.Condition;
        Span<float> difference = seen.Channel(channel);
        difference.Clear();
        for (int c = 0; c < 3; c++)
        {
            item.See(item.Look0.Channel(c), seen.Channel(LooksAt + c));
            item.See(item.Look1.Channel(c), seen.Channel(LooksAt + 3 + c));
            TensorPrimitives.Subtract(seen.Channel(LooksAt + c), seen.Channel(LooksAt + 3 + c), scratch);
            TensorPrimitives.Abs(scratch, scratch);
            TensorPrimitives.Add(difference, scratch, difference);
        }

        TensorPrimitives.Multiply(difference, 1f / 3, difference);
    }

    // The residual network sees as far beyond what changes as it reaches: there it needs what the synthesis gives.
    private void RunSynthesis(Making making, CancellationToken cancellationToken)
    {
        PictureRegion? region = making.Region?.Grown(_residualReach, making[0].SeenMask.Width, making[0].SeenMask.Height);
        if (region is not null)
        {
            making.ClearSynthesis();
        }

        _synthesisTiles.Run(making.Count, new Synthesis(making), cancellationToken, region);
    }

    // What is blended: the means of what all motions fetch, and what one frame shows alone.
    private void LookUp(Item item, FloatImage rgb0, FloatImage rgb1)
    {
        float t = (float)item.Position;
        Warp.Bicubic(rgb0, item.Flow0, 1, item.Look0, item.Apart, -t);
        Warp.Bicubic(rgb1, item.Flow1, 1, item.Look1, item.Apart, 1 - t);
        item.Around?.Uncovered.Apply(rgb0, rgb1, t, item.Look0, item.Look1, _memory);
    }

    // b = m w0' + (1 - m) w1', s, and with them the residual network's condition (nets.py, Residual), over the synthesis network's.
    private void Blend(Item item, FloatImage rgb0, FloatImage rgb1)
    {
        FloatImage cond = item.Condition;
        item.TakeMask();
        cond.Channel(MapsAt + 4).CopyTo(cond.Channel(MapsAt + 3));
        cond.Channel(MapsAt + 5).CopyTo(cond.Channel(MapsAt + 4));
        if (_corrects)
        {
            item.TakeCorrections();
            LookUp(item, rgb0, rgb1);
            SeeLooks(item, MapsAt + 7, cond.Channel(BaseAt));
        }
        else
        {
            cond.Channel(MapsAt + 9).CopyTo(cond.Channel(MapsAt + 7));
        }

        for (int c = 0; c < 3; c++)
        {
            Span<float> b = item.Look0.Channel(c);
            TensorPrimitives.Subtract(b, item.Look1.Channel(c), b);
            TensorPrimitives.MultiplyAdd(b, item.Mask.Values, item.Look1.Channel(c), b);
            item.See(b, cond.Channel(BaseAt + c));
        }

        item.SeenMask.Values.CopyTo(cond.Channel(MapsAt));
        Length(item.Flow0, cond.Channel(MapsAt + 1));
        Length(item.Flow1, cond.Channel(MapsAt + 2));
        double t = item.Position;
        Span<float> scale = item.Scale.Values;
        TensorPrimitives.Multiply(scale, MathF.Sqrt(2), scale);
        TensorPrimitives.Max(scale, (float)_manifest.ResidualScale.Min, scale);
        TensorPrimitives.Min(scale, (float)_manifest.ResidualScale.Max, scale);
        TensorPrimitives.Multiply(scale, (float)(2 * Math.Sqrt(t * (1 - t))), scale);
        TensorPrimitives.Log(scale, cond.Channel(MapsAt + 5));
        cond.Channel(MapsAt + 6).Fill((float)t);

        void Length(FloatImage flow, Span<float> length)
        {
            // The look-ups have been seen.
            Span<float> scratch = item.Look1.Channel(0);
            TensorPrimitives.Hypot(flow.Channel(0), flow.Channel(1), scratch);
            item.See(scratch, length, item.PixelSize / FlowUnit);
        }
    }

    // One evaluation over all tiles: D into item.Clean. Without a state it is the mean head.
    private void RunResidual(Making making, FloatImage[]? states, double theta, bool isMean, CancellationToken cancellationToken)
    {
        (making.States, making.Theta, making.IsMean) = (states, theta, isMean);
        if (making.Region is not null)
        {
            making.ClearResidual();
        }

        _residualTiles.Run(making.Count, new Residual(making), cancellationToken, making.Region);
    }

    // z = mean + sqrt(1 + sigma_1^2) n, then the solver; item.Clean becomes mean + lambda (sample - mean), lambda less where the source has no such detail.
    private void Sample(Making items, DrawNoise drawNoise, CancellationToken cancellationToken)
    {
        FloatImage like = items[0].Clean;
        FloatImage[] states = new FloatImage[items.Count];
        FloatImage[] means = new FloatImage[items.Count];
        FloatImage[] scratch = new FloatImage[items.Count];
        try
        {
            for (int n = 0; n < items.Count; n++)
            {
                states[n] = _memory.RentImage(3, like.Height, like.Width);
                means[n] = _memory.RentImage(3, like.Height, like.Width);
                scratch[n] = _memory.RentImage(6, like.Height, like.Width);
                items[n].Clean.Values.CopyTo(means[n].Values);
                drawNoise(states[n], items[n].Position, items[n].Flow0, items[n].Flow1);
                TensorPrimitives.MultiplyAdd(states[n].Values, (float)Math.Sqrt(1 + (_sigmas[0] * _sigmas[0])), means[n].Values, states[n].Values);
            }

            // The items of a batch share every level, so the solver steps them side by side through one evaluation.
            DpmSolver.Solve(
                items.Count,
                n => states[n].Values,
                n => scratch[n].Values,
                _sigmas,
                (sigma, cleanOf) =>
                {
                    RunResidual(items, states, Math.Atan(sigma), isMean: false, cancellationToken);
                    for (int n = 0; n < items.Count; n++)
                    {
                        items[n].Clean.Values.CopyTo(cleanOf(n));
                    }
                });

            float lambda = (float)_options.Detail;
            for (int n = 0; n < items.Count; n++)
            {
                Span<float> clean = items[n].Clean.Values;
                TensorPrimitives.Subtract(states[n].Values, means[n].Values, clean);
                if (_options.LimitsDetail)
                {
                    DetailLimit.Apply(items[n].Condition, items[n].Scale, means[n], items[n].Clean, lambda, _memory);
                    TensorPrimitives.Add(clean, means[n].Values, clean);
                }
                else
                {
                    TensorPrimitives.MultiplyAdd(clean, lambda, means[n].Values, clean);
                }
            }
        }
        finally
        {
            foreach (FloatImage? image in states.Concat(means).Concat(scratch))
            {
                image?.Dispose();
            }
        }
    }

    // x = b + s u.
    private void Compose(Item item)
    {
        for (int c = 0; c < 3; c++)
        {
            TensorPrimitives.Multiply(item.Clean.Channel(c), item.Scale.Values, item.Clean.Channel(c));
            item.AddSeen(item.Clean.Channel(c), item.Picture.Channel(c));
        }

        if (!float.IsFinite(TensorPrimitives.Sum<float>(item.Picture.Values)))
        {
            throw new FrameFlowException(FaultKind.Model, $"Model '{_manifest.Name}' gave a picture that is not finite; try --device cpu, and report it.");
        }
    }

    // Everything that belongs to the frames of one pair in the making: used again from pair to pair, so that a made frame costs no objects.
    private sealed class Making : IDisposable
    {
        private readonly ResidualDiffusionInterpolator _owner;
        private readonly Item?[] _items;
        private readonly StillParts _still = new();
        private Frame? _left;
        private MotionAround? _around;
        private IReadOnlyList<InterpolationRequest> _requests = [];

        public Making(ResidualDiffusionInterpolator owner)
        {
            _owner = owner;
            _items = new Item?[owner._options.Batch];
            PlaceOf = i => (_requests[i].Position, _requests[i].Around ?? _around);
            Draw = (noise, position, flow0, flow1) => CoherentNoise.Fill(noise, owner._options.Seed, _left!.SourceIndex, position, flow0, flow1);
            Deliver = (i, picture, expectedError) =>
            {
                owner._converter.FromRgb(picture, _requests[i].Target);
                _requests[i].Target.ExpectedError = expectedError;
            };
            DeliverAlpha = (i, flow0, flow1, mask) => Alpha!.Write(_requests[i].Target, flow0, 1, flow1, 1, mask.Values);
        }

        public Func<int, (double Position, MotionAround? Around)> PlaceOf { get; }

        public DrawNoise Draw { get; }

        public Deliver Deliver { get; }

        public DeliverMotion DeliverAlpha { get; }

        public AlphaPair? Alpha { get; set; }

        /// <summary>Frames that go through the networks together now.</summary>
        public int Count { get; set; }

        /// <summary>The samples' states; null for the mean head.</summary>
        public FloatImage[]? States { get; set; }

        public double Theta { get; set; }

        public bool IsMean { get; set; }

        /// <summary>What the networks need to see, in their pixels; null for all.</summary>
        public PictureRegion? Region { get; private set; }

        public Item this[int i] => _items[i]!;

        /// <summary>Takes a pair.</summary>
        public void Begin(Frame left, Frame right, MotionAround? around, IReadOnlyList<InterpolationRequest> requests, bool bypassesStatic)
        {
            (int height, int width) = (left.Format.Height, left.Format.Width);
            (_left, _around, _requests) = (left, around, requests);
            if (bypassesStatic)
            {
                _still.Find(left, right);
                PictureRegion changing = _still.Changing;
                Region = changing.Width == 0 || (changing.Width == width && changing.Height == height) ? null
                    : _owner._options.HalvesNetworks == true ? changing.Halved() : changing;
            }
        }

        /// <summary>Lets go of the pair.</summary>
        public void End()
        {
            (_left, _around, _requests, Alpha, States, Region) = (null, null, [], null, null, null);
        }

        /// <summary>The i-th frame of a batch, begun anew.</summary>
        public Item Begin(int i, FloatImage like, double position, MotionAround? around)
        {
            Item? item = _items[i];
            if (item is null || (item.Mask.Width, item.Mask.Height) != (like.Width, like.Height))
            {
                item?.Dispose();
                _items[i] = null; // should there be no memory for the next
                _items[i] = item = new Item(_owner._memory, like.Height, like.Width, _owner._options.HalvesNetworks == true, _owner._corrects);
            }

            item.Begin(position, around);
            return item;
        }

        /// <summary>What the synthesis network would give where nothing changes.</summary>
        public void ClearSynthesis()
        {
            for (int i = 0; i < Count; i++)
            {
                this[i].SeenMask.Values.Fill(0.5f);
                this[i].Scale.Values.Clear();
                this[i].Delta?.Values.Clear();
            }
        }

        /// <summary>No residual where nothing changes.</summary>
        public void ClearResidual()
        {
            for (int i = 0; i < Count; i++)
            {
                this[i].Clean.Values.Clear();
            }
        }

        /// <summary>Puts the source into the still parts of all frames of the pair.</summary>
        public void Restore()
        {
            for (int i = 0; i < _requests.Count; i++)
            {
                _still.Restore(_left!, _requests[i].Target);
            }
        }

        public void Dispose()
        {
            foreach (Item? item in _items)
            {
                item?.Dispose();
            }
        }
    }

    // The synthesis network's tensors.
    private readonly struct Synthesis(Making making) : ITileWork
    {
        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            for (int n = 0; n < count; n++)
            {
                FloatImage seen = making[first + n].Condition;
                Tiles.Load(plan, tile, seen, LooksAt, Tiles.Planes(plan, run["looks"], Looks, n, 0, Looks));
                Tiles.Load(plan, tile, seen, MapsAt, Tiles.Planes(plan, run["motion"], Motion, n, 0, Motion));
            }
        }

        public void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            for (int n = 0; n < count; n++)
            {
                Item item = making[first + n];
                if (item.Delta is { } delta)
                {
                    Tiles.Store(plan, tile, run["flow_delta"], n, 4, delta);
                }

                Tiles.Store(plan, tile, run["mask"], n, 1, item.SeenMask);
                Tiles.Store(plan, tile, run["scale"], n, 1, item.Scale);
            }
        }
    }

    // The residual network's tensors.
    private readonly struct Residual(Making making) : ITileWork
    {
        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            (float cos, float cos2, float cos4) = ((float)Math.Cos(making.Theta), (float)Math.Cos(2 * making.Theta), (float)Math.Cos(4 * making.Theta));
            for (int n = 0; n < count; n++)
            {
                Span<float> state = State(run, plan, n);
                if (making.States is { } states)
                {
                    // EDM's z / sqrt(1 + sigma^2) with sigma_data = 1 (Karras 2022): cos(atan sigma).
                    Tiles.Load(plan, tile, states[first + n], 0, state);
                    TensorPrimitives.Multiply(state, cos, state);
                }
                else
                {
                    state.Clear();
                }

                FloatImage seen = making[first + n].Condition;
                Tiles.Load(plan, tile, seen, BaseAt, Tiles.Planes(plan, run["pictures"], Pictures, n, 3, Pictures - 3));
                Tiles.Load(plan, tile, seen, MapsAt, Tiles.Planes(plan, run["maps"], Maps, n, 0, Maps - FlatMaps));
                ReadOnlySpan<float> flat = [cos, cos2, cos4, making.IsMean ? 1 : 0];
                for (int k = 0; k < FlatMaps; k++)
                {
                    Tiles.Planes(plan, run["maps"], Maps, n, Maps - FlatMaps + k, 1).Fill(flat[k]);
                }
            }
        }

        public void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            for (int n = 0; n < count; n++)
            {
                // D = cos y + sin N.
                Span<float> clean = Tiles.Planes(plan, run["n"], 3, n, 0, 3);
                if (making.States is not null)
                {
                    TensorPrimitives.Multiply(clean, (float)Math.Sin(making.Theta), clean);
                    TensorPrimitives.MultiplyAdd(State(run, plan, n), (float)Math.Cos(making.Theta), clean, clean);
                }

                Tiles.Store(plan, tile, run["n"], n, 3, making[first + n].Clean);
            }
        }

        private static Span<float> State(BoundRun run, TilePlan plan, int n) => Tiles.Planes(plan, run["pictures"], Pictures, n, 0, 3);
    }

    // Everything that belongs to one frame in the making; Condition first holds what the synthesis network sees. What the networks see and give is of
    // their size, half of the frame's where they are halved: then their corrections of the motion and their mask are enlarged.
    private sealed class Item : IDisposable
    {
        private readonly bool _isHalved;

        public Item(NativePool memory, int height, int width, bool isHalved, bool corrects)
        {
            _isHalved = isHalved;
            (int seenHeight, int seenWidth) = isHalved ? (HalfSize.Of(height), HalfSize.Of(width)) : (height, width);
            Flow0 = memory.RentImage(2, height, width);
            Flow1 = memory.RentImage(2, height, width);
            Apart = IntermediateMotion.IsHalved(width, height) ? null : memory.RentImage(4, height, width);
            Look0 = memory.RentImage(3, height, width);
            Look1 = memory.RentImage(3, height, width);
            Mask = memory.RentImage(1, height, width);
            Condition = memory.RentImage(MapsAt + Motion, seenHeight, seenWidth);
            Scale = memory.RentImage(1, seenHeight, seenWidth);
            Clean = memory.RentImage(3, seenHeight, seenWidth);
            SeenMask = isHalved ? memory.RentImage(1, seenHeight, seenWidth) : Mask;
            Scratch = isHalved ? memory.RentImage(1, height, width) : Scale;
            Delta = corrects ? memory.RentImage(4, seenHeight, seenWidth) : null;
        }

        public double Position { get; private set; }

        /// <summary>The mean of both inconsistencies, 0..1.</summary>
        public float Inconsistency { get; set; }

        /// <summary>What is known of the pair from beside it; not owned.</summary>
        public MotionAround? Around { get; private set; }

        /// <summary>Makes it another frame's.</summary>
        public void Begin(double position, MotionAround? around)
        {
            (Position, Around) = (position, around);
        }

        /// <summary>The networks' pixels a pixel of the frame.</summary>
        public float PixelSize => _isHalved ? 0.5f : 1;

        public FloatImage Flow0 { get; }

        public FloatImage Flow1 { get; }

        /// <summary>The network's correction of both flows [4,h,w], px as it sees them; null where it gives none.</summary>
        public FloatImage? Delta { get; }

        /// <summary>What each direction alone would have, less V (<see cref="IntermediateMotion.At"/>).</summary>
        public FloatImage? Apart { get; }

        public FloatImage Look0 { get; }

        public FloatImage Look1 { get; }

        /// <summary>In the end the finished picture: the base takes the first look-up's place.</summary>
        public FloatImage Picture => Look0;

        public FloatImage Condition { get; }

        public FloatImage Mask { get; }

        /// <summary>The mask as the network gave it.</summary>
        public FloatImage SeenMask { get; }

        public FloatImage Scale { get; }

        /// <summary>Of the frame's size; shares memory with Scale where that is of the frame's size too.</summary>
        public FloatImage Scratch { get; }

        public FloatImage Clean { get; }

        /// <summary>Shows the networks a plane of the frame's size.</summary>
        public void See(ReadOnlySpan<float> plane, Span<float> seen, float factor = 1)
        {
            if (_isHalved)
            {
                HalfSize.Reduce(plane, Mask.Width, Mask.Height, seen, factor);
            }
            else if (factor == 1)
            {
                plane.CopyTo(seen);
            }
            else
            {
                TensorPrimitives.Multiply(plane, factor, seen);
            }
        }

        /// <summary>Adds a plane of the networks' size to one of the frame's.</summary>
        public void AddSeen(ReadOnlySpan<float> seen, Span<float> plane, float factor = 1)
        {
            if (_isHalved)
            {
                HalfSize.AddEnlarged(seen, plane, Mask.Width, Mask.Height, Scratch.Values, factor);
            }
            else
            {
                TensorPrimitives.MultiplyAdd(seen, factor, plane, plane);
            }
        }

        /// <summary>Brings the network's mask to the frame's size.</summary>
        public void TakeMask()
        {
            if (_isHalved)
            {
                Mask.Values.Clear();
                AddSeen(SeenMask.Values, Mask.Values);
            }
        }

        /// <summary>Adds the network's correction to the motion.</summary>
        public void TakeCorrections()
        {
            for (int c = 0; c < 2; c++)
            {
                AddSeen(Delta!.Channel(c), Flow0.Channel(c), 1 / PixelSize);
                AddSeen(Delta.Channel(2 + c), Flow1.Channel(c), 1 / PixelSize);
            }
        }

        public void Dispose()
        {
            Flow0.Dispose();
            Flow1.Dispose();
            Apart?.Dispose();
            Look0.Dispose();
            Look1.Dispose();
            Condition.Dispose();
            Mask.Dispose();
            Scale.Dispose();
            Clean.Dispose();
            Delta?.Dispose();
            if (_isHalved)
            {
                SeenMask.Dispose();
                Scratch.Dispose();
            }
        }
    }
}
