"""Transfer of a site's catalogue and experiments to another installation, as a file.

Rows are written as Django's serializer writes them and identified by their former primary keys;
where they are read they get new ones. Keys for servers stay behind: they are secrets of the old
installation, kept as digests.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import serializers
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.db import IntegrityError, transaction
from django.db.models import ForeignKey, Model, QuerySet

from experiments.models import (
    CTA,
    Audience,
    Change,
    CTAWording,
    CurrencyRollup,
    EventDrop,
    Experiment,
    GoalRollup,
    Guardrail,
    HistoryArm,
    Namespace,
    Phase,
    RampStep,
    Rollup,
    SecondaryMetric,
    Site,
    Slot,
    Tag,
    Variant,
)
from experiments.selectors import events, reports, rollups
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.rollups.folding import can_be_counted_again, rebuild_rollups

# Stored; never rename.
CATALOGUE = "_catalogue.jsonl"
# Models to transfer, with the lookup of their site; a row follows those it refers to.
TO_THE_SITE: dict[type[Model], str] = {
    Site: "pk",
    Tag: "site",
    CTA: "site",
    CTAWording: "cta__site",
    Audience: "site",
    Slot: "site",
    Namespace: "site",
    HistoryArm: "site",
    Experiment: "slot__site",
    Variant: "experiment__slot__site",
    Guardrail: "experiment__slot__site",
    SecondaryMetric: "experiment__slot__site",
    Phase: "experiment__slot__site",
    RampStep: "experiment__slot__site",
    Change: "experiment__slot__site",
}


class SiteFilesError(Exception):
    """The site cannot be read from the file; the message gives the reason."""


# Export


def export_catalogue(*, site: Site, folder: Path) -> int:
    """Write what a site consists of beside its events; return the number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{CATALOGUE}.draft"
    n_rows = 0
    with draft.open("w", encoding="utf-8") as file:
        for rows in _rows_of(site):
            serializers.serialize("jsonl", rows.iterator(chunk_size=1_000), stream=file)
            n_rows += rows.count()
    draft.replace(folder / CATALOGUE)
    return n_rows


def _rows_of(site: Site) -> Iterator[QuerySet[Any]]:
    for model, lookup in TO_THE_SITE.items():
        yield model._default_manager.filter(**{lookup: site.pk}).order_by("pk")
    # Counts that events cannot restore: imported figures, and those based on dropped events.
    experiment_ids = [
        row.pk for row in reports.experiments_on_site(site) if not can_be_counted_again(row)
    ]
    for kind in (Rollup, GoalRollup, CurrencyRollup):
        yield kind._default_manager.filter(experiment__in=experiment_ids).order_by("pk")
    yield rollups.settled_outcomes_on_site(site)
    if dropped := events.events_dropped_before():
        yield EventDrop.objects.filter(before=dropped).order_by("-pk")[:1]


# Import


@transaction.atomic
def import_catalogue(*, folder: Path) -> Site:
    """Make the site of a folder, which must not be there yet.

    Raises:
        SiteFilesError: If there is such a site, or the file is none of this version.
    """
    numbers: dict[tuple[type[Model], Any], Any] = {}
    site = None
    try:
        with (folder / CATALOGUE).open(encoding="utf-8") as file:
            for item in serializers.deserialize("jsonl", file):
                row = _insert_row(item, numbers)
                site = row if isinstance(row, Site) else site
    except (OSError, DeserializationError, KeyError, ValueError, IntegrityError) as error:
        raise SiteFilesError(f"{folder / CATALOGUE}: {error}") from error
    if site is None:
        raise SiteFilesError(f"{folder / CATALOGUE}: holds no site")
    bump_revision()
    return site


def _insert_row(item: DeserializedObject, numbers: dict[tuple[type[Model], Any], Any]) -> Model:
    """Store a row under a number of its own, pointing to the new numbers of the others."""
    row = item.object
    if "phase=" in getattr(row, "segment", "") or "phase=" in getattr(row, "segments", ""):
        raise ValueError("its sums are not by phase: export it again with this version")
    old_pk = row.pk
    for field in row._meta.concrete_fields:
        if isinstance(field, ForeignKey) and getattr(row, field.attname) is not None:
            related = field.related_model
            is_transferred = related in TO_THE_SITE
            number = numbers[related, getattr(row, field.attname)] if is_transferred else None
            setattr(row, field.attname, number)  # Users are not transferred.
    row.pk = None
    row.save(force_insert=True)
    for name, keys in (item.m2m_data or {}).items():
        related = getattr(row, name).model
        getattr(row, name).set([numbers[related, key] for key in keys])
    numbers[type(row), old_pk] = row.pk
    return row


def count_what_is_settled(*, site: Site) -> None:
    """Count the experiments again whose visitors moved as they stood. Call it after the events."""
    for experiment in reports.experiments_on_site(site):
        if experiment.outcomes.filter(is_settled=True).exists():
            rebuild_rollups(experiment=experiment)
