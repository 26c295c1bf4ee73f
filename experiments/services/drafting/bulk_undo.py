"""Undoing of a change of many CTAs: for a day, and only what nobody has edited since."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from experiments.models import CTA, Edit, Site
from experiments.services.catalogue.editing import CannotSaveError, LockedError, save_cta
from experiments.services.edits.edit_log import Author, Way, logged

UNDO_PERIOD = timedelta(hours=24)
# Fields that are kept as JSON.
LISTS = frozenset({"tags", "principles"})


class TooLateError(Exception):
    """The change is unknown, or older than a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChange:
    """One change of many CTAs: its edits, one a CTA, the first of which names it."""

    edits: tuple[Edit, ...]

    @property
    def number(self) -> int:
        return min(edit.pk for edit in self.edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Names of the CTAs that are as they were, and of those that stay, with the reasons."""

    restored: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]


def recent_bulk_changes(*, sites: QuerySet[Site], now: datetime) -> list[BulkChange]:
    """Return the changes of many that can still be undone, the latest first."""
    rows = Edit.objects.filter(way=Way.TOGETHER, site__in=sites, at__gt=now - UNDO_PERIOD)
    groups: dict[tuple[Any, ...], list[Edit]] = {}
    for edit in rows.select_related("author").order_by("-at", "pk"):
        groups.setdefault((edit.at, edit.author_id), []).append(edit)
    return [BulkChange(edits=tuple(edits)) for edits in groups.values() if not _is_undone(edits)]


@transaction.atomic
def undo_bulk_change(number: int, *, sites: QuerySet[Site], by: Author) -> Undone:
    """Give CTAs the fields that a change of many took from them; what was edited since stays.

    Raises:
        TooLateError: If the change is unknown on these sites, or older than 24 hours.
    """
    found = [one for one in recent_bulk_changes(sites=sites, now=by.now) if one.number == number]
    if not found:
        raise TooLateError
    restored, kept = [], []
    for edit in found[0].edits:
        reason = _restore(edit, by)
        if reason:
            kept.append((edit.name, reason))
        else:
            restored.append(edit.name)
    return Undone(restored=tuple(restored), kept=tuple(kept))


def _restore(edit: Edit, by: Author) -> str:
    """Undo the edit of one CTA; return why it stays, or nothing."""
    rows = CTA.objects.select_for_update(no_key=True, of=("self",))
    cta = rows.filter(pk=edit.row).first()
    if cta is None:
        return _("It is deleted.")
    if Edit.objects.filter(kind=edit.kind, row=edit.row, pk__gt=edit.pk).exists():
        return _("It was edited since.")
    before = {field: _value(field, text) for _part, field, text, _after in edit.changes}
    tags = before.pop("tags", None)
    with logged(cta, replace(by, way=Way.UNDO)):
        for name, value in before.items():
            setattr(cta, name, value)
        try:
            save_cta(cta, tags=tags)
        except LockedError as error:
            return str(error)
        except CannotSaveError as error:
            return " ".join(error.sentences)
    return ""


def _value(field: str, text: str | None) -> Any:
    return json.loads(text or "[]") if field in LISTS else text or ""


def _is_undone(edits: Iterable[Edit]) -> bool:
    """Return whether nothing of a change is left to undo: each CTA was edited since."""
    last = {edit.row: edit.pk for edit in edits}
    later = Edit.objects.filter(kind=CTA._meta.model_name, row__in=last, pk__gt=min(last.values()))
    newest: dict[int, int] = dict(later.order_by("pk").values_list("row", "pk"))
    return all(newest.get(row, pk) > pk for row, pk in last.items())
