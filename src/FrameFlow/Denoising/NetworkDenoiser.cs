using System.Numerics.Tensors;
using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>The multi-frame network of a model of task <c>denoise</c>, in tiles that overlap by its receptive field.</summary>
public sealed class NetworkDenoiser : IDenoiser
{
    private readonly ModelManifest _manifest;
    private readonly OnnxModel _network;
    private readonly NetworkInputs _inputs;
    private readonly TiledGraph _tiles;

    /// <summary>Loads the network.</summary>
    /// <param name="model">A model of task <c>denoise</c>.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="format">The frames' format.</param>
    /// <param name="tilePixels">The most pixels of a tile.</param>
    /// <param name="memory">Where tensors come from; not owned.</param>
    /// <exception cref="FrameFlowException">The network cannot be loaded.</exception>
    public NetworkDenoiser(Model model, ExecutionDevice device, VideoFormat format, long tilePixels, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        _manifest = model.Manifest;
        int radius = _manifest.ReceptiveField.TryGetValue("denoise", out int stated)
            ? stated
            : throw new FrameFlowException(FaultKind.Model, $"The manifest of model '{_manifest.Name}' has no receptiveField.denoise; add it.");
        IReadOnlyList<int> boxes = _manifest.Boxes ?? throw new FrameFlowException(FaultKind.Model, $"The manifest of model '{_manifest.Name}' has no boxes; export it with this version's models/training/export.py.");
        _inputs = new NetworkInputs((float)_manifest.SigmaData, boxes, memory);
        TilePlan plan = TilePlan.Create(format.Width, format.Height, _manifest.Alignment, radius, tilePixels);
        _network = new OnnxModel(model, "denoise", device);
        _tiles = new TiledGraph(_network, [new("x", _inputs.Channels), new("grain", 4, FlatAxes: 2)], [new("n", 3)], plan, memory);
    }

    /// <inheritdoc/>
    public string Name => _manifest.Name;

    /// <inheritdoc/>
    public void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(sigma);
        ArgumentNullException.ThrowIfNull(clean);
        _tiles.Run(1, new Work(_inputs, frames, sigma, grain, clean), cancellationToken);
        if (!float.IsFinite(TensorPrimitives.Sum<float>(clean.Values)))
        {
            throw new FrameFlowException(FaultKind.Model, $"Model '{_manifest.Name}' gave a picture that is not finite; try --device cpu, and report it.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tiles.Dispose();
        _network.Dispose();
    }

    // One frame's tensors.
    private readonly ref struct Work(NetworkInputs inputs, FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean) : ITileWork
    {
        private readonly ReadOnlySpan<float> _grain = grain;

        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            _grain.CopyTo(run["grain"]);
            inputs.Fill(plan, tile, frames, sigma, run["x"]);
        }

        public void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count) => inputs.Finish(plan, tile, frames, sigma, run["n"], clean);
    }
}
