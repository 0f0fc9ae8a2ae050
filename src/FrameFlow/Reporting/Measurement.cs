namespace FrameFlow.Reporting;

/// <summary>One curve of a chart that the report shows: what an operation measured.</summary>
/// <param name="Chart">The chart's title; curves of one title stand in one chart.</param>
/// <param name="Series">The curve's name.</param>
/// <param name="Across">What x is, with its unit.</param>
/// <param name="Up">What y is, with its unit.</param>
/// <param name="X">x, ascending.</param>
/// <param name="Y">y, one for each x.</param>
public sealed record Measurement(string Chart, string Series, string Across, string Up, IReadOnlyList<double> X, IReadOnlyList<double> Y);
