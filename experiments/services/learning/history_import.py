"""Import of history files into the archive of a site, which may be created for it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import Edit, HistoryArm, Site, Upload
from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.edits.edit_log import Author
from experiments.services.edits.import_log import log_import
from experiments.services.learning.history_rows import CHUNK, COLUMNS
from ml.history.layouts import HistoryFormat
from ml.history.reading import HistoryFile, IgnoredValue, SkippedRow, Understood
from ml.history.row import HistoryRow

DEFAULT_SITE = "default"
# Author of an import by the command line.
COMMAND = "manage.py import_history"


class UnclearSiteError(Exception):
    """The site of the tests is unknown, or one of several."""


# Fields that identify a wording in the archive; rows equal in them are pooled.
NAME = ("test", "context", "audience", "locale", "text")


STORED = (*COLUMNS, "is_simulated")
# Changed rows of one import whose former values are kept.
MOST_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """Summary of an import; `visitors` and `clicks` are the sums that were read."""

    read: int
    created: int
    updated: int
    unchanged: int
    pooled: int
    visitors: int
    clicks: int
    skipped: tuple[SkippedRow, ...]
    ignored: tuple[IgnoredValue, ...]
    understood: Understood

    @property
    def taken(self) -> int:
        """Rows that are in the archive now."""
        return self.read - len(self.skipped)

    @property
    def counts(self) -> dict[str, int]:
        """Counts that are kept with an import."""
        return {
            "read": self.read,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "refused": len(self.skipped),
            "visitors": self.visitors,
            "clicks": self.clicks,
        }


def import_history(
    *, site: Site, path: Path, history_format: HistoryFormat, is_simulated: bool = False
) -> ImportSummary:
    """Take a file into the archive; the same file again changes nothing.

    Raises:
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read. Nothing of
            it is stored then.
    """
    file = _read(HistoryFile(path, history_format), is_simulated=is_simulated)
    return _store_file(site, file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A history file in memory: its wordings, of no site yet, by their digests."""

    n_read: int
    pooled: dict[str, HistoryArm]
    skipped: tuple[SkippedRow, ...]
    ignored: tuple[IgnoredValue, ...]
    understood: Understood


def _read(file: HistoryFile, *, is_simulated: bool) -> _File:
    skipped: list[SkippedRow] = []
    ignored: list[IgnoredValue] = []
    pooled: dict[str, HistoryArm] = {}
    n_taken = 0
    for item in file.items():
        if isinstance(item, SkippedRow):
            skipped.append(item)
        elif isinstance(item, IgnoredValue):
            ignored.append(item)
        else:
            n_taken += 1
            _pool(pooled, _arm(item, is_simulated=is_simulated))
    return _File(
        n_read=n_taken + len(skipped),
        pooled=pooled,
        skipped=tuple(skipped),
        ignored=tuple(ignored),
        understood=file.understood,
    )


def import_upload(
    *, upload: Upload, file: HistoryFile, progress: Callable[[float], None]
) -> ImportSummary:
    """Take the file of an upload into the archive of its site, so that it can be undone.

    Raises:
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read. Nothing of
            it is stored then.
    """
    return _store_file(
        upload.site, _read(file, is_simulated=False), upload=upload, progress=progress
    )


@transaction.atomic
def undo_import(*, upload: Upload) -> tuple[int, int]:
    """Undo an import; return how many rows went and how many are as before.

    Rows that a later import wrote again stay as that one wrote them.
    """
    before = {pk: values for pk, *values in upload.undo or ()}
    rows = HistoryArm.objects.filter(upload=upload)
    restored = []
    for arm in rows.filter(pk__in=list(before)):
        upload_id, values = before[arm.pk]
        arm.upload_id = upload_id
        for column, value in values.items():
            setattr(arm, column, value)
        restored.append(arm)
    deleted, _ = rows.exclude(pk__in=list(before)).delete()
    _update(restored)
    return deleted, len(restored)


