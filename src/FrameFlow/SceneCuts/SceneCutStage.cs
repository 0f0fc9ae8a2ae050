using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.SceneCuts;

/// <summary>
/// Marks the frames at which a new scene starts. It looks two frames ahead and two back, so that a flash (one or two odd frames, after
/// which the old picture returns) is no cut.
/// </summary>
/// <param name="options">The thresholds.</param>
public sealed class SceneCutStage(SceneCutOptions options) : IFrameStage
{
    // The frame in question, two before it to compare with, two behind it to see whether the old scene returns.
    private const int Ahead = 2;
    private const int Back = 3;

    private readonly ConcurrentQueue<Rational> _cuts = new();

    /// <inheritdoc/>
    public string Name => "cuts";

    /// <inheritdoc/>
    public int HeldFrames => Ahead + 1;

    /// <summary>The times of the frames that start a scene, so far.</summary>
    public IReadOnlyCollection<Rational> Cuts => _cuts;

    /// <inheritdoc/>
    public VideoFormat OutputFormat(VideoFormat input) => input;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ProcessAsync(IAsyncEnumerable<Frame> input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        using SceneCutDetector detector = new(options);
        Queue<Frame> waiting = new();

        // Thumbnails of the last frames yielded (Back at most), then of those waiting.
        List<Thumbnail> thumbnails = [];
        Thumbnail? spare = null;
        int yielded = 0;
        try
        {
            await foreach (Frame frame in input.WithCancellation(cancellationToken))
            {
                waiting.Enqueue(frame);
                Thumbnail thumbnail = spare ?? new Thumbnail();
                spare = null;
                thumbnails.Add(thumbnail);
                thumbnail.Take(frame);
                if (waiting.Count > Ahead)
                {
                    yield return Next();
                }
            }

            while (waiting.Count > 0)
            {
                yield return Next();
            }
        }
        finally
        {
            foreach (Frame frame in waiting)
            {
                frame.Dispose();
            }

            foreach (Thumbnail thumbnail in thumbnails)
            {
                thumbnail.Dispose();
            }

            spare?.Dispose();
        }

        Frame Next()
        {
            Frame frame = waiting.Dequeue();
            if (yielded > 0 && StartsScene(yielded))
            {
                frame.IsSceneStart = true;
                _cuts.Enqueue(frame.Time);
            }

            yielded++;
            if (yielded > Back)
            {
                spare?.Dispose();
                spare = thumbnails[0];
                thumbnails.RemoveAt(0);
                yielded = Back;
            }

            return frame;
        }

        bool StartsScene(int at)
        {
            if (!detector.AreDifferentScenes(thumbnails[at - 1], thumbnails[at]))
            {
                return false;
            }

            // A flash that begins here or ends here: the picture on its other side is the same scene.
            return !(SameScene(at - 1, at + 1) || SameScene(at - 1, at + 2) || SameScene(at - 2, at) || SameScene(at - 3, at));
        }

        bool SameScene(int a, int b) => a >= 0 && b < thumbnails.Count && !detector.AreDifferentScenes(thumbnails[a], thumbnails[b]);
    }
}
