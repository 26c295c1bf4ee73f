from datetime import date, timedelta

import numpy as np
import pytest

from ml.dataset.later_tests import split_by_date
from ml.dataset.splits import connect_groups
from tests.ml.factories import arm_row, groups_of

FIRST = date(2026, 1, 1)


def history(n_tests, *, dated=1.0, asset=""):
    """Two-armed tests, one a day, that share nothing but an asset; the first ones have no date."""
    undated = round((1 - dated) * n_tests)
    return groups_of(
        *(
            arm_row(
                f"t{number}",
                f"{word}{number}",
                ended_on=None if number < undated else FIRST + timedelta(days=number),
                group=asset,
            )
            for number in range(n_tests)
            for word in ("go", "try")
        )
    )


def split(groups):
    return split_by_date(groups, connect_groups(groups))


def test_last_third_by_date_is_later():
    groups = history(600)
    later = split(groups)
    assert (later.rule, later.undated) == ("later", 0)
    assert later.since == FIRST + timedelta(days=400)
    np.testing.assert_array_equal(later.is_later, np.arange(600) >= 400)


def test_day_is_not_cut():
    rows = [
        arm_row(f"t{number}", f"{word}{number}", ended_on=FIRST + timedelta(days=number // 150))
        for number in range(900)
        for word in ("go", "try")
    ]
    later = split(groups_of(*rows))
    assert later.since == FIRST + timedelta(days=4)
    assert np.count_nonzero(later.is_later) == 300


def test_tests_without_a_date_count_as_earlier_while_half_have_one():
    later = split(history(1200, dated=0.5))
    assert (later.rule, later.undated) == ("later", 600)
    assert not later.is_later[:600].any()
    assert np.count_nonzero(later.is_later) == 200


@pytest.mark.parametrize(
    ("groups", "rule"),
    [
        (history(1200, dated=0.49), "too_few_dates"),
        (history(700, dated=0.0), "too_few_dates"),
        (history(590), "too_few_tests"),
        (history(700, asset="one story"), "too_connected"),
    ],
    ids=["half-undated", "undated", "few", "connected"],
)
def test_without_enough_later_tests_the_reason_is_named(groups, rule):
    later = split(groups)
    assert (later.rule, later.since) == (rule, None)
    assert not later.is_later.any()


def test_date_of_a_group_is_the_last_of_its_arms():
    rows = [arm_row("t", text, ended_on=day) for text, day in [("a", FIRST), ("b", None)]]
    rows.append(arm_row("t", "c", ended_on=FIRST + timedelta(days=3)))
    assert groups_of(*rows)[0].ended_on == FIRST + timedelta(days=3)
