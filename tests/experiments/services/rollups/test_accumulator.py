from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from experiments.models import Exclusion, GoalRollup, Rollup, VisitorOutcome
from experiments.services.rollups.accumulator import RollupAccumulator
from experiments.services.rollups.visitor_outcome import Outcome

DAY = date(2026, 11, 20)


@pytest.fixture
def outcome(running_experiment):
    """Makes the outcome of a visitor of the control, who did nothing unless told otherwise."""
    arm = running_experiment.variants.get(arm=0)

    def make(**changes):
        values = {
            "variant_id": arm.pk,
            "day": DAY,
            "phase": 0,
            "has_clicked": False,
            "has_converted": False,
            "value": Decimal(0),
            "clicks": 0,
            "conversions": 0,
            "repeated_orders": 0,
            "covariate": Decimal(0),
            "segments": "",
            "exclusion": Exclusion.NONE,
            "goals": {},
            "goal_conversions": {},
            "currencies": {},
        }
        return Outcome(**(values | changes))

    return make


def test_accumulator_adds_a_visitor_to_the_day_and_to_each_segment(running_experiment, outcome):
    accumulator = RollupAccumulator()
    new = outcome(has_clicked=True, segments="device=mobile")
    accumulator.replace(running_experiment, "v-1", old=None, new=new)
    accumulator.write()
    counts = Rollup.objects.values_list("segment", "day", "visitors", "clicking_visitors")
    assert sorted(counts) == [("", DAY, 1, 1), ("device=mobile", DAY, 1, 1)]


def test_accumulator_moves_a_visitor_whose_outcome_changed(running_experiment, outcome):
    first = RollupAccumulator()
    first.replace(running_experiment, "v-1", old=None, new=outcome(value=Decimal("2.5")))
    first.write()
    second = RollupAccumulator()
    stored = VisitorOutcome.objects.get()
    earlier = outcome(day=date(2026, 11, 19), value=Decimal("0.5"))
    second.replace(running_experiment, "v-1", old=stored, new=earlier)
    second.write()
    rows = Rollup.objects.values_list("day", "visitors", "value_sum", "value_sum_squares")
    assert list(rows) == [(date(2026, 11, 19), 1, Decimal("0.5"), Decimal("0.25"))]
    assert VisitorOutcome.objects.get().value == Decimal("0.5")


def test_visitors_of_a_later_phase_have_rows_of_their_own(running_experiment, outcome):
    accumulator = RollupAccumulator()
    for phase in (0, 3, 3):
        new = outcome(phase=phase, segments="device=mobile", goals={"signup": "2"})
        accumulator.add(running_experiment, new)
    accumulator.write()
    rows = Rollup.objects.values_list("segment", "phase", "visitors")
    assert list(rows) == [("", 0, 1), ("", 3, 2), ("device=mobile", 0, 1), ("device=mobile", 3, 2)]
    goals = GoalRollup.objects.values_list("phase", "converting_visitors", "value_sum")
    assert list(goals) == [(0, 1, 2), (3, 2, 4)]


def test_accumulator_leaves_a_settled_visitor_alone(running_experiment, outcome):
    settled = VisitorOutcome(is_settled=True)
    accumulator = RollupAccumulator()
    accumulator.replace(running_experiment, "v-1", old=settled, new=outcome(has_clicked=True))
    assert accumulator.sums() == {}


def test_excluded_visitor_counts_by_the_reason_alone(running_experiment, outcome):
    accumulator = RollupAccumulator()
    accumulator.add(running_experiment, outcome(has_clicked=True, exclusion=Exclusion.BOT))
    accumulator.replace(
        running_experiment, "v-1", old=None, new=outcome(exclusion=Exclusion.INTERNAL)
    )
    accumulator.write()
    row = Rollup.objects.get()
    assert (row.visitors, row.clicking_visitors) == (0, 0)
    assert (row.bot_visitors, row.internal_visitors) == (1, 1)


def test_last_visitor_of_a_row_takes_it_away(running_experiment, outcome):
    accumulator = RollupAccumulator()
    new = outcome(has_converted=True, goals={"signup": "3"})
    accumulator.replace(running_experiment, "v-1", old=None, new=new)
    accumulator.write()
    assert GoalRollup.objects.get().value_sum_squares == Decimal(9)
    removal = RollupAccumulator()
    removal.remove(running_experiment, VisitorOutcome.objects.get())
    removal.write()
    assert not Rollup.objects.exists()
    assert not GoalRollup.objects.exists()
    assert not VisitorOutcome.objects.exists()


def test_clicks_and_conversions_of_an_outcome_of_an_earlier_version_are_added_once(
    running_experiment, outcome
):
    """An earlier version stored that something happened, not how often, and booked no number."""
    known = outcome(has_clicked=True, has_converted=True, goals={"read": "2.5"}, value=Decimal(9))
    first = RollupAccumulator()
    first.replace(running_experiment, "v-1", old=None, new=known)
    first.write()
    again = RollupAccumulator()
    recounted = replace(known, clicks=3, conversions=2, goal_conversions={"read": 4})
    again.replace(running_experiment, "v-1", old=VisitorOutcome.objects.get(), new=recounted)
    again.write()
    row, goal = Rollup.objects.get(), GoalRollup.objects.get()
    assert (row.visitors, row.click_sum, row.click_sum_squares) == (1, 3, 9)
    assert (row.conversion_sum, row.conversion_sum_squares) == (2, 4)
    assert row.value_click_product_sum == 27
    assert (goal.converting_visitors, goal.conversion_sum, goal.conversion_sum_squares) == (
        1,
        4,
        16,
    )
    assert goal.value_click_product_sum == Decimal("7.5")
