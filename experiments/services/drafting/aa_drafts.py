"""A/A tests as drafts: two arms with the slot's own wording, and the time that they take."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Experiment, Slot, Variant
from experiments.services.drafting.building import free_name
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.plan_review import review_plan, save_slot_plan
from experiments.services.lifecycle.draft_editing import DraftParts, save_draft
from experiments.services.lifecycle.drafts import (
    LETTERS,
    decimal_shares,
    free_key,
    refuse_second_draft,
)
from experiments.services.lifecycle.readiness import readiness_faults

ARMS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AaOutlook:
    """Time and reach of an A/A test that would start now.

    `visitors` are those of a usual test of the slot, in which a fault as large as `lift` would
    show; `days` is their time at the slot's traffic, and at least the site's days before a verdict.
    None where nothing is known of the slot. `faults` keep it from starting at this moment.
    """

    visitors: int | None
    days: int | None
    lift: float | None
    faults: tuple[str, ...]


@transaction.atomic
def draft_aa_test(*, slot: Slot, now: datetime) -> Experiment:
    """Return a new draft in which both arms show the slot's default CTA.

    It is planned as a usual test of the slot, and ends by itself where the slot's figures give it
    a number of visitors.

    Raises:
        CannotSaveError: If it breaks a rule of the models.
        AlreadyDraftedError: If there is such a draft.
    """
    # Locked: whoever asks for it at the same time waits here, and is refused.
    locked = Slot.objects.select_for_update(of=("self",)).get(pk=slot.pk)
    refuse_second_draft(slot=locked, audience=None, ctas=[locked.default_cta] * ARMS)
    return _draft(locked, now)


def _draft(locked: Slot, now: datetime) -> Experiment:
    draft = Experiment(
        slot=locked,
        key=free_key(f"{locked.key[:77]}-aa", now),
        name=free_name(locked, _("A/A test on %(slot)s") % {"slot": locked.name}),
        hypothesis=_(
            "Both arms show the same wording: assignment and counting find no difference."
        ),
    )
    shares = decimal_shares(ARMS)
    arms = [
        Variant(key=key, cta=locked.default_cta, share=share)
        for key, share in zip(("control", LETTERS[0]), shares, strict=True)
    ]
    save_draft(draft, DraftParts(variants=arms))
    save_slot_plan(draft=draft, now=now)
    if draft.planned_visitors:
        draft.ends_when_planned = True
        draft.save(update_fields=["ends_when_planned"])
    return draft


def aa_outlook(*, slot: Slot, now: datetime) -> AaOutlook:
    """Return what an A/A test on the slot takes; nothing is stored."""
    with transaction.atomic():
        found = _look_at(_draft(slot, now), now)
        transaction.set_rollback(True)
    return found


def _look_at(draft: Experiment, now: datetime) -> AaOutlook:
    review = review_plan(draft, slot_plans(draft, now=now))
    rate = review.visitors_per_day if review else 0.0
    days = None
    if review is not None and rate:
        days = max(math.ceil(review.needed / rate), draft.slot.site.minimum_days)
    return AaOutlook(
        visitors=review.needed if review else None,
        days=days,
        lift=review.target if review else None,
        faults=tuple(readiness_faults(draft)),
    )
