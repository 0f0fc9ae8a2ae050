using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>
/// D of the task <c>denoise</c>: E[x | five frames, their noise]. Thread-safe: several frames may be worked on at once.
/// </summary>
public interface IDenoiser : IDisposable
{
    /// <summary>The name, as <c>--model</c> takes it.</summary>
    string Name { get; }

    /// <summary>The posterior mean of the centre. Synchronous work on the calling thread.</summary>
    /// <param name="frames">[15,H,W]: RGB of the frames -2 ... +2, aligned to the centre, code values.</param>
    /// <param name="sigma">[15,H,W]: the noise's deviation of each, the alignment's doubt folded in; 100: unknown.</param>
    /// <param name="grain">rho along x, along y, along the diagonal, between channels.</param>
    /// <param name="clean">[3,H,W]; receives D.</param>
    /// <param name="cancellationToken">Ends the work between two runs of a network.</param>
    void Denoise(FloatImage frames, FloatImage sigma, ReadOnlySpan<float> grain, FloatImage clean, CancellationToken cancellationToken);
}
