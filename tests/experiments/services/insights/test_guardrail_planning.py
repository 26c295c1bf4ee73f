from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from experiments.models import Experiment, GoalRollup, Guardrail
from experiments.services.insights.draft_planning import fit_margins, slot_plans
from experiments.services.insights.guardrail_planning import Holding, need_of
from experiments.services.insights.sample_size import Assumptions
from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.one_sided_bounds import Successes, one_sided_bounds
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

FIXED = Assumptions(base=0.05, lift=0.1, is_sequential=False, visitors_per_day=1_000)
SEQUENTIAL = Assumptions(base=0.05, lift=0.1, visitors_per_day=1_000)
YESTERDAY = NOW.date() - timedelta(days=1)


def test_fixed_plan_needs_the_textbook_size():
    # (z_alpha + z_beta)^2 variance / (margin base)^2 an arm, the control's part smaller by
    # (1 - margin)^2. With one guardrail each of the two, it and the goal, has a power of 90 %.
    need = need_of(Holding(base=0.03, margin=0.02), FIXED, planned_visitors=None)
    z = stats.norm.isf(0.05) + stats.norm.ppf(0.9)
    expected = 2 * z**2 * (0.97 / 0.03) / 0.02**2 * (1 + 0.98**2)
    assert need.visitors == pytest.approx(expected, rel=1e-6)
    assert (need.weeks, need.margin_excluded) == (np.ceil(expected / 7_000), None)


def test_sequential_plan_needs_more_and_more_guardrails_need_more():
    holding = Holding(base=0.03, margin=0.02)
    fixed, sequential = (
        need_of(holding, one, planned_visitors=None) for one in (FIXED, SEQUENTIAL)
    )
    assert 1.2 < sequential.visitors / fixed.visitors < 2
    five = need_of(Holding(base=0.03, margin=0.02, guardrails=5), FIXED, planned_visitors=None)
    assert five.visitors > fixed.visitors


def test_margin_that_a_plan_excludes_needs_the_plan():
    excluded = need_of(
        Holding(base=0.03, margin=0.02), SEQUENTIAL, planned_visitors=84_000
    ).margin_excluded
    need = need_of(Holding(base=0.03, margin=excluded), SEQUENTIAL, planned_visitors=None)
    assert need.visitors == pytest.approx(84_000, abs=1)


def test_margin_of_zero_can_never_be_excluded():
    assert need_of(Holding(base=0.03, margin=0.0), FIXED, planned_visitors=10_000) is None


@pytest.mark.slow
def test_harmless_guardrail_is_held_by_the_planned_end_with_the_wanted_power():
    """28 daily looks at the planned visitors, bounds and rule as the report has them."""
    rng, runs, looks, margin = np.random.default_rng(20_261_128), 2_000, 28, 0.1
    holding = Holding(base=0.05, margin=margin)
    planned = need_of(holding, SEQUENTIAL, planned_visitors=None).visitors
    per_look = np.full((runs, looks, 2), round(planned / looks / 2))
    clicks, visitors = rng.binomial(per_look, 0.05).cumsum(axis=1), per_look.cumsum(axis=1)
    held = np.zeros(runs, dtype=bool)
    for look in range(looks):
        n, x = visitors[:, look].astype(float), clicks[:, look].astype(float)
        contrast = contrasts(raw_estimates(Proportion(n=n, sum=x)))
        successes = Successes(visitors=n[:, None], count=x[:, None], shares=np.full((1, 2), 0.5))
        bounds = one_sided_bounds(
            contrast, successes, levels=(0.05, 0.05), time=contrast.n / planned
        )
        held |= bounds.low[:, 0] > -margin
    # One guardrail beside the goal: 90 % each.
    assert stats.binomtest(int(held.sum()), runs, 0.9, "less").pvalue > 0.001
    assert held.mean() < 0.95


