"""Evaluation for pages of this very project: the service's answer, without the network."""

from collections.abc import Mapping
from functools import cache
from time import perf_counter
from typing import Any

from django.conf import settings

from experiments.api.public import ofrep
from experiments.api.public.access import Asker, check_rate
from experiments.api.public.http import RefusedError
from experiments.services.serving.evaluation import site_of_key
from experiments.services.serving.snapshot_store import SnapshotStore


@cache
def _store() -> SnapshotStore:
    return SnapshotStore(max_age_s=settings.CTAOPT_SNAPSHOT_MAX_AGE_S)


def evaluate(*, key: str, context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the flags of every slot of the site; none if the key or the context is refused.

    Every visitor of an arm gets the same objects: they are read, never written to.
    """
    snapshot = _store().current()
    site = site_of_key(snapshot, key)
    if site is None:
        return []
    try:
        check_rate(ofrep.rate_limit, Asker(site, key, is_page=False), now=perf_counter())
        attributes = ofrep.checked_context(dict(context))
    except RefusedError:
        return []
    return [ofrep.flag_of(site, slot, attributes, snapshot.revision).content for slot in site.slots]
