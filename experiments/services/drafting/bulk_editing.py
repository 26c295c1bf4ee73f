"""One change of many CTAs: tags, principles, colours, size; planned first, then stored."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from experiments.models import CTA
from experiments.services.catalogue.editing import lock_reason, save_cta
from experiments.services.edits.edit_log import Author, Way, logged


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEdit:
    """Changes to many CTAs: names of tags, values of principles, fields of the look.

    `takes_brand`: the colours become those of each CTA's site.
    """

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    add_principles: tuple[str, ...] = ()
    remove_principles: tuple[str, ...] = ()
    look: Mapping[str, str] = field(default_factory=dict)
    takes_brand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field with its text before and after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A CTA with what becomes different; with reasons, it stays as it is."""

    cta: CTA
    changes: tuple[FieldChange, ...]
    reasons: tuple[str, ...]

    @property
    def will_change(self) -> bool:
        return bool(self.changes) and not self.reasons


def plan_bulk_edit(ctas: Iterable[CTA], edit: BulkEdit) -> list[PlannedChange]:
    """Return what the change does to each CTA, which it leaves as they are stored."""
    return [_planned(cta, edit) for cta in ctas]


@transaction.atomic
def apply_bulk_edit(ctas: Iterable[CTA], edit: BulkEdit, *, by: Author) -> list[CTA]:
    """Change those that may change, and return them; all of it is stored, or nothing."""
    rows = CTA.objects.select_for_update(no_key=True, of=("self",)).select_related("site")
    locked = rows.filter(pk__in=[cta.pk for cta in ctas]).order_by("pk")
    planned = [one for one in plan_bulk_edit(locked, edit) if one.will_change]
    for one in planned:
        tags, values = _wanted(one.cta, edit)
        with logged(one.cta, replace(by, way=Way.TOGETHER)):
            _assign(one.cta, values)
            save_cta(one.cta, tags=tags)
    return [one.cta for one in planned]


def _planned(cta: CTA, edit: BulkEdit) -> PlannedChange:
    tags, values = _wanted(cta, edit)
    stored = {name: getattr(cta, name) for name in values}
    changes = tuple(_changes({"tags": _tags(cta), **stored}, {"tags": tags, **values}))
    reasons = []
    if changes:
        lock = lock_reason(cta)
        reasons = [lock] if lock else _faults(cta, stored, values)
    return PlannedChange(cta=cta, changes=changes, reasons=tuple(reasons))


def _faults(cta: CTA, stored: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what the models would refuse of the new look; the CTA is as it was afterwards."""
    found: list[str] = []
    _assign(cta, values)
    try:
        # Without the names, which no database has to be asked about: they stay.
        cta.clean_fields(exclude={"site"})
        cta.clean()
    except ValidationError as error:
        found = error.messages
    _assign(cta, stored)
    return found


def _assign(cta: CTA, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(cta, name, value)


def _wanted(cta: CTA, edit: BulkEdit) -> tuple[list[str], dict[str, Any]]:
    """Return the tags and the fields that a CTA will have."""
    kept = [name for name in _tags(cta) if name not in edit.remove_tags]
    tags = sorted({*kept, *edit.add_tags})
    used = ({*cta.principles} - {*edit.remove_principles}) | {*edit.add_principles}
    look = {**edit.look, **(cta.site.brand_look if edit.takes_brand else {})}
    return tags, {"principles": [name for name in CTA.Principle.values if name in used], **look}


def _tags(cta: CTA) -> list[str]:
    return sorted(tag.name for tag in cta.tags.all())


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name, value in after.items():
        if _plain(before[name]) != _plain(value):
            yield FieldChange(
                name=name, before=_shown(name, before[name]), after=_shown(name, value)
            )


def _plain(value: Any) -> Any:
    """Return a value to compare: without the order of a list and the case of a colour."""
    return sorted(value) if isinstance(value, list) else value.lower()


def _shown(name: str, value: Any) -> str:
    choices = {"principles": CTA.Principle.choices, "size": CTA.Size.choices}.get(name, ())
    labels = {str(key): str(label) for key, label in choices}
    values: list[str] = value if isinstance(value, list) else [value]
    return ", ".join(labels.get(one, one) for one in values)
