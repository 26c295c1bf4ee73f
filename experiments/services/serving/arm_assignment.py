"""Assignment of visitors to arms: an earlier arm is kept, otherwise one is drawn.

An arm is a pure function of visitor and configuration, with two exceptions. A client may carry
its assignment, as GrowthBook's SDKs do; that holds for the life of the experiment. And if the
shares have changed, or the visitor's id changed at log-in, the function gives several arms:
then the first exposure on record decides. No other visitor costs a query.

Whoever has an arm that was dropped (its share is 0 now) falls out: another arm would make them
a visitor of two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from experiments.assignment.hashing import Assignment, assign_visitor
from experiments.assignment.sticky import Identity, carried_assignments, kept_variant
from experiments.services.serving.first_exposure import first_exposed_arm
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
    """The experiment that took a visitor in, with the arm it gave."""

    experiment: ServedExperiment
    variant: ServedVariant
    assignment: Assignment


@dataclass(frozen=True, slots=True)
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
        assignment = _sticky_assignment(experiment, subject, assignments) if assignments else None
        if assignment is None and _is_targeted(experiment, subject):
            assignment = _assigned(site, experiment, subject)
        if assignment is not None and assignment.arm is not None:
            variant = experiment.variants[assignment.arm]
            if not variant.is_dropped:
                return Drawn(experiment, variant, assignment)
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
    experiment: ServedExperiment, visitor: Visitor, assignments: Mapping[str, str]
) -> Assignment | None:
    """Return the assignment that the client carries; audience and coverage are ignored."""
    variants = [variant.key for variant in experiment.variants]
    arm = kept_variant(assignments, experiment.key, variants).index
    if arm is None:
        return None
    possible = dict(_possible_assignments(experiment, visitor))
    return possible.get(arm, experiment.allocation.assignments[arm])


def _assigned(site: ServedSite, experiment: ServedExperiment, visitor: Visitor) -> Assignment:
    """Return the assignment by hash or, if that gives several arms, by the first exposure."""
    assignment = assign_visitor(experiment.allocation, visitor.key, visitor.attributes)
    if not assignment.former and not visitor.former_key:
        return assignment
    possible = dict(_possible_assignments(experiment, visitor))
    if possible.keys() <= {assignment.arm}:
        return assignment
    arm = first_exposed_arm(site, experiment, visitor.keys)
    if arm is None:
        return assignment
    return possible.get(arm, experiment.allocation.assignments[arm])


def _possible_assignments(
    experiment: ServedExperiment, visitor: Visitor
) -> Iterator[tuple[int | None, Assignment]]:
    """Yield the arms that the visitor may have been given, the likeliest last."""
    for key in reversed(visitor.keys):
        now = assign_visitor(experiment.allocation, key, visitor.attributes)
        for assignment in (*reversed(now.former), now):
            if assignment.arm is not None:
                yield assignment.arm, assignment
