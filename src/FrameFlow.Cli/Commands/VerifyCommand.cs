using System.CommandLine;
using FrameFlow.Decoding;
using FrameFlow.Interpolation;
using FrameFlow.Media;
using FrameFlow.Verification;
using Serilog;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow verify IN OUT</c>: proves an output's timing against its source, by code that shares nothing with the pipeline's.</summary>
internal static class VerifyCommand
{
    public static Command Create(GlobalOptions global)
    {
        Argument<string> input = new("IN") { Description = "The source." };
        Argument<string> output = new("OUT") { Description = "The output." };
        Option<TargetRate?> fps = new("--fps") { Description = "The rate that was asked for; default: the one that the output shows.", CustomParser = Parsers.Rate };
        Option<Rational> slow = new("--slow") { Description = "By how much time was stretched.", CustomParser = Parsers.Factor, DefaultValueFactory = _ => Rational.One };
        Option<Rational?> start = new("--start") { Description = "Where the output begins in the source.", CustomParser = Parsers.Time("--start") };
        Option<Rational?> duration = new("--duration") { Description = "How much of the source was taken.", CustomParser = Parsers.Time("--duration") };
        Option<string> filters = new("--filters") { Description = "The ffmpeg filters that made the source progressive; 'auto' asks 'frameflow probe', 'none' takes it as it is.", DefaultValueFactory = _ => "auto" };
        Option<bool> held = new("--allow-held") { Description = "Frames may repeat (made with --model hold)." };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Command command = new("verify", "Prove an output's timing against its source: count, times, sound, real frames in place.")
        {
            input, output, fps, slow, start, duration, filters, held, json,
        };
        CommandEdge.Run(command, global, async (parsed, log, token) =>
        {
            string source = parsed.GetRequiredValue(input);
            string made = parsed.GetRequiredValue(output);
            TargetRate? rate = parsed.GetValue(fps);
            if (rate is { IsMultiple: true })
            {
                throw new FrameFlowException(FaultKind.Usage, "--fps of 'verify' takes a rate such as 60000/1001, no multiple.");
            }

            if (new[] { source, made }.FirstOrDefault(p => SequencePattern.TryParse(p) is not null) is { } sequence)
            {
                throw new FrameFlowException(FaultKind.Usage, $"'{sequence}' is a numbered sequence, whose pictures have numbers and no times to verify; numbers and pictures were read back when it was published.");
            }

            InputFaults.ThrowIfUnreadable(source);
            InputFaults.ThrowIfUnreadable(made);
            string? chain = parsed.GetValue(filters) switch
            {
                "none" => null,
                "auto" => (await SourceScanner.ScanAsync(await MediaProbe.ProbeAsync(source, token), new DecodeOptions(), token)).Filters,
                { } given => given,
                null => null,
            };
            VerificationOptions options = new()
            {
                Rate = rate?.Value,
                Slow = parsed.GetValue(slow),
                Start = parsed.GetValue(start) ?? Rational.Zero,
                Duration = parsed.GetValue(duration),
                Filters = chain,
                AllowHeldFrames = parsed.GetValue(held),
                ExpectAudio = parsed.GetValue(slow) == Rational.One,
            };
            VerificationReport report = await new TimingVerifier(options).VerifyAsync(source, made, token);
            return Print(report, parsed.GetValue(json), log);
        });
        return command;
    }

    private static int Print(VerificationReport report, bool json, ILogger log)
    {
        if (json)
        {
            Json.Print(report);
        }
        else
        {
            foreach (VerificationCheck check in report.Checks)
            {
                Console.Out.WriteLine($"{(check.Passed ? "ok  " : "FAIL")} {check.Name}: {check.Measured} (expected {check.Expected})");
            }
        }

        int failed = report.Checks.Count(c => !c.Passed);
        if (failed == 0)
        {
            log.Information("Verified: {Output} keeps the timing contract, {Frames} frames.", report.Output, report.OutputFrames);
            return ExitCode.Success;
        }

        log.Error("Refuted: {Output} breaks the timing contract in {Failed} of {Checks} checks.", report.Output, failed, report.Checks.Count);
        return ExitCode.Refuted;
    }
}
