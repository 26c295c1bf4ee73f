"""Upkeep of the archive: its rows follow finished experiments and imported tests."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from experiments.models import PastTest, Site
from experiments.selectors import history
from experiments.services.archive.imported_tests import imported_tests
from experiments.services.archive.own_tests import own_tests

# Experiments of one run: each takes some ten milliseconds.
MOST = 500
CHUNK = 500
IDENTITY = ("site", "digest")
KEPT = tuple(
    field.name
    for field in PastTest._meta.concrete_fields
    if not field.primary_key and field.name not in IDENTITY
)


def keep_past_tests(*, now: datetime, most: int = MOST) -> int:
    """Take into the archive what finished, was decided or was imported; return how many rows.

    Args:
        now: Moment of the figures.
        most: Experiments of one run; the others wait for the next.
    """
    experiments = list(history.experiments_to_archive()[:most])
    kept = _store(own_tests(experiments, now=now))
    for site in history.sites_with_new_imports():
        kept += _keep_imports(site, now)
    return kept


def rebuild_past_tests(*, now: datetime) -> int:
    """Make every row of the archive anew: late conversions, new names and tags; return how many."""
    kept = 0
    experiments = history.archivable_experiments().order_by("pk").iterator(chunk_size=CHUNK)
    while chunk := list(islice(experiments, CHUNK)):
        kept += _store(own_tests(chunk, now=now))
    return kept + sum(_keep_imports(site, now) for site in Site.objects.order_by("pk"))


def _keep_imports(site: Site, now: datetime) -> int:
    """Make the rows of a site's imported tests anew and drop those of tests that are gone.

    A chunk a transaction: events wait for none of them long.
    """
    kept = _store(imported_tests(site, now=now))
    imported = PastTest.objects.filter(site=site, source=PastTest.Source.IMPORT)
    imported.filter(kept_at__lt=now).delete()
    return kept


def _store(rows: Iterable[PastTest]) -> int:
    n_rows = 0
    waiting: Iterator[PastTest] = iter(rows)
    while chunk := list(islice(waiting, CHUNK)):
        PastTest.objects.bulk_create(
            chunk, update_conflicts=True, unique_fields=IDENTITY, update_fields=KEPT
        )
        n_rows += len(chunk)
    return n_rows
