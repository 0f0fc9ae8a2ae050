using System.IO.Hashing;
using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.Pipeline;

namespace FrameFlow.Jobs;

/// <summary>Takes down, of every frame of a source, its hash and whether a scene starts there.</summary>
internal sealed class FrameRegister : IFrameSink
{
    private readonly List<ulong> _hashes = [];
    private readonly List<int> _starts = [];

    public int HeldFrames => 1;

    /// <summary>XxHash3 (64 bit) of each frame's bytes, in order.</summary>
    public IReadOnlyList<ulong> Hashes => _hashes;

    /// <summary>Indices of the frames that start a scene, in order.</summary>
    public IReadOnlyList<int> SceneStarts => _starts;

    public async Task ConsumeAsync(IAsyncEnumerable<Frame> frames, CancellationToken cancellationToken)
    {
        await foreach (Frame frame in frames.WithCancellation(cancellationToken))
        {
            using (frame)
            {
                if (frame.IsSceneStart)
                {
                    _starts.Add((int)frame.SourceIndex);
                }

                _hashes.Add(XxHash3.HashToUInt64(frame.Bytes));
            }
        }
    }
}

/// <summary>
/// A part of a source that was read as a whole before: marks the scene starts that were found then, and refuses frames that do not decode to what
/// they did then.
/// </summary>
/// <param name="part">The part.</param>
/// <param name="path">The source's path, for the message.</param>
/// <param name="cuts">Indices of the frames that start a scene, in order.</param>
/// <param name="hashes">Each frame's hash by index; empty where none are known.</param>
internal sealed class KnownSource(IFrameSource part, string path, IReadOnlyList<int> cuts, ulong[] hashes) : IFrameSource
{
    private readonly HashSet<long> _cuts = [.. cuts.Select(c => (long)c)];

    public VideoFormat Format => part.Format;

    public int HeldFrames => part.HeldFrames;

    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Frame frame in part.ReadAsync(cancellationToken))
        {
            if (hashes.Length > 0 && XxHash3.HashToUInt64(frame.Bytes) != hashes[frame.SourceIndex])
            {
                long index = frame.SourceIndex;
                frame.Dispose();
                throw new FrameFlowException(FaultKind.Decode, $"Frame {index} of '{path}' does not decode to what it was when the work was planned; if the file was changed, begin anew with --restart.") { CanRetry = true };
            }

            frame.IsSceneStart = _cuts.Contains(frame.SourceIndex);
            yield return frame;
        }
    }
}
