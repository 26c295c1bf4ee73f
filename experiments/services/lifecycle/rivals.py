"""Experiments that meet: which goes first for a visitor, and what part it leaves to the others.

On a slot the experiment of the more specific audience goes first, otherwise the older one. Whoever
it does not take in (its coverage, its range of a namespace) goes on to the next. An experiment that
would be left without a visitor does not start, and none starts that would do so to another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.formatting import percent, quoted, share
from experiments.models import Experiment
from experiments.selectors import lifecycle
from experiments.targeting.overlap import (
    Condition,
    Relation,
    find_visitor,
    relation,
    specific_first,
)

WHOLE = Decimal(1)
_UNDECIDED = gettext_lazy(
    "The two conditions do not show whether this test and “%(rival)s” share visitors; if they do,"
    " %(first)s for them."
)
_MORE_SPECIFIC = gettext_lazy(
    "This test has the more specific audience and goes first: its visitors leave “%(rival)s”, which"
    " keeps the others."
)
_TAKES_ALL = gettext_lazy(
    "“%(rival)s” goes first on this slot: this test gets only visitors whom the audience of"
    " “%(rival)s” does not take in."
)
_TAKES_A_PART = gettext_lazy(
    "“%(rival)s” goes first on this slot: it takes %(part)s of the visitors that both take in, and"
    " this test gets the others."
)
Range = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A live experiment on the same slot that shares visitors with another, or may do so.

    `goes_first`: before the other. `taken`: the part of the shared visitors that it takes.
    """

    experiment: Experiment
    relation: Relation
    goes_first: bool
    taken: Decimal


def rivals_of(experiment: Experiment) -> list[Rival]:
    """Return the rivals of a live experiment, or of a draft as if it started now."""
    others = [
        other for other in lifecycle.live_rivals(experiment) if not kept_apart(experiment, other)
    ]
    order = in_serving_order([*others, experiment])
    found = []
    for other in others:
        how = relation(condition_of(experiment), condition_of(other))
        if how is not Relation.APART:
            found.append(
                Rival(
                    experiment=other,
                    relation=how,
                    goes_first=order.index(other) < order.index(experiment),
                    taken=_range_width(other) * _last_coverage(other),
                )
            )
    return found


