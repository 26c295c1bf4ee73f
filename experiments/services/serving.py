"""Slot and visitor in, CTA out: the hot path. Reads the snapshot only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.assignment import assign_visitor
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

# OFREP's words: a CTA for everybody, or one drawn by an experiment.
STATIC = "STATIC"
SPLIT = "SPLIT"


class UnknownSlotError(Exception):
    """The site has no slot of this key."""


class NoWordingError(Exception):
    """The CTA to show says nothing in any language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The CTA for one visitor; `experiment` and `arm` are None outside experiments."""

    slot: str
    variant: str
    reason: str
    value: Mapping[str, Any]
    experiment: str | None = None
    arm: int | None = None
    propensity: float | None = None


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
    values = slot.default_values if drawn is None else drawn[1].values
    value = localised(values, wanted, site.default_locale)
    if not value:
        raise NoWordingError(f"the CTA of slot {slot.key!r} has no wording")
    if drawn is None:
        return Evaluation(slot=slot.key, variant=NO_EXPERIMENT, reason=STATIC, value=value)
    experiment, variant = drawn
    return Evaluation(
        slot=slot.key,
        variant=variant.key,
        reason=SPLIT,
        value=value,
        experiment=experiment.key,
        arm=variant.arm,
        propensity=variant.propensity,
    )


def localised(
    values: Mapping[str, Mapping[str, Any]], wanted: str, fallback: str
) -> Mapping[str, Any]:
    """Return the value in the wanted language, a broader one, the site's, or any.

    >>> localised({"fr": {"text": "Oui"}, "en": {"text": "Yes"}}, "fr-CA", "en")
    {'text': 'Oui'}
    """
    for locale in (wanted, wanted.split("-")[0], fallback, fallback.split("-")[0]):
        if locale in values:
            return values[locale]
    return next(iter(values.values()), {})


def _draw(
    slot: ServedSlot, visitor: str, attributes: dict[str, Any]
) -> tuple[ServedExperiment, ServedVariant] | None:
    """Return the arm of the first experiment that takes this visitor in."""
    for experiment in slot.experiments:
        if not experiment.is_running:
            continue
        if experiment.condition and not evaluate_condition(experiment.condition, attributes):
            continue
        arm = assign_visitor(experiment.allocation, visitor).arm
        if arm is not None:
            return experiment, experiment.variants[arm]
    return None
