"""Log of the edits of rows: fields, author, time and reason."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import Model

from experiments.models import (
    CTA,
    Audience,
    Edit,
    Experiment,
    Learning,
    Namespace,
    Site,
    Slot,
    Tag,
)
from experiments.selectors.permissions import site_id_of
from experiments.services.edits.row_content import (
    MASK,
    Difference,
    Entry,
    differences,
    row_content,
)

Verb, Way = Edit.Verb, Edit.Way
# Kinds of rows whose edits are kept.
LOGGED: dict[str, type[Model]] = {
    model._meta.model_name or "": model
    for model in (Site, Slot, CTA, Audience, Namespace, Tag, Experiment, Learning)
}
# A longer text is cut: the log shows what has changed, it is no copy.
MOST_CHARACTERS = 500
MOST_OF_NAME = 250
# Ids and networks of people are in the settings, and nowhere else: an erasure must find them.
HIDDEN = frozenset({"internal_visitors", "internal_networks"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Author of an edit, its moment, its way and its reason; a server is named by its key."""

    now: datetime
    person: Any = None
    server_key: str = ""
    note: str = ""
    way: Edit.Way = Way.FORM


@contextmanager
def logged(row: Model, by: Author) -> Iterator[None]:
    """Keep what happens to a row in the block, which may create it. Call in its transaction."""
    before = stored_content(row)
    yield
    log_edit(row, before=before, by=by)


def stored_content(row: Model) -> list[Entry]:
    """Return the content of a row as it is stored; empty for one that is not, or is not logged."""
    if type(row) not in LOGGED.values() or row.pk is None:
        return []
    found = type(row)._default_manager.filter(pk=row.pk).first()
    return [] if found is None else row_content(found)


def log_edit(row: Model, *, before: Sequence[Entry], by: Author) -> Edit | None:
    """Keep how a stored row differs from its former content; None if it does not."""
    after = stored_content(row)
    changes = differences(before, after)
    if not changes:
        return None
    verb = Verb.CHANGE if before else Verb.ADD
    return _keep(row, verb, [] if verb is Verb.ADD else changes, by)


def log_removal(row: Model, *, by: Author) -> None:
    """Keep that a row is removed, with what it was. Call before it goes."""
    content = stored_content(row)
    if content:
        _keep(row, Verb.DELETE, differences(content, []), by)


def log_step(row: Model, *, by: Author) -> None:
    """Keep a step of a row that changes none of its fields, such as its archiving."""
    _keep(row, Verb.CHANGE, [], by)


def _keep(row: Any, verb: Edit.Verb, changes: Sequence[Difference], by: Author) -> Edit:
    kept = [_kept(one) for one in changes]
    return keep_line(row, verb, kept, by, site_id=cast(int, site_id_of(row)), name=str(row))


def keep_line(
    row: Any, verb: Edit.Verb, changes: list[Any], by: Author, *, site_id: int, name: str
) -> Edit:
    """Keep a line about a row of a site, with changes as they are stored."""
    return Edit.objects.create(
        site_id=site_id,
        kind=row._meta.model_name,
        row=row.pk,
        name=name[:MOST_OF_NAME],
        verb=verb,
        at=by.now,
        changes=changes,
        way=by.way,
        note=by.note,
        author=by.person,
        server_key=by.server_key,
    )


def _kept(change: Difference) -> list[str | None]:
    values = [_short(change.field, value) for value in (change.before, change.after)]
    return [change.row, change.field, *values]


def _short(field: str, value: str | None) -> str | None:
    if value and field in HIDDEN:
        return MASK
    # A list or a condition that is cut could not be read.
    if value is None or len(value) <= MOST_CHARACTERS or value[0] in "[{":
        return value
    return value[: MOST_CHARACTERS - 1] + MASK
