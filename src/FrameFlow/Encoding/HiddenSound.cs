using System.Globalization;
using FrameFlow.Decoding;
using FrameFlow.Media;

namespace FrameFlow.Encoding;

/// <summary>Sound that a source's edit list hides: the packets before the moment at which a track begins to be heard.</summary>
internal static class HiddenSound
{
    // What any encoder's priming stays below (HE-AAC: 2112 samples of 24 kHz, 88 ms); it is not sound.
    private static readonly Rational Priming = new(1, 10);

    /// <summary>Finds the tracks of which a copy would let hidden sound be heard.</summary>
    /// <param name="request">What is encoded.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>Indices of streams of the source; none where the output has an edit list too, or nothing is copied from the film's beginning.</returns>
    public static async Task<IReadOnlySet<int>> FindAsync(EncodeRequest request, CancellationToken cancellationToken)
    {
        HashSet<int> found = [];
        bool carried = ContainerCatalog.ForPath(request.OutputPath).Muxer is "mp4" or "mov";
        if (carried || !request.IncludeAudio || request.Decode.Start > Rational.Zero || !request.Source.Container.Contains("mp4", StringComparison.Ordinal))
        {
            return found;
        }

        foreach (StreamInfo stream in request.Source.Streams.Where(s => s.Kind == StreamKind.Audio))
        {
            ToolResult packets = await Tool.RunAsync(
                "ffprobe",
                ["-v", "error", "-select_streams", stream.Index.ToString(CultureInfo.InvariantCulture), "-read_intervals", "%+#1", "-show_entries", "packet=pts_time", "-of", "default=nw=1:nk=1", Path.GetFullPath(request.Source.Path)],
                cancellationToken);
            if (Rational.TryParse(packets.Output.Split('\n')[0].Trim(), out Rational first) && stream.StartTime - first > Priming)
            {
                found.Add(stream.Index);
            }
        }

        return found;
    }
}
