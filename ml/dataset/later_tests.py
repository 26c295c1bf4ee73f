"""Later tests of a history, kept apart from every choice: the last third by date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import ContrastGroup

# A third judges what the other two thirds choose: more would make worse choices.
LATER_SHARE = 1 / 3
# With fewer later tests a real gain would seldom be told from noise, and be refused.
MIN_LATER_GROUPS = 200
# With fewer dates those that are known say little about the order of the tests.
MIN_DATED_SHARE = 0.5
# Families of earlier tests that share nothing with later ones: they train what those judge.
MIN_FAMILIES = 20

# `later`: there are later tests; otherwise the reason why there are none.
LaterRule = Literal["later", "too_few_dates", "too_few_tests", "too_connected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterTests:
    """Tests of a history that judge what was chosen on those before.

    Args:
        rule: `later`, or the reason why no test is kept apart.
        is_later: True for each later group, bool (g,); all False without later tests.
        since: First day of the later tests; None without them.
        undated: Groups without a date; they count as earlier ones.
    """

    rule: LaterRule
    is_later: NDArray[np.bool_]
    since: date | None
    undated: int


def split_by_date(groups: Sequence[ContrastGroup], components: NDArray[np.int64]) -> LaterTests:
    """Return which groups are later tests: about the last third of those with a date.

    A day is never cut. At least half of the groups must have a date, those without count as
    earlier; at least 200 groups must be later, because fewer cannot confirm a gain; and as many
    earlier ones, in 20 families or more, must share no test, asset or wording with them.

    Args:
        groups: Contrast groups that may judge, none suspect.
        components: Connected component of each, int64 (g,).

    >>> split_by_date([], np.empty(0, dtype=np.int64)).rule
    'too_few_dates'
    """
    days = sorted(group.ended_on for group in groups if group.ended_on)
    undated = len(groups) - len(days)
    if not days or len(days) < MIN_DATED_SHARE * len(groups):
        return _without("too_few_dates", groups, undated)
    since = _first_later_day(days)
    is_later = np.array(
        [group.ended_on is not None and group.ended_on >= since for group in groups]
    )
    if np.count_nonzero(is_later) < MIN_LATER_GROUPS:
        return _without("too_few_tests", groups, undated)
    free = components[~np.isin(components, components[is_later])]
    if len(free) < MIN_LATER_GROUPS or len(np.unique(free)) < MIN_FAMILIES:
        return _without("too_connected", groups, undated)
    return LaterTests(rule="later", is_later=is_later, since=since, undated=undated)


def _without(rule: LaterRule, groups: Sequence[ContrastGroup], undated: int) -> LaterTests:
    nobody = np.zeros(len(groups), dtype=bool)
    return LaterTests(rule=rule, is_later=nobody, since=None, undated=undated)


def _first_later_day(days: Sequence[date]) -> date:
    """Return the day from which on nearest to a third of the sorted days lie."""
    aim = (1 - LATER_SHARE) * len(days)
    starts = {day: at for at, day in reversed(list(enumerate(days)))}
    return min(starts, key=lambda day: (abs(starts[day] - aim), starts[day]))
