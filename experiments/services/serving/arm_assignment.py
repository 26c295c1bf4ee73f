"""Assignment of visitors to arms: an earlier arm is kept, otherwise one is drawn.

An arm is a pure function of visitor and configuration, with two exceptions. A client may carry
its assignment, as GrowthBook's SDKs do; that holds for the life of the experiment. And if the
shares have changed, or the visitor's id changed at log-in, the function gives several arms:
then the first exposure on record decides. No other visitor costs a query.

Visitors whose arm was dropped (its share is 0 now) fall out: a second arm would make them
visitors of two.

The assignment is that of the phase of the first answer, even if the shares have changed. A client
that names the phase with the arm is believed, as it is about the arm: the id whose hash gave both
may be another one by now, and leaving out only those that the present id contradicts would bend
the split of the others. Where no phase is named although shares have changed, it is unknown:
most visitors get the same arm by all shares, so neither time nor hash decides, and a guess by the
arm would bend the split, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from experiments.assignment.hashing import Assignment, assign_visitor
from experiments.assignment.sticky import Identity, carried_assignments, kept_variant
from experiments.services.serving.first_exposure import (
    assignment_of_phase,
    first_exposed_assignment,
)
from experiments.services.serving.snapshot import (
    ServedExperiment,
    ServedSite,
    ServedSlot,
    ServedVariant,
)
from experiments.targeting.evaluation import evaluate_condition

# Name of the visitor's identifier in GrowthBook's SDKs.
VISITOR_ATTRIBUTE = "id"
# Attribute of a visitor who must not be tracked: `false` keeps them out of all experiments.
MEASURED = "measured"
# Attributes in which a client carries its assignments: {experiment: variant}, or GrowthBook's
# documents by `attribute||value`.
CARRIED = "arms"
DOCUMENTS = "stickyBucketAssignmentDocs"


class Drawn(NamedTuple):
    """The experiment that took a visitor in, with the arm it gave.

    `is_hashed`: by the hash of the visitor's present id and nothing else.
    """

    experiment: ServedExperiment
    variant: ServedVariant
    assignment: Assignment
    is_hashed: bool


# Not frozen: a frozen one takes four times as long to make.
@dataclass(slots=True)
class Visitor:
    """Visitor of a request: id, id before the log-in ("" if none), and all attributes."""

    key: str
    former_key: str
    attributes: dict[str, Any]

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.key, self.former_key) if self.former_key else (self.key,)


def draw(
    site: ServedSite, slot: ServedSlot, *, visitor: str, attributes: dict[str, Any]
) -> Drawn | None:
    """Return the arm of the first experiment that takes this visitor in, or has them already."""
    if attributes.get(MEASURED) is False:
        return None
    former = attributes.get(site.former_id_attribute)
    is_other = isinstance(former, str) and former != visitor
    subject = Visitor(visitor, str(former) if is_other else "", attributes)
    assignments = (
        _client_assignments(site, subject)
        if CARRIED in attributes or DOCUMENTS in attributes
        else {}
    )
    for experiment in slot.experiments:
        if not experiment.is_running:
            continue
        assignment, is_hashed = None, False
        if assignments:
            assignment = _sticky_assignment(experiment, assignments)
        if assignment is None and _is_targeted(experiment, subject):
            assignment, is_hashed = _assigned(site, experiment, subject)
        if assignment is not None and assignment.arm is not None:
            variant = experiment.variants[assignment.arm]
            if not variant.is_dropped:
                return Drawn(experiment, variant, assignment, is_hashed)
    return None


def _is_targeted(experiment: ServedExperiment, visitor: Visitor) -> bool:
    if not experiment.condition:
        return True
    # GrowthBook's name for the visitor, so that its SDKs evaluate conditions as this service does.
    attributes = visitor.attributes
    if VISITOR_ATTRIBUTE not in attributes:
        attributes = {**attributes, VISITOR_ATTRIBUTE: visitor.key}
    return evaluate_condition(experiment.condition, attributes)


def _client_assignments(site: ServedSite, visitor: Visitor) -> dict[str, str]:
    """Return the assignments that the client carries, by `experiment__version`."""
    arms, documents = (visitor.attributes.get(name) for name in (CARRIED, DOCUMENTS))
    identities: list[Identity] = [(VISITOR_ATTRIBUTE, visitor.key)]
    if visitor.former_key:
        identities.append((site.former_id_attribute, visitor.former_key))
    assignments = carried_assignments(documents, identities) if isinstance(documents, dict) else {}
    if isinstance(arms, dict):
        plain = {f"{key}__0": arm for key, arm in arms.items() if isinstance(arm, str)}
        assignments = {**plain, **assignments}
    return assignments


def _sticky_assignment(
    experiment: ServedExperiment, assignments: Mapping[str, str]
) -> Assignment | None:
    """Return the assignment that the client carries; audience and coverage are ignored."""
    variants = [variant.key for variant in experiment.variants]
    kept = kept_variant(assignments, experiment.key, variants)
    if kept.index is None:
        return None
    if kept.phase is not None:
        return assignment_of_phase(experiment, kept.index, kept.phase)
    present = experiment.phases[-1]
    if present.has_first_shares:
        return experiment.allocation.phases[-1][kept.index]
    return experiment.unknown_phase[kept.index]


def _assigned(
    site: ServedSite, experiment: ServedExperiment, visitor: Visitor
) -> tuple[Assignment, bool]:
    """Return the assignment by hash or, if that gives several arms, by the first exposure.

    With it, whether it is that of the visitor's hash.
    """
    assignment = assign_visitor(experiment.allocation, visitor.key, visitor.attributes)
    if not assignment.former and not visitor.former_key:
        return assignment, True
    if set(_possible_arms(experiment, visitor)) <= {assignment.arm}:
        return assignment, True
    first = first_exposed_assignment(site, experiment, visitor.keys)
    return (assignment, True) if first is None else (first, False)


def _possible_arms(experiment: ServedExperiment, visitor: Visitor) -> Iterator[int]:
    """Yield the arms that the visitor may have been given."""
    for key in visitor.keys:
        present = assign_visitor(experiment.allocation, key, visitor.attributes)
        for assignment in (present, *present.former):
            if assignment.arm is not None:
                yield assignment.arm
