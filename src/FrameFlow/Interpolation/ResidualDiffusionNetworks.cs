using System.Numerics.Tensors;
using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Interpolation;

/// <summary>
/// The synthesis and the residual network of residual video diffusion (models/training/nets.py), run over frames in the making, several together, in tiles. Less than 16 planes an input: more ONNX
/// Runtime would lay out anew. Thread-safe.
/// </summary>
internal sealed class ResidualDiffusionNetworks : IDisposable
{
    /// <summary>Channels of what the synthesis network sees beside the look-ups.</summary>
    public const int Motion = 10;

    private const int Looks = 6;
    private const int Pictures = 12;
    private const int Maps = 12;
    private const int FlatMaps = 4; // the last of the maps, which have no place

    private readonly OnnxModel _synthesis;
    private readonly OnnxModel _residual;
    private readonly TiledGraph _synthesisTiles;
    private readonly TiledGraph _residualTiles;
    private readonly int _residualReach;

    /// <summary>Loads both.</summary>
    /// <param name="model">A model of task <c>interpolate</c>.</param>
    /// <param name="device">Where they run.</param>
    /// <param name="width">Of the pictures that they see.</param>
    /// <param name="height">Of the pictures that they see.</param>
    /// <param name="tilePixels">The most that a tile holds.</param>
    /// <param name="memory">Where tensors come from; not owned.</param>
    /// <exception cref="FrameFlowException">A network cannot be loaded.</exception>
    public ResidualDiffusionNetworks(Model model, ExecutionDevice device, int width, int height, long tilePixels, NativePool memory)
    {
        ModelManifest manifest = model.Manifest;
        TilePlan synthesisPlan = TilePlan.Create(width, height, manifest.Alignment, Radius("synthesis"), tilePixels);
        TilePlan residualPlan = TilePlan.Create(width, height, manifest.Alignment, Radius("residual"), tilePixels);
        _residualReach = Radius("residual");
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

        Corrects = CorrectsMotion(manifest);
        GraphTensor[] outputs = [new("mask", 1), new("scale", 1)];
        _synthesisTiles = new TiledGraph(_synthesis, [new("looks", Looks), new("motion", Motion)], Corrects ? [new("flow_delta", 4), .. outputs] : outputs, synthesisPlan, memory);
        _residualTiles = new TiledGraph(_residual, [new("pictures", Pictures), new("maps", Maps)], [new("n", 3)], residualPlan, memory);

        int Radius(string graph) => manifest.ReceptiveField.TryGetValue(graph, out int radius)
            ? radius
            : throw new FrameFlowException(FaultKind.Model, $"The manifest of model '{manifest.Name}' has no receptiveField.{graph}; add it.");
    }

    /// <summary>Floats a pixel that the tensors of both take.</summary>
    public static int FloatsPerPixel => Looks + Motion + 6 + Pictures + Maps + 3;

    /// <summary>Whether the synthesis network corrects the motion.</summary>
    public bool Corrects { get; }

    /// <summary>Whether a model's synthesis network corrects the motion.</summary>
    public static bool CorrectsMotion(ModelManifest manifest) => manifest.Files.TryGetValue("synthesis", out ModelFile? synthesis) && synthesis.Outputs.Contains("flow_delta");

    /// <summary>Mask, scale and, where there is one, the correction of the motion, from look-ups and motion.</summary>
    /// <param name="frames">The frames.</param>
    /// <param name="region">What changes, in the networks' pixels; null for all. The residual network sees as far beyond it as it reaches: there it needs what this one gives.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    public void Synthesise(ReadOnlySpan<MadeFrame> frames, PictureRegion? region, CancellationToken cancellationToken)
    {
        region = region?.Grown(_residualReach, frames[0].SeenMask.Width, frames[0].SeenMask.Height);
        if (region is not null)
        {
            // What it would give where nothing changes.
            foreach (MadeFrame frame in frames)
            {
                frame.SeenMask.Values.Fill(0.5f);
                frame.Scale.Values.Clear();
                frame.Delta?.Values.Clear();
            }
        }

        _synthesisTiles.Run(frames.Length, new Synthesis(frames), cancellationToken, region);
    }

