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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The CTA for one visitor; `experiment` and `arm` are None outside experiments."""

    slot: str
    variant: str
    reason: str
    value: Mapping[str, Any]
    experiment: str | None
    arm: int | None
    propensity: float | None


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
    """
    slot = site.slots.get(slot_key)
    if slot is None:
        raise UnknownSlotError(slot_key)
    locale = attributes.get("locale")
    wanted = locale if isinstance(locale, str) else site.default_locale
    for experiment in slot.experiments:
        variant = _variant_for(experiment, visitor, attributes)
        if variant is not None:
            return _drawn(site, slot, experiment, variant, wanted)
    return Evaluation(
        slot=slot.key,
        variant=NO_EXPERIMENT,
        reason=STATIC,
        value=localised(slot.default_values, wanted, site.default_locale),
        experiment=None,
        arm=None,
        propensity=None,
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


def _variant_for(
    experiment: ServedExperiment, visitor: str, attributes: dict[str, Any]
) -> ServedVariant | None:
    if not experiment.is_running:
        return None
    if experiment.condition and not evaluate_condition(experiment.condition, attributes):
        return None
    arm = assign_visitor(experiment.allocation, visitor).arm
    return None if arm is None else experiment.variants[arm]


def _drawn(
    site: ServedSite,
    slot: ServedSlot,
    experiment: ServedExperiment,
    variant: ServedVariant,
    wanted: str,
) -> Evaluation:
    return Evaluation(
        slot=slot.key,
        variant=variant.key,
        reason=SPLIT,
        value=localised(variant.values, wanted, site.default_locale),
        experiment=experiment.key,
        arm=variant.arm,
        propensity=variant.propensity,
    )
