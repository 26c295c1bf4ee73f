"""Subjects of learnings: what past tests show of each principle, verb form, slot and audience.

A principle and a verb form are compared within each test, imported ones included. For a slot and an
audience the new wordings are compared with the control, so only own experiments count.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from experiments.models import Learning, PastTest
from experiments.services.archive.contrasts import Arm, Contrast, contrast_of, new_wordings_of
from experiments.stats.meta_analysis.learnings import CommonEffect, common_effect

Kind = Learning.Kind
# Subjects whose effect a process keeps: of 10,000 tests each takes a tenth of a second.
KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One past test behind a subject."""

    test: PastTest
    contrast: Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A subject with what its tests show together; `effect` is None without a test."""

    kind: str
    key: str
    evidence: tuple[Evidence, ...]
    effect: CommonEffect | None


def subjects_of(tests: Sequence[PastTest]) -> list[Subject]:
    """Return every subject that these past tests have, those with the most tests first.

    Args:
        tests: Past tests of one site, without suspect ones.
    """
    found = [
        *_by_trait(Kind.PRINCIPLE, tests, lambda arm: arm["principles"]),
        *_by_trait(Kind.VERB_FORM, tests, lambda arm: [arm["verb_form"]]),
        *_by_place(Kind.SLOT, tests, lambda test: test.slot.key if test.slot else ""),
        *_by_place(Kind.AUDIENCE, tests, lambda test: test.audience),
    ]
    return sorted(found, key=lambda one: -len(one.evidence))


def linked_subject(tests: Iterable[PastTest]) -> Subject:
    """Return what tests that a person has linked show together, suspect ones left out."""
    trusted = [test for test in tests if not test.suspect]
    return _subject(Kind.TESTS, "", _evidence(trusted, new_wordings_of))


def _by_trait(
    kind: str, tests: Sequence[PastTest], traits: Callable[[Arm], list[str]]
) -> Iterable[Subject]:
    found: dict[str, list[Evidence]] = {}
    for test in tests:
        # Most tests have few of the traits: the others are not looked for in them.
        for key in {key for arm in test.arms for key in traits(arm) if key}:
            contrast = contrast_of(test.arms, partial(_has, key, traits))
            if contrast is not None:
                found.setdefault(key, []).append(Evidence(test=test, contrast=contrast))
    for key in sorted(found):
        yield _subject(kind, key, tuple(found[key]))


def _has(key: str, traits: Callable[[Arm], list[str]], arm: Arm) -> bool:
    return key in traits(arm)


def _by_place(
    kind: str, tests: Sequence[PastTest], place: Callable[[PastTest], str]
) -> Iterable[Subject]:
    own = [test for test in tests if test.source == PastTest.Source.EXPERIMENT]
    for key in sorted({place(test) for test in own} - {""}):
        here = [test for test in own if place(test) == key]
        yield _subject(kind, key, _evidence(here, new_wordings_of))


def _evidence(
    tests: Iterable[PastTest], contrast: Callable[[Sequence[Arm]], Contrast | None]
) -> tuple[Evidence, ...]:
    pairs = ((test, contrast(test.arms)) for test in tests)
    return tuple(Evidence(test=test, contrast=found) for test, found in pairs if found)


def _subject(kind: str, key: str, evidence: tuple[Evidence, ...]) -> Subject:
    logs = [one.contrast.log for one in evidence]
    ses = [one.contrast.se for one in evidence]
    effect = _effect_of(tuple(logs), tuple(ses)) if evidence else None
    return Subject(kind=kind, key=key, evidence=evidence, effect=effect)


@lru_cache(maxsize=KEPT)
def _effect_of(logs: tuple[float, ...], ses: tuple[float, ...]) -> CommonEffect:
    """Return the common effect of these numbers, computed once for as long as they stay."""
    return common_effect(logs, ses)
