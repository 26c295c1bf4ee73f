"""Slot and visitor in, CTA out: the hot path. Reads the snapshot only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from experiments.assignment import Assignment, assign_visitor
from experiments.models.experiment import NO_EXPERIMENT
from experiments.services.catalogue import server_key_digest
from experiments.services.snapshot import (
    ServedExperiment,
    ServedSite,
    ServedSlot,
    ServedVariant,
    Snapshot,
)
from experiments.targeting import evaluate_condition

# Attribute of a visitor who must not be told apart: `false` keeps them out of all experiments.
MEASURED = "measured"
# OFREP's words: a CTA for everybody, or one drawn by an experiment.
STATIC = "STATIC"
SPLIT = "SPLIT"


class UnknownSlotError(Exception):
    """The site has no slot of this key."""


class NoWordingError(Exception):
    """The CTA to show says nothing in any language."""


class Drawn(NamedTuple):
    """The experiment that took a visitor in, with the arm it gave."""

    experiment: ServedExperiment
    variant: ServedVariant
    assignment: Assignment


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """The CTA for one visitor; `experiment` and `arm` are None outside experiments.

    Nothing in it is the visitor's own: everybody with this arm and language gets the same object.
    `written` is for the interface that sends it, which then writes it once.
    """

    slot: str
    variant: str
    reason: str
    value: Mapping[str, Any]
    experiment: str | None = None
    arm: int | None = None
    propensity: float | None = None
    written: Any = None
    assignment: Assignment | None = field(default=None, repr=False)


def site_of_key(snapshot: Snapshot, key: str) -> ServedSite | None:
    """Return the site that a publishable or secret key belongs to."""
    site = snapshot.client_keys.get(key)
    return site or snapshot.server_key_digests.get(server_key_digest(key))


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
    locale = attributes.get("locale")
    wanted = locale if isinstance(locale, str) else site.default_locale
    drawn = _draw(slot, visitor, attributes)
    values = slot.default_values if drawn is None else drawn.variant.values
    spoken = spoken_locale(values, wanted, site.default_locale)
    if spoken is None:
        raise NoWordingError(f"the CTA of slot {slot.key!r} has no wording")
    # An experiment's assignments are as few as its ranges. The evaluation holds its own, so that
    # no other object can ever have its number.
    key = (0 if drawn is None else id(drawn.assignment), spoken)
    evaluation = slot.evaluations.get(key)
    if evaluation is None:
        evaluation = slot.evaluations[key] = _evaluation(slot, drawn, values[spoken])
    return evaluation


def _evaluation(slot: ServedSlot, drawn: Drawn | None, value: Mapping[str, Any]) -> Evaluation:
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
        assignment=drawn.assignment,
    )


def localised(
    values: Mapping[str, Mapping[str, Any]], wanted: str, fallback: str
) -> Mapping[str, Any]:
    """Return the value in the wanted language, a broader one, the site's, or any.

    >>> localised({"fr": {"text": "Oui"}, "en": {"text": "Yes"}}, "fr-CA", "en")
    {'text': 'Oui'}
    """
    spoken = spoken_locale(values, wanted, fallback)
    return {} if spoken is None else values[spoken]


def spoken_locale(values: Mapping[str, object], wanted: str, fallback: str) -> str | None:
    """Return the language in which something is there; None if there is nothing.

    >>> spoken_locale({"fr": "Oui", "en": "Yes"}, "fr-CA", "en")
    'fr'
    """
    if wanted in values:
        return wanted
    for locale in (wanted.split("-", 1)[0], fallback, fallback.split("-", 1)[0]):
        if locale in values:
            return locale
    return next(iter(values), None)


def _draw(slot: ServedSlot, visitor: str, attributes: dict[str, Any]) -> Drawn | None:
    """Return the arm of the first experiment that takes this visitor in."""
    if attributes.get(MEASURED) is False:
        return None
    for experiment in slot.experiments:
        if not experiment.is_running:
            continue
        if experiment.condition:
            # GrowthBook's name for the visitor, so that its SDKs and we read a condition alike.
            known = attributes if "id" in attributes else {**attributes, "id": visitor}
            if not evaluate_condition(experiment.condition, known):
                continue
        assignment = assign_visitor(experiment.allocation, visitor, attributes)
        if assignment.arm is not None:
            return Drawn(experiment, experiment.variants[assignment.arm], assignment)
    return None
