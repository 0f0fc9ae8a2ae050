using FrameFlow.Color;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Denoising;

/// <summary>The pass that finds each shot's noise: a few pairs of frames a shot, the rest only read. Memory does not grow but by one model a shot.</summary>
public static class NoiseAnalysis
{
    // Twelve pairs, every fourth frame the first of one: enough patches at any size, and motion, light and grain have changed meanwhile.
    private const int Stride = 4;
    private const int MostPairs = 12;

    /// <summary>Whether the pair that begins at a shot's n-th frame is looked at.</summary>
    internal static bool IsSampled(int frameOfShot) => frameOfShot % Stride == 0 && frameOfShot < Stride * MostPairs;

    /// <summary>Reads a film and finds the noise of its shots, of which <see cref="Frame.IsSceneStart"/> tells.</summary>
    /// <param name="frames">The film; every frame is disposed.</param>
    /// <param name="estimator">Finds motion.</param>
    /// <param name="memory">Working memory.</param>
    /// <param name="cancellationToken">Ends the pass.</param>
    /// <returns>A shot each, in order of time; at least one if there is a frame.</returns>
    public static async Task<IReadOnlyList<ShotNoise>> FindAsync(IAsyncEnumerable<Frame> frames, IMotionEstimator estimator, NativePool memory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(estimator);
        List<ShotNoise> shots = [];
        Shot? shot = null;
        try
        {
            await foreach (Frame frame in frames.WithCancellation(cancellationToken))
            {
                using (frame)
                {
                    if (shot is null || frame.IsSceneStart)
                    {
                        End();
                        shot = new Shot(frame, memory);
                    }

                    shot.Add(frame, estimator);
                }
            }

            End();
            return shots;
        }
        finally
        {
            shot?.Dispose();
        }

        void End()
        {
            if (shot is not null)
            {
                shots.Add(new ShotNoise(shot.Start, shot.Solve()));
                shot.Dispose();
                shot = null;
            }
        }
    }

    /// <summary>A copy of a picture with the noise that would mislead a search for motion averaged out; the caller disposes it.</summary>
    internal static FloatImage Calm(FloatImage picture, NativePool memory)
    {
        FloatImage calm = memory.RentImage(picture.Channels, picture.Height, picture.Width);
        picture.Values.CopyTo(calm.Values);
        Filters.Gaussian(calm, NeighbourAlignment.PreBlur, memory);
        return calm;
    }

    private sealed class Shot(Frame first, NativePool memory) : IDisposable
    {
        private readonly FrameConverter _converter = new(first.Format);
        private readonly NoiseEstimator _estimator = new(first.Format.PixelFormat.CodeStep);
        private FloatImage? _before;
        private int _frames;

        public Rational Start { get; } = first.Time;

        public void Add(Frame frame, IMotionEstimator motions)
        {
            if (_before is null && !IsSampled(_frames))
            {
                _frames++;
                return;
            }

            FloatImage rgb = memory.RentImage(3, frame.Format.Height, frame.Format.Width);
            try
            {
                _converter.ToRgb(frame, rgb);
                if (_before is { } before)
                {
                    using FloatImage calm0 = Calm(before, memory);
                    using FloatImage calm1 = Calm(rgb, memory);
                    using MotionField motion = motions.Estimate(calm0, calm1, memory);
                    _estimator.AddPair(before, rgb, motion, memory);
                }
                else if (_frames == 0)
                {
                    _estimator.AddStill(rgb, memory);
                }
            }
            catch
            {
                rgb.Dispose();
                throw;
            }

            _before?.Dispose();
            _before = null;
            if (IsSampled(_frames))
            {
                _before = rgb;
            }
            else
            {
                rgb.Dispose();
            }

            _frames++;
        }

        public NoiseModel Solve() => _estimator.Solve() ?? NoiseModel.Flat(0);

        public void Dispose() => _before?.Dispose();
    }
}
