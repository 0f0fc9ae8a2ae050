using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>Finds the motion between two frames, in both directions. Implementations are thread-safe and deterministic.</summary>
public interface IMotionEstimator
{
    /// <summary>Finds the motion of one pair.</summary>
    /// <param name="rgb0">The earlier frame, [3,H,W], RGB code values 0..1 (values outside are allowed). Read only; stays the caller's.</param>
    /// <param name="rgb1">The later frame, of the same shape.</param>
    /// <param name="pool">Where the result and all scratch memory come from; the scratch has gone back on return.</param>
    /// <returns>Both flows; the caller owns and disposes them.</returns>
    /// <exception cref="ArgumentException">The shapes differ or are not [3,H,W].</exception>
    /// <exception cref="FrameFlowException">The pool's cap was reached.</exception>
    MotionField Estimate(FloatImage rgb0, FloatImage rgb1, NativePool pool);
}