@pytest.fixture
def past(slot):
    """1,000 visitors a day on the slot: 5 % click, 3 % order, 2 % sign up for 10 each."""
    goal = {"goal": "signup"}
    experiment = factories.make_running_experiment(slot, "past", **goal)
    sums = {
        "converting_visitors": 10,
        "value_sum": Decimal(100),
        "value_sum_squares": Decimal(1_000),
    }
    count(experiment, (500, 25), (500, 25), day=YESTERDAY, **sums)
    for variant in experiment.variants.all():
        GoalRollup.objects.create(
            experiment=experiment,
            variant=variant,
            day=YESTERDAY,
            goal="order",
            converting_visitors=15,
        )
    return experiment


def rails_of(draft):
    return {rail.name: rail for rail in slot_plans(draft, now=NOW).guardrails}


def test_guardrails_of_a_draft_are_planned_with_its_slots_own_means(past, draft):
    for metric, goal in (
        ("conversion_rate", "order"),
        ("conversion_rate", "signup"),
        ("value_per_visitor", "signup"),
        ("click_rate", ""),
        ("conversion_rate", "never seen"),
    ):
        Guardrail.objects.create(experiment=draft, metric=metric, goal=goal)
    rails = rails_of(draft)
    assert {name: rail.base for name, rail in rails.items()} == {
        "Conversion rate order": 0.03,
        "Conversion rate signup": 0.02,
        "Value per visitor signup": 0.2,
        "Click rate": 0.05,
        "Conversion rate never seen": None,
    }
    assert rails["Conversion rate never seen"].need is None
    order, click = (rails[name].need for name in ("Conversion rate order", "Click rate"))
    assert order.visitors > click.visitors > 1_000_000
    assert order.weeks == np.ceil(order.visitors / 7_000)


@pytest.mark.parametrize(
    ("past_cap", "own_cap", "base"),
    [(None, None, 0.2), (20, None, None), (20, 30, None), (20, 20, 0.2), (None, 20, 0.2)],
)
def test_values_under_a_lower_cap_plan_no_guardrail(past, draft, past_cap, own_cap, base):
    """They vary less than the draft's own will; how many visitors sign up is not capped."""
    of_values = {"primary_metric": "value_per_visitor", "goal": "signup"}
    Experiment.objects.filter(pk=past.pk).update(value_cap=past_cap, **of_values)
    if own_cap is not None:
        Experiment.objects.filter(pk=draft.pk).update(value_cap=own_cap, **of_values)
        draft.refresh_from_db()
    for metric in ("value_per_visitor", "conversion_rate"):
        Guardrail.objects.create(experiment=draft, metric=metric, goal="signup")
    bases = {name: rail.base for name, rail in rails_of(draft).items()}
    assert bases == {"Value per visitor signup": base, "Conversion rate signup": 0.02}


def test_planned_visitors_are_the_drafts_own_or_those_of_its_plan(past, draft):
    Guardrail.objects.create(experiment=draft, metric="conversion_rate", goal="order")
    plans = slot_plans(draft, now=NOW)
    line = next(line for line in plans.lines if (line.plan, line.n_arms) == ("sequential", 2))
    assert plans.planned_visitors == line.visitors
    draft.planned_visitors = 1_000_000
    own = slot_plans(draft, now=NOW)
    assert own.planned_visitors == 1_000_000
    excluded = [one.guardrails[0].need.margin_excluded for one in (plans, own)]
    assert excluded[0] > excluded[1] > 0.02


def test_suggested_margin_is_the_one_that_the_plan_excludes_rounded_up(past, draft):
    rail = Guardrail.objects.create(experiment=draft, metric="conversion_rate", goal="order")
    plan = rails_of(draft)["Conversion rate order"]
    assert 0 <= plan.suggested_margin - plan.need.margin_excluded < 0.005
    assert fit_margins(draft, now=NOW)
    rail.refresh_from_db()
    assert rail.margin == pytest.approx(plan.suggested_margin)
    assert not fit_margins(draft, now=NOW)


def test_margins_of_a_running_experiment_stay(past):
    Guardrail.objects.create(experiment=past, metric="conversion_rate", goal="order")
    assert not fit_margins(past, now=NOW)
