using FrameFlow.Media;
using OpenCvSharp;

namespace FrameFlow.Reporting;

/// <summary>A picture as the page shows it.</summary>
public static class StillPicture
{
    /// <summary>The most pixels across and down: a page of a dozen pairs stays within a few megabytes.</summary>
    public const int MostPixels = 960;

    // Fine enough that what is seen is the film's, not the JPEG's.
    private const int Quality = 88;

    /// <summary>Makes a JPEG, upright, with square pixels, no larger than <see cref="MostPixels"/>.</summary>
    /// <param name="rgb">[3,H,W], R, G, B, code values 0..1; what lies outside is clipped.</param>
    /// <param name="rotation">Clockwise degrees by which it is shown: 0, 90, 180, 270.</param>
    /// <param name="aspect">A sample's width over its height, before it is turned.</param>
    /// <param name="width">The JPEG's width.</param>
    /// <param name="height">The JPEG's height.</param>
    public static unsafe byte[] ToJpeg(FloatImage rgb, int rotation, Rational aspect, out int width, out int height)
    {
        ArgumentNullException.ThrowIfNull(rgb);
        using Mat picture = new(rgb.Height, rgb.Width, MatType.CV_8UC3);
        for (int y = 0; y < rgb.Height; y++)
        {
            byte* row = (byte*)picture.Ptr(y);
            float* from = rgb.Data + ((long)y * rgb.Width);
            for (int x = 0; x < rgb.Width; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    row[(3 * x) + 2 - c] = (byte)((Math.Clamp(from[((long)c * rgb.PlaneLength) + x], 0f, 1f) * 255) + 0.5f);
                }
            }
        }

        double across = picture.Width * (aspect > Rational.Zero ? aspect.ToDouble() : 1);
        double scale = Math.Min(1, MostPixels / Math.Max(across, picture.Height));
        using Mat sized = new();
        Size size = new(Math.Max(1, (int)Math.Round(across * scale)), Math.Max(1, (int)Math.Round(picture.Height * scale)));
        Cv2.Resize(picture, sized, size, interpolation: InterpolationFlags.Area);
        using Mat turned = new();
        if (rotation is 90 or 180 or 270)
        {
            Cv2.Rotate(sized, turned, rotation switch { 90 => RotateFlags.Rotate90Clockwise, 180 => RotateFlags.Rotate180, _ => RotateFlags.Rotate90Counterclockwise });
        }
        else
        {
            sized.CopyTo(turned);
        }

        (width, height) = (turned.Width, turned.Height);
        Cv2.ImEncode(".jpg", turned, out byte[] jpeg, new ImageEncodingParam(ImwriteFlags.JpegQuality, Quality));
        return jpeg;
    }
}
