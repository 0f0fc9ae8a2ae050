namespace FrameFlow.Diffusion;

/// <summary>Fills a buffer with unit-variance noise that is correlated as the task's is; pure in its arguments.</summary>
/// <param name="item">The item's index.</param>
/// <param name="draw">Which draw of the sampler this is, from 0.</param>
/// <param name="noise">Receives the noise, as long as a state.</param>
public delegate void DrawNoise(int item, int draw, Span<float> noise);

/// <summary>
/// What a sampler works on: items whose state is x_g = x + g sigma(p) n, g falling from 1, where the state is the observation y itself, to 0.
/// n has unit variance and any spatial correlation Sigma; what a sampler injects must have the same, so it asks the task for its noise.
/// With a uniform sigma of 1, g is the noise level itself.
/// </summary>
public sealed class SamplingTask
{
    /// <summary>How many buffers of a state's length <see cref="Scratch"/> holds.</summary>
    public const int ScratchStates = 2;

    /// <summary>Items of the batch.</summary>
    public required int Count { get; init; }

    /// <summary>y of each item; holds its sample afterwards.</summary>
    public required BatchBuffer States { get; init; }

    /// <summary>y of each item, another buffer than its state; read only.</summary>
    public required BatchBuffer Observations { get; init; }

    /// <summary>sigma(p) of each item, as long as its state, not negative; read only.</summary>
    public required BatchBuffer Sigmas { get; init; }

    /// <summary>For each item a buffer <see cref="ScratchStates"/> times as long as its state.</summary>
    public required BatchBuffer Scratch { get; init; }

    /// <summary>D(x_g; g) = E[x | x_g] of the items' states.</summary>
    public required Denoise Denoise { get; init; }

    /// <summary>The noise that stochastic samplers inject.</summary>
    public required DrawNoise Noise { get; init; }

    /// <summary>The mean of x, about which the variance-preserving process contracts; 0.5 for code values.</summary>
    public double Mean { get; init; } = 0.5;

    /// <summary>The standard deviation of x, the unit of the variance-preserving process; 0.25 for code values (EDM's sigma_data).</summary>
    public double Deviation { get; init; } = 0.25;

    /// <summary>One of an item's scratch buffers.</summary>
    internal Span<float> Buffer(int item, int which)
    {
        int length = States(item).Length;
        return Scratch(item).Slice(which * length, length);
    }
}
