"""Drafts made from chosen wordings, with CTAs styled like the slot's default."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Experiment,
    Guardrail,
    SecondaryMetric,
    Slot,
    Variant,
)
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.cta_checks import detected_principles
from experiments.services.catalogue.cta_copies import name_of_copy
from experiments.services.lifecycle.transitions import Status

# More arms would share the visitors so thinly that no test ends.
MAX_ARMS = 9
LETTERS = "bcdefghijklmnopqrstuvwxyz"
STEP = Decimal("0.0001")
LOOK = ("form", "destination", "background_color", "text_color", "size", "icon")


class DraftingError(ValueError):
    """The wordings cannot become arms; its text is for the person who chose them."""


class AlreadyDraftedError(DraftingError):
    """A draft of the slot tests the same already: it was asked for twice."""

    def __init__(self, draft: Experiment) -> None:
        super().__init__(_("This draft was there already. It tests the same."))
        self.draft = draft


def refuse_second_draft(*, slot: Slot, audience: Audience | None, ctas: Sequence[CTA]) -> None:
    """Compare with the slot's drafts, within the transaction that has locked the slot.

    Args:
        slot: Slot of the new draft.
        audience: Audience of the new draft; None for everybody.
        ctas: CTAs of its arms, the control first.

    Raises:
        AlreadyDraftedError: If a draft has this audience and these arms.
    """
    drafts = Experiment.objects.filter(slot=slot, audience=audience, status=Status.DRAFT)
    for draft in drafts.prefetch_related("variants"):
        if [arm.cta_id for arm in draft.variants.all()] == [cta.pk for cta in ctas]:
            raise AlreadyDraftedError(draft)


@transaction.atomic
def draft_experiment(
    *,
    slot: Slot,
    texts: Sequence[str],
    locale: str,
    audience: Audience | None,
    now: datetime,
) -> Experiment:
    """Return a new draft on the slot that tests its default CTA against one CTA per wording.

    Raises:
        DraftingError: If wordings are missing or too many, or the audience is another site's.
        AlreadyDraftedError: If a draft tests the same.
    """
    wordings = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if not wordings:
        raise DraftingError(_("Choose at least one wording."))
    if len(wordings) > MAX_ARMS:
        raise DraftingError(_("At most %(most)s wordings in one test.") % {"most": MAX_ARMS})
    if audience is not None and audience.site_id != slot.site_id:
        raise DraftingError(_("The audience belongs to another site."))
    # Locked: two drafts of one slot in one second get two keys.
    Slot.objects.select_for_update(of=("self",)).get(pk=slot.pk)
    ctas = [slot.default_cta, *(make_cta(slot=slot, texts={locale: each}) for each in wordings)]
    refuse_second_draft(slot=slot, audience=audience, ctas=ctas)
    experiment = Experiment.objects.create(
        slot=slot,
        audience=audience,
        key=free_key(slot.key, now),
        name=_("Wordings on %(slot)s") % {"slot": slot.name},
        hypothesis=_("Ranked wordings: which one is really better?"),
    )
    shares = decimal_shares(len(ctas))
    for arm, (cta, share) in enumerate(zip(ctas, shares, strict=True)):
        key = "control" if arm == 0 else LETTERS[arm - 1]
        Variant.objects.create(experiment=experiment, arm=arm, key=key, cta=cta, share=share)
    bump_revision()
    return experiment


def free_key(base: str, now: datetime) -> str:
    """Return a key that no experiment has: `base`, the time, and a number if needed.

    Args:
        base: Key of what the experiment is made from; only its beginning is used.
        now: Moment, to the second; within one second keys are numbered.
    """
    stem = f"{base[:80]}-{now:%Y%m%d%H%M%S}"
    taken = set(Experiment.objects.filter(key__startswith=stem).values_list("key", flat=True))
    keys = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(key for key in keys if key not in taken)


def make_cta(*, slot: Slot, texts: Mapping[str, str], look: Mapping[str, str] | None = None) -> CTA:
    """Return a CTA in the style of the slot's default, an existing one if any.

    Args:
        slot: Slot on which it may appear.
        texts: Wordings by language; at least one. An existing CTA has all of them.
        look: Fields of the look that differ from those of the default.
    """
    looks = {**_look(slot.default_cta), **(look or {})}
    found = CTA.objects.filter(site=slot.site_id, archived_at=None, **looks)
    for locale, text in texts.items():
        found = found.filter(wordings__locale=locale, wordings__text=text)
    existing = found.first()
    if existing is not None:
        return existing
    cta = CTA.objects.create(
        site_id=slot.site_id,
        name=free_cta_name(slot.site_id, next(iter(texts.values()))),
        principles=list(detected_principles(texts)),
        **looks,
    )
    for locale, text in texts.items():
        CTAWording.objects.create(cta=cta, locale=locale, text=text)
    return cta


def _look(cta: CTA) -> dict[str, str]:
    return {name: getattr(cta, name) for name in LOOK}


def free_cta_name(site_id: int, text: str) -> str:
    """Return the name of a CTA with this text: the text, numbered if it is taken."""
    used = set(CTA.objects.filter(site=site_id).values_list("name", flat=True))
    names = (text[:190] if number == 1 else f"{text[:190]} ({number})" for number in range(1, 999))
    return next(name for name in names if name not in used)


def decimal_shares(count: int) -> list[Decimal]:
    """Return equal shares that sum to 1: the control gets the rounding remainder."""
    share = (1 / Decimal(count)).quantize(STEP, rounding=ROUND_DOWN)
    return [1 - share * (count - 1), *[share] * (count - 1)]


@transaction.atomic
def duplicate_experiment(*, experiment: Experiment, now: datetime) -> Experiment:
    """Return a new draft, named as a copy, with the same plan, arms, guardrails and metrics."""
    # Locked: two people who duplicate it at once wait for each other, and get two keys.
    Experiment.objects.select_for_update(of=("self",)).get(pk=experiment.pk)
    arms, tags = list(experiment.variants.all()), list(experiment.tags.all())
    metrics: list[Guardrail | SecondaryMetric] = [
        *experiment.guardrails.all(),
        *experiment.secondary_metrics.all(),
    ]
    ramp = list(experiment.ramp.all())
    copy = Experiment.objects.get(pk=experiment.pk)
    copy.pk = None
    copy._state.adding = True
    names = Experiment.objects.filter(slot__site=copy.slot.site_id).values_list("name", flat=True)
    copy.name = name_of_copy(copy.name, set(names))
    copy.key, copy.seed, copy.source = free_key(experiment.key, now), "", ""
    copy.status, copy.origin = Status.DRAFT, Experiment.Origin.LIVE
    copy.started_at = copy.stopped_at = copy.rolled_back_at = None
    copy.starts_at = copy.ends_at = copy.owner = None
    copy.rollback_reason = ""
    _forget_computed_plan(copy)
    if ramp:  # Only the end of a ramp is left: the copy begins anew.
        copy.coverage = Decimal(1)
    copy.save()
    copy.tags.set(tags)
    for arm in arms:
        Variant.objects.create(
            experiment=copy, arm=arm.arm, key=arm.key, cta_id=arm.cta_id, share=arm.share
        )
    for step in ramp:
        step.pk, step.experiment, step.reached_at = None, copy, None
        step._state.adding = True
        step.save()
    for metric in metrics:
        metric.pk, metric.experiment = None, copy
        metric._state.adding = True
        metric.save()
    return copy


@transaction.atomic
def follow_up_experiment(
    *, experiment: Experiment, kept: Variant, rival: Variant, now: datetime
) -> Experiment:
    """Return a new draft with the plan of an ended test, in which one of its arms is the control.

    Args:
        experiment: Ended experiment, whose plan, guardrails and metrics are taken over.
        kept: Arm that is shown from now on; the control of the new test.
        rival: Arm that is tested against it once more.
        now: Moment that names the draft.

    Raises:
        AlreadyDraftedError: If a draft tests the same.
    """
    # Locked: whoever asks for it at the same time waits here, and is refused.
    slot = Slot.objects.select_for_update(of=("self",)).get(pk=experiment.slot_id)
    refuse_second_draft(slot=slot, audience=experiment.audience, ctas=[kept.cta, rival.cta])
    draft = duplicate_experiment(experiment=experiment, now=now)
    draft.name = _("%(name)s (follow-up)") % {"name": experiment.name[:180]}
    draft.save(update_fields=["name"])
    draft.variants.all().delete()
    for arm, (variant, share) in enumerate(zip((kept, rival), decimal_shares(2), strict=True)):
        key = "control" if arm == 0 else LETTERS[0]
        Variant.objects.create(
            experiment=draft, arm=arm, key=key, cta_id=variant.cta_id, share=share
        )
    return draft


def _forget_computed_plan(copy: Experiment) -> None:
    """Take away planned visitors that the service computed: the slot's figures are others now."""
    basis = copy.planned_visitors_basis
    # A fixed plan needs a number at every moment.
    if basis and basis["visitors"] == copy.planned_visitors and copy.plan != Experiment.Plan.FIXED:
        copy.planned_visitors = None
    copy.planned_visitors_basis = None
