"""Drafts with all that belongs to them: arms, guardrails, secondary metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Experiment, Guardrail, SecondaryMetric, Variant
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.editing import (
    Errors,
    faults_of,
    refuse_faults,
    refuse_if_locked,
)
from experiments.services.lifecycle.drafts import MAX_ARMS
from experiments.services.lifecycle.readiness import primary_guardrail_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftParts:
    """Rows of a draft, not stored yet; None leaves those that it has.

    The arms are in order, the control first.
    """

    variants: Sequence[Variant] | None = None
    guardrails: Sequence[Guardrail] | None = None
    secondary_metrics: Sequence[SecondaryMetric] | None = None


@transaction.atomic
def save_draft(draft: Experiment, parts: DraftParts) -> None:
    """Store a new or changed draft.

    Raises:
        CannotSaveError: If it, or one of its rows, breaks a rule; a share that is missing is found
            at its start (`readiness`).
        LockedError: If it is not a draft any more.
    """
    refuse_if_locked(draft)
    refuse_faults(faults_of(draft) | _part_faults(draft, parts))
    draft.save()
    for name in ("variants", "guardrails", "secondary_metrics"):
        rows = getattr(parts, name)
        if rows is None:
            continue
        getattr(draft, name).all().delete()
        for row in rows:
            row.experiment = draft
            row.save()
    bump_revision()


def _part_faults(draft: Experiment, parts: DraftParts) -> Errors:
    errors: Errors = {}
    if parts.variants is not None and len(parts.variants) > MAX_ARMS:
        errors["variants"] = [_("At most %(most)s arms in one test.") % {"most": MAX_ARMS}]
    for number, variant in enumerate(parts.variants or ()):
        variant.arm = number
    groups = (
        ("variants", parts.variants, ("key",)),
        ("guardrails", parts.guardrails, ("metric", "goal")),
        ("secondary_metrics", parts.secondary_metrics, ("metric", "goal")),
    )
    for name, rows, identity in groups:
        seen = set()
        for number, row in enumerate(rows or ()):
            for field, said in faults_of(row, exclude=["experiment"]).items():
                errors[f"{name}.{number}.{field}".rstrip(".")] = said
            mark = tuple(getattr(row, one) for one in identity)
            if mark in seen:
                errors[f"{name}.{number}"] = [_("It is there twice.")]
            seen.add(mark)
    return errors | dict(_primary_faults(draft, parts.guardrails or ()))


def _primary_faults(
    draft: Experiment, guardrails: Sequence[Guardrail]
) -> Iterator[tuple[str, list[str]]]:
    for number, guardrail in enumerate(guardrails):
        fault = primary_guardrail_fault(draft, guardrail)
        if fault is not None:
            yield f"guardrails.{number}.metric", [fault]
