"""Sample-ratio check, phase by phase if shares changed."""

from collections.abc import Iterable, Sequence

import numpy as np

from experiments.assignment.phases import propensities
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import Experiment, Phase, Rollup, Variant
from experiments.selectors import reports
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import SrmCheck, check_srm_sequential

# For each phase, the visitors of the arms and the intended shares.
Split = tuple[list[FloatArray], list[FloatArray]]


def split_check(
    experiment: Experiment, variants: Sequence[Variant], visitors: Sequence[int]
) -> SrmCheck:
    """Return the sample-ratio check of the exposed visitors, valid at every look.

    One query more where shares have changed: they are tested phase by phase, together.
    """
    phases = list(experiment.phases.all())
    if not phases:
        shares = np.array([float(variant.share) for variant in variants])
        return check_srm_sequential([np.asarray(visitors, dtype=np.float64)], [shares])
    return check_srm_sequential(*_by_phase(experiment, phases, variants, visitors))


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


def has_changed_shares(experiment: Experiment) -> bool:
    """Return whether its arms had other shares before; a change of coverage does not count."""
    shares = [phase.shares for phase in experiment.phases.all()]
    return any(phase_shares != shares[0] for phase_shares in shares)


def _by_phase(
    experiment: Experiment,
    phases: Sequence[Phase],
    variants: Sequence[Variant],
    visitors: Sequence[int],
) -> Split:
    later = _visitors_of_phases(reports.phase_rollups_of(experiment), variants)
    no_visitors = np.zeros(len(variants))
    counts = [later.get(phase.number, no_visitors) for phase in phases]
    # The first phase: everybody but the visitors of the later ones, and of an unknown one.
    counts[0] = np.maximum(np.asarray(visitors, dtype=float) - sum(later.values(), no_visitors), 0)
    shares = [np.array(propensities(phase.slices, len(variants))) for phase in phases]
    return where_assigned(counts, shares), shares


def _visitors_of_phases(
    rollups: Iterable[Rollup], variants: Sequence[Variant]
) -> dict[int, FloatArray]:
    arms = {variant.pk: index for index, variant in enumerate(variants)}
    counts: dict[int, FloatArray] = {}
    for row in rollups:
        of_arms = counts.setdefault(row.phase, np.zeros(len(arms)))
        of_arms[arms[row.variant_id]] += row.visitors
    return counts
