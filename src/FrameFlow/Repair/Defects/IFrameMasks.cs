using FrameFlow.Media;

namespace FrameFlow.Repair.Defects;

/// <summary>Masks that the user made: white is to be repaired.</summary>
public interface IFrameMasks : IAsyncDisposable
{
    /// <summary>Reads the mask of one frame. Called in the order of frames, not at once by two.</summary>
    /// <param name="frame">The frame's index, counted over the whole source.</param>
    /// <param name="mask">[1,H,W]; receives 1 where the frame is to be repaired, else 0.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>False where there is none for this frame; the tensor is then undefined.</returns>
    /// <exception cref="FrameFlowException">A mask cannot be read, or is of another size (<see cref="FaultKind.Input"/>).</exception>
    ValueTask<bool> ReadAsync(long frame, FloatImage mask, CancellationToken cancellationToken);
}
