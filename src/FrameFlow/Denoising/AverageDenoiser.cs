using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>
/// The mean of the aligned frames by their precision, sum(y_i/sigma_i^2)/sum(1/sigma_i^2): the posterior mean where nothing is known of pictures
/// (a flat prior). No network; for comparison and speed. One frame alone stays as it is.
/// </summary>
public sealed class AverageDenoiser : IDenoiser
{
    // A deviation below this is none: its square still has an inverse.
    private const float LeastSigma = 1e-4f;

    /// <inheritdoc/>
    public string Name => "average";

    /// <inheritdoc/>
    public void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(sigma);
        ArgumentNullException.ThrowIfNull(clean);
        for (int c = 0; c < 3; c++)
        {
            Span<float> sum = clean.Channel(c);
            for (int i = 0; i < sum.Length; i++)
            {
                float weights = 0;
                float value = 0;
                for (int f = 0; f < 5; f++)
                {
                    int at = (((f * 3) + c) * sum.Length) + i;
                    float s = Math.Max(sigma.Values[at], LeastSigma);
                    float weight = 1 / (s * s);
                    weights += weight;
                    value += weight * frames.Values[at];
                }

                sum[i] = value / weights;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
