"""Transfer of a site's catalogue and experiments to another installation, as a file.

Rows are written as Django's serializer writes them and identified by their former primary keys;
where they are read they get new ones. Keys for servers stay behind: they are secrets of the old
installation, kept as digests.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core import serializers
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers import python
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.db import IntegrityError, transaction
from django.db.models import ForeignKey, Model, QuerySet

from experiments.models import (
    CTA,
    Audience,
    Change,
    Comment,
    CTAWording,
    CurrencyRollup,
    Decision,
    EventDrop,
    Experiment,
    ExperimentTemplate,
    FormerClientKey,
    GoalRollup,
    Guardrail,
    HistoryArm,
    Learning,
    Namespace,
    PastTest,
    Phase,
    RampStep,
    Rollup,
    SecondaryMetric,
    Site,
    SiteSecret,
    Slot,
    Tag,
    Variant,
    VisitorOutcome,
)
from experiments.selectors import events, reports, rollups
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.site_secrets import (
    AS_SENT,
    KEY_BYTES,
    form_of_visitors,
    keep_secret,
    site_secret,
)
from experiments.services.rollups.folding import can_be_counted_again, rebuild_rollups

# Stored; never rename.
CATALOGUE = "_catalogue.jsonl"
# The key of the site's digests: whoever has it can try whose they are. It has a file of its own,
# for analysts need the others only.
SECRET = "_secret.json"  # noqa: S105  the name of a file
MAX_SECRET_BYTES = 1_000
# Models to transfer, with the lookup of their site; a row follows those it refers to.
TO_THE_SITE: dict[type[Model], str] = {
    Site: "pk",
    FormerClientKey: "site",
    Tag: "site",
    CTA: "site",
    CTAWording: "cta__site",
    Audience: "site",
    ExperimentTemplate: "site",
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
    Comment: "experiment__slot__site",
    Decision: "experiment__slot__site",
    PastTest: "site",
    Learning: "site",
}


# Beside them: counts that events cannot restore.
SUMS: tuple[type[Model], ...] = (Rollup, GoalRollup, CurrencyRollup)
COUNTED: tuple[type[Model], ...] = (*SUMS, VisitorOutcome, EventDrop)
KINDS = frozenset(model._meta.label_lower for model in (*TO_THE_SITE, *COUNTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes up to which a catalogue is read: of the file, of a line, and the number of rows."""

    file_bytes: int = 2_000_000_000
    line_bytes: int = 1_000_000
    rows: int = 5_000_000


LIMITS = Limits()


# What a file that is none of this version, or was made up, raises on its way.
REFUSALS = (
    *(OSError, KeyError, TypeError, ValueError, RecursionError),
    *(DeserializationError, FieldDoesNotExist, ValidationError, IntegrityError),
)


class SiteFilesError(Exception):
    """The site cannot be read from the file; the message gives the reason."""


# Export


def export_catalogue(*, site: Site, folder: Path) -> int:
    """Write what a site consists of beside its events; return the number of rows.

    Raises:
        SiteFilesError: If its visitors are being replaced by digests.
    """
    if rollups.are_visitors_moving(site.pk):
        raise SiteFilesError(f"{site.key}: its visitors become digests; finish digest_visitors")
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{CATALOGUE}.draft"
    n_rows = 0
    with draft.open("w", encoding="utf-8") as file:
        for rows in _rows_of(site):
            serializers.serialize("jsonl", rows.iterator(chunk_size=1_000), stream=file)
            n_rows += rows.count()
    draft.replace(folder / CATALOGUE)
    _write_secret(site, folder / SECRET)
    return n_rows


