"""Import of history files into the archive of a site, which may be created for it."""

import hashlib
import secrets
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.db import transaction

from experiments.models import HistoryArm, Site
from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.learning.history_rows import CHUNK, COLUMNS
from ml.history.reading import HistoryFormat, SkippedRow, iter_history
from ml.history.row import HistoryRow

DEFAULT_SITE = "default"


class UnclearSiteError(Exception):
    """The site of the tests is unknown, or one of several."""


# Fields that identify a wording in the archive; rows equal in them are pooled.
NAME = ("test", "context", "audience", "locale", "text")


STORED = (*COLUMNS, "is_simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """Summary of an import."""

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
    n_read = 0
    for item in iter_history(path, history_format):
        n_read += 1
        if isinstance(item, SkippedRow):
            skipped.append(item)
        else:
            _pool(pooled, _arm(site, item, is_simulated=is_simulated))
    # Read the file before the first write, so that events need not wait for a long one.
    with transaction.atomic():
        created, updated = _store(site, pooled)
    return ImportSummary(
        read=n_read,
        created=created,
        updated=updated,
        unchanged=len(pooled) - created - updated,
        pooled=n_read - len(skipped) - len(pooled),
        skipped=tuple(skipped),
    )


def _arm(site: Site, row: HistoryRow, *, is_simulated: bool) -> HistoryArm:
    name = "\x1f".join(getattr(row, field) for field in NAME)
    # The digest is stored; never change its input.
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
        rows = HistoryArm.objects.filter(site=site, digest__in=digests)
        stored = {arm.digest: arm for arm in rows}
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


@transaction.atomic
def import_for_site(
    *, site_key: str | None, path: Path, history_format: HistoryFormat
) -> tuple[Site, ImportSummary]:
    """Take a file into the archive of a site; without a key, of the site that is meant.

    That is the site `default`, or the only one there is; without any site, `default` is
    created. A file that cannot be read leaves nothing behind.

    Raises:
        UnclearSiteError: If the site is unknown, or several exist and none is named.
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read.
    """
    site = _default_site() if site_key is None else _site_with_key(site_key)
    return site, import_history(site=site, path=path, history_format=history_format)


def _site_with_key(key: str) -> Site:
    sites = {site.key: site for site in serving.sites_to_serve()}
    if key not in sites:
        keys = ", ".join(sorted(sites)) or "there is none yet"
        raise UnclearSiteError(f"There is no site {key!r} (known: {keys}).")
    return sites[key]


def _default_site() -> Site:
    sites = {site.key: site for site in serving.sites_to_serve()}
    if DEFAULT_SITE in sites:
        return sites[DEFAULT_SITE]
    if len(sites) > 1:
        raise UnclearSiteError(f"Name the site with --site: {', '.join(sorted(sites))}.")
    return next(iter(sites.values()), None) or _create_default_site()


def _create_default_site() -> Site:
    # Nobody can guess its key before it is shown in the admin.
    site = Site.objects.create(
        key=DEFAULT_SITE, name="Default site", client_key=f"ctaopt_{secrets.token_urlsafe(16)}"
    )
    bump_revision()
    return site
