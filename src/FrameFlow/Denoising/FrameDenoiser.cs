using System.Numerics.Tensors;
using FrameFlow.Diffusion;
using FrameFlow.Media;

namespace FrameFlow.Denoising;

/// <summary>A neighbour of a frame, or none.</summary>
/// <param name="Rgb">[3,H,W], noisy; null: there is none.</param>
/// <param name="Sigma">[3,H,W], its noise.</param>
/// <param name="Flow">[2,H,W] px: centre(p) ~ neighbour(p + flow(p)).</param>
internal readonly record struct Neighbour(FloatImage? Rgb, FloatImage? Sigma, FloatImage? Flow);

/// <summary>
/// The mathematics of one frame, from pictures to a picture: align, estimate or sample from the noisy frame's own level down
/// (x_g = x + g sigma n, g from 1 to 0), take as much of the sample as was asked for, and see to the grain. Thread-safe.
/// </summary>
/// <param name="denoiser">D; not owned.</param>
/// <param name="options">Validated options.</param>
/// <param name="memory">Where working memory comes from; not owned.</param>
internal sealed class FrameDenoiser(IDenoiser denoiser, DenoiseOptions options, NativePool memory)
{
    /// <summary>Frames of the network's window; the centre is the third.</summary>
    public const int Window = 5;

    private const int Channels = 3 * Window;
    private const int CentreChannel = 6;

    // Draws of the samplers count from 0; the grain that is put back is none of them.
    private const int GrainDraw = 1 << 20;

    private readonly SamplerInfo _sampler = SamplerCatalog.Find(options.Sampler) ?? throw new ArgumentException($"There is no sampler '{options.Sampler}'.", nameof(options));

    /// <summary>Floats a pixel that one frame in the making takes.</summary>
    public static int FloatsPerPixel => (2 * Channels) + 3 + 3 + 3 + 3 + 6 + 5;

    /// <summary>Denoises one frame.</summary>
    /// <param name="noisy">[3,H,W], the centre y.</param>
    /// <param name="sigma">[3,H,W], its noise, the strength included.</param>
    /// <param name="neighbours">Frames -2, -1, +1, +2.</param>
    /// <param name="model">The shot's noise.</param>
    /// <param name="grain">Noise of that law.</param>
    /// <param name="frame">The frame's absolute index, which keys the noise.</param>
    /// <param name="result">[3,H,W]; receives the picture.</param>
    /// <param name="cancellationToken">Ends the work between two evaluations.</param>
    public void Denoise(FloatImage noisy, FloatImage sigma, ReadOnlySpan<Neighbour> neighbours, NoiseModel model, GrainField grain, long frame, FloatImage result, CancellationToken cancellationToken)
    {
        int height = noisy.Height;
        int width = noisy.Width;
        using FloatImage frames = memory.RentImage(Channels, height, width);
        using FloatImage sigmas = memory.RentImage(Channels, height, width);
        Gather(noisy, sigma, neighbours, frames, sigmas);
        Evaluate(1, frames, sigma, sigmas, model, result, cancellationToken);
        if (_sampler.Law != SamplerLaw.PosteriorMean && options.Detail > 0)
        {
            Sample(noisy, sigma, frames, sigmas, model, grain, frame, result, cancellationToken);
        }

        SeeToGrain(noisy, model, frame, result);
    }

    // D at the level g into `clean`.
    private void Evaluate(double g, FloatImage frames, FloatImage sigma, FloatImage sigmas, NoiseModel model, FloatImage clean, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TensorPrimitives.Multiply(sigma.Values, (float)g, Centre(sigmas));
        denoiser.Denoise(frames, sigmas, model.GrainTraits, clean, cancellationToken);
    }

    // From the mean in `result` on; the mean alone costs no objects for these closures.
    private void Sample(FloatImage noisy, FloatImage sigma, FloatImage frames, FloatImage sigmas, NoiseModel model, GrainField grain, long frame, FloatImage result, CancellationToken cancellationToken)
    {
        using FloatImage clean = memory.RentImage(3, noisy.Height, noisy.Width);
        using FloatImage scratch = memory.RentImage(3 * SamplingTask.ScratchStates, noisy.Height, noisy.Width);
        bool isFirst = true;
        SamplingTask task = new()
        {
            Count = 1,
            States = _ => Centre(frames),
            Observations = _ => noisy.Values,
            Sigmas = _ => sigma.Values,
            Scratch = _ => scratch.Values,
            Noise = (_, draw, noise) => grain.Fill(noise, noisy.Width, options.Seed, frame, draw, memory),
            Denoise = (g, buffer) =>
            {
                // Most samplers begin where the mean was found.
                if (isFirst && g == 1)
                {
                    result.Values.CopyTo(buffer(0));
                }
                else
                {
                    Evaluate(g, frames, sigma, sigmas, model, clean, cancellationToken);
                    clean.Values.CopyTo(buffer(0));
                }

                isFirst = false;
            },
        };
        _sampler.Run(task, _sampler.Levels(options.Steps ?? _sampler.DefaultSteps));
        TensorPrimitives.Lerp(result.Values, Centre(frames), (float)options.Detail, result.Values);
    }

    private static Span<float> Centre(FloatImage window) => window.Values.Slice(CentreChannel * window.PlaneLength, 3 * window.PlaneLength);

    private void Gather(FloatImage noisy, FloatImage sigma, ReadOnlySpan<Neighbour> neighbours, FloatImage frames, FloatImage sigmas)
    {
        noisy.Values.CopyTo(Centre(frames));
        sigma.Values.CopyTo(Centre(sigmas));
        using FloatImage warped = memory.RentImage(3, noisy.Height, noisy.Width);
        using FloatImage doubt = memory.RentImage(3, noisy.Height, noisy.Width);
        for (int i = 0; i < neighbours.Length; i++)
        {
            int begin = 3 * (i < 2 ? i : i + 1) * noisy.PlaneLength;
            Span<float> frame = frames.Values.Slice(begin, 3 * noisy.PlaneLength);
            Span<float> level = sigmas.Values.Slice(begin, 3 * noisy.PlaneLength);
            if (neighbours[i] is { Rgb: { } rgb, Sigma: { } its, Flow: { } flow })
            {
                NeighbourAlignment.Align(noisy, sigma, rgb, its, flow, warped, doubt, memory);
                warped.Values.CopyTo(frame);
                doubt.Values.CopyTo(level);
            }
            else
            {
                frame.Clear();
                level.Fill(NeighbourAlignment.Unknown);
            }
        }
    }

    private void SeeToGrain(FloatImage noisy, NoiseModel model, long frame, FloatImage result)
    {
        if (options.GrainKept > 0)
        {
            TensorPrimitives.Lerp(result.Values, noisy.Values, (float)options.GrainKept, result.Values);
        }

        if (options.Grain == GrainMode.Resynthesise)
        {
            model.AddGrain(result, 1, options.Seed, frame, GrainDraw, memory);
        }
    }
}
