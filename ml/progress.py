"""Progress callbacks: the fraction of a long computation that is done."""

from collections.abc import Callable

# Called with the fraction done in [0, 1].
Progress = Callable[[float], None]


def no_progress(_fraction: float) -> None:
    """Report to nobody.

    >>> no_progress(0.5)
    """


def within(progress: Progress, start: float, share: float) -> Progress:
    """Return a progress callback that maps [0, 1] to [start, start + share].

    Args:
        progress: Told the fraction of the whole.
        start: Start of the part, in [0, 1].
        share: Share of the whole, in [0, 1].

    >>> within(print, 0.5, 0.25)(0.5)
    0.625
    """
    return lambda done: progress(start + share * done)
