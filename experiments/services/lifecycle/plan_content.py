"""Content of a draft, field by field: what somebody approves, and what has changed since."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Field, Model
from django.utils.translation import gettext as _

from experiments.models import (
    CTA,
    Audience,
    Experiment,
    Guardrail,
    RampStep,
    SecondaryMetric,
    Variant,
)
from experiments.services.edits.row_content import Entry

# What says nothing of what visitors see, or how it is judged.
LEFT_OUT = frozenset(
    {"id", "status", "source", "origin", "hypothesis", "planned_visitors_basis", "hash_version"}
    | {"owner"}
)
NOTHING = "\N{EN DASH}"
# What belongs to a row above it: it has its own line there, or is the row.
PARENTS = frozenset({"experiment", "site", "cta"})


def plan_content(draft: Experiment) -> list[Entry]:
    """Return every field that decides what visitors see and how the test is judged."""
    entries = [*_fields("experiment", draft)]
    if draft.audience is not None:
        entries += _fields("audience", draft.audience)
    arms = draft.variants.select_related("cta").prefetch_related("cta__wordings").order_by("arm")
    for arm in arms:
        entries += _fields(f"arm:{arm.key}", arm)
        entries += _fields(f"cta:{arm.key}", arm.cta)
        for wording in sorted(arm.cta.wordings.all(), key=lambda one: one.locale):
            entries.append(Entry(f"wording:{arm.key}:{wording.locale}", "text", wording.text))
    entries += _numbered("guardrail", draft.guardrails.order_by("pk"))
    entries += _numbered("secondary", draft.secondary_metrics.order_by("pk"))
    entries += _numbered("ramp", draft.ramp.order_by("number"))
    return entries


def row_in_words(row: str) -> str:
    """Return the name of a row of a content in the active language."""
    kind, *rest = row.split(":")
    names = {
        "experiment": _("Test"),
        "audience": _("Audience"),
        "arm": _("Arm %(key)s"),
        "cta": _("Look of arm %(key)s"),
        "wording": _("Wording of arm %(key)s (%(locale)s)"),
        "guardrail": _("Guardrail %(key)s"),
        "secondary": _("Secondary metric %(key)s"),
        "ramp": _("Step %(key)s of the ramp"),
    }
    return names[kind] % dict(zip(("key", "locale"), rest, strict=False))


def field_in_words(row: str, field: str) -> str:
    """Return the name of a field of a content in the active language."""
    if row.startswith("wording:"):
        return _("Text")
    return str(_model_field(row, field).verbose_name).capitalize()


def value_in_words(row: str, field: str, value: str | None) -> str:
    """Return a value of a content in the active language: choices by their labels."""
    if value is None or value == "":
        return NOTHING
    if row.startswith("wording:"):
        return value
    choices = {str(key): str(label) for key, label in _model_field(row, field).flatchoices}
    words = {"True": _("yes"), "False": _("no"), "None": NOTHING}
    return choices.get(value) or words.get(value, value)


def _model_field(row: str, field: str) -> "Field[Any, Any]":
    kind = row.partition(":")[0]
    models: dict[str, type[Model]] = {
        "experiment": Experiment,
        "audience": Audience,
        "arm": Variant,
        "cta": CTA,
        "guardrail": Guardrail,
        "secondary": SecondaryMetric,
        "ramp": RampStep,
    }
    found: Field[Any, Any] = models[kind]._meta.get_field(field)  # type: ignore[assignment]
    return found


def _numbered(kind: str, rows: Iterable[Model]) -> Iterator[Entry]:
    for number, row in enumerate(rows, start=1):
        yield from _fields(f"{kind}:{number}", row)


def _fields(name: str, row: Model) -> Iterator[Entry]:
    for field in row._meta.concrete_fields:
        if field.name in LEFT_OUT or not field.editable:
            continue
        if field.name in PARENTS and not (name.startswith("arm:") and field.name == "cta"):
            continue
        yield Entry(name, field.name, _text(getattr(row, field.name)))


def _text(value: Any) -> str:
    # 0.5 and 0.5000 are one share.
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
