"""Decision at the end of an experiment, with the promotion of the chosen CTA and its undoing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import CTA, Decision, Edit, Experiment, Slot, Variant
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.edits.edit_log import Author, Way, logged
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.transitions import stop_experiment

Outcome = Decision.Outcome
# How long a promotion can be undone with one click.
UNDO_PERIOD = timedelta(hours=24)


class CannotDecideError(Exception):
    """The decision contradicts the experiment; `reasons` are sentences for the person."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class SlotChangedError(CannotDecideError):
    """Another CTA has become the slot's default since the person looked."""


class CannotUndoError(Exception):
    """The promotion can no longer be undone; the text gives the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Decision of a person or server.

    `arm` is the key of the winning arm. `promotes`: the chosen CTA becomes the slot's default.
    `expected_default` is the primary key of the default CTA that the person saw; None: any.
    """

    outcome: str
    arm: str = ""
    note: str = ""
    promotes: bool = False
    expected_default: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of the report at the time of the decision; `arm` is the key of the compared one."""

    verdict: str = ""
    visitors: int = 0
    arm: str = ""
    lift: float | None = None
    p_value: float | None = None


@transaction.atomic
def decide_experiment(
    *, experiment: Experiment, choice: Choice, figures: Figures, occasion: Occasion
) -> bool:
    """Stop a live experiment, or keep a stopped one, with its decision; promote if chosen.

    Returns:
        False if it is a draft, or has its decision already.

    Raises:
        CannotDecideError: If the choice does not fit the experiment.
        SlotChangedError: If the slot has another default than expected.
    """
    # The row is the lock: of two clicks the second finds the decision of the first.
    rows = Experiment.objects.select_for_update(of=("self",), no_key=True)
    fresh = rows.get(pk=experiment.pk)
    slot = Slot.objects.select_for_update(of=("self",), no_key=True).get(pk=fresh.slot_id)
    is_decided = Decision.objects.filter(experiment=fresh).exists()
    if fresh.status == Experiment.Status.DRAFT or is_decided:
        return False
    chosen = _checked(fresh, slot, choice)
    if fresh.status in Experiment.LIVE_STATUSES:
        stop_experiment(
            experiment=experiment,
            now=occasion.now,
            author=occasion.author,
            server_key=occasion.server_key,
        )
    decision = _store(fresh, choice, figures, occasion)
    if choice.promotes and chosen is not None:
        _promote(decision, slot, chosen.cta, occasion)
    experiment.decision = decision
    return True


@transaction.atomic
def undo_promotion(*, experiment: Experiment, occasion: Occasion) -> bool:
    """Make the former CTA the slot's default again; return False if nothing is promoted.

    Raises:
        CannotUndoError: If more than a day has passed, or the default is another one by now.
    """
    Experiment.objects.select_for_update(of=("self",), no_key=True).get(pk=experiment.pk)
    slot = Slot.objects.select_for_update(of=("self",), no_key=True).get(pk=experiment.slot_id)
    decision = Decision.objects.filter(experiment=experiment, undone_at=None).first()
    if decision is None or decision.promoted_cta_id is None:
        return False
    if not is_in_time(decision, occasion.now):
        raise CannotUndoError(
            _("More than 24 hours have passed: change the default CTA on the page of the slot.")
        )
    if slot.default_cta_id != decision.promoted_cta_id:
        raise CannotUndoError(
            _("Somebody has changed the default CTA since: “%(cta)s” stays.")
            % {"cta": slot.default_cta}
        )
    _set_default(slot, decision.replaced_cta_id, _edit(decision, Way.UNPROMOTE, occasion))
    decision.undone_at = occasion.now
    decision.save(update_fields=["undone_at"])
    record(experiment, Kind.UNPROMOTE, _about(decision.replaced_cta, occasion))
    experiment.decision = decision
    return True


def is_in_time(decision: Decision, now: Any) -> bool:
    """Tell if a promotion is young enough to be undone."""
    return bool(now - decision.decided_at <= UNDO_PERIOD)


def chosen_arm(experiment: Experiment, choice: Choice) -> Variant | None:
    """Return the arm that a choice keeps: the winner or the control; None for neither."""
    if choice.outcome == Outcome.WINNER:
        return experiment.variants.select_related("cta").filter(key=choice.arm).first()
    if choice.outcome == Outcome.CONTROL:
        return experiment.variants.select_related("cta").filter(arm=0).first()
    return None


def missing_locales(slot: Slot, cta: CTA) -> list[str]:
    """Return the languages of the slot's default in which another CTA has no wording."""
    had = set(slot.default_cta.wordings.values_list("locale", flat=True))
    wanted = had | {slot.site.default_locale}
    return sorted(wanted - set(cta.wordings.values_list("locale", flat=True)))


