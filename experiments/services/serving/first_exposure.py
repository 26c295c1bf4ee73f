"""Look-up of a visitor's first exposure, for the few whose hash gives several arms.

It costs at most two indexed queries per visitor and experiment, cached with the snapshot. If the
database fails, it is not queried again for a while, and the visitor is drawn as if new.
"""

import logging
from time import monotonic

from django.db import Error

from experiments.selectors import serving
from experiments.services.serving.snapshot import ServedExperiment, ServedSite

logger = logging.getLogger(__name__)

# A visitor and arm take about 200 bytes.
MAX_REMEMBERED = 10_000
# An exposure may be on its way from a browser; after this it has arrived.
NONE_FOR_S = 60.0
PAUSE_S = 5.0

_paused_until = float("-inf")


def first_exposed_arm(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...]
) -> int | None:
    """Return the arm in which one of a visitor's ids was first exposed; None if never."""
    remembered = experiment.remembered.get(visitors)
    now = monotonic()
    if remembered is not None and (remembered[1] is not None or now - remembered[0] < NONE_FOR_S):
        return remembered[1]
    try:
        return _looked_up_arm(site, experiment, visitors, now)
    except Error:
        _pause_look_ups(now)
        logger.exception("Arms of experiment %s cannot be looked up.", experiment.key)
        return None


def _looked_up_arm(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...], now: float
) -> int | None:
    if now < _paused_until:
        return None
    variant_id = serving.first_exposed_variant(
        site_id=site.pk, experiment_id=experiment.pk, visitors=visitors
    )
    arms = {variant.pk: variant.arm for variant in experiment.variants}
    arm = None if variant_id is None else arms.get(variant_id)
    if len(experiment.remembered) >= MAX_REMEMBERED:
        experiment.remembered.clear()
    experiment.remembered[visitors] = (now, arm)
    return arm


def _pause_look_ups(now: float) -> None:
    global _paused_until
    _paused_until = now + PAUSE_S
