using System.Globalization;
using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Repair.Defects;

/// <summary>A folder with a picture for each frame that has a mask; the last number in a picture's name is the frame's, from 0.</summary>
public sealed class MaskFolder : IFrameMasks
{
    private const double White = 127;

    private readonly Dictionary<long, string> _files = [];

    /// <summary>Reads the folder's list.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FrameFlowException">It cannot be read, holds no picture with a number, or two of one number (<see cref="FaultKind.Input"/>).</exception>
    public MaskFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        try
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*.png").Order(StringComparer.Ordinal))
            {
                string name = Path.GetFileNameWithoutExtension(file);
                int end = name.Length;
                while (end > 0 && !char.IsAsciiDigit(name[end - 1]))
                {
                    end--;
                }

                int begin = end;
                while (begin > 0 && char.IsAsciiDigit(name[begin - 1]))
                {
                    begin--;
                }

                if (!long.TryParse(name.AsSpan(begin, end - begin), NumberStyles.None, CultureInfo.InvariantCulture, out long frame))
                {
                    continue;
                }

                if (!_files.TryAdd(frame, file))
                {
                    throw new FrameFlowException(FaultKind.Input, $"The masks '{_files[frame]}' and '{file}' are both of frame {frame}; keep one.");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Input, $"The masks in '{folder}' cannot be read: {e.Message}", e);
        }

        if (_files.Count == 0)
        {
            throw new FrameFlowException(FaultKind.Input, $"The folder of masks '{folder}' holds no PNG with a frame's number in its name, such as mask_000120.png; frames count from 0.");
        }
    }

    /// <summary>The frames that have a picture.</summary>
    public IReadOnlyCollection<long> Frames => _files.Keys;

    /// <inheritdoc/>
    public ValueTask<bool> ReadAsync(long frame, FloatImage mask, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (!_files.TryGetValue(frame, out string? file))
        {
            return ValueTask.FromResult(false);
        }

        using Mat picture = Cv2.ImRead(file, ImreadModes.Grayscale);
        if (picture.Empty())
        {
            throw new FrameFlowException(FaultKind.Input, $"The mask '{file}' cannot be read as a picture; write it anew as PNG.");
        }

        if (picture.Width != mask.Width || picture.Height != mask.Height)
        {
            throw new FrameFlowException(FaultKind.Input, $"The mask '{file}' is {picture.Width}x{picture.Height}, the film {mask.Width}x{mask.Height}; make it of the film's size.");
        }

        using Mat target = SpikeDetector.Wrap(mask);
        using Mat level = new();
        picture.ConvertTo(level, MatType.CV_32FC1);
        Cv2.Threshold(level, target, White, 1, ThresholdTypes.Binary);
        return ValueTask.FromResult(true);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
