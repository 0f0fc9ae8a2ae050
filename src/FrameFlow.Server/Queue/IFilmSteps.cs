using FrameFlow.Server.Watching;

namespace FrameFlow.Server.Queue;

/// <summary>Where steps wait for a worker.</summary>
public interface IFilmSteps
{
    /// <summary>Puts a film's first step into the queue; the others follow from it. Harmless where it is there already.</summary>
    /// <exception cref="QueueAwayException">The queue's database does not answer.</exception>
    void Plan(FilmFolder folder, JobRecord record);

    /// <summary>Stops what this process does for a film, if anything.</summary>
    void Halt(string id);

    /// <summary>Whether this process does something for a film just now.</summary>
    bool IsAtWork(string id);

    /// <summary>How long ago a step of a film failed in this process such that its record could not be told (a full disk); null where none did, or another was begun since.</summary>
    TimeSpan? SinceFailure(string id) => null;
}