def in_serving_order(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return experiments of a slot in the order that visitors try them; drafts as if started now.

    The snapshot that is served has the same order.
    """
    begun = [one for one in experiments if one.started_at is not None]
    begun.sort(key=lambda one: (one.started_at, one.pk))
    rows = [*begun, *(one for one in experiments if one.started_at is None)]
    return [rows[one] for one in specific_first([condition_of(row) for row in rows])]


def meeting_faults(experiment: Experiment) -> Iterator[str]:
    """Describe what keeps an experiment from going live beside the others of slot and namespace."""
    yield from _shared_ranges(experiment)
    yield from _same_shuffles(experiment)
    others = lifecycle.live_rivals(experiment)
    same = [
        other
        for other in others
        if not kept_apart(experiment, other) and _have_one_audience(experiment, other)
    ]
    for other in same:
        yield _("“%(rival)s” is live on the same slot and audience.") % {"rival": other.name}
    if not same:
        yield from _starvation_faults(experiment, others, _last_coverage(experiment))


def starvation_faults(experiment: Experiment, *, coverage: Decimal) -> Iterator[str]:
    """Yield a sentence for each experiment that this coverage would leave without a visitor."""
    return _starvation_faults(experiment, lifecycle.live_rivals(experiment), coverage)


def _starvation_faults(
    experiment: Experiment, others: Sequence[Experiment], coverage: Decimal
) -> Iterator[str]:
    order = in_serving_order([*others, experiment])
    coverages = {one.pk: _last_coverage(one) for one in others} | {experiment.pk: coverage}
    place = order.index(experiment)
    if _nobody_left(experiment, order[:place], coverages):
        yield _(
            "It would have no visitor: %(rivals)s go first on this slot and take everybody whom"
            " its audience takes in."
        ) % {"rivals": _names(_takers(experiment, order[:place], coverages))}
    for number, other in enumerate(order[place + 1 :], start=place + 1):
        before = [one for one in order[:number] if one != experiment]
        if _nobody_left(other, order[:number], coverages) and not _nobody_left(
            other, before, coverages
        ):
            yield _(
                "It would leave “%(rival)s”, which is live on this slot, without a visitor."
            ) % {"rival": other.name}


def meeting_notes(experiment: Experiment) -> list[str]:
    """Return what is left to an experiment beside its rivals, as sentences; none without any.

    A rival that keeps a draft from starting is a fault, and no note.
    """
    if experiment.status not in Experiment.OPEN_STATUSES:
        return []
    is_draft = experiment.status == Experiment.Status.DRAFT
    return [
        _note(rival)
        for rival in rivals_of(experiment)
        if not (is_draft and _have_one_audience(experiment, rival.experiment))
    ]


def kept_apart(one: Experiment, other: Experiment) -> bool:
    """Return whether two experiments have disjoint ranges of one namespace."""
    if one.namespace_id is None or one.namespace_id != other.namespace_id:
        return False
    (start, end), (other_start, other_end) = _range(one), _range(other)
    return end <= other_start or other_end <= start


def condition_of(experiment: Experiment) -> Condition:
    return experiment.audience.condition if experiment.audience else {}


def _note(rival: Rival) -> str:
    values = {"rival": rival.experiment.name, "part": percent(float(rival.taken), 0)}
    if rival.relation is Relation.UNKNOWN:
        first = _("“%(rival)s” goes first") if rival.goes_first else _("this test goes first")
        return _UNDECIDED % {**values, "first": first % values}
    if not rival.goes_first:
        return _MORE_SPECIFIC % values
    return (_TAKES_ALL if rival.taken == WHOLE else _TAKES_A_PART) % values


def _shared_ranges(experiment: Experiment) -> Iterator[str]:
    """Name the live experiments of the namespace whose visitors this one would share."""
    if experiment.namespace is None:
        return
    others = list(lifecycle.live_in_namespace(experiment))
    for other in others:
        how = relation(condition_of(experiment), condition_of(other))
        on_slot = other.slot_id == experiment.slot_id and _have_one_audience(experiment, other)
        if not kept_apart(experiment, other) and how is not Relation.APART and not on_slot:
            start, end = _range(other)
            yield _(
                "Its range of the namespace %(namespace)s overlaps that of “%(rival)s”, which is"
                " live (%(start)s to %(end)s). Free are: %(free)s."
            ) % {
                "namespace": experiment.namespace.key,
                "rival": other.name,
                "start": share(start),
                "end": share(end),
                "free": _free_ranges([_range(one) for one in others]),
            }


def _same_shuffles(experiment: Experiment) -> Iterator[str]:
    """Name two seeds that are one: what one cuts off is then a whole arm of the other."""
    seed, space, site = experiment.assignment_seed, experiment.namespace, experiment.slot.site
    if space is not None and not space.unit and space.seed == seed:
        yield _(
            "The namespace %(namespace)s has the same seed as this test: its range would take whole"
            " arms away. Give one of them another seed."
        ) % {"namespace": space.key}
    if site.holdout and site.assigned_holdout_seed in {seed, space.seed if space else seed}:
        yield _(
            "The holdout of the site has the same seed as this test or its namespace: it would take"
            " whole arms away. Give one of them another seed."
        )


def _have_one_audience(one: Experiment, other: Experiment) -> bool:
    if one.audience_id == other.audience_id:
        return True
    return relation(condition_of(one), condition_of(other)) is Relation.SAME


def _nobody_left(
    experiment: Experiment, before: Sequence[Experiment], coverages: Mapping[int, Decimal]
) -> bool:
    taken = [condition for _who, condition in _whole_parts(experiment, before, coverages)]
    if not taken:
        return False
    own = condition_of(experiment)
    # An audience that nobody meets starves by itself, not by its rivals.
    has_visitors = not find_visitor(inside=[own]).is_nobody
    return has_visitors and find_visitor(inside=[own], outside=taken).is_nobody


def _takers(
    experiment: Experiment, before: Sequence[Experiment], coverages: Mapping[int, Decimal]
) -> list[Experiment]:
    parts = _whole_parts(experiment, before, coverages)
    taking = {one.pk: one for who, _condition in parts for one in who}
    return [
        one
        for one in taking.values()
        if relation(condition_of(experiment), condition_of(one)) is not Relation.APART
    ]


def _whole_parts(
    experiment: Experiment, before: Sequence[Experiment], coverages: Mapping[int, Decimal]
) -> list[tuple[tuple[Experiment, ...], Condition]]:
    """Return the conditions of which every visitor is taken, with the experiments that do so.

    One experiment takes all with its whole coverage; several do so with ranges of one namespace
    that make up the whole of it.
    """
    covering = [one for one in before if coverages[one.pk] == WHOLE]
    covering = [one for one in covering if not kept_apart(experiment, one)]
    found: list[tuple[tuple[Experiment, ...], Condition]] = []
    spaces: dict[int, list[Experiment]] = {}
    for one in covering:
        if one.namespace is None:
            found.append(((one,), condition_of(one)))
        elif not one.namespace.unit:
            spaces.setdefault(one.namespace.pk, []).append(one)
    for group in spaces.values():
        if not _gaps([_range(one) for one in group]):
            conditions: list[Any] = [dict(condition_of(one)) for one in group]
            found.append((tuple(group), {"$and": conditions}))
    return found


def _last_coverage(experiment: Experiment) -> Decimal:
    """Return the coverage that an experiment comes to by its ramp."""
    steps = [step.coverage for step in experiment.ramp.all()]
    return max([*steps, Decimal(0)]) if steps else experiment.coverage


def _range(experiment: Experiment) -> Range:
    start, end = experiment.namespace_start, experiment.namespace_end
    return (Decimal(0) if start is None else start, WHOLE if end is None else end)


def _range_width(experiment: Experiment) -> Decimal:
    start, end = _range(experiment)
    return end - start


def _gaps(ranges: Sequence[Range]) -> list[Range]:
    """Return the parts of 0 to 1 that no range has."""
    gaps, reached = [], Decimal(0)
    for start, end in sorted(ranges):
        if start > reached:
            gaps.append((reached, start))
        reached = max(reached, end)
    return [*gaps, (reached, WHOLE)] if reached < WHOLE else gaps


def _free_ranges(ranges: Sequence[Range]) -> str:
    gaps = [
        _("%(start)s to %(end)s") % {"start": share(start), "end": share(end)}
        for start, end in _gaps(ranges)
    ]
    return ", ".join(gaps) or _("none")


def _names(experiments: Sequence[Experiment]) -> str:
    return quoted(one.name for one in experiments)
