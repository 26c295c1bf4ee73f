"""Look-up of a visitor's first exposure, for the few whose hash gives several arms.

It costs at most two indexed queries per visitor and experiment, cached with the snapshot. If the
database fails, it is not queried again for a while, and the visitor is drawn as if new; likewise
where the thread may not wait for it.
"""

import logging
from time import monotonic

from django.db import Error

from experiments.assignment.hashing import Assignment
from experiments.selectors import serving
from experiments.services.serving.database_waits import may_wait
from experiments.services.serving.snapshot import ServedExperiment, ServedSite

logger = logging.getLogger(__name__)

# A visitor and arm take about 200 bytes.
MAX_REMEMBERED = 10_000
# An exposure may be on its way from a browser; after this it has arrived.
NONE_FOR_S = 60.0
PAUSE_S = 5.0

_paused_until = float("-inf")


def first_exposed_assignment(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...]
) -> Assignment | None:
    """Return the arm and phase in which one of a visitor's ids was first exposed; None if never."""
    remembered = experiment.remembered.get(visitors)
    now = monotonic()
    if remembered is not None and (remembered[1] is not None or now - remembered[0] < NONE_FOR_S):
        return remembered[1]
    if now < _paused_until or not may_wait():
        return None
    try:
        return _looked_up_assignment(site, experiment, visitors, now)
    except Error:
        _pause_look_ups(now)
        logger.exception("Arms of experiment %s cannot be looked up.", experiment.key)
        return None


def assignment_of_phase(experiment: ServedExperiment, arm: int, number: int) -> Assignment:
    """Return the answer of a phase; one of unknown phase if that cannot have given the arm."""
    if experiment.phase_of(number, arm) is None:
        return experiment.unknown_phase[arm]
    return experiment.allocation.phases[number][arm]


def _looked_up_assignment(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...], now: float
) -> Assignment | None:
    exposure = serving.first_exposure(
        site_id=site.pk,
        experiment_id=experiment.pk,
        visitors=[name for visitor in visitors for name in site.stored_names(visitor)],
    )
    arms = {variant.pk: variant.arm for variant in experiment.variants}
    assignment = None
    if exposure is not None and exposure.variant_id in arms:
        assignment = assignment_of_phase(experiment, arms[exposure.variant_id], exposure.phase)
    if len(experiment.remembered) >= MAX_REMEMBERED:
        experiment.remembered.clear()
    experiment.remembered[visitors] = (now, assignment)
    return assignment


def _pause_look_ups(now: float) -> None:
    global _paused_until
    _paused_until = now + PAUSE_S
