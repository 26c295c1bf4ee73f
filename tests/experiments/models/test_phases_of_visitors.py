"""The split of stored sums by phase, with stored outcomes of visitors and without.

Those of experiments that ended long ago are dropped.
"""

from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps

from experiments.models import GoalRollup, Rollup, VisitorOutcome
from tests import factories

pytestmark = pytest.mark.on_both_databases
NAMES = ("segment", "phase", "visitors", "clicking_visitors", "bot_visitors", "value_sum")


@pytest.fixture
def arm(running_experiment):
    """An arm with 5 visitors, 4 of them since the shares changed."""
    arm = running_experiment.variants.get(arm=1)
    all_sums = {
        "day": factories.NOW.date(),
        "visitors": 5,
        "clicks": 3,
        "bot_visitors": 2,
        "value_sum": Decimal("0.3"),
    }
    later = {
        "day": factories.NOW.date(),
        "visitors": 4,
        "clicks": 2,
        "bot_visitors": 2,
        "value_sum": Decimal("0.2"),
    }
    for segment in ("", "device=mobile"):
        factories.make_rollup(arm, segment=segment, **all_sums)
    factories.make_rollup(arm, segment="phase=12", **later)
    goal = {"experiment": running_experiment, "variant": arm, "day": factories.NOW.date()}
    GoalRollup.objects.create(**goal, goal="signup", converting_visitors=2, value_sum=7)
    return arm


def split():
    module = import_module("experiments.migrations.0015_phases_of_visitors")
    module.split_by_phase(apps, None)
    return list(Rollup.objects.values_list(*NAMES))


def test_everybody_is_split_without_outcomes(arm):
    assert split() == [
        ("", 0, 1, 1, 0, Decimal("0.1")),
        ("", 12, 4, 2, 2, Decimal("0.2")),
        ("device=mobile", 0, 5, 3, 2, Decimal("0.3")),
    ]
    assert GoalRollup.objects.get().phase == 0


def test_outcomes_split_the_rest(arm):
    for number in range(6):
        is_bot = number < 2
        VisitorOutcome.objects.create(
            experiment=arm.experiment,
            visitor=f"v-{number}",
            variant=arm,
            day=factories.NOW.date(),
            has_clicked=2 <= number < 4,
            has_converted=False,
            value=Decimal("0.05"),
            exclusion=1 if is_bot else 0,
            segments="device=mobile phase=12",
            goals={"signup": "3"} if number == 2 else {},
        )
    assert split()[2:] == [
        ("device=mobile", 0, 1, 1, 0, Decimal("0.10")),
        ("device=mobile", 12, 4, 2, 2, Decimal("0.20")),
    ]
    goals = GoalRollup.objects.values_list("phase", "converting_visitors", "value_sum")
    assert list(goals) == [(0, 1, 4), (12, 1, 3)]
    assert set(VisitorOutcome.objects.values_list("phase", "segments")) == {(12, "device=mobile")}
