"""Sample-ratio check, phase by phase if shares changed."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np

from experiments.assignment.phases import propensities
from experiments.event_schema.rules import PHASE, UNKNOWN_PHASE
from experiments.models import Experiment, Phase, Rollup, Variant
from experiments.selectors import reports
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import (
    LEAST_EXPECTED,
    SrmCheck,
    check_srm,
    check_srm_phases,
    check_srm_sequential,
)

# For each phase, the visitors of the arms and the intended shares.
Split = tuple[list[FloatArray], list[FloatArray]]


def traffic_split(visitors: Sequence[int], shares: Sequence[Decimal]) -> SrmCheck:
    """Return the sample-ratio check of exposed visitors whose shares never changed."""
    return check_srm(visitors, [float(share) for share in shares])


def split_check(
    experiment: Experiment, variants: Sequence[Variant], visitors: Sequence[int]
) -> SrmCheck:
    """Return the sample-ratio check of the exposed visitors; one query more where phases are.

    A phase with too few visitors for chi-squared waits; it is chosen by their number alone.
    """
    phases = list(experiment.phases.all())
    if not phases:
        return traffic_split(visitors, [variant.share for variant in variants])
    counts, shares = _by_phase(experiment, phases, variants, visitors)
    large_phases = [
        (count, share)
        for count, share in zip(counts, shares, strict=True)
        if count.sum() * share[share > 0].min() >= LEAST_EXPECTED
    ]
    if not large_phases:
        return check_srm_phases(counts, shares)
    return check_srm_phases(
        [count for count, _ in large_phases], [share for _, share in large_phases]
    )


def split_check_anytime(
    experiment: Experiment, variants: Sequence[Variant], visitors: Sequence[int]
) -> SrmCheck:
    """Return the check that may be repeated every minute."""
    phases = list(experiment.phases.all())
    if not phases:
        return check_srm_sequential([visitors], [[float(arm.share) for arm in variants]])
    return check_srm_sequential(*_by_phase(experiment, phases, variants, visitors))


def unknown_phase_visitors(rollups: Iterable[Rollup]) -> int:
    """Return how many visitors the split check leaves out: nobody can tell which shares they met.

    Args:
        rollups: Those of the experiment's segments.
    """
    return sum(row.visitors for row in rollups if row.segment == f"{PHASE}={UNKNOWN_PHASE}")


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
    # Exposures do not record the first phase: its visitors are all but those of the others, and
    # but those of an unknown phase.
    counts[0] = np.maximum(np.asarray(visitors, dtype=float) - sum(later.values(), no_visitors), 0)
    shares = [np.array(propensities(phase.slices, len(variants))) for phase in phases]
    return counts, shares


def _visitors_of_phases(
    rollups: Iterable[Rollup], variants: Sequence[Variant]
) -> dict[int, FloatArray]:
    arms = {variant.pk: index for index, variant in enumerate(variants)}
    counts: dict[int, FloatArray] = {}
    for row in rollups:
        number = int(row.segment.removeprefix(f"{PHASE}="))
        counts.setdefault(number, np.zeros(len(arms)))[arms[row.variant_id]] += row.visitors
    return counts
