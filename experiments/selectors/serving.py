"""Rows that the serving snapshot and previews are built from."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from experiments.event_schema.rules import PHASE
from experiments.models import (
    ConfigRevision,
    Event,
    Experiment,
    FormerClientKey,
    ServerKey,
    Site,
    Slot,
    Variant,
    VisitorOutcome,
)


def config_revision() -> int:
    """Return the number that moves with every change of what is served."""
    return ConfigRevision.objects.values_list("number", flat=True).first() or 0


def sites_to_serve() -> QuerySet[Site]:
    return Site.objects.order_by("pk")


def server_keys_to_serve() -> QuerySet[ServerKey]:
    """Return the server keys of every state: an answer names why one opens nothing."""
    return ServerKey.objects.order_by("pk")


def former_client_keys_to_serve() -> QuerySet[FormerClientKey]:
    return FormerClientKey.objects.order_by("pk")


def slots_to_serve() -> QuerySet[Slot]:
    """Return the slots, each with its default CTA read in the same breath."""
    rows = Slot.objects.select_related("default_cta")
    return rows.prefetch_related("default_cta__wordings").order_by("key")


def experiments_to_serve(*, stopped_since: datetime) -> QuerySet[Experiment]:
    """Return live experiments, and stopped ones whose last events may still arrive."""
    live = Experiment.objects.filter(status__in=Experiment.LIVE_STATUSES)
    lately = Experiment.objects.filter(
        status__in=Experiment.FINISHED_STATUSES, stopped_at__gte=stopped_since
    )
    ctas = Variant.objects.select_related("cta").prefetch_related("cta__wordings")
    arms = Prefetch("variants", ctas.order_by("arm"))
    return (
        (live | lately)
        .filter(origin=Experiment.Origin.LIVE)
        .select_related("audience", "namespace", "slot__site")
        .prefetch_related(arms, "phases")
        .order_by("started_at", "pk")
    )


def variant_to_preview(*, variant_id: int) -> Variant | None:
    """Return an arm with its slot and its CTA's wordings."""
    rows = Variant.objects.filter(pk=variant_id).select_related("cta", "experiment__slot")
    return rows.prefetch_related("cta__wordings").first()


class FirstExposure(NamedTuple):
    """Variant of a first exposure, and the number of the phase that gave it."""

    variant_id: int
    phase: int


def first_exposure(
    *, site_id: int, experiment_id: int, visitors: Sequence[str]
) -> FirstExposure | None:
    """Return what the first of these visitors saw first; None if none saw anything.

    Folded events are asked first: raw ones may have been deleted by their age.
    """
    outcomes = VisitorOutcome.objects.filter(experiment=experiment_id, visitor__in=visitors)
    folded = outcomes.order_by("day", "pk").values_list("variant_id", "phase").first()
    if folded is not None:
        return FirstExposure(*folded)
    rows = Event.objects.filter(site_id=site_id, visitor__in=visitors, experiment=experiment_id)
    rows = rows.filter(type=Event.Type.EXPOSURE)
    columns = rows.order_by("occurred_at", "event_id").values_list("variant_id", "attributes")
    raw = columns.first()
    if raw is None or raw[0] is None:
        return None
    return FirstExposure(raw[0], int(raw[1].get(PHASE, 0)))
