"""Archive of CTAs: out of lists and choices, and back; what is in use stays."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from experiments.models import CTA, Experiment
from experiments.selectors import catalogue
from experiments.services.edits.edit_log import Author, Way, log_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """CTAs that were archived, and those that stay, each with the reason."""

    ctas: tuple[CTA, ...]
    kept: tuple[tuple[CTA, str], ...]


@transaction.atomic
def archive_ctas(ctas: Iterable[CTA], *, by: Author) -> Archived:
    """Take CTAs out of the lists and the choices; what a test or a slot uses stays."""
    moved, kept = [], []
    for cta in _locked(ctas).filter(archived_at=None):
        if reason := reason_to_stay(cta):
            kept.append((cta, reason))
            continue
        cta.archived_at = by.now
        cta.save(update_fields=["archived_at"])
        log_step(cta, by=replace(by, way=Way.ARCHIVE))
        moved.append(cta)
    return Archived(ctas=tuple(moved), kept=tuple(kept))


@transaction.atomic
def restore_ctas(ctas: Iterable[CTA], *, by: Author) -> list[CTA]:
    """Bring archived CTAs back, and return them."""
    rows = list(_locked(ctas).exclude(archived_at=None))
    for cta in rows:
        cta.archived_at = None
        cta.save(update_fields=["archived_at"])
        log_step(cta, by=replace(by, way=Way.RESTORE))
    return rows


def reason_to_stay(cta: CTA) -> str:
    """Return why a CTA cannot be archived; empty if it can."""
    slots = ", ".join(slot.name for slot in catalogue.slots_showing(cta))
    if slots:
        return _("It is the default of: %(slots)s.") % {"slots": slots}
    arms = catalogue.arms_showing(cta).filter(experiment__status__in=Experiment.OPEN_STATUSES)
    tests = ", ".join(dict.fromkeys(arm.experiment.name for arm in arms))
    return _("It is in the test: %(tests)s.") % {"tests": tests} if tests else ""


def _locked(ctas: Iterable[CTA]) -> QuerySet[CTA]:
    rows = CTA.objects.select_for_update(no_key=True, of=("self",))
    return rows.filter(pk__in=[cta.pk for cta in ctas]).order_by("pk")