def _write_secret(site: Site, path: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    content = {"key": site_secret(site.pk).hex(), "visitors": form_of_visitors(site.pk)}
    draft.write_text(json.dumps({"site": site.key, **content}))
    draft.replace(path)


def _rows_of(site: Site) -> Iterator[QuerySet[Any]]:
    for model, lookup in TO_THE_SITE.items():
        yield model._default_manager.filter(**{lookup: site.pk}).order_by("pk")
    # Counts that events cannot restore: imported figures, and those based on dropped events.
    experiment_ids = [
        row.pk for row in reports.experiments_on_site(site) if not can_be_counted_again(row)
    ]
    for kind in SUMS:
        yield kind._default_manager.filter(experiment__in=experiment_ids).order_by("pk")
    yield rollups.settled_outcomes_on_site(site)
    if dropped := events.events_dropped_before():
        yield EventDrop.objects.filter(before=dropped).order_by("-pk")[:1]


# Import


@transaction.atomic
def import_catalogue(*, folder: Path, limits: Limits = LIMITS) -> Site:
    """Make the site of a folder, which must not be there yet.

    Only rows of a site are taken, of one site, and each with the checks of its fields: a file can
    bring no account, no key, and nothing that the admin's forms would refuse.

    Raises:
        SiteFilesError: If there is such a site, or the file is none of this version, holds
            anything else, or is larger than the limits. Nothing of it is stored then.
    """
    numbers: dict[tuple[type[Model], Any], Any] = {}
    site = None
    path = folder / CATALOGUE
    try:
        for record in _records(path, limits):
            for item in python.Deserializer([record]):
                row = _insert_row(item, numbers)
                if isinstance(row, Site):
                    if site is not None:
                        raise SiteFilesError(f"{path}: holds more than one site")
                    site = row
    except REFUSALS as error:
        raise SiteFilesError(f"{path}: {error}") from error
    if site is None:
        raise SiteFilesError(f"{path}: holds no site")
    _take_secret(site, folder / SECRET)
    bump_revision()
    return site


def _take_secret(site: Site, path: Path) -> None:
    """Give the site the key that it had; one of an earlier version had none."""
    if not path.exists():
        return
    try:
        if path.stat().st_size > MAX_SECRET_BYTES:
            raise SiteFilesError(f"{path}: is too large for a key")
        content = json.loads(path.read_text())
        key = bytes.fromhex(content["key"])
        visitors = content.get("visitors", AS_SENT)
    except REFUSALS as error:
        raise SiteFilesError(f"{path}: {error}") from error
    if len(key) != KEY_BYTES:
        raise SiteFilesError(f"{path}: holds no key of {KEY_BYTES} bytes")
    if visitors not in (AS_SENT, SiteSecret.Visitors.DIGESTS):
        raise SiteFilesError(f"{path}: visitors: {visitors!r} is no form of them")
    keep_secret(site_id=site.pk, key=key, visitors=visitors)


def _records(path: Path, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield the rows of the file as plain values, each of a kind that a site has."""
    if path.stat().st_size > limits.file_bytes:
        raise SiteFilesError(f"{path}: is larger than {limits.file_bytes:,} bytes")
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(limits.line_bytes + 1), b""), 1):
            if len(line) > limits.line_bytes:
                raise SiteFilesError(f"{path}: line {number} is longer than {limits.line_bytes:,}")
            if number > limits.rows:
                raise SiteFilesError(f"{path}: holds more than {limits.rows:,} rows")
            if line.strip():
                yield _checked_record(json.loads(line), f"{path}: line {number}")


def _checked_record(record: Any, place: str) -> dict[str, Any]:
    row: dict[str, Any] = record if isinstance(record, dict) else {}
    kind = row.get("model")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SiteFilesError(f"{place}: {kind!r} is not a row of a site")
    fields = row.get("fields")
    if not isinstance(fields, dict):
        raise SiteFilesError(f"{place}: has no fields")
    if kind == Experiment._meta.label_lower and fields.get("started_at"):
        # Versions that did not write the zone of the days counted in UTC.
        fields.setdefault("days_in", "UTC")
    return row


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
        elif not field.primary_key and getattr(row, field.attname) not in field.empty_values:
            field.run_validators(getattr(row, field.attname))
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
