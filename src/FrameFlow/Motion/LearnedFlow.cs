using FrameFlow.Inference;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// The motion of a pair by a model's <c>flow</c> network (models/training/flow.py): images [1,3,H,W] RGB 0..1 -> flow01, flow10 [1,2,H,W] px. It sees the whole
/// picture at once, padded to the manifest's <c>flowAlignment</c> by replication. Frames whose shorter side has <see cref="HalveFrom"/> px or more are searched at half size.
/// </summary>
public sealed class LearnedFlow : IMotionEstimator, IDisposable
{
    /// <summary>From this shorter side on, px, the network sees half of the size: motion doubles with the frame, what it was trained on does not.</summary>
    public const int HalveFrom = 1080;

    /// <summary>The graph's name in a manifest.</summary>
    public const string Graph = "flow";

    private readonly int _width;
    private readonly int _height;
    private readonly OnnxModel _flow;
    private readonly TiledGraph _whole;

    /// <summary>Loads the network.</summary>
    /// <param name="model">A model with a <c>flow</c> graph.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="width">The frames' columns.</param>
    /// <param name="height">The frames' rows.</param>
    /// <param name="memory">Where its tensors come from; not owned.</param>
    /// <exception cref="FrameFlowException">The network cannot be loaded.</exception>
    public LearnedFlow(Model model, ExecutionDevice device, int width, int height, NativePool memory)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_width, _height) = (width, height);
        _flow = new OnnxModel(model, Graph, device);
        _whole = new TiledGraph(_flow, [new("image0", 3), new("image1", 3)], [new("flow01", 2), new("flow10", 2)], Window(model, width, height), memory);
    }

    /// <summary>Whether a model brings its own motion.</summary>
    public static bool IsIn(Model model) => model?.Manifest.Files.ContainsKey(Graph) == true;

    /// <summary>Bytes that one search takes: the pictures, the flows and the network's tensors, an upper bound.</summary>
    /// <param name="model">A model with a <c>flow</c> graph.</param>
    /// <param name="width">The frames' columns.</param>
    /// <param name="height">The frames' rows.</param>
    public static long WorkingBytes(Model model, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(model);
        (int seenWidth, int seenHeight) = Seen(width, height);
        long pixels = (long)(seenWidth + model.Manifest.FlowAlignment) * (seenHeight + model.Manifest.FlowAlignment);
        return (pixels * sizeof(float) * (3 + 3 + 2 + 2 + 6 + 4)) + model.ActivationBytes(Graph, pixels);
    }

    /// <summary>The one window that the network sees: it looks from one edge to the other, so that there are no tiles.</summary>
    internal static TilePlan Window(Model model, int width, int height)
    {
        (int seenWidth, int seenHeight) = Seen(width, height);
        return TilePlan.Create(seenWidth, seenHeight, model.Manifest.FlowAlignment, Math.Max(seenWidth, seenHeight), long.MaxValue);
    }

    /// <inheritdoc/>
    public MotionField Estimate(FloatImage rgb0, FloatImage rgb1, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(rgb0);
        ArgumentNullException.ThrowIfNull(rgb1);
        ArgumentNullException.ThrowIfNull(pool);
        if ((rgb0.Channels, rgb0.Width, rgb0.Height) != (3, _width, _height) || (rgb1.Channels, rgb1.Width, rgb1.Height) != (3, _width, _height))
        {
            throw new ArgumentException($"Two frames [3,{_height},{_width}] are needed, not [{rgb0.Channels},{rgb0.Height},{rgb0.Width}] and [{rgb1.Channels},{rgb1.Height},{rgb1.Width}].");
        }

        FloatImage forward = pool.RentImage(2, _height, _width);
        FloatImage? backward = null;
        try
        {
            backward = pool.RentImage(2, _height, _width);
            if (Seen(_width, _height) == (_width, _height))
            {
                Run(rgb0, rgb1, forward, backward);
            }
            else
            {
                using FloatImage half0 = HalfSize.Of(rgb0, 1, pool);
                using FloatImage half1 = HalfSize.Of(rgb1, 1, pool);
                using FloatImage found0 = pool.RentImage(2, half0.Height, half0.Width);
                using FloatImage found1 = pool.RentImage(2, half0.Height, half0.Width);
                Run(half0, half1, found0, found1);
                HalfSize.Enlarge(found0, forward, 2, pool);
                HalfSize.Enlarge(found1, backward, 2, pool);
            }

            return MotionField.Of(forward, backward, pool);
        }
        catch
        {
            forward.Dispose();
            backward?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _whole.Dispose();
        _flow.Dispose();
    }

    private static (int Width, int Height) Seen(int width, int height) => Math.Min(width, height) < HalveFrom ? (width, height) : (HalfSize.Of(width), HalfSize.Of(height));

    private void Run(FloatImage image0, FloatImage image1, FloatImage flow01, FloatImage flow10) =>
        _whole.Run(1, new Work(image0, image1, flow01, flow10), CancellationToken.None);

    // One pair's tensors.
    private readonly struct Work(FloatImage image0, FloatImage image1, FloatImage flow01, FloatImage flow10) : ITileWork
    {
        public void Load(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            Tiles.Load(plan, tile, image0, run["image0"], 0);
            Tiles.Load(plan, tile, image1, run["image1"], 0);
        }

        public void Store(BoundRun run, TilePlan plan, Tile tile, int first, int count)
        {
            Tiles.Store(plan, tile, run["flow01"], 0, 2, flow01);
            Tiles.Store(plan, tile, run["flow10"], 0, 2, flow10);
        }
    }
}
