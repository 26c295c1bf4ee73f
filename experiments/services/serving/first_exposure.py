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
SILENT_FOR_S = 5.0

_silent_until = float("-inf")


def first_exposed_arm(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...]
) -> int | None:
    """Return the arm in which one of a visitor's ids was first exposed; None if never."""
    known = experiment.remembered.get(visitors)
    now = monotonic()
    if known is not None and (known[1] is not None or now - known[0] < NONE_FOR_S):
        return known[1]
    try:
        return _asked(site, experiment, visitors, now)
    except Error:
        _be_silent(now)
        logger.exception("Arms of experiment %s cannot be looked up.", experiment.key)
        return None


def _asked(
    site: ServedSite, experiment: ServedExperiment, visitors: tuple[str, ...], now: float
) -> int | None:
    if now < _silent_until:
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


def _be_silent(now: float) -> None:
    global _silent_until
    _silent_until = now + SILENT_FOR_S
