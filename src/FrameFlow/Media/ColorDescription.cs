namespace FrameFlow.Media;

/// <summary>
/// Colour tags as ffmpeg names them (ITU-T H.273): <c>bt709</c>, <c>smpte2084</c>, <c>bt2020nc</c> ...; null where the source does not say.
/// </summary>
public sealed record ColorDescription
{
    /// <summary>No tag at all; limited range.</summary>
    public static ColorDescription Unspecified { get; } = new();

    /// <summary>Colour primaries, or null.</summary>
    public string? Primaries { get; init; }

    /// <summary>Transfer characteristics, or null.</summary>
    public string? Transfer { get; init; }

    /// <summary>Matrix coefficients (ffmpeg's <c>color_space</c>), or null.</summary>
    public string? Matrix { get; init; }

    /// <summary>True for full ("pc", JPEG) range, false for limited ("tv"); null where not said, which is read as limited.</summary>
    public bool? FullRange { get; init; }

    /// <summary>Where the chroma samples lie (<c>left</c>, <c>center</c>, <c>topleft</c>), or null, which is read as left.</summary>
    public string? ChromaLocation { get; init; }
}
