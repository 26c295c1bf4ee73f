"""Learnings of a site: what its past tests show of each subject, and its track record.

Computed once for each state of the archive, kept in the cache for all processes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from django.core.cache import cache

from experiments.models import Learning, Site
from experiments.selectors import history
from experiments.services.archive.subjects import Subject, linked_subject, subjects_of
from experiments.services.archive.track_record import TrackRecord, track_record
from experiments.stats.meta_analysis.learnings import CommonEffect, Support, proposed_status

KEPT_S = 30 * 24 * 3_600
# Tests named beside a subject; the list of past tests has the others.
MOST_NAMED = 5
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTest:
    """A test behind a subject, with the lift that it shows of it."""

    pk: int
    name: str
    lift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is shown of a subject; `effect` is None without a test.

    Attributes:
        kind: Kind of the subject, as in `Learning.kind`.
        key: Its key.
        n_tests: Tests behind it.
        effect: Their common effect.
        lift: Its average between the ends of its 95 % interval: low, middle, high.
        latest: The latest of them.
    """

    kind: str
    key: str
    n_tests: int
    effect: CommonEffect | None
    lift: tuple[float, float, float] | None
    latest: tuple[NamedTest, ...]

    def status(self, *, raises: bool) -> str:
        """Return the status that the tests propose for a claim; emerging without a test."""
        if self.effect is None:
            return Support.EMERGING.value
        return proposed_status(self.effect, raises=raises).value


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLearnings:
    """Subjects, those with the most tests first, and the track record."""

    subjects: tuple[Knowledge, ...]
    record: TrackRecord


def site_learnings(site: Site) -> SiteLearnings:
    """Return what the past tests of a site show, from the cache while they stay as they are."""
    version = repr(history.trusted_version(site.pk))
    # The number is that of the shape of what is kept: raise it with every change of a class.
    key = f"learnings-2:{site.pk}:{hashlib.sha256(version.encode()).hexdigest()}"
    kept = cast(SiteLearnings | None, cache.get(key))
    if kept is not None:
        return kept
    tests = list(history.trusted_past_tests(site.pk))
    subjects = tuple(_knowledge(one) for one in subjects_of(tests))
    made = SiteLearnings(subjects=subjects, record=track_record(tests))
    cache.set(key, made, KEPT_S)
    return made


def knowledge_of(learning: Learning, subjects: Iterable[Knowledge]) -> Knowledge:
    """Return what the tests show of the subject of a person's learning.

    All tests of the site on the subject count, not the linked ones alone: whoever chooses tests
    chooses the answer. Only a learning without a subject rests on those that it links.

    Args:
        learning: What a person wrote.
        subjects: Those of the learning's site.
    """
    if learning.kind == Learning.Kind.TESTS:
        return _knowledge(linked_subject(learning.tests.all()))
    found = {(one.kind, one.key): one for one in subjects}
    empty = Subject(kind=learning.kind, key=learning.subject, evidence=(), effect=None)
    return found.get((learning.kind, learning.subject)) or _knowledge(empty)


def learnings_as_json(site: Site) -> dict[str, Any]:
    """Return the subjects, what people wrote, and the track record, for programs."""
    shown = site_learnings(site)
    return {
        "subjects": [_as_json(one, raises=_raises(one)) for one in shown.subjects],
        "learnings": [
            {
                "id": one.pk,
                "statement": one.statement,
                "note": one.note,
                "written_at": one.written_at,
                "author": str(one.author) if one.author else None,
                "tests": [test.pk for test in one.tests.all()],
                **_as_json(knowledge_of(one, shown.subjects), raises=one.raises),
            }
            for one in history.learnings_of(site)
        ],
        "track_record": _record_as_json(shown.record),
    }


def _raises(one: Knowledge) -> bool:
    """Return the direction that the tests point to."""
    return one.lift is None or one.lift[1] >= 0


def _as_json(one: Knowledge, *, raises: bool) -> dict[str, Any]:
    low, middle, high = one.lift or (None, None, None)
    chance = one.effect.mean.chance_above(0) if one.effect else None
    again = one.effect.next_test.chance_above(0) if one.effect else None
    return {
        "kind": one.kind,
        "subject": one.key,
        "raises": raises,
        "status": one.status(raises=raises),
        "n_tests": one.n_tests,
        "lift": middle,
        "lift_low": low,
        "lift_high": high,
        "chance": _of_sign(chance, raises=raises),
        "chance_next": _of_sign(again, raises=raises),
    }


def _of_sign(chance_above: float | None, *, raises: bool) -> float | None:
    if chance_above is None:
        return None
    return chance_above if raises else 1 - chance_above


def _record_as_json(record: TrackRecord) -> dict[str, Any]:
    names = ("n_decided", "n_won", "win_rate", "n_shipped", "shipped", "shipped_shrunken")
    low, high = record.win_interval or (None, None)
    groups = [
        {"low": one.low, "high": one.high, "n_raw": one.n_raw, "n_shrunken": one.n_shrunken}
        for one in record.groups
    ]
    figures = {name: getattr(record, name) for name in names}
    return {**figures, "win_rate_low": low, "win_rate_high": high, "lifts": groups}


def _knowledge(subject: Subject) -> Knowledge:
    return Knowledge(
        kind=str(subject.kind),
        key=subject.key,
        n_tests=len(subject.evidence),
        effect=subject.effect,
        lift=_lift(subject.effect) if subject.effect else None,
        latest=tuple(
            NamedTest(pk=one.test.pk, name=one.test.name, lift=float(np.expm1(one.contrast.log)))
            for one in subject.evidence[:MOST_NAMED]
        ),
    )


def _lift(effect: CommonEffect) -> tuple[float, float, float]:
    low, high = effect.mean.interval(LEVEL)
    return float(np.expm1(low)), float(np.expm1(effect.mean.mean)), float(np.expm1(high))
