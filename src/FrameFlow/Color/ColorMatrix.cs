using FrameFlow.Media;

namespace FrameFlow.Color;

/// <summary>
/// The luma weights of a Y'CbCr matrix (ITU-T H.273, MatrixCoefficients) and what follows from them. Works on non-linear code values
/// (gamma, log, PQ, HLG as they are).
/// </summary>
/// <param name="RedWeight">K_R.</param>
/// <param name="BlueWeight">K_B.</param>
public readonly record struct ColorMatrix(double RedWeight, double BlueWeight)
{
    /// <summary>K_G = 1 - K_R - K_B.</summary>
    public double GreenWeight => 1 - RedWeight - BlueWeight;

    /// <summary>
    /// The matrix that a stream's tag names; where it names none, BT.709 from 720 lines up and BT.601 below, as players assume.
    /// </summary>
    public static ColorMatrix For(VideoFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        return format.Color.Matrix switch
        {
            "bt709" => new(0.2126, 0.0722),
            "bt470bg" or "smpte170m" => new(0.299, 0.114),
            "bt2020nc" or "bt2020_ncl" or "bt2020c" or "bt2020_cl" => new(0.2627, 0.0593),
            "smpte240m" => new(0.212, 0.087),
            "fcc" => new(0.30, 0.11),
            _ => format.Height >= 720 ? new(0.2126, 0.0722) : new(0.299, 0.114),
        };
    }
}
