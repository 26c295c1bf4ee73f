"""History of one row: who edited it, when, why, and each field before and after, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from experiments.models import Edit, Site
from experiments.services.edits.edit_log import LOGGED
from experiments.services.edits.import_log import KIND as IMPORT
from experiments.services.edits.import_log import imports_of
from experiments.services.edits.row_content import (
    field_in_words,
    part_in_words,
    value_in_words,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedField:
    """A field before and after, in the active language; `part` is empty for the row itself."""

    part: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a history: time, author, act, reason, and what has changed."""

    at: datetime
    who: str
    what: str
    note: str = ""
    fields: tuple[ChangedField, ...] = ()


def edits_of(row: Model) -> QuerySet[Edit]:
    """Return the edits of a row, the latest first; of a site also the removals of its rows."""
    own = Q(kind=row._meta.model_name, row=row.pk)
    if isinstance(row, Site):
        own |= Q(site=row, verb=Edit.Verb.DELETE)
    # Imports have words of their own: services.importing.import_history.
    return Edit.objects.filter(own).exclude(kind=IMPORT).select_related("author")


def edits_of_site(site: Site) -> QuerySet[Edit]:
    """Return the history of a site, the latest first: its edits, imports, and removed rows."""
    return edits_of(site) | imports_of(site)


def edit_lines(row: Model, *, most: int) -> list[Line]:
    """Return the latest lines of a row; those of before the log was kept name fields only."""
    rows = edits_of(row)
    found = [_line(one, row) for one in rows[:most]]
    first = rows.order_by("at", "pk").values_list("at", flat=True).first()
    return [*found, *_former_lines(row, first, most - len(found))]


def who_did(author: object, server_key: str = "", *, by_person: bool = True) -> str:
    """Return the name of a person, a server's key, or the service; an account may be deleted."""
    nobody = _("deleted account") if by_person else _("the service")
    return str(author or server_key or nobody)


def _line(edit: Edit, row: Model) -> Line:
    is_own = (edit.kind, edit.row) == (row._meta.model_name, row.pk)
    name = f"{LOGGED[edit.kind]._meta.verbose_name}: {edit.name}"
    way = "" if edit.way == Edit.Way.FORM else edit.get_way_display()
    parts = (edit.get_verb_display(), way, "" if is_own else name)
    return Line(
        at=edit.at,
        who=who_did(edit.author, edit.server_key),
        what=" · ".join(part for part in parts if part),
        note=edit.note,
        fields=tuple(_changed_fields(edit)),
    )


def _changed_fields(edit: Edit) -> Iterator[ChangedField]:
    model = LOGGED[edit.kind]
    for part, field, before, after in edit.changes:
        yield ChangedField(
            part=part_in_words(part),
            field=field_in_words(model, part, field),
            before=value_in_words(model, part, field, before),
            after=value_in_words(model, part, field, after),
        )


def _former_lines(row: Model, before: datetime | None, most: int) -> list[Line]:
    """Return what Django's log of forms has of the time before the first edit."""
    kind = ContentType.objects.get_for_model(type(row))
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
    if before is not None:
        entries = entries.filter(action_time__lt=before)
    latest = entries.select_related("user").order_by("-action_time", "-pk")[: max(most, 0)]
    return [
        Line(at=one.action_time, who=str(one.user), what=str(one.get_change_message()))
        for one in latest
    ]
