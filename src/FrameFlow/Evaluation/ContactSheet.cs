using FrameFlow.Encoding;
using OpenCvSharp;

namespace FrameFlow.Evaluation;

/// <summary>Rows of captioned pictures, one under another, as a PNG.</summary>
internal sealed class ContactSheet : IDisposable
{
    // Wide enough to see a torn edge, narrow enough for six beside each other.
    private const int Width = 480;
    private const int CaptionHeight = 22;

    private readonly List<Mat> _rows = [];

    /// <summary>Adds a row.</summary>
    /// <param name="pictures">A caption and the path of a picture each; as many as in every other row.</param>
    public void AddRow(IReadOnlyList<(string Caption, string Path)> pictures)
    {
        List<Mat> cells = [];
        try
        {
            foreach ((string caption, string path) in pictures)
            {
                using Mat picture = Cv2.ImRead(path);
                using Mat scaled = new();
                Cv2.Resize(picture, scaled, new Size(Width, Math.Max(1, picture.Height * Width / picture.Width)), interpolation: InterpolationFlags.Area);
                Mat cell = new(scaled.Height + CaptionHeight, Width, MatType.CV_8UC3, Scalar.Black);
                cells.Add(cell);
                using Mat place = cell[new Rect(0, CaptionHeight, Width, scaled.Height)];
                scaled.CopyTo(place);
                Cv2.PutText(cell, caption, new Point(4, CaptionHeight - 7), HersheyFonts.HersheySimplex, 0.45, Scalar.White, 1, LineTypes.AntiAlias);
            }

            Mat row = new();
            _rows.Add(row);
            Cv2.HConcat(cells, row);
        }
        finally
        {
            cells.ForEach(c => c.Dispose());
        }
    }

    /// <summary>Writes what was added into what is to be published.</summary>
    /// <exception cref="FrameFlowException">The file cannot be written (<see cref="FaultKind.Storage"/>).</exception>
    public void Write(OutputFile output)
    {
        using Mat sheet = new();
        Cv2.VConcat(_rows, sheet);
        Cv2.ImEncode(".png", sheet, out byte[] png);
        try
        {
            File.WriteAllBytes(output.PartialPath, png);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FrameFlowException(FaultKind.Storage, $"The sheet '{output.Path}' could not be written ({e.Message.TrimEnd('.')}); give another --sheet.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _rows.ForEach(r => r.Dispose());
}
