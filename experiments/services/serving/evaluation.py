"""Evaluation of a slot for a visitor: the hot path, which reads only the snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from experiments.assignment.explained_arms import explains
from experiments.assignment.hashing import Assignment
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models.experiment import NO_EXPERIMENT
from experiments.services.catalogue.cta_content import spoken_locale
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.serving.arm_assignment import Drawn, draw
from experiments.services.serving.preview_links import (
    ATTRIBUTE,
    RefusedPreviewError,
    preview_of,
    previewed_arm,
)
from experiments.services.serving.receipts import receipt_of
from experiments.services.serving.snapshot import ServedSite, ServedSlot, Snapshot

# OFREP's reasons: a CTA for everybody, one drawn by an experiment, one requested by a link.
STATIC = "STATIC"
SPLIT = "SPLIT"
TARGETING_MATCH = "TARGETING_MATCH"


class UnknownSlotError(Exception):
    """The site has no slot of this key."""


class NoWordingError(Exception):
    """The CTA to show has no wording in any language."""


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """The CTA for one visitor; `experiment` and `arm` are None outside experiments.

    It holds nothing personal: all visitors with this arm and language get the same object.
    `written` caches the encoding of the interface that sends it. `phase` is the number of the
    phase in which the visitor was first answered: its shares gave the arm, with `propensity`,
    which is None where the phase is UNKNOWN_PHASE. `is_preview`: it comes from a preview link
    and must not be counted; `preview_error`: why such a link was refused. `receipt`: what the
    visitor's events must bring; an evaluation with one is of a single visitor.
    """

    slot: str
    variant: str
    reason: str
    value: Mapping[str, Any]
    experiment: str | None = None
    arm: int | None = None
    propensity: float | None = None
    phase: int | None = None
    is_preview: bool = False
    preview_error: str | None = None
    receipt: str | None = None
    written: Any = None
    assignment: Assignment | None = field(default=None, repr=False)


def flag_content(evaluation: Evaluation) -> dict[str, Any]:
    """Return the flag as a value: what OFREP encodes, and an element is made of."""
    metadata: dict[str, Any] = {}
    if evaluation.experiment is not None:
        metadata["experiment"] = evaluation.experiment
        metadata["arm"] = evaluation.arm
        metadata["phase"] = evaluation.phase
    if evaluation.receipt is not None:
        metadata["receipt"] = evaluation.receipt
    if evaluation.propensity is not None:
        metadata["propensity"] = evaluation.propensity
    if evaluation.is_preview:
        metadata["preview"] = True
    if evaluation.preview_error is not None:
        metadata["previewError"] = evaluation.preview_error
    return {
        "key": evaluation.slot,
        "reason": evaluation.reason,
        "variant": evaluation.variant,
        "value": evaluation.value,
        "metadata": metadata,
    }


def site_of_key(snapshot: Snapshot, key: str) -> ServedSite | None:
    """Return the site that a publishable or secret key belongs to."""
    site = snapshot.client_keys.get(key)
    if site is not None:
        return site
    served = snapshot.server_key_digests.get(server_key_digest(key))
    return served.site if served else None


def evaluate_slot(
    site: ServedSite, slot_key: str, *, visitor: str, attributes: dict[str, Any]
) -> Evaluation:
    """Return the CTA for this visitor.

    Raises:
        UnknownSlotError: If the site has no such slot.
        NoWordingError: If its CTA has no wording: the page keeps its own content.
    """
    slot = site.slots.get(slot_key)
    if slot is None:
        raise UnknownSlotError(slot_key)
    token = attributes.get(ATTRIBUTE)
    if isinstance(token, str) and token:
        return _preview_evaluation(site, slot, token, visitor=visitor, attributes=attributes)
    return _visitor_evaluation(site, slot, visitor=visitor, attributes=attributes)


def _visitor_evaluation(
    site: ServedSite, slot: ServedSlot, *, visitor: str, attributes: dict[str, Any]
) -> Evaluation:
    drawn = draw(site, slot, visitor=visitor, attributes=attributes)
    values = slot.default_values if drawn is None else drawn.variant.values
    locale = _served_locale(site, slot, values, attributes)
    # An experiment's assignments are as few as its ranges and phases. The evaluation holds its
    # own, so that no other object can ever have its number.
    key = (0 if drawn is None else id(drawn.assignment), locale)
    evaluation = slot.evaluations.get(key)
    if evaluation is None:
        evaluation = slot.evaluations[key] = _new_evaluation(slot, drawn, values[locale])
    if drawn is not None and (site.needs_receipts or not _is_explained(drawn, visitor)):
        return _with_receipt(evaluation, site, drawn, visitor=visitor)
    return evaluation


def _is_explained(drawn: Drawn, visitor: str) -> bool:
    """Return whether the visitor's own hash gives the arm, as ingestion will ask."""
    if drawn.is_hashed:
        return True
    rules, phase = drawn.experiment.allocation, drawn.assignment.phase
    return explains(rules, visitor, drawn.variant.arm, phase=phase)


def _with_receipt(
    evaluation: Evaluation, site: ServedSite, drawn: Drawn, *, visitor: str
) -> Evaluation:
    receipt = receipt_of(
        site_id=site.pk,
        experiment_id=drawn.experiment.pk,
        arm=drawn.variant.arm,
        phase=evaluation.phase or 0,
        visitor=visitor,
    )
    return replace(evaluation, receipt=receipt, written=None)


def _preview_evaluation(
    site: ServedSite, slot: ServedSlot, token: str, *, visitor: str, attributes: dict[str, Any]
) -> Evaluation:
    """Return the arm that a link opens. The page's other slots show their defaults, uncounted."""
    try:
        preview = preview_of(token, site_id=site.pk)
        arm = previewed_arm(preview) if preview.slot == slot.key else None
    except RefusedPreviewError as error:
        evaluation = _visitor_evaluation(site, slot, visitor=visitor, attributes=attributes)
        return replace(evaluation, preview_error=str(error), written=None)
    values = slot.default_values if arm is None else arm.values
    return Evaluation(
        slot=slot.key,
        variant=NO_EXPERIMENT if arm is None else arm.variant,
        reason=STATIC if arm is None else TARGETING_MATCH,
        value=values[_served_locale(site, slot, values, attributes)],
        is_preview=True,
    )


def _served_locale(
    site: ServedSite, slot: ServedSlot, values: Mapping[str, object], attributes: dict[str, Any]
) -> str:
    requested = attributes.get("locale")
    preferred = requested if isinstance(requested, str) else site.default_locale
    locale = spoken_locale(values, preferred, site.default_locale)
    if locale is None:
        raise NoWordingError(f"the CTA of slot {slot.key!r} has no wording")
    return locale


def _new_evaluation(slot: ServedSlot, drawn: Drawn | None, value: Mapping[str, Any]) -> Evaluation:
    if drawn is None:
        return Evaluation(slot=slot.key, variant=NO_EXPERIMENT, reason=STATIC, value=value)
    return Evaluation(
        slot=slot.key,
        variant=drawn.variant.key,
        reason=SPLIT,
        value=value,
        experiment=drawn.experiment.key,
        arm=drawn.variant.arm,
        propensity=drawn.assignment.propensity,
        phase=UNKNOWN_PHASE if drawn.assignment.phase is None else drawn.assignment.phase,
        assignment=drawn.assignment,
    )
