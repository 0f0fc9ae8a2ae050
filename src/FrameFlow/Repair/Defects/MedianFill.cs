using FrameFlow.Denoising;
using FrameFlow.Media;

namespace FrameFlow.Repair.Defects;

/// <summary>
/// The median of what is known of a pixel in the aligned frames: the motion-compensated temporal median, no network; for comparison and speed. Where the centre is known
/// it stays, where nothing is known as well.
/// </summary>
public sealed class MedianFill : IDenoiser
{
    /// <summary>From this deviation on nothing is known: half of what stands for infinity, far above any noise.</summary>
    internal const float Known = 50;

    /// <inheritdoc/>
    public string Name => "median";

    /// <inheritdoc/>
    public void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(sigma);
        ArgumentNullException.ThrowIfNull(clean);
        const int Centre = 2;
        Span<float> values = stackalloc float[5];
        for (int c = 0; c < 3; c++)
        {
            Span<float> result = clean.Channel(c);
            for (int i = 0; i < result.Length; i++)
            {
                int known = 0;
                for (int f = 0; f < 5; f++)
                {
                    int at = (((f * 3) + c) * result.Length) + i;
                    if (f != Centre && sigma.Values[at] < Known)
                    {
                        values[known++] = frames.Values[at];
                    }
                }

                int middle = (((Centre * 3) + c) * result.Length) + i;
                if (known == 0 || sigma.Values[middle] < Known)
                {
                    result[i] = frames.Values[middle];
                    continue;
                }

                values[..known].Sort();
                result[i] = (values[(known - 1) / 2] + values[known / 2]) / 2;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
