"""Bursts of few senders: who brings far more new visitors than usual, or splits unlike all others.

A stranger who makes up visitors from a few addresses shows in one of two ways: many at once, or
one arm only. An office or a carrier's network behind one address brings many, too, but about as
many as before, and split like everybody's. A peak has many senders. A dead arm is dead for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

# Senders that are few, of 512 groups of them.
MOST_SENDERS = 25
# New visitors of one sender in a quarter of an hour that no visitor of a site would notice.
LEAST_VISITORS = 100
# A burst is so many times what any sender brought before, and what the others bring now.
TIMES = 10
# Visitors of the others from which their split, or their habits, are known.
LEAST_OTHERS = 50
# False alarms of all looks of a year, at one a minute for each of the senders, stay below 1 %.
ONE_SIDED_ALPHA = 1e-9

Counts = npt.NDArray[np.int64]


def concentrated_senders(visitors: Mapping[int, int], *, usual: int | None) -> tuple[int, ...]:
    """Return the few senders that bring far more new visitors than any usually does.

    Args:
        visitors: New visitors of each sender in one period.
        usual: The most that one sender brought in an earlier period of this length; None if too
            few visitors came before to know: then nobody is conspicuous.

    Returns:
        Senders, the largest first; at most MOST_SENDERS.

    >>> concentrated_senders({7: 10_000, 8: 12, 9: 9}, usual=14)
    (7,)
    >>> concentrated_senders({sender: 5_000 for sender in range(500)}, usual=14)
    ()
    """
    if usual is None:
        return ()
    ranked = sorted(visitors, key=lambda sender: (-visitors[sender], sender))
    others = max((visitors[sender] for sender in ranked[MOST_SENDERS:]), default=0)
    least = max(LEAST_VISITORS, TIMES * usual, TIMES * others)
    return tuple(sender for sender in ranked[:MOST_SENDERS] if visitors[sender] >= least)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSplit:
    """New visitors of a day: of each sender, and of everybody whose sender is unknown.

    Attributes:
        senders: Shape (S, P, K): senders, phases, arms.
        unknown: Shape (P, K).
    """

    senders: Counts
    unknown: Counts


def one_sided_senders(split: SenderSplit) -> tuple[int, ...]:
    """Return the large senders whose visitors do not split like those of all others.

    Within each phase and for each arm, a large sender's visitors are compared with the others' by
    Fisher's exact test; the smallest p-value counts, times the number of tests. The others are
    all but the MOST_SENDERS largest, so that a stranger with several addresses does not become
    the standard.

    Args:
        split: New visitors of one day.

    Returns:
        Indices of senders; none where the others are too few to know how visitors split.

    Source: Fisher's exact test, one-sided in both directions; hypergeometric distribution.

    >>> honest = np.full((40, 1, 2), 20)
    >>> made_up = np.array([[[0, 500]]])
    >>> senders = np.concatenate([honest, made_up])
    >>> one_sided_senders(SenderSplit(senders=senders, unknown=np.zeros((1, 2), dtype=int)))
    (40,)
    """
    totals = split.senders.sum(axis=(1, 2))
    largest = np.argsort(-totals, kind="stable")[:MOST_SENDERS]
    others = split.unknown + split.senders.sum(axis=0) - split.senders[largest].sum(axis=0)
    known = others.sum(axis=-1) >= LEAST_OTHERS
    n_tests = max(2 * split.senders.shape[2] * int(known.sum()), 1)
    p_values = _smallest_p_values(split.senders[largest][:, known], others[known])
    return tuple(sorted(int(index) for index in largest[p_values * n_tests < ONE_SIDED_ALPHA]))


def _smallest_p_values(own: Counts, others: Counts) -> npt.NDArray[np.float64]:
    """Return the smallest p-value of each sender; own of shape (S, P, K), others (P, K)."""
    n_own = own.sum(axis=-1, keepdims=True)
    both, n_both = own + others, n_own + others.sum(axis=-1, keepdims=True)
    more = scipy.stats.hypergeom.sf(own - 1, n_both, both, n_own)
    less = scipy.stats.hypergeom.cdf(own, n_both, both, n_own)
    smallest = np.minimum(more, less).reshape(len(own), -1)
    # An empty phase says nothing.
    p_values: npt.NDArray[np.float64] = np.nan_to_num(smallest, nan=1.0).min(axis=1, initial=1.0)
    return p_values
