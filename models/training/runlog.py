"""What a run's log says of how it was begun."""
import os


def settings(args):
    """The options of a parsed command line, to be written as JSON; of absolute paths only the last part, so that a log that is kept names no machine's folders."""
    tell = lambda v: [tell(e) for e in v] if isinstance(v, (list, tuple)) else os.path.basename(v.rstrip("/")) if isinstance(v, str) and os.path.isabs(v) else v
    return {key: tell(value) for key, value in vars(args).items()}
