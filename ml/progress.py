"""Progress callbacks: the fraction of a long computation that is done."""

from collections.abc import Callable

# Called with the fraction done in [0, 1].
Progress = Callable[[float], None]


def no_progress(_fraction: float) -> None:
    """Report to nobody.

    >>> no_progress(0.5)
    """


def within(progress: Progress, start: float, share: float) -> Progress:
    """Return what tells the fraction done of a part as that of the whole.

    Args:
        progress: Told the fraction of the whole.
        start: Where the part starts, in [0, 1].
        share: Of the whole, in [0, 1].

    >>> within(print, 0.5, 0.25)(0.5)
    0.625
    """
    return lambda done: progress(start + share * done)
