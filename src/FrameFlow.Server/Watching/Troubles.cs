namespace FrameFlow.Server.Watching;

/// <summary>
/// What is wrong with things that are looked at again and again: said once, again when it is something else (at most once a minute, lest two reasons take
/// turns), and not at every look.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="log">Receives it.</param>
internal sealed class Troubles(TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, (string Line, long Since)> _told = new(StringComparer.Ordinal);

    /// <summary>Says what is wrong, unless that is said already.</summary>
    /// <param name="subject">With what.</param>
    /// <param name="line">The line that says it.</param>
    public void Tell(string subject, string line)
    {
        if (!_told.TryGetValue(subject, out (string Line, long Since) before) || (before.Line != line && time.GetElapsedTime(before.Since) >= Pause))
        {
            _told[subject] = (line, time.GetTimestamp());
            log.Error("{Trouble:l}", line);
        }
    }

    /// <summary>Nothing is wrong with it any more.</summary>
    /// <returns>Whether something was.</returns>
    public bool End(string subject) => _told.Remove(subject);
}
