"""Progress callbacks for long computations."""

from collections.abc import Callable

# Called with the fraction done in [0, 1].
Progress = Callable[[float], None]


def no_progress(_fraction: float) -> None:
    """Ignore the progress.

    >>> no_progress(0.5)
    """


def within(progress: Progress, start: float, share: float) -> Progress:
    """Return a callback that maps progress in [0, 1] to [start, start + share].

    Args:
        progress: Callback of the entire computation.
        start: Start of the part, in [0, 1].
        share: Share of the part, in [0, 1].

    >>> within(print, 0.5, 0.25)(0.5)
    0.625
    """
    return lambda done: progress(start + share * done)
