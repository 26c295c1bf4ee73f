import math
from datetime import timedelta

import numpy as np
import pytest

from experiments.models import Experiment
from tests import factories
from tests.experiments.services.counted_experiments import count, reported
from tests.factories import NOW


@pytest.fixture
def planned(slot):
    return factories.make_running_experiment(slot, planned_visitors=20_000)


def days_ago(*numbers):
    return tuple(NOW.date() - timedelta(days=ago) for ago in numbers)


def test_looks_are_those_at_the_end_of_each_day(planned):
    for ago, clicks in ((3, 55), (2, 60), (1, 70)):
        count(planned, (1_000, 50), (1_000, clicks), day=days_ago(ago)[0])
    (row,) = reported(planned).comparisons
    assert row.looks.days == days_ago(3, 2, 1)
    assert row.looks.fractions == pytest.approx([1 / 3, 2 / 3, 1])
    rates = np.array([150, 185]) / 3_000
    se = math.sqrt((rates * (1 - rates)).sum() / 3_000)
    assert row.looks.z[-1] == pytest.approx((rates[1] - rates[0]) / se, rel=1e-3)


def test_arm_is_proven_on_the_first_day_beyond_its_boundary(planned):
    for ago, clicks in ((4, 60), (3, 80), (2, 85), (1, 60)):
        count(planned, (1_000, 50), (1_000, clicks), day=days_ago(ago)[0])
    (row,) = reported(planned).comparisons
    beyond = np.abs(row.looks.z) >= row.looks.criticals
    assert row.proven.day == row.looks.days[int(beyond.argmax())]
    assert not beyond[0]


def test_days_with_few_clicks_are_left_out(planned):
    for ago in (3, 2, 1):
        count(planned, (100, 10), (100, 12), day=days_ago(ago)[0])
    (row,) = reported(planned).comparisons
    assert row.looks.days == days_ago(2, 1)


def test_day_without_visitors_of_an_arm_is_left_out(planned):
    count(planned, (1_000, 50), (1_000, 60), day=days_ago(3)[0])
    factories.make_rollup(planned.variants.get(arm=0), visitors=0, day=days_ago(2)[0])
    count(planned, (1_000, 50), (1_000, 60), day=days_ago(1)[0])
    (row,) = reported(planned).comparisons
    assert row.looks.days == days_ago(3, 1)


@pytest.mark.parametrize("counts", [(), ((0, 0), (0, 0))], ids=["nothing", "nobody"])
def test_looks_are_empty_before_the_first_visitor(planned, counts):
    if counts:
        count(planned, *counts)
    (row,) = reported(planned).comparisons
    assert row.looks.days == ()


def test_one_look_of_a_fixed_plan_has_no_path(slot):
    fixed = factories.make_running_experiment(
        slot, plan=Experiment.Plan.FIXED, planned_visitors=20_000
    )
    count(fixed, (1_000, 50), (1_000, 60))
    (row,) = reported(fixed).comparisons
    assert row.looks is None
