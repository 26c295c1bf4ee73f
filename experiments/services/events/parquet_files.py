"""Export and import of a site's events as Parquet files, one a day, with a manifest.

The day is that of the event's id, as for partitions. A file is written aside and moved into
place, and the manifest after it, so an interrupted export resumes at the next day. A day whose
events have not changed is not written again.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet

from experiments.event_schema.ids import day_of, first_id
from experiments.models import Event, Site
from experiments.selectors import events as event_selectors
from experiments.services.events.arrow_rows import (
    SCHEMA,
    Names,
    arrow_batches,
    event_rows,
    names_of,
)
from experiments.services.events.store import store

DAY = timedelta(days=1)
# Stored; never rename.
FORMAT = "ctaopt-events-1"
# Spark and others ignore names with a leading underscore.
MANIFEST = "_manifest.json"
ROWS_A_GROUP = 50_000
ROWS_A_TRANSACTION = 5_000
# A hundred years of days; it comes with a folder from anywhere, and is read as a whole.
MAX_MANIFEST_BYTES = 8_388_608


class EventFilesError(Exception):
    """The folder is damaged or belongs to another site; the text names the file."""


class DayFile(msgspec.Struct, frozen=True, kw_only=True):
    """One day's file; `newest` is the last arrival among its rows."""

    # Stored; never rename.
    day: date
    path: str
    rows: int
    newest: datetime
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    # Stored; never rename.
    format: str
    site: str
    days: tuple[DayFile, ...] = ()


def read_manifest(folder: Path) -> Manifest | None:
    """Return the folder's manifest; None if it has none.

    Raises:
        EventFilesError: If the manifest is not of this format, or too large to be one.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
        if len(content) > MAX_MANIFEST_BYTES:
            raise EventFilesError(f"{path}: larger than {MAX_MANIFEST_BYTES} bytes")
        manifest = msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise EventFilesError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise EventFilesError(f"{path}: of format {manifest.format!r}, not {FORMAT!r}")
    return manifest


# Export


def export_events(*, site: Site, folder: Path) -> Iterator[tuple[DayFile, bool]]:
    """Write the site's events; yield each day's file, and True if it was written anew.

    Days that were dropped from the database keep their files; a day without events loses it.

    Raises:
        EventFilesError: If the folder holds another site's events.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(folder) or Manifest(format=FORMAT, site=site.key)
    if manifest.site != site.key:
        raise EventFilesError(f"{folder}: holds the events of site {manifest.site!r}")
    files = {file.day: file for file in manifest.days}
    names = names_of(site)
    for day in _days(site, files):
        previous = files.pop(day, None)
        file = _day_file(folder, names, day, previous)
        if file is not None:
            files[day] = file
        if file is not previous:
            _write_manifest(folder, Manifest(format=FORMAT, site=site.key, days=_sorted(files)))
        if file is not None:
            yield file, file is not previous
    if not (folder / MANIFEST).exists():  # A site without events is whole, too.
        _write_manifest(folder, manifest)


def _days(site: Site, files: dict[date, DayFile]) -> list[date]:
    """Return the days that may have events, and those of files that may have lost theirs."""
    dropped = event_selectors.events_dropped_before()
    days = {day for day in files if dropped is None or day >= dropped}
    if ends := event_selectors.ends_of_event_ids(site):
        first, last = (day_of(event_id) for event_id in ends)
        days |= {first + n * DAY for n in range((last - first).days + 1)}
    return sorted(days)


def _day_file(folder: Path, names: Names, day: date, previous: DayFile | None) -> DayFile | None:
    """Return the day's file, written anew if outdated; None for a day without events."""
    path = folder / f"day={day}" / "events.parquet"
    events = event_selectors.events_between(names.site, first_id(day), first_id(day + DAY))
    rows, newest = event_selectors.size_of_events(events)
    if newest is None:
        path.unlink(missing_ok=True)
        return None
    if previous and (previous.rows, previous.newest) == (rows, newest) and path.is_file():
        return previous
    try:
        written = _write_day(path, events, names)
    except pa.ArrowInvalid as error:
        raise EventFilesError(f"{path}: a value has more than six decimals: {error}") from error
    return DayFile(
        day=day,
        path=str(path.relative_to(folder)),
        rows=written,
        newest=newest,
        sha256=_sha256(path),
    )


def _write_day(path: Path, events: QuerySet[Event], names: Names) -> int:
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".draft")
    rows = 0
    with pq.ParquetWriter(draft, SCHEMA) as writer:
        for batch in arrow_batches(events, names, rows=ROWS_A_GROUP):
            writer.write_batch(batch)
            rows += batch.num_rows
    draft.replace(path)
    return rows


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    draft = folder / f"{MANIFEST}.draft"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    draft.replace(folder / MANIFEST)


def _sorted(files: dict[date, DayFile]) -> tuple[DayFile, ...]:
    return tuple(files[day] for day in sorted(files))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Import


def import_events(*, site: Site, folder: Path) -> Iterator[tuple[DayFile, int]]:
    """Store the events of a folder; yield each day's file, and its number of new events.

    Every file is checked against the manifest before the first is read. A repeated
    import stores what is missing.

    Raises:
        EventFilesError: If a file is missing or damaged, or names arms that the site does not have.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise EventFilesError(f"{folder}: has no {MANIFEST}")
    if manifest.site != site.key:
        raise EventFilesError(f"{folder}: holds the events of site {manifest.site!r}")
    for file in manifest.days:
        path = folder / file.path
        if not path.is_file() or _sha256(path) != file.sha256:
            raise EventFilesError(f"{path}: is not the file that the manifest names")
    names = names_of(site)
    for file in manifest.days:
        yield file, _import_day(folder / file.path, names)


def _import_day(path: Path, names: Names) -> int:
    stored = 0
    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(ROWS_A_TRANSACTION):
            try:
                rows = event_rows(batch, names)
            except ValueError as error:
                raise EventFilesError(f"{path}: {error}") from error
            (n_new,) = store([rows])
            stored += n_new
    return stored
