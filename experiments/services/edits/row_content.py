"""Content of a row, field by field, in a form to keep, and the same in words of people."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import Field, Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.formatting import share
from experiments.models import (
    CTA,
    CTAWording,
    Experiment,
    Guardrail,
    RampStep,
    SecondaryMetric,
    Slot,
    Variant,
)
from experiments.services.catalogue.audience_summary import summary_of

NOTHING = "\N{EN DASH}"
# In place of what is not copied, and at the end of what is cut. Stored; never rename.
MASK = "…"
# Rows that belong to another one. Stored; never rename.
PARTS: dict[str, type[Model]] = {
    "wording": CTAWording,
    "arm": Variant,
    "guardrail": Guardrail,
    "secondary": SecondaryMetric,
    "ramp": RampStep,
}
PARENTS = frozenset({"experiment", "cta"})
# Fractions that people read as percentages.
FRACTIONS = frozenset(
    {"share", "coverage", "namespace_start", "namespace_end", "holdout", "margin", "alpha"}
)


class Entry(NamedTuple):
    """One field of a row. `row`: the part of it, such as "arm:b"; empty: the row itself.

    Stored with edits and approvals, in this order; never reorder.
    """

    row: str
    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that differs between two contents; None where it is not there."""

    row: str
    field: str
    before: str | None
    after: str | None


def row_content(row: Model) -> list[Entry]:
    """Return the fields of a stored row that people edit, with the rows that belong to it."""
    entries = [*_fields("", row)]
    if isinstance(row, CTA):
        wordings = row.wordings.order_by("locale")
        entries += [Entry(f"wording:{one.locale}", "text", one.text) for one in wordings]
    if isinstance(row, Experiment):
        for arm in row.variants.select_related("cta").order_by("arm"):
            entries += _fields(f"arm:{arm.key}", arm)
        entries += _numbered("guardrail", row.guardrails.order_by("pk"))
        entries += _numbered("secondary", row.secondary_metrics.order_by("pk"))
        entries += _numbered("ramp", row.ramp.order_by("number"))
    return entries


def differences(before: Sequence[Entry], after: Sequence[Entry]) -> list[Difference]:
    """Return the fields that differ, in the order of the later content, then those that went.

    >>> [one.after for one in differences([Entry("arm:b", "share", "0.5")], [])]
    [None]
    """
    old, new = _by_name(before), _by_name(after)
    names = [*new, *(name for name in old if name not in new)]
    return [
        Difference(row=name[0], field=name[1], before=old.get(name), after=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


def part_in_words(part: str) -> str:
    """Return the name of a part of a row in the active language; empty for the row itself."""
    if not part:
        return ""
    kind, _colon, key = part.partition(":")
    names = {
        "wording": _("Wording (%(key)s)"),
        "arm": _("Arm %(key)s"),
        "guardrail": _("Guardrail %(key)s"),
        "secondary": _("Secondary metric %(key)s"),
        "ramp": _("Step %(key)s of the ramp"),
    }
    return names[kind] % {"key": key}


def field_in_words(model: type[Model], part: str, field: str) -> str:
    """Return the name of a field in the active language; one that is gone keeps its own."""
    found = _field(model, part, field)
    name = field if found is None else str(found.verbose_name)
    return name[:1].upper() + name[1:]


def value_in_words(model: type[Model], part: str, field: str, value: str | None) -> str:
    """Return a kept value in the active language."""
    if not value:
        return NOTHING
    kind = _field(model, part, field)
    choices = {str(key): str(label) for key, label in getattr(kind, "flatchoices", None) or ()}
    if value in choices:
        return choices[value]
    if field == "condition":
        return summary_of(json.loads(value))
    if field in FRACTIONS:
        return share(Decimal(value))
    return _typed_in_words(kind, field, value)


def _typed_in_words(kind: Any, field: str, value: str) -> str:
    of_type = kind.get_internal_type() if kind is not None else ""
    if getattr(kind, "related_model", None) is User:
        return _person(value)
    if of_type == "BooleanField":
        return _("yes") if value == "True" else _("no")
    if of_type == "DateTimeField":
        moment = timezone.localtime(datetime.fromisoformat(value))
        return date_format(moment, "DATETIME_FORMAT")
    if of_type in ("JSONField", "ManyToManyField") and value != MASK:
        labels = {str(key): str(label) for key, label in CTA.Principle.choices}
        found = json.loads(value)
        texts = [str(one) for one in found] if isinstance(found, list) else [value]
        named = (labels.get(one, one) if field == "principles" else one for one in texts)
        return ", ".join(named) or NOTHING
    return value


def _person(number: str) -> str:
    found = User.objects.filter(pk=number).first()
    return str(found) if found is not None else _("deleted account")


def _field(model: type[Model], part: str, field: str) -> "Field[Any, Any] | None":
    owner: Any = PARTS[part.partition(":")[0]] if part else model
    return next((one for one in owner._meta.get_fields() if one.name == field), None)


def _numbered(kind: str, rows: Iterable[Model]) -> Iterator[Entry]:
    for number, row in enumerate(rows, start=1):
        yield from _fields(f"{kind}:{number}", row)


def _fields(part: str, row: Model) -> Iterator[Entry]:
    for field in row._meta.concrete_fields:
        is_parent = bool(part) and field.name in PARENTS and field.name != "cta"
        if field.primary_key or not field.editable or is_parent:
            continue
        yield Entry(part, field.name, _text(getattr(row, field.name)))
    for many in () if part else row._meta.many_to_many:
        names = sorted(str(one) for one in getattr(row, many.name).all())
        yield Entry(part, many.name, _text(names))


def _text(value: Any) -> str:
    """Return a value as it is kept."""
    if value is None:
        return ""
    if isinstance(value, Decimal):  # 0.5 and 0.5000 are one share.
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    if isinstance(value, User):
        # By number: a name would outlive the account.
        return str(value.pk)
    return value.name if isinstance(value, Slot) else str(value)


def _by_name(content: Sequence[Entry]) -> dict[tuple[str, str], str]:
    return {(entry.row, entry.field): entry.value for entry in content}
