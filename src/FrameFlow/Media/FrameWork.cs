namespace FrameFlow.Media;

/// <summary>What was done to a picture on its way, so that the ledger and the report can say it.</summary>
[Flags]
public enum FrameWork
{
    /// <summary>The picture is as the source holds it.</summary>
    None = 0,

    /// <summary>Its brightness was matched to its neighbours'.</summary>
    Deflickered = 1,

    /// <summary>It was moved against gate weave.</summary>
    Stabilised = 2,

    /// <summary>Pixels inside a mask were made anew.</summary>
    Repaired = 4,

    /// <summary>All of it was made anew, from other frames, in the place of one that is lost or spoilt.</summary>
    Rebuilt = 8,

    /// <summary>Noise was taken away.</summary>
    Denoised = 16,

    /// <summary>It was made between two frames.</summary>
    Interpolated = 32,

    /// <summary>It repeats a frame where another would have been made, had that been possible.</summary>
    Held = 64,

    /// <summary>Grain was put on it.</summary>
    Grained = 128,
}
