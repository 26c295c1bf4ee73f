"""Search for interactions between concurrent experiments of a site."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations

import numpy as np

from experiments.models import Experiment, Interaction, Site, Variant
from experiments.selectors import interactions, lifecycle
from experiments.selectors.interactions import Cell
from experiments.stats.health.interaction import find_interaction

# All tests of a site together find something in so many sites without interactions.
ALPHA = 0.05
# A pair costs a join of all its visitors.
MOST_VISITORS = 2_000_000
MOST_PAIRS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """One test: an arm of one experiment in an arm of another."""

    arm: Variant
    other_arm: Variant
    factor: float
    p_value: float
    visitors: int


def check_interactions(*, now: datetime) -> list[Interaction]:
    """Search the live experiments of each site for interactions; return what is found.

    Experiments whose shares have changed are left out: the mix of days would differ between the
    cells. So are those with more than 2,000,000 visitors, and pairs after the first 200 of a site.
    """
    found: list[Interaction] = []
    for site in Site.objects.order_by("pk"):
        tested = list(_tests_on(site))
        rows = [
            Interaction(
                experiment_id=one.arm.experiment_id,
                arm=one.arm,
                other_arm=one.other_arm,
                factor=one.factor,
                p_value=min(1.0, one.p_value * len(tested)),
                visitors=one.visitors,
                checked_at=now,
            )
            for one in tested
            if one.p_value * len(tested) <= ALPHA
        ]
        interactions.replace_interactions(site, rows)
        found += rows
    return found


def _tests_on(site: Site) -> Iterator[_Tested]:
    live = [row for row in lifecycle.experiments_to_watch().filter(slot__site=site) if _fits(row)]
    for one, other in list(permutations(live, 2))[: 2 * MOST_PAIRS]:
        yield from _tests_of(one, other)


def _fits(experiment: Experiment) -> bool:
    if len({tuple(phase.shares) for phase in experiment.phases.all()}) > 1:
        return False
    return interactions.visitors_of(experiment) <= MOST_VISITORS


def _tests_of(one: Experiment, other: Experiment) -> Iterator[_Tested]:
    """Test each arm of the one in each arm of the other, on the metric of the one."""
    cells = interactions.cells_of(one, other)
    arms, other_arms = list(one.variants.all()), list(other.variants.all())
    for arm in arms[1:]:
        for other_arm in other_arms[1:]:
            table = _table(cells, (arms[0], arm), (other_arms[0], other_arm))
            result = find_interaction(table[..., 0], table[..., 1])
            if result is not None:
                yield _Tested(
                    arm=arm,
                    other_arm=other_arm,
                    factor=result.factor,
                    p_value=result.p_value,
                    visitors=int(table[..., 0].sum()),
                )


def _table(
    cells: dict[tuple[int, int], Cell], arms: Sequence[Variant], others: Sequence[Variant]
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    """Return visitors and successes of four cells, shape (2, 2, 2)."""
    return np.array(
        [[cells.get((arm.pk, other.pk), (0, 0)) for other in others] for arm in arms],
        dtype=np.float64,
    )
