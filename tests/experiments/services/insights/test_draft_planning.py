from datetime import timedelta
from decimal import Decimal

import pytest

from experiments.selectors import reports
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.sample_size import Assumptions, plan_for
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW


def past(slot, *, days, key="past", **changes):
    """A running experiment on the slot, 1,000 visitors a day at a rate of 5 %."""
    experiment = factories.make_running_experiment(slot, key, **changes)
    for ago in range(1, days + 1):
        count(experiment, *[(500, 25)] * 2, day=NOW.date() - timedelta(days=ago))
    return experiment


def lines_of(experiment):
    plans = slot_plans(experiment, now=NOW)
    return {(line.plan, line.n_arms): line for line in plans.lines}


def test_draft_is_planned_with_its_slots_own_traffic(slot, draft):
    past(slot, days=28)
    history = slot_plans(draft, now=NOW).history
    assert (history.days, history.visitors_per_day, history.base) == (28, 1_000, 0.05)


def test_days_before_the_first_count_are_no_days_without_traffic(slot, draft):
    past(slot, days=7)
    assert slot_plans(draft, now=NOW).history.visitors_per_day == 1_000


def test_only_the_last_four_weeks_and_not_today_count(slot, draft):
    experiment = past(slot, days=28)
    for ago in (0, 29):
        count(experiment, (9_000, 0), (9_000, 0), day=NOW.date() - timedelta(days=ago))
    assert slot_plans(draft, now=NOW).history.visitors_per_day == 1_000


def test_draft_of_half_the_visitors_gets_half_the_traffic(slot):
    past(slot, days=28)
    draft = factories.make_experiment(slot, "half", coverage=Decimal("0.5"))
    assert slot_plans(draft, now=NOW).history.visitors_per_day == 500


def test_fixed_plan_of_two_arms_has_its_textbook_size(slot, draft):
    past(slot, days=28)
    line = lines_of(draft)["fixed", 2]
    # 31,230.69 an arm, statsmodels, ../shared/notes/statistics.md section 14; 63 days.
    assert (line.visitors, line.weeks) == (2 * 31_231, 9)


def test_each_plan_is_there_for_each_number_of_arms(slot):
    past(slot, days=28)
    shares = dict.fromkeys("abcdefg", "0.1428")
    lines = lines_of(factories.make_experiment(slot, shares=shares))
    wanted = {(plan, n) for plan in ("fixed", "sequential") for n in (2, 3, 4, 5, 7)}
    assert lines.keys() == wanted
    assert lines["fixed", 2].visitors < lines["sequential", 2].visitors
    assert lines["fixed", 2].visitors < lines["fixed", 7].visitors


def test_lift_found_in_four_weeks_is_the_one_that_takes_four_weeks(slot, draft):
    past(slot, days=28)
    found = lines_of(draft)["fixed", 2].lift_found
    assumed = Assumptions(base=0.05, lift=found, is_sequential=False, visitors_per_day=1_000)
    assert plan_for(assumed).weeks == 4


def test_draft_on_values_is_planned_with_their_variance(slot):
    metric = {"primary_metric": "value_per_visitor", "goal": "order"}
    experiment = factories.make_running_experiment(slot, "past", **metric)
    yesterday = NOW.date() - timedelta(days=1)
    for variant in experiment.variants.all():
        sums = {"value_sum": Decimal(1_000), "value_sum_squares": Decimal(10_000)}
        factories.make_rollup(variant, visitors=500, day=yesterday, **sums)
    history = slot_plans(factories.make_experiment(slot, **metric), now=NOW).history
    # Of 1,000 values: mean 2, variance (20,000 - 2,000^2 / 1,000) / 999.
    assert (history.base, history.variance) == (2, pytest.approx(16_000 / 999))


def test_conversions_of_another_goal_are_no_base(slot):
    past(slot, days=28, goal="newsletter")
    metric = {"primary_metric": "conversion_rate", "goal": "signup"}
    assert slot_plans(factories.make_experiment(slot, **metric), now=NOW).lines == ()


def test_new_slot_has_no_plans(draft):
    plans = slot_plans(draft, now=NOW)
    assert (plans.lines, plans.history.visitors_per_day) == ((), 0)


def test_started_experiment_has_no_plans(running_experiment):
    assert slot_plans(running_experiment, now=NOW) is None


def test_plans_cost_one_query(slot, draft, django_assert_num_queries):
    past(slot, days=28)
    experiment = reports.experiments_for_report().get(pk=draft.pk)
    with django_assert_num_queries(1):
        slot_plans(experiment, now=NOW)


@pytest.mark.parametrize(
    ("past_cap", "own_cap", "is_known"),
    [
        (None, None, True),
        (None, 5, True),
        (9, 5, True),
        (5, 5, True),
        (4, 5, False),
        (9, None, False),
    ],
)
def test_values_under_a_lower_cap_are_no_base(slot, past_cap, own_cap, is_known):
    """They vary less than the draft's own will."""
    metric = {"primary_metric": "value_per_visitor", "goal": "order"}
    experiment = factories.make_running_experiment(slot, "past", value_cap=past_cap, **metric)
    yesterday = NOW.date() - timedelta(days=1)
    for variant in experiment.variants.all():
        sums = {"value_sum": Decimal(1_000), "value_sum_squares": Decimal(10_000)}
        factories.make_rollup(variant, visitors=500, day=yesterday, **sums)
    draft = factories.make_experiment(slot, value_cap=own_cap, **metric)
    assert (slot_plans(draft, now=NOW).history.base is not None) == is_known