def _checked(experiment: Experiment, slot: Slot, choice: Choice) -> Variant | None:
    """Return the chosen arm, if any.

    Raises:
        CannotDecideError: With the reasons.
    """
    chosen = chosen_arm(experiment, choice)
    reasons = list(_faults(slot, choice, chosen))
    if reasons:
        raise CannotDecideError(reasons)
    if choice.promotes and choice.expected_default not in (None, slot.default_cta_id):
        text = _(
            "Somebody has changed the default CTA of the slot meanwhile: it is “%(cta)s” now. "
            "Nothing was changed; look again and confirm."
        )
        raise SlotChangedError([text % {"cta": slot.default_cta}])
    return chosen


def _faults(slot: Slot, choice: Choice, chosen: Variant | None) -> Iterator[str]:
    if choice.outcome == Outcome.WINNER and (chosen is None or chosen.arm == 0):
        yield _("Choose which arm has won.")
    if choice.outcome != Outcome.WINNER and choice.arm:
        yield _("An arm is named only with the decision “Winner”.")
    if not choice.promotes:
        return
    if choice.outcome not in (Outcome.WINNER, Outcome.CONTROL):
        yield _("Without a winner there is nothing to show to everybody.")
    elif chosen is not None and not chosen.cta.wordings.exists():
        yield _("“%(cta)s” has no wording: it cannot be shown.") % {"cta": chosen.cta}
    elif chosen is not None and chosen.cta.site_id != slot.site_id:
        yield _("“%(cta)s” belongs to another site.") % {"cta": chosen.cta}


def _store(
    experiment: Experiment, choice: Choice, figures: Figures, occasion: Occasion
) -> Decision:
    arms = {arm.key: arm for arm in experiment.variants.all()}
    decision = Decision.objects.create(
        experiment=experiment,
        outcome=choice.outcome,
        winner=arms[choice.arm] if choice.arm else None,
        note=choice.note,
        decided_at=occasion.now,
        author=occasion.author,
        server_key=occasion.server_key,
        verdict=figures.verdict,
        visitors=figures.visitors,
        compared=arms.get(figures.arm),
        lift=figures.lift,
        p_value=figures.p_value,
    )
    record(experiment, Kind.DECIDE, _with_note(choice.note, occasion))
    return decision


def _promote(decision: Decision, slot: Slot, cta: CTA, occasion: Occasion) -> None:
    """Make the CTA the slot's default; one that is it already needs no change, and no undoing."""
    if slot.default_cta_id == cta.pk:
        return
    decision.promoted_cta, decision.replaced_cta = cta, slot.default_cta
    decision.save(update_fields=["promoted_cta", "replaced_cta"])
    _set_default(slot, cta.pk, _edit(decision, Way.PROMOTE, occasion))
    record(decision.experiment, Kind.PROMOTE, _about(cta, occasion))


def _set_default(slot: Slot, cta_id: int | None, by: Author) -> None:
    with logged(slot, by):
        Slot.objects.filter(pk=slot.pk).update(default_cta=cta_id)
        if cta_id is not None:
            # What everybody sees is in no archive.
            CTA.objects.filter(pk=cta_id).update(archived_at=None)
    bump_revision()


def _edit(decision: Decision, way: Edit.Way, occasion: Occasion) -> Author:
    return Author(
        now=occasion.now,
        person=occasion.author,
        server_key=occasion.server_key,
        note=decision.experiment.name,
        way=way,
    )


def _about(cta: CTA | None, occasion: Occasion) -> Occasion:
    return _with_note(str(cta or ""), occasion)


def _with_note(note: str, occasion: Occasion) -> Occasion:
    return Occasion(
        now=occasion.now, author=occasion.author, server_key=occasion.server_key, note=note
    )
