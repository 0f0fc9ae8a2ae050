namespace FrameFlow.Color;

/// <summary>
/// The code value that stands for linear light in float pictures (EXR): the curve of sRGB (IEC 61966-2-1), odd about zero and continued above 1,
/// as IEC 61966-2-2 (scRGB's bg-sRGB) and CSS Color 4 extend it, so that nothing is clipped and the way back is exact but for rounding.
/// Networks and noise estimates see perceptual codes of nominal 0..1, whatever the light.
/// </summary>
public static class LinearLight
{
    // The largest half: what an infinite sample stands for; a sample that is not a number is black.
    private const float Largest = 65504;

    /// <summary>Linear light to code: v = 12.92 |x| up to .0031308, above 1.055 |x|^(1/2.4) - .055, with the sign of x.</summary>
    public static float ToCode(float light)
    {
        float x = float.IsNaN(light) ? 0 : Math.Clamp(light, -Largest, Largest);
        float size = MathF.Abs(x);
        return MathF.CopySign(size <= 0.0031308f ? 12.92f * size : (1.055f * MathF.Pow(size, 1 / 2.4f)) - 0.055f, x);
    }

    /// <summary>The inverse of <see cref="ToCode"/>.</summary>
    public static float FromCode(float code)
    {
        float size = MathF.Abs(code);
        return MathF.CopySign(size <= 0.04045f ? size / 12.92f : MathF.Pow((size + 0.055f) / 1.055f, 2.4f), code);
    }
}
