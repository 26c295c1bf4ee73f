import pytest
from statsmodels.stats.power import NormalIndPower

from experiments.services.insights.sample_size import Assumptions, lift_found_by, plan_for


def assumptions(**changes):
    return Assumptions(**({"base": 0.05, "lift": 0.1, "is_sequential": False} | changes))


def test_plan_of_a_fixed_test_has_its_textbook_size():
    # 31,230.69 visitors an arm: (1.96 + 0.84)^2 (p0 q0 + p1 q1) / (p1 - p0)^2.
    assert plan_for(assumptions()).size.arms == (31_231, 31_231)


def test_plan_of_a_fixed_test_reaches_its_power_by_statsmodels():
    visitors = plan_for(assumptions()).size.total
    effect = 0.005 / ((0.05 * 0.95 + 0.055 * 0.945) / 2) ** 0.5
    power = NormalIndPower().power(effect, visitors / 2, 0.05, ratio=1)
    assert power == pytest.approx(0.8, abs=1e-4)


def test_plan_of_a_sequential_test_costs_little_more():
    fixed, sequential = (
        plan_for(assumptions(is_sequential=kind)).size.total for kind in (False, True)
    )
    assert 1.05 < sequential / fixed < 1.12


def test_plan_of_more_arms_needs_more_of_each():
    assert plan_for(assumptions(n_arms=5)).size.arms[0] > plan_for(assumptions()).size.arms[0]


def test_plan_lasts_whole_weeks():
    assert plan_for(assumptions(visitors_per_day=2_500)).weeks == 4


def test_plan_without_traffic_has_no_duration():
    assert plan_for(assumptions()).weeks is None


def test_lift_found_by_the_planned_visitors_is_the_planned_lift():
    visitors = plan_for(assumptions()).size.total
    assert lift_found_by(assumptions(), visitors=visitors) == pytest.approx(0.1, rel=1e-9)


def test_lift_found_by_the_visitors_of_a_loss_is_that_loss():
    losing = assumptions(lift=-0.1)
    visitors = plan_for(losing).size.total
    assert lift_found_by(losing, visitors=visitors) == pytest.approx(-0.1, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": 0.0}, "base"),
        ({"base": 1.2}, "base"),
        ({"lift": 0.0}, "lift"),
        ({"lift": 30.0}, "lift"),
        ({"n_arms": 1}, "n_arms"),
        ({"alpha": 0.0}, "alpha"),
        ({"power": 1.0}, "power"),
    ],
)
def test_plan_names_the_assumption_that_is_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        plan_for(assumptions(**changes))
