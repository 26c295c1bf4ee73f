"""Sample-ratio check, phase by phase if shares changed."""

from collections.abc import Iterable, Sequence

import numpy as np

from experiments.assignment.phases import propensities
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import Experiment, Rollup, Variant
from experiments.services.rollups.arm_totals import totals_by_phase
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import SrmCheck, check_srm_sequential


def split_check(
    experiment: Experiment, variants: Sequence[Variant], rollups: Iterable[Rollup]
) -> SrmCheck:
    """Return the sample-ratio check of everybody's rollups, valid at every look.

    After a change of shares the phases are tested one by one, together.
    """
    counts, shares = split_counts(experiment, variants, rollups)
    return check_srm_sequential(counts, shares)


def split_counts(
    experiment: Experiment, variants: Sequence[Variant], rollups: Iterable[Rollup]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the visitors of each phase by arm, as assigned, and the shares of each phase."""
    phases = list(experiment.phases.all())
    totals = totals_by_phase(rollups, variants)
    visitors = {
        number: np.array([total.visitors for total in arms], dtype=np.float64)
        for number, arms in totals.items()
    }
    nobody = np.zeros(len(variants))
    if not phases:
        shares = np.array([float(variant.share) for variant in variants])
        return [sum(visitors.values(), nobody)], [shares]
    counts = [visitors.get(phase.number, nobody) for phase in phases]
    phase_shares = [np.array(propensities(phase.slices, len(variants))) for phase in phases]
    return where_assigned(counts, phase_shares), phase_shares


def unknown_phase_visitors(rollups: Iterable[Rollup]) -> int:
    """Return how many visitors the split check leaves out: the shares that they met are unknown.

    Args:
        rollups: Those of everybody.
    """
    return sum(row.visitors for row in rollups if row.phase == UNKNOWN_PHASE)


def where_assigned(counts: Sequence[FloatArray], shares: Sequence[FloatArray]) -> list[FloatArray]:
    """Move visitors of an arm without a share to the last phase before that could assign it.

    A page or a client that was slow to learn of the new shares brings them; a clock that is
    wrong may bring visitors of an arm that only a later phase assigns. Where an arm never had a
    share, its visitors stay: they prove a mismatch.
    """
    moved = [count.copy() for count in counts]
    for phase, arm in np.argwhere((np.array(counts) > 0) & (np.array(shares) == 0)):
        able = [number for number, share in enumerate(shares) if share[arm] > 0]
        if able:
            before = [number for number in able if number < phase]
            moved[before[-1] if before else able[0]][arm] += moved[phase][arm]
            moved[phase][arm] = 0
    return moved
