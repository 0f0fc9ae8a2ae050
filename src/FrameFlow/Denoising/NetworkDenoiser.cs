using System.Collections.Concurrent;
using System.Numerics.Tensors;
using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>The multi-frame network of a model of task <c>denoise</c>, in tiles that overlap by its receptive field.</summary>
public sealed class NetworkDenoiser : IDenoiser
{
    private readonly ModelManifest _manifest;
    private readonly OnnxModel _network;
    private readonly TilePlan _tiles;
    private readonly NativePool _memory;
    private readonly ConcurrentBag<BoundRun> _idle = [];

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
        _memory = memory;
        int radius = _manifest.ReceptiveField.TryGetValue("denoise", out int stated)
            ? stated
            : throw new FrameFlowException(FaultKind.Model, $"The manifest of model '{_manifest.Name}' has no receptiveField.denoise; add it.");
        _tiles = TilePlan.Create(format.Width, format.Height, _manifest.Alignment, radius, tilePixels);
        _network = new OnnxModel(model, "denoise", device);
    }

    /// <inheritdoc/>
    public string Name => _manifest.Name;

    /// <inheritdoc/>
    public void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(sigma);
        ArgumentNullException.ThrowIfNull(clean);
        if (!_idle.TryTake(out BoundRun? run))
        {
            long[] shape = [1, 15, _tiles.WindowHeight, _tiles.WindowWidth];
            run = _network.Bind(_memory, [("frames", shape), ("sigma", shape), ("grain", [1, 4])], [("clean", [1, 3, _tiles.WindowHeight, _tiles.WindowWidth])]);
        }

        try
        {
            grain.CopyTo(run["grain"]);
            foreach (Tile tile in _tiles.Tiles)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Tiles.Load(_tiles, tile, frames, run["frames"], 0);
                Tiles.Load(_tiles, tile, sigma, run["sigma"], 0);
                run.Run();
                Tiles.Store(_tiles, tile, run["clean"], 0, 3, clean);
            }
        }
        finally
        {
            _idle.Add(run);
        }

        if (!float.IsFinite(TensorPrimitives.Sum<float>(clean.Values)))
        {
            throw new FrameFlowException(FaultKind.Model, $"Model '{_manifest.Name}' gave a picture that is not finite; try --device cpu, and report it.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_idle.TryTake(out BoundRun? run))
        {
            run.Dispose();
        }

        _network.Dispose();
    }
}
