using System.Collections.Concurrent;
using System.Globalization;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace FrameFlow.Tests.Support;

/// <summary>Keeps what is logged, and tells when a line came.</summary>
internal sealed class LogLines : ILogEventSink
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _awaited = new();

    public LogLines() => Log = new LoggerConfiguration().WriteTo.Sink(this).CreateLogger();

    public Logger Log { get; }

    /// <summary>The lines so far that hold a text, with their level.</summary>
    public string[] With(string text) => [.. _lines.Where(l => l.Contains(text, StringComparison.Ordinal))];

    /// <summary>Ends when a line with a text comes; to be asked before it can come.</summary>
    public Task ComesAsync(string text) => _awaited.GetOrAdd(text, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(TimeSpan.FromMinutes(1));

    public void Emit(LogEvent logEvent)
    {
        string line = $"{logEvent.Level} {logEvent.RenderMessage(CultureInfo.InvariantCulture)}";
        _lines.Enqueue(line);
        foreach ((string text, TaskCompletionSource came) in _awaited)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                came.TrySetResult();
            }
        }
    }
}