def _store_file(
    site: Site | None,
    file: _File,
    *,
    upload: Upload | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> ImportSummary:
    """Store what was read, a chunk a transaction: events wait for none of them long.

    Broken off in the middle, the same file again stores the rest.
    """
    if site is None:
        return _summary(file, created=0, updated=0)
    created = updated = done = 0
    remaining = iter(file.pooled.items())
    while chunk := dict(islice(remaining, CHUNK)):
        with transaction.atomic():
            n_created, n_updated = _store(site, chunk, upload)
        created, updated = created + n_created, updated + n_updated
        done += len(chunk)
        progress(done / len(file.pooled))
    return _summary(file, created=created, updated=updated)


def _summary(file: _File, *, created: int, updated: int) -> ImportSummary:
    return ImportSummary(
        read=file.n_read,
        created=created,
        updated=updated,
        unchanged=len(file.pooled) - created - updated,
        pooled=file.n_read - len(file.skipped) - len(file.pooled),
        visitors=sum(arm.visitors for arm in file.pooled.values()),
        clicks=sum(arm.clicks for arm in file.pooled.values()),
        skipped=file.skipped,
        ignored=file.ignored,
        understood=file.understood,
    )


def _arm(row: HistoryRow, *, is_simulated: bool) -> HistoryArm:
    name = "\x1f".join(getattr(row, field) for field in NAME)
    # The digest is stored; never change its input.
    return HistoryArm(
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


def _store(site: Site, chunk: dict[str, HistoryArm], upload: Upload | None) -> tuple[int, int]:
    """Return how many rows were created and how many changed."""
    rows = HistoryArm.objects.filter(site=site, digest__in=list(chunk))
    stored = {arm.digest: arm for arm in rows}
    created, updated, before = [], [], []
    for digest, new in chunk.items():
        new.site, new.upload = site, upload
        old = stored.get(digest)
        if old is None:
            created.append(new)
        elif _differ(new, old):
            new.pk = old.pk
            updated.append(new)
            before.append(old)
    if upload is not None:
        _remember(upload, before)
    HistoryArm.objects.bulk_create(created)
    _update(updated)
    return len(created), len(updated)


def _update(arms: list[HistoryArm]) -> None:
    """Write the imported columns of rows that exist; `bulk_update` takes ten times as long."""
    HistoryArm.objects.bulk_create(
        arms, update_conflicts=True, unique_fields=["pk"], update_fields=(*STORED, "upload")
    )


def _remember(upload: Upload, before: list[HistoryArm]) -> None:
    """Keep what rows were, for an undo; of too many, nothing, and there is none."""
    if upload.undo is None:
        return
    rows = [[arm.pk, arm.upload_id, _plain(arm)] for arm in before if arm.upload_id != upload.pk]
    kept = [*upload.undo, *rows]
    upload.undo = kept if len(kept) <= MOST_REMEMBERED else None
    upload.save(update_fields=["undo"])


def _plain(arm: HistoryArm) -> dict[str, Any]:
    values = {column: getattr(arm, column) for column in STORED}
    return values | {"ended_on": arm.ended_on.isoformat() if arm.ended_on else None}


def _differ(new: HistoryArm, old: HistoryArm) -> bool:
    return any(getattr(new, column) != getattr(old, column) for column in STORED)


def import_for_site(
    *,
    site_key: str | None,
    path: Path,
    history_format: HistoryFormat,
    encoding: str | None = None,
) -> tuple[Site | None, ImportSummary]:
    """Take a file into the archive of a site; without a key, of the site that is meant.

    That is the site `default`, or the only one there is; without any site, `default` is
    created. A file that cannot be read, or of which no row can be taken, leaves nothing behind.

    Raises:
        UnclearSiteError: If the site is unknown, or several exist and none is named.
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read.
    """
    site = _default_site() if site_key is None else _site_with_key(site_key)
    # Read before the first write.
    file = _read(HistoryFile(path, history_format, encoding=encoding), is_simulated=False)
    if site is None and file.pooled:
        site = _create_default_site()
    summary = _store_file(site, file)
    if site is not None and summary.created + summary.updated:
        _keep_import(site, path, summary)
    return site, summary


@transaction.atomic
def _keep_import(site: Site, path: Path, summary: ImportSummary) -> None:
    """Keep an import by the command line beside those of the pages, and in the history."""
    now = timezone.now()
    upload = Upload.objects.create(
        site=site,
        kind=Upload.Kind.HISTORY,
        status=Upload.Status.DONE,
        name=path.name[-200:],
        size=path.stat().st_size,
        result=summary.counts,
        created_at=now,
        ended_at=now,
    )
    by = Author(now=now, server_key=COMMAND, way=Edit.Way.IMPORT)
    log_import(upload, summary.counts, by=by)


def _site_with_key(key: str) -> Site:
    sites = {site.key: site for site in serving.sites_to_serve()}
    if key not in sites:
        keys = ", ".join(sorted(sites)) or "there is none yet"
        raise UnclearSiteError(f"There is no site {key!r} (known: {keys}).")
    return sites[key]


def _default_site() -> Site | None:
    sites = {site.key: site for site in serving.sites_to_serve()}
    if DEFAULT_SITE in sites:
        return sites[DEFAULT_SITE]
    if len(sites) > 1:
        raise UnclearSiteError(f"Name the site with --site: {', '.join(sorted(sites))}.")
    return next(iter(sites.values()), None)


def _create_default_site() -> Site:
    site = Site.objects.create(key=DEFAULT_SITE, name="Default site")
    bump_revision()
    return site
