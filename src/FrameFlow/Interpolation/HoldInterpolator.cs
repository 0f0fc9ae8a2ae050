namespace FrameFlow.Interpolation;

/// <summary>Repeats the frame before: the trivial method, for comparison and speed.</summary>
public sealed class HoldInterpolator : IFrameInterpolator
{
    /// <inheritdoc/>
    public string Name => "hold";

    /// <inheritdoc/>
    public void Interpolate(PairInShot pair, IReadOnlyList<InterpolationRequest> requests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(requests);
        for (int i = 0; i < requests.Count; i++)
        {
            pair.Pair.Left.Frame.Bytes.CopyTo(requests[i].Target.Bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
