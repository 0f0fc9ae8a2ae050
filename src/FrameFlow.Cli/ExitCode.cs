namespace FrameFlow.Cli;

/// <summary>The process's exit codes.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>'verify' only: all was read, and the contract is broken.</summary>
    public const int Refuted = 1;

    public const int Usage = 2;
    public const int Input = 3;
    public const int Model = 4;
    public const int Output = 5;

    /// <summary>128 + SIGINT, as shells have it.</summary>
    public const int Cancelled = 130;

    /// <summary>A fault that nobody foresaw (sysexits.h, EX_SOFTWARE).</summary>
    public const int Unforeseen = 70;

    public static int For(FaultKind kind) => kind switch
    {
        FaultKind.Usage => Usage,
        FaultKind.Input or FaultKind.Decode => Input,
        FaultKind.Model or FaultKind.Device => Model,
        _ => Output,
    };
}
