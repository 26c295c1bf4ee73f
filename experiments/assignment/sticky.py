"""Sticky buckets: assignments that the client carries, in GrowthBook's format.

A document belongs to one identifier, `attribute||value`, and holds for each experiment, under
`key__version`, the key of the variant that was given. A login brings the documents of both
identifiers: the one of the new identifier counts, and the former one where that has none.

ctaopt's keys of variants name the phase of the first answer too, as in `b@1`: which shares gave
the visitor this arm decides about its propensity for good. Keys of variants are slugs, without @.

Source: GrowthBook, "Build your own SDK", spec 0.8.0, `stickyBucket`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Name and value of an attribute that identifies a visitor.
Identity = tuple[str, str]
Documents = Mapping[str, Any]
# In browsers and events; never change it.
PHASE_SEPARATOR: Final = "@"
MAX_DIGITS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Assignment of one experiment, as the documents hold it.

    Attributes:
        index: Index of the variant kept; None if it no longer exists.
        is_blocked: The visitor was given an arm in a version that was ended, and stays out.
        phase: Number of the phase that the assignment names, such as 1 for `b@1`.
    """

    index: int | None
    is_blocked: bool = False
    phase: int | None = None


def phased_variant(variant: str, phase: int) -> str:
    """Return the key of a variant with the phase of the first answer.

    >>> phased_variant("b", 1)
    'b@1'
    """
    return f"{variant}{PHASE_SEPARATOR}{phase}"


def variant_and_phase(text: str) -> tuple[str, int | None]:
    """Return a variant's key and the phase named with it; None where the number is missing.

    >>> variant_and_phase("b@1"), variant_and_phase("b"), variant_and_phase("b@x")
    (('b', 1), ('b', None), ('b', None))
    """
    variant, _, number = text.partition(PHASE_SEPARATOR)
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return variant, int(number) if is_number else None


def document_key(identity: Identity) -> str:
    """Return the key of an identifier's document.

    >>> document_key(("id", "v-1"))
    'id||v-1'
    """
    return "||".join(identity)


def assignment_key(experiment: str, version: int) -> str:
    """Return the key of an experiment's assignment in a document.

    >>> assignment_key("hero", 0)
    'hero__0'
    """
    return f"{experiment}__{version}"


def carried_assignments(documents: Documents, identities: Sequence[Identity]) -> dict[str, str]:
    """Return the assignments of a visitor's identifiers; the first identifier counts most.

    Args:
        documents: By `attribute||value`, as a client sends them: what has another shape is
            left out.
        identities: The present identifier, then former ones.

    >>> carried_assignments({"id||v-1": {"assignments": {"hero__0": "b"}}}, [("id", "v-1")])
    {'hero__0': 'b'}
    """
    merged: dict[str, str] = {}
    for identity in identities:
        document = documents.get(document_key(identity))
        assignments = document.get("assignments") if isinstance(document, Mapping) else None
        for key, variant in (assignments if isinstance(assignments, Mapping) else {}).items():
            if isinstance(key, str) and isinstance(variant, str):
                merged.setdefault(key, variant)
    return merged


def kept_variant(
    assignments: Mapping[str, str],
    experiment: str,
    variants: Sequence[str],
    *,
    version: int = 0,
    least_version: int = 0,
) -> Kept:
    """Return which variant of an experiment the assignments keep.

    Args:
        assignments: From `carried_assignments`.
        experiment: Key of the experiment.
        variants: Keys of its variants, control first.
        version: Bucket version; a new one reassigns every visitor.
        least_version: Visitors with an assignment of a lower version are blocked.

    >>> kept_variant({"hero__0": "b@2"}, "hero", ["control", "b"])
    Kept(index=1, is_blocked=False, phase=2)
    """
    if any(assignment_key(experiment, old) in assignments for old in range(least_version)):
        return Kept(index=None, is_blocked=True)
    variant, phase = variant_and_phase(assignments.get(assignment_key(experiment, version), ""))
    if variant not in variants:
        return Kept(index=None)
    return Kept(index=variants.index(variant), phase=phase)


def with_assignment(
    documents: Documents, identity: Identity, assignment: tuple[str, str]
) -> dict[str, Any]:
    """Return the documents with one assignment more.

    Args:
        documents: By `attribute||value`.
        identity: Identity of the visitor.
        assignment: The experiment's key with its version, and the variant's key.

    >>> with_assignment({}, ("id", "v-1"), ("hero__0", "b"))["id||v-1"]["assignments"]
    {'hero__0': 'b'}
    """
    key, variant = assignment
    name, value = identity
    assignments = carried_assignments(documents, [identity])
    document = {
        "attributeName": name,
        "attributeValue": value,
        "assignments": {**assignments, key: variant},
    }
    return {**documents, document_key(identity): document}
