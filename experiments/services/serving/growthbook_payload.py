"""GrowthBook payload of the site's live experiments, for that project's open SDKs.

A slot is a feature, its default CTA the default value, and a live experiment one or more rules
in the order in which `evaluate_slot` tries them. Hash version 2, explicit ranges and filters: a
browser, a CDN or a server with such an SDK assigns the same arm as OFREP. The tests compare
the two visitor by visitor.

Languages: one rule for each set of languages with the same wordings, selected by a
prerequisite, the feature `$locale`. The rules of an experiment share key, seed and ranges, so
the arm is the same for any language of the visitor. A condition would not do: an SDK that keeps
sticky buckets skips the conditions of an experiment, never its prerequisites.

The key of a variation is the arm with the present phase, `b@1`. Sticky buckets keep it, and so the
phase of the first answer; for those of earlier phases, and of times without phases in keys, there
are variations whose range is empty.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from experiments.assignment.hashing import HASH_VERSION, NamespaceFilter
from experiments.assignment.sticky import phased_variant
from experiments.services.catalogue.cta_content import localised
from experiments.services.serving.arm_assignment import VISITOR_ATTRIBUTE
from experiments.services.serving.snapshot import (
    ServedExperiment,
    ServedSite,
    ServedSlot,
    ServedVariant,
)
from experiments.targeting.languages import key as language_key
from experiments.targeting.languages import range_pattern

# Not a slug: no slot can have this key.
LOCALE_FEATURE = "$locale"
# Stands for languages in which no CTA of the site has a wording.
OTHER = ""

Values = Mapping[str, Mapping[str, Any]]
Json = dict[str, Any]


def payload_of(site: ServedSite) -> Json:
    """Return what `GET /api/features/{client_key}` serves. All of it is public."""
    locales = _locales(site.slots.values())
    features = {
        key: _feature(slot, locales, site.default_locale) for key, slot in site.slots.items()
    }
    if any(_uses_locale(feature) for feature in features.values()):
        features[LOCALE_FEATURE] = _locale_feature(locales)
    return {"features": features}


def _feature(slot: ServedSlot, locales: Sequence[str], fallback: str) -> Json:
    rules = []
    for experiment in slot.experiments:
        if experiment.is_running:
            arms = [variant.values for variant in experiment.variants]
            for classes, values in _by_language(arms, locales, fallback):
                rules.append(_experiment_rule(experiment, values) | _prerequisite(classes))
    *others, (_, (default,)) = _by_language([slot.default_values], locales, fallback)
    rules += [{"force": value} | _prerequisite(classes) for classes, (value,) in others]
    return {"defaultValue": default, "rules": rules} if rules else {"defaultValue": default}


def _experiment_rule(experiment: ServedExperiment, values: Sequence[Json | None]) -> Json:
    allocation = experiment.allocation
    present = [(arm, experiment.phases[-1].number) for arm in allocation.arms]
    former = _former_keys(experiment)
    variations = [*present, *former]
    rule: Json = {
        "key": experiment.key,
        "name": experiment.name,
        "phase": str(experiment.phases[-1].number),
        "seed": allocation.seed,
        # Left out it would mean version 1, under which similar names correlate.
        "hashVersion": HASH_VERSION,
        "hashAttribute": VISITOR_ATTRIBUTE,
        # After a change of shares an arm may have several ranges: a variation for each, with the
        # same key, by which sticky buckets are kept.
        # A dropped arm has no place, and lets those who have it pass through to the next rule.
        "variations": [values[arm] for arm, _ in variations],
        "meta": [_meta(experiment.variants[arm], number) for arm, number in variations],
        "weights": [*_weights(experiment), *(0.0 for _ in former)],
        "coverage": allocation.coverage,
        "ranges": [*(list(part) for part in allocation.ranges), *([0.0, 0.0] for _ in former)],
    }
    if experiment.condition:
        rule["condition"] = experiment.condition
    if allocation.filters:
        # Never `namespace`: the SDKs hash that one with version 1.
        rule["filters"] = [_filter(namespace) for namespace in allocation.filters]
    return rule


def _former_keys(experiment: ServedExperiment) -> list[tuple[int, int | None]]:
    """Return the arms of earlier phases, each with the phase's number, or None for no number."""
    former: list[tuple[int, int | None]] = [
        (arm, phase.number)
        for phase in reversed(experiment.phases[:-1])
        for arm, share in enumerate(phase.propensities)
        if share
    ]
    return former + [(variant.arm, None) for variant in experiment.variants]


def _meta(variant: ServedVariant, phase: int | None) -> Json:
    key = variant.key if phase is None else phased_variant(variant.key, phase)
    meta: Json = {"key": key, "name": variant.key}
    return meta | {"passthrough": True} if variant.is_dropped else meta


def _weights(experiment: ServedExperiment) -> list[float]:
    """Return the weight of each range; the SDKs use the ranges themselves."""
    if len(experiment.phases) == 1:
        return [variant.propensity for variant in experiment.variants]
    widths = [end - start for start, end in experiment.allocation.ranges]
    return [width / math.fsum(widths) for width in widths]


def _filter(namespace: NamespaceFilter) -> Json:
    return {
        "seed": namespace.seed,
        "ranges": [list(part) for part in namespace.ranges],
        "hashVersion": HASH_VERSION,
        "attribute": namespace.unit or VISITOR_ATTRIBUTE,
    }


def _locales(slots: Collection[ServedSlot]) -> list[str]:
    """Return every language of these slots' CTAs, and what each varies, the longest first."""
    locales = {locale for slot in slots for locale in slot.default_values}
    for slot in slots:
        for experiment in slot.experiments:
            locales.update(locale for arm in experiment.variants for locale in arm.values)
    locales |= {language_key(locale).partition("-")[0] for locale in locales}
    return sorted(locales, key=lambda locale: (-len(language_key(locale).split("-")), locale))


def _by_language(
    arms: Sequence[Values], locales: Sequence[str], fallback: str
) -> list[tuple[list[str], list[Json | None]]]:
    """Return the arms' values for each class of languages with equal wordings; OTHER's is last."""
    groups: list[tuple[list[str], list[Json | None]]] = []
    for locale in (*locales, OTHER):
        values = [dict(localised(arm, locale, fallback)) or None for arm in arms]
        classes = next((group for group, same in groups if same == values), None)
        if classes is None:
            groups.append(([locale], values))
        else:
            classes.append(locale)
    return sorted(groups, key=lambda group: OTHER in group[0])


def _prerequisite(classes: Sequence[str]) -> Json:
    if OTHER in classes:  # Last rule: all remaining visitors.
        return {}
    condition = {"value": {"$in": list(classes)}}
    return {"parentConditions": [{"id": LOCALE_FEATURE, "condition": condition}]}


def _uses_locale(feature: Json) -> bool:
    return any("parentConditions" in rule for rule in feature.get("rules", ()))


def _locale_feature(locales: Sequence[str]) -> Json:
    """Return the feature whose value is the visitor's language, if the site has wordings in it."""
    rules = [{"condition": _locale_condition(locale), "force": locale} for locale in locales]
    return {"defaultValue": OTHER, "rules": rules}


def _locale_condition(locale: str) -> Json:
    return {"locale": {"$type": "string", "$regex": range_pattern([locale])}}
