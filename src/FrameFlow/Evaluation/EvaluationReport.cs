using FrameFlow.Media;

namespace FrameFlow.Evaluation;

/// <summary>How well methods made anew the frames that were left out of a clip.</summary>
/// <param name="Rate">The clip's frames a second; a VFR clip's mean.</param>
/// <param name="Frames">Frames that were compared: every second one but those at cuts.</param>
/// <param name="AtCuts">Frames left out of the comparison, since a scene ends or begins there.</param>
/// <param name="Methods">A row for each method.</param>
public sealed record EvaluationReport(Rational Rate, int Frames, int AtCuts, IReadOnlyList<MethodScore> Methods);

/// <summary>One method's figures.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Psnr">Mean over frames of the luma PSNR, dB, as ffmpeg's psnr filter gives it; a frame without any difference counts as 100.</param>
/// <param name="Ssim">Mean over frames of the luma SSIM, as ffmpeg's ssim filter gives it.</param>
/// <param name="Flicker">Energy of luma's changes from frame to frame, at the frames made, over the truth's: 1 moves as the clip did; more trembles, less is smoothed or stands.</param>
/// <param name="MillisecondsPerFrame">Wall-clock time of the whole run, decoding and lossless encoding included, over the frames made.</param>
/// <param name="Worst">The frame that came out worst.</param>
public sealed record MethodScore(string Method, double Psnr, double Ssim, double Flicker, double MillisecondsPerFrame, FrameScore Worst);

/// <summary>One frame's luma PSNR.</summary>
/// <param name="Index">The frame's number in the clip, from 0.</param>
/// <param name="Time">Its time in the clip, seconds from the first frame.</param>
/// <param name="Psnr">dB.</param>
public sealed record FrameScore(int Index, double Time, double Psnr);
