from datetime import timedelta

import numpy as np
import pytest

from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.services.analysis.daily_sums import daily_totals
from experiments.services.analysis.metric_statistics import statistics_of
from experiments.services.analysis.phase_strata import strata_of
from tests import factories
from tests.factories import NOW

DAY = NOW.date()


@pytest.fixture
def totals(running_experiment):
    """Two days; on the second, 9 to 1 instead of halves, and visitors of an unknown phase."""
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.9, 0.1], 1.0))
    variants = list(running_experiment.variants.order_by("arm"))
    for variant, (first, second, unknown) in zip(
        variants, ((100, 900, 7), (110, 90, 3)), strict=True
    ):
        for day, phase, visitors in ((1, 0, first), (0, 1, second), (0, UNKNOWN_PHASE, unknown)):
            day = DAY - timedelta(days=day)
            factories.make_rollup(
                variant, visitors=visitors, clicks=visitors // 10, day=day, phase=phase
            )
    rollups = list(running_experiment.rollups.all())
    return daily_totals(rollups, variants, strata_of(running_experiment, variants))


def sums(totals, experiment):
    return totals.statistics(lambda cells: statistics_of(experiment, cells))


def test_sums_grow_from_day_to_day_in_each_stratum(totals, running_experiment):
    found = sums(totals, running_experiment)
    assert totals.days == (DAY - timedelta(days=1), DAY)
    assert found.n.tolist() == [[[100, 110], [0, 0]], [[100, 110], [900, 90]]]
    assert found.sum.tolist() == [[[10, 11], [0, 0]], [[10, 11], [90, 9]]]


def test_totals_of_arms_add_up(totals):
    assert [arm.visitors for arm in totals.arms()] == [1_000, 200]
    assert [totals.visitors_until(look) for look in (0, 1)] == [210, 1_200]


@pytest.mark.parametrize(
    ("visitors", "among", "day"),
    [(210, [True, True], 0), (211, [True, True], 1), (211, [True, False], None),
     (1_201, [True, True], None), (None, [True, True], None)],
)  # fmt: skip
def test_first_day_with_enough_visitors(totals, visitors, among, day):
    assert totals.first_day_with(visitors, among=np.array(among)) == day


def test_totals_until_a_day_forget_the_later_ones(totals, running_experiment):
    found = sums(totals.until(0), running_experiment)
    assert found.n.tolist() == [[[100, 110], [0, 0]]]


def test_no_rollups_are_one_empty_day(running_experiment):
    variants = list(running_experiment.variants.order_by("arm"))
    nothing = daily_totals([], variants, strata_of(running_experiment, variants))
    assert nothing.days == ()
    assert sums(nothing, running_experiment).n.tolist() == [[[0, 0]]]
