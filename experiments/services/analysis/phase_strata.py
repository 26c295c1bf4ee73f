"""Strata of an experiment: phases with the same shares, within which arms are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.assignment.phases import propensities
from experiments.models import Experiment, Variant
from experiments.stats.estimation.sufficient_statistics import FloatArray

# More distinct shares than this are joined with their neighbours in time.
MOST_STRATA = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Strata in order of their first phase; `shares` has shape `(S, K)`.

    `is_merged`: neighbours with different shares were joined, because there were too many.
    """

    of_phase: dict[int, int]
    shares: FloatArray
    is_merged: bool = False

    def of(self, phase: int) -> int | None:
        """Return the stratum of a phase; None for an unknown one, if shares changed."""
        return self.of_phase.get(phase) if self.has_changed_shares else 0

    @property
    def has_changed_shares(self) -> bool:
        """Return whether arms had other shares before; a change of coverage does not count."""
        return len(self.shares) > 1


def strata_of(experiment: Experiment, variants: Sequence[Variant]) -> Strata:
    """Return the strata; a single one while shares have never changed.

    Phases of equal shares are one stratum, wherever they lie in time: their visitors were
    assigned alike.
    """
    phases = list(experiment.phases.all())
    if not phases:
        shares = [float(variant.share) for variant in variants]
        return Strata(of_phase={0: 0}, shares=np.array([shares]))
    shares_of = {
        phase.number: tuple(round(share, 4) for share in propensities(phase.slices, len(variants)))
        for phase in phases
    }
    distinct = list(dict.fromkeys(shares_of.values()))
    width = -(-len(distinct) // MOST_STRATA)
    of_phase = {number: distinct.index(shares) // width for number, shares in shares_of.items()}
    groups = [distinct[first : first + width] for first in range(0, len(distinct), width)]
    return Strata(
        of_phase=of_phase,
        shares=np.array([np.mean(group, axis=0) for group in groups]),
        is_merged=width > 1,
    )
