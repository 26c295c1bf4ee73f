"""The archive of past tests: history files in, history rows out to the predictor."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

from django.db import transaction

from experiments import selectors
from experiments.models import Experiment, HistoryArm, Site, Variant
from experiments.services.serving import localised
from experiments.services.snapshot import cta_values
from experiments.services.splitting import split_check
from ml.history.reading import HistoryFormat, SkippedRow, iter_history
from ml.history.row import HistoryRow

# What names a wording in the archive; counts of equal names are pooled.
NAME = ("test", "context", "audience", "locale", "text")
COLUMNS = tuple(field.name for field in fields(HistoryRow))
STORED = (*COLUMNS, "is_simulated")
CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What became of a history file."""

    read: int
    created: int
    updated: int
    unchanged: int
    pooled: int
    skipped: tuple[SkippedRow, ...]


def import_history(
    *, site: Site, path: Path, history_format: HistoryFormat, is_simulated: bool = False
) -> ImportSummary:
    """Take a file into the archive; the same file again changes nothing.

    Raises:
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read. Nothing of
            it is stored then.
    """
    skipped: list[SkippedRow] = []
    pooled: dict[str, HistoryArm] = {}
    read = 0
    for item in iter_history(path, history_format):
        read += 1
        if isinstance(item, SkippedRow):
            skipped.append(item)
        else:
            _pool(pooled, _arm(site, item, is_simulated=is_simulated))
    # Read to its end before the first write: events need not wait for a long file.
    with transaction.atomic():
        created, updated = _store(site, pooled)
    return ImportSummary(
        read=read,
        created=created,
        updated=updated,
        unchanged=len(pooled) - created - updated,
        pooled=read - len(skipped) - len(pooled),
        skipped=tuple(skipped),
    )


def history_rows(*, site: Site | None = None) -> Iterator[HistoryRow]:
    """Yield what the predictor learns from: the archive, then this service's own experiments.

    Those of one site if it is given.
    """
    for arm in selectors.history_arms(site=site).iterator(chunk_size=CHUNK):
        yield HistoryRow(**{name: getattr(arm, name) for name in COLUMNS})
    for experiment in selectors.finished_experiments(site=site):
        yield from experiment_rows(experiment)


def experiment_rows(experiment: Experiment) -> Iterator[HistoryRow]:
    """Yield a finished experiment as history rows, one an arm.

    Arms that differ in more than their wording get different contexts: only wordings are
    compared. An experiment whose traffic split is in doubt is marked as suspect.
    """
    counts = _counts(experiment)
    arms = list(experiment.variants.all())
    split = split_check(experiment, arms, [counts[arm.pk][0] for arm in arms])
    for arm in arms:
        if not arm.cta.wordings.all():
            continue  # Nothing was said, so there is nothing to learn from.
        visitors, clicks = counts[arm.pk]
        yield _experiment_row(
            experiment, arm, visitors=visitors, clicks=clicks, suspect=split.is_mismatch
        )


def _experiment_row(
    experiment: Experiment, arm: Variant, *, visitors: int, clicks: int, suspect: bool
) -> HistoryRow:
    site = experiment.slot.site
    value = localised(cta_values(arm.cta), site.default_locale, "en")
    look = repr((experiment.slot.key, value["form"], value["href"], value["style"]))
    ended = experiment.stopped_at
    return HistoryRow(
        test=f"{site.key}:{experiment.key}",
        context=hashlib.sha256(look.encode()).hexdigest()[:16],
        text=value["text"],
        visitors=visitors,
        clicks=clicks,
        audience=experiment.audience.key if experiment.audience else "",
        locale=value["locale"],
        form=value["form"],
        placement=experiment.slot.position,
        ended_on=ended.date() if ended else None,
        suspect=suspect,
    )


def _counts(experiment: Experiment) -> dict[int, tuple[int, int]]:
    counts = {arm.pk: (0, 0) for arm in experiment.variants.all()}
    for row in experiment.rollups.all():
        visitors, clicks = counts[row.variant_id]
        counts[row.variant_id] = (visitors + row.visitors, clicks + row.clicking_visitors)
    return counts


def _arm(site: Site, row: HistoryRow, *, is_simulated: bool) -> HistoryArm:
    name = "\x1f".join(getattr(row, field) for field in NAME)
    return HistoryArm(
        site=site,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        is_simulated=is_simulated,
        **{column: getattr(row, column) for column in COLUMNS},
    )


def _pool(pooled: dict[str, HistoryArm], arm: HistoryArm) -> None:
    first = pooled.setdefault(arm.digest, arm)
    if first is not arm:
        first.visitors += arm.visitors
        first.clicks += arm.clicks
        first.suspect = first.suspect or arm.suspect


def _store(site: Site, pooled: dict[str, HistoryArm]) -> tuple[int, int]:
    """Return how many rows were created and how many changed."""
    created, updated = [], []
    remaining = iter(pooled)
    while digests := list(islice(remaining, CHUNK)):
        known = HistoryArm.objects.filter(site=site, digest__in=digests)
        stored = {arm.digest: arm for arm in known}
        for digest in digests:
            new, old = pooled[digest], stored.get(digest)
            if old is None:
                created.append(new)
            elif _differ(new, old):
                new.pk = old.pk
                updated.append(new)
    HistoryArm.objects.bulk_create(created, batch_size=CHUNK)
    HistoryArm.objects.bulk_update(updated, STORED, batch_size=CHUNK // 4)
    return len(created), len(updated)


def _differ(new: HistoryArm, old: HistoryArm) -> bool:
    return any(getattr(new, column) != getattr(old, column) for column in STORED)
