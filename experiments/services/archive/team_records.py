"""Track records by team: of each person who was responsible, or of each tag that a test bears.

An installation knows no teams. Whoever wants the record of one tags its tests with its name.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from django.core.cache import cache

from experiments.models import Site
from experiments.selectors import history
from experiments.services.archive.track_record import TrackRecord, track_records

KEPT_S = 24 * 3_600


class Grouping(StrEnum):
    """Choice in the address."""

    PERSON = "person"
    TAG = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRecord:
    """Track record of one person or tag; `name` is empty for tests without any."""

    name: str
    record: TrackRecord


def team_records(site: Site, by: Grouping) -> list[TeamRecord]:
    """Return the records of a site's own tests by team, those with the most decided tests first.

    Tests without a responsible person or tag come last. A test with two tags counts for both.
    Lifts are shrunken by what all tests of the site show, whichever team's they are.
    """
    pairs = _pairs(site, by)
    state = repr((by.value, pairs, history.trusted_version(site.pk)))
    # The number is that of the shape of what is kept: raise it with every change of a class.
    key = f"teams-1:{site.pk}:{hashlib.sha256(state.encode()).hexdigest()}"
    kept = cast(list[TeamRecord] | None, cache.get(key))
    if kept is not None:
        return kept
    parts: defaultdict[str, set[int]] = defaultdict(set)
    for name, test in pairs:
        parts[name].add(test)
    tests = list(history.own_trusted_tests(site.pk))
    found = zip(parts, track_records(tests, parts.values()), strict=True)
    made = [TeamRecord(name=name, record=record) for name, record in found]
    made.sort(key=lambda one: (not one.name, -one.record.n_decided, one.name.casefold()))
    cache.set(key, made, KEPT_S)
    return made


def _pairs(site: Site, by: Grouping) -> list[tuple[str, int]]:
    """Return the name of each team with the key of each of its past tests."""
    if by is Grouping.TAG:
        return history.tagged_tests(site.pk)
    return history.owned_tests(site.pk)