    /// <summary>One evaluation of D into every frame's <see cref="MadeFrame.Clean"/>.</summary>
    /// <param name="frames">The frames.</param>
    /// <param name="states">z of each [3,h,w]; null for the mean head, which needs none.</param>
    /// <param name="theta">atan(sigma).</param>
    /// <param name="region">What changes; elsewhere D is 0. Null for all.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    public void Denoise(ReadOnlySpan<MadeFrame> frames, FloatImage[]? states, double theta, PictureRegion? region, CancellationToken cancellationToken)
    {
        if (region is not null)
        {
            foreach (MadeFrame frame in frames)
            {
                frame.Clean.Values.Clear();
            }
        }

        _residualTiles.Run(frames.Length, new Residual(frames, states, theta), cancellationToken, region);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _synthesisTiles.Dispose();
        _residualTiles.Dispose();
        _synthesis.Dispose();
        _residual.Dispose();
    }

    // The synthesis network's tensors.
    private readonly ref struct Synthesis(ReadOnlySpan<MadeFrame> frames) : ITileWork
    {
        private readonly ReadOnlySpan<MadeFrame> _frames = frames;

        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            for (int n = 0; n < count; n++)
            {
                FloatImage seen = _frames[first + n].Condition;
                Tiles.Load(plan, tile, seen, MadeFrame.LooksAt, Tiles.Planes(plan, run["looks"], Looks, n, 0, Looks));
                Tiles.Load(plan, tile, seen, MadeFrame.MapsAt, Tiles.Planes(plan, run["motion"], Motion, n, 0, Motion));
            }
        }

        public void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            for (int n = 0; n < count; n++)
            {
                MadeFrame frame = _frames[first + n];
                if (frame.Delta is { } delta)
                {
                    Tiles.Store(plan, tile, run["flow_delta"], n, 4, delta);
                }

                Tiles.Store(plan, tile, run["mask"], n, 1, frame.SeenMask);
                Tiles.Store(plan, tile, run["scale"], n, 1, frame.Scale);
            }
        }
    }

    // The residual network's tensors.
    private readonly ref struct Residual(ReadOnlySpan<MadeFrame> frames, FloatImage[]? states, double theta) : ITileWork
    {
        private readonly ReadOnlySpan<MadeFrame> _frames = frames;

        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            (float cos, float cos2, float cos4) = ((float)Math.Cos(theta), (float)Math.Cos(2 * theta), (float)Math.Cos(4 * theta));
            for (int n = 0; n < count; n++)
            {
                Span<float> state = State(run, plan, n);
                if (states is not null)
                {
                    // EDM's z / sqrt(1 + sigma^2) with sigma_data = 1 (Karras 2022): cos(atan sigma).
                    Tiles.Load(plan, tile, states[first + n], 0, state);
                    TensorPrimitives.Multiply(state, cos, state);
                }
                else
                {
                    state.Clear();
                }

                FloatImage seen = _frames[first + n].Condition;
                Tiles.Load(plan, tile, seen, MadeFrame.BaseAt, Tiles.Planes(plan, run["pictures"], Pictures, n, 3, Pictures - 3));
                Tiles.Load(plan, tile, seen, MadeFrame.MapsAt, Tiles.Planes(plan, run["maps"], Maps, n, 0, Maps - FlatMaps));
                ReadOnlySpan<float> flat = [cos, cos2, cos4, states is null ? 1 : 0];
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
                if (states is not null)
                {
                    TensorPrimitives.Multiply(clean, (float)Math.Sin(theta), clean);
                    TensorPrimitives.MultiplyAdd(State(run, plan, n), (float)Math.Cos(theta), clean, clean);
                }

                Tiles.Store(plan, tile, run["n"], n, 3, _frames[first + n].Clean);
            }
        }

        private static Span<float> State(BoundRun run, TilePlan plan, int n) => Tiles.Planes(plan, run["pictures"], Pictures, n, 0, 3);
    }
}
