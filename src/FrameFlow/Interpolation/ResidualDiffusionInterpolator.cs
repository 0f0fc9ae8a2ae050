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
    // What the networks were trained with (models/training/nets.py): flows enter divided by this many pixels.
    private const float FlowUnit = 32;

    // Pictures with nothing in common are in no training sample, so that s falls short there: where the motion leads back nowhere (mean inconsistency over both frames, of the 8 px at which it
    // saturates; ten cuts .83 to 1, 48 triplets up to .67), the error is this many times s.
    private const float LostMotion = 0.75f;
    private const float LostFactor = 2.25f;

    private readonly ModelManifest _manifest;
    private readonly ResidualDiffusionNetworks _networks;
    private readonly IMotionEstimator _estimator;
    private readonly FrameConverter _converter;
    private readonly InterpolationOptions _options;
    private readonly NativePool _memory;
    private readonly double[] _sigmas;
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
        _sigmas = NoiseSchedule.EvenInAngle(options.Steps, _manifest.Sigma.Start);
        _networks = new ResidualDiffusionNetworks(model, device, width, height, options.TilePixels, memory);
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
        long networks = (options.Steps > 1 ? 41 : 23) + (ResidualDiffusionNetworks.CorrectsMotion(model.Manifest) ? 4 : 0);
        long pictures = (sizeof(float) * ahead * pixels) + (sizeof(float) * options.Workers * (((pair + (options.Batch * frame)) * pixels) + (options.Batch * networks * seen)));
        long run = (sizeof(float) * ResidualDiffusionNetworks.FloatsPerPixel * options.Batch * tile) + model.ActivationBytes(options.Batch * tile);
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

        _networks.Dispose();
        (_estimator as IDisposable)?.Dispose();
    }

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
                Shown?.Invoke(making[i].Condition.Values[(MadeFrame.LooksAt * making[i].Condition.PlaneLength)..]);
            }

            _networks.Synthesise(making.Frames, making.Region, cancellationToken);
            for (int i = 0; i < making.Count; i++)
            {
                Blend(making[i], rgb0, rgb1);
            }

            _networks.Denoise(making.Frames, null, Math.PI / 2, making.Region, cancellationToken);
            if (_options.Steps > 1 && _options.Detail > 0)
            {
                Sample(making, drawNoise, cancellationToken);
            }

            for (int i = 0; i < making.Count; i++)
            {
                // s is the residual's standard deviation as the synthesis network foresees it.
                MadeFrame item = making[i];
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
    private void Approach(MadeFrame item, FloatImage rgb0, FloatImage rgb1, MotionField motion)
    {
        float t = (float)item.Position;
        FloatImage x = item.Condition;
        using FloatImage velocity = IntermediateMotion.At(motion, rgb0, rgb1, t, _memory, item.Apart);
        IntermediateMotion.InconsistencyAt(motion, velocity, t, item.Mask, item.Scratch);
        item.Inconsistency = (TensorPrimitives.Sum<float>(item.Mask.Values) + TensorPrimitives.Sum<float>(item.Scratch.Values)) / (2 * item.Mask.PlaneLength);
        item.See(item.Mask.Values, x.Channel(MadeFrame.MapsAt + 4), item.PixelSize);
        item.See(item.Scratch.Values, x.Channel(MadeFrame.MapsAt + 5), item.PixelSize);
        Warp.Inside(velocity, -t, item.Mask);
        Warp.Inside(velocity, 1 - t, item.Scratch);
        item.See(item.Mask.Values, x.Channel(MadeFrame.MapsAt + 6));
        item.See(item.Scratch.Values, x.Channel(MadeFrame.MapsAt + 7));
        TensorPrimitives.Multiply(velocity.Values, -t, item.Flow0.Values);
        TensorPrimitives.Multiply(velocity.Values, 1 - t, item.Flow1.Values);
        item.Around?.Bend.Apply(velocity, t, item.Flow0, item.Flow1, _memory);
        if (_networks.Corrects)
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
            item.See(item.Flow0.Channel(c), x.Channel(MadeFrame.MapsAt + c), item.PixelSize / FlowUnit);
            item.See(item.Flow1.Channel(c), x.Channel(MadeFrame.MapsAt + 2 + c), item.PixelSize / FlowUnit);
        }

        x.Channel(MadeFrame.MapsAt + 8).Fill(t);
        SeeLooks(item, MadeFrame.MapsAt + 9, item.Scale.Values);
    }

    // The look-ups, and how much they differ into a channel.
    private static void SeeLooks(MadeFrame item, int channel, Span<float> scratch)
    {
        FloatImage seen = item.Condition;
        Span<float> difference = seen.Channel(channel);
        difference.Clear();
        for (int c = 0; c < 3; c++)
        {
            item.See(item.Look0.Channel(c), seen.Channel(MadeFrame.LooksAt + c));
            item.See(item.Look1.Channel(c), seen.Channel(MadeFrame.LooksAt + 3 + c));
            TensorPrimitives.Subtract(seen.Channel(MadeFrame.LooksAt + c), seen.Channel(MadeFrame.LooksAt + 3 + c), scratch);
            TensorPrimitives.Abs(scratch, scratch);
            TensorPrimitives.Add(difference, scratch, difference);
        }

        TensorPrimitives.Multiply(difference, 1f / 3, difference);
    }

    // What is blended: the means of what all motions fetch, and what one frame shows alone.
    private void LookUp(MadeFrame item, FloatImage rgb0, FloatImage rgb1)
    {
        float t = (float)item.Position;
        Warp.Bicubic(rgb0, item.Flow0, 1, item.Look0, item.Apart, -t);
        Warp.Bicubic(rgb1, item.Flow1, 1, item.Look1, item.Apart, 1 - t);
        item.Around?.Uncovered.Apply(rgb0, rgb1, t, item.Look0, item.Look1, _memory);
    }

    // b = m w0' + (1 - m) w1', s, and with them the residual network's condition (nets.py, Residual), over the synthesis network's.
    private void Blend(MadeFrame item, FloatImage rgb0, FloatImage rgb1)
    {
        FloatImage cond = item.Condition;
        item.TakeMask();
        cond.Channel(MadeFrame.MapsAt + 4).CopyTo(cond.Channel(MadeFrame.MapsAt + 3));
        cond.Channel(MadeFrame.MapsAt + 5).CopyTo(cond.Channel(MadeFrame.MapsAt + 4));
        if (_networks.Corrects)
        {
            item.TakeCorrections();
            LookUp(item, rgb0, rgb1);
            SeeLooks(item, MadeFrame.MapsAt + 7, cond.Channel(MadeFrame.BaseAt));
        }
        else
        {
            cond.Channel(MadeFrame.MapsAt + 9).CopyTo(cond.Channel(MadeFrame.MapsAt + 7));
        }

        for (int c = 0; c < 3; c++)
        {
            Span<float> b = item.Look0.Channel(c);
            TensorPrimitives.Subtract(b, item.Look1.Channel(c), b);
            TensorPrimitives.MultiplyAdd(b, item.Mask.Values, item.Look1.Channel(c), b);
            item.See(b, cond.Channel(MadeFrame.BaseAt + c));
        }

        item.SeenMask.Values.CopyTo(cond.Channel(MadeFrame.MapsAt));
        Length(item.Flow0, cond.Channel(MadeFrame.MapsAt + 1));
        Length(item.Flow1, cond.Channel(MadeFrame.MapsAt + 2));
        double t = item.Position;
        Span<float> scale = item.Scale.Values;
        TensorPrimitives.Multiply(scale, MathF.Sqrt(2), scale);
        TensorPrimitives.Max(scale, (float)_manifest.ResidualScale.Min, scale);
        TensorPrimitives.Min(scale, (float)_manifest.ResidualScale.Max, scale);
        TensorPrimitives.Multiply(scale, (float)(2 * Math.Sqrt(t * (1 - t))), scale);
        TensorPrimitives.Log(scale, cond.Channel(MadeFrame.MapsAt + 5));
        cond.Channel(MadeFrame.MapsAt + 6).Fill((float)t);

        void Length(FloatImage flow, Span<float> length)
        {
            // The look-ups have been seen.
            Span<float> scratch = item.Look1.Channel(0);
            TensorPrimitives.Hypot(flow.Channel(0), flow.Channel(1), scratch);
            item.See(scratch, length, item.PixelSize / FlowUnit);
        }
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
                    _networks.Denoise(items.Frames, states, Math.Atan(sigma), items.Region, cancellationToken);
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
    private void Compose(MadeFrame item)
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
        private readonly MadeFrame?[] _items;
        private readonly StillParts _still = new();
        private Frame? _left;
        private MotionAround? _around;
        private IReadOnlyList<InterpolationRequest> _requests = [];

        public Making(ResidualDiffusionInterpolator owner)
        {
            _owner = owner;
            _items = new MadeFrame?[owner._options.Batch];
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

        /// <summary>What the networks need to see, in their pixels; null for all.</summary>
        public PictureRegion? Region { get; private set; }

        public MadeFrame this[int i] => _items[i]!;

        /// <summary>These frames.</summary>
        public ReadOnlySpan<MadeFrame> Frames => _items.AsSpan(0, Count)!;

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
            (_left, _around, _requests, Alpha, Region) = (null, null, [], null, null);
        }

        /// <summary>The i-th frame of a batch, begun anew.</summary>
        public MadeFrame Begin(int i, FloatImage like, double position, MotionAround? around)
        {
            MadeFrame? item = _items[i];
            if (item is null || (item.Mask.Width, item.Mask.Height) != (like.Width, like.Height))
            {
                item?.Dispose();
                _items[i] = null; // should there be no memory for the next
                _items[i] = item = new MadeFrame(_owner._memory, like.Height, like.Width, _owner._options.HalvesNetworks == true, _owner._networks.Corrects);
            }

            item.Begin(position, around);
            return item;
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
            foreach (MadeFrame? item in _items)
            {
                item?.Dispose();
            }
        }
    }
}
