from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.models import Experiment, GoalRollup, Guardrail, Site, Slot
from experiments.selectors import reports
from experiments.services.analysis.comparisons import ComparisonResult, Reading
from experiments.services.analysis.guardrails import (
    GuardrailCounts,
    GuardrailReading,
    guardrail_readings,
)
from experiments.services.analysis.report import ArmResult, Report, report_of
from experiments.services.reporting.decision import decision_on, guardrail_states
from experiments.services.reporting.report_json import report_as_json
from experiments.services.rollups.arm_totals import ArmTotals
from experiments.stats.decision.arm_status import ArmStatus, GuardrailState, guardrail_state
from experiments.stats.decision.grounds import Code
from experiments.stats.estimation.comparisons import Comparison
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count, reported, verdict_of
from tests.factories import NOW

YESTERDAY = NOW.date() - timedelta(days=1)
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 20_000}


def guard(experiment, *orders, visitors=10_000, clicks=(500, 650), **rail):
    """Visitors with clicks in each arm, and orders that the guardrail counts."""
    values = {"metric": "conversion_rate", "goal": "order", "margin": 0.1}
    Guardrail.objects.create(experiment=experiment, **(values | rail))
    count(experiment, *((visitors, one) for one in clicks))
    for variant, n in zip(experiment.variants.order_by("arm"), orders, strict=True):
        values = {"converting_visitors": n, "value_sum": n * 10, "value_sum_squares": n * 120}
        GoalRollup.objects.create(
            experiment=experiment, variant=variant, day=YESTERDAY, goal="order", **values
        )
    return reported(experiment)


@pytest.fixture
def fixed(slot):
    """A fixed plan over 20,000 visitors, running for ten days; its goal is the click."""
    started = NOW - timedelta(days=10)
    return factories.make_running_experiment(slot, started_at=started, **FIXED)


@pytest.fixture
def sequential(slot):
    started = NOW - timedelta(days=10)
    return factories.make_running_experiment(slot, started_at=started, planned_visitors=20_000)


def test_guardrail_reads_its_own_goal(fixed):
    (rail,) = guard(fixed, 1_000, 980).guardrails
    assert rail.lift == pytest.approx(-0.02)
    assert (rail.arm, rail.name, rail.is_anytime) == (1, "Conversion rate order", False)


def test_bounds_of_a_fixed_plan_are_one_sided_by_fieller(fixed):
    (rail,) = guard(fixed, 1_000, 980).guardrails
    z, (low, _) = stats.norm.isf(0.05), rail.bounds
    # At the bound the arm's distance from (1 + low) times the control is z standard errors.
    distance = 0.098 - (1 + low) * 0.1
    error = np.sqrt(0.098 * 0.902 / 10_000 + (1 + low) ** 2 * 0.1 * 0.9 / 10_000)
    assert distance / error == pytest.approx(z, rel=1e-9)


def test_bounds_of_a_sequential_plan_are_wider(fixed, slot):
    (once,) = guard(fixed, 1_000, 980).guardrails
    other = factories.make_slot(slot.site, "footer")
    looked = factories.make_running_experiment(other, "looked", planned_visitors=20_000)
    (always,) = guard(looked, 1_000, 980).guardrails
    assert always.is_anytime
    assert always.bounds[0] < once.bounds[0]
    assert always.bounds[1] > once.bounds[1]


@pytest.mark.parametrize(
    ("orders", "state", "status"),
    [(1_000, "held", "ship"), (950, "unclear", "keep_control"), (700, "harmed", "keep_control")],
)
def test_strict_rule_ships_a_winner_only_when_its_guardrail_held(fixed, orders, state, status):
    Experiment.objects.update(strict_guardrails=True)
    report = guard(fixed, 1_000, orders)
    assert guardrail_states(report) == (state,)
    assert verdict_of(report).status == status


def test_winner_with_an_equal_guardrail_ships_with_its_open_question(slot):
    """A fifth more clicks, sign-ups exactly equal at 3 %, the plan of 84,000 visitors over."""
    experiment = factories.make_running_experiment(
        slot, started_at=NOW - timedelta(days=10), planned_visitors=84_000
    )
    report = guard(experiment, 1_260, 1_260, visitors=42_000, clicks=(2_100, 2_520), margin=0.02)
    (rail,) = report.guardrails
    assert guardrail_states(report) == (GuardrailState.UNCLEAR,)
    verdict = verdict_of(report)
    assert (verdict.status, verdict.title) == ("ship", "Ship “hero-test b”.")
    assert verdict.cautions[0] == (
        f"Open question: a loss of up to {-100 * rail.bounds[0]:.1f}% on Conversion rate order"
        " is not excluded (tolerated: 2.0%). Ship it if you can live with that, or let it run on."
    )


def test_arm_without_any_success_is_the_first_thing_caught(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=80_000)
    report = guard(experiment, 2_000, 0, visitors=20_000, clicks=(2_000, 2_000), margin=0.02)
    assert guardrail_states(report) == (GuardrailState.HARMED,)
    assert report.guardrails[0].bounds[1] < -0.98
    assert verdict_of(report).status == "stop_for_harm"


def test_arm_without_any_value_is_caught_by_its_conversions(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=80_000)
    report = guard(experiment, 200, 0, visitors=20_000, metric="value_per_visitor")
    (rail,) = report.guardrails
    assert guardrail_states(report) == (GuardrailState.HARMED,)
    assert rail.is_of_successes
    assert rail.bounds[0] == -np.inf
    (shown,) = report_as_json(concluded(experiment))["guardrails"]
    assert shown["bounds"] == [None, pytest.approx(rail.bounds[1])]


def test_errors_that_only_one_arm_has_are_harm(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=80_000)
    report = guard(experiment, 0, 60, higher_is_better=False)
    assert guardrail_states(report) == (GuardrailState.HARMED,)
    (shown,) = report_as_json(concluded(experiment))["guardrails"]
    assert shown["bounds"][1] is None


def test_page_and_verdict_agree_on_harm_while_the_goal_is_below_its_floors(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=80_000)
    report = guard(experiment, 400, 100, clicks=(9, 7))
    assert guardrail_states(report) == (GuardrailState.HARMED,)
    assert concluded(experiment).decision.outcomes == {1: ArmStatus.HARMFUL}


def test_arms_and_guardrails_share_the_error_of_a_proof_of_harm(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, shares=shares, **FIXED)
    Guardrail.objects.create(experiment=experiment, metric="value_per_visitor", goal="order")
    report = guard(experiment, 1_000, 980, 980, clicks=(500, 500, 500))
    rail = next(rail for rail in report.guardrails if rail.metric == "conversion_rate")
    for end, level in zip(rail.bounds, (0.05, 0.05 / 4), strict=True):
        distance = 0.098 - (1 + end) * 0.1
        error = np.sqrt(0.098 * 0.902 / 10_000 + (1 + end) ** 2 * 0.1 * 0.9 / 10_000)
        assert abs(distance / error) == pytest.approx(stats.norm.isf(level), rel=1e-9)


def test_harm_stops_a_sequential_experiment_before_its_end(sequential):
    report = guard(sequential, 600, 300, visitors=6_000, clicks=(300, 450))
    verdict = verdict_of(report)
    assert verdict.status == "stop_for_harm"
    assert "harms Conversion rate order" in verdict.sentences[0]


def test_guardrail_on_values_compares_means(fixed):
    (rail,) = guard(fixed, 1_000, 990, metric="value_per_visitor").guardrails
    assert rail.lift == pytest.approx(-0.01)


def test_guardrail_on_clicks_needs_no_goal(slot):
    metric = {"primary_metric": "conversion_rate", "goal": "signup"}
    experiment = factories.make_running_experiment(slot, **metric, **FIXED)
    report = guard(experiment, 0, 0, metric="click_rate", goal="")
    assert report.guardrails[0].lift == pytest.approx(0.3)


def test_guardrail_where_less_is_better_is_harmed_by_more(fixed):
    report = guard(fixed, 1_000, 1_500, higher_is_better=False)
    assert guardrail_states(report) == (GuardrailState.HARMED,)


def test_guardrail_below_the_floors_has_no_bounds(fixed):
    report = guard(fixed, 20, 19)
    assert report.guardrails[0].bounds is None
    assert guardrail_states(report) == (GuardrailState.UNCLEAR,)


def test_guardrails_cost_one_query(fixed, django_assert_num_queries):
    guard(fixed, 1_000, 980)
    fixed.rollups.update(day=NOW.date())
    experiment = reports.experiments_for_report().get(pk=fixed.pk)
    with django_assert_num_queries(2):
        report_of(experiment=experiment, now=NOW)


def test_harm_is_rarely_seen_where_there_is_none(fixed):
    # Equal arms and a margin of 0: one-sided at 5 %.
    rng, n = np.random.default_rng(3), 300
    guard(fixed, 1_000, 1_000, margin=0.0)
    report = reported(fixed)
    variants = list(report.experiment.variants.all())
    harmed = 0
    for orders in rng.binomial(10_000, 0.1, (n, 2)):
        rows = [
            GoalRollup(variant=variant, goal="order", converting_visitors=int(one))
            for variant, one in zip(variants, orders, strict=True)
        ]
        (rail,) = guardrail_readings(
            report.experiment, variants, GuardrailCounts(everybody=report.rollups, goals=rows)
        )
        harmed += guardrail_state(rail.evidence(), finished=True) is GuardrailState.HARMED
    assert stats.binomtest(harmed, n, 0.05, "greater").pvalue > 0.001
    assert harmed > 0


@pytest.mark.parametrize(("visitors", "state"), [(5_000, "unclear"), (10_000, "harmed")])
def test_bounds_for_one_look_are_not_read_before_the_planned_end(fixed, visitors, state):
    report = guard(fixed, 500, 400, visitors=visitors, clicks=(250, 250), margin=0.02)
    assert verdict_of(report).status == ("keep_running" if state == "unclear" else "keep_control")
    assert report_as_json(concluded(report.experiment))["guardrails"][0]["state"] == state


def a_report(experiment, rails, *, visitors):
    """A healthy report of a control and one better arm, with these guardrails, and no database."""
    arms = tuple(
        ArmResult(
            arm=arm,
            key=f"arm-{arm}",
            text="Go",
            share=0.5,
            visitors=visitors,
            clicks=visitors,
            conversions=0,
            successes=visitors,
            rate=1.0,
            interval=None,
        )
        for arm in (0, 1)
    )
    better = Comparison(
        effect=0.1,
        effect_interval=(0.05, 0.15),
        lift=0.1,
        lift_interval=(0.05, 0.15),
        p_value=0.001,
        reason=None,
        lift_reason=None,
    )
    reading = Reading(comparison=better, p_value_adjusted=0.001)
    row = ComparisonResult(arm=1, variant_id=1, fixed=reading, anytime=None, unadjusted=None)
    nothing = dict.fromkeys(
        ("statistics", "adjustment", "omnibus", "plan", "srm", "strata", "silent_hours", "daily")
    )
    empty = dict.fromkeys(("left_out", "days", "rollups", "currencies"), ())
    return Report(
        experiment=experiment,
        as_of=NOW,
        arms=arms,
        comparisons=(row,),
        guardrails=rails,
        totals=(ArmTotals(visitors=visitors, clicking_visitors=visitors),) * 2,
        quarantined_visitors=0,
        **nothing,
        **empty,
    )


OPEN = {Code.GUARDRAIL_UNCLEAR, Code.GUARDRAIL_OPEN, Code.GUARDRAIL_UNMEASURED}
plans = st.builds(
    Experiment,
    slot=st.just(Slot(site=Site())),
    plan=st.sampled_from(Experiment.Plan),
    origin=st.sampled_from(Experiment.Origin),
    planned_visitors=st.integers(1, 4_000),
    started_at=st.just(NOW - timedelta(days=10)),
    stopped_at=st.sampled_from([None, NOW]),
    strict_guardrails=st.booleans(),
)
losses = st.floats(-1, 1)
rails = st.builds(
    GuardrailReading,
    arm=st.just(1),
    name=st.sampled_from(["Click rate", "Conversion rate order"]),
    metric=st.just("click_rate"),
    goal=st.just(""),
    margin=st.floats(0, 1) | st.just(0.02),
    higher_is_better=st.booleans(),
    lift=st.none(),
    bounds=st.none() | st.just((-0.09, -0.01)) | st.tuples(losses, losses).map(sorted).map(tuple),
    is_anytime=st.booleans(),
)


@given(experiment=plans, rail=rails, visitors=st.integers(100, 2_000))
def test_page_and_decision_agree_on_every_guardrail(experiment, rail, visitors):
    report = a_report(experiment, (rail,), visitors=visitors)
    (shown,) = guardrail_states(report)
    decision = decision_on(report)
    codes = {ground.code for ground in (*decision.reasons, *decision.cautions)}
    assert (shown is GuardrailState.HARMED) == (decision.outcomes[1] is ArmStatus.HARMFUL)
    assert (shown is GuardrailState.HARMED) == (Code.GUARDRAIL_HARMED in codes)
    if decision.outcomes[1] is ArmStatus.BETTER:
        assert (shown is GuardrailState.HELD) == (Code.GUARDRAIL_HELD in codes)
        assert (shown is GuardrailState.UNCLEAR) == bool(OPEN & codes)


def test_guardrail_of_a_fixed_plan_stays_as_it_was_read_at_its_end(fixed):
    before = guard(fixed, 1_000, 980).guardrails
    for variant in fixed.variants.all():
        factories.make_rollup(variant, visitors=10_000, day=NOW.date())
        GoalRollup.objects.create(
            experiment=fixed,
            variant=variant,
            day=NOW.date(),
            goal="order",
            converting_visitors=1_000 - 500 * variant.arm,
        )
    assert reported(fixed).guardrails == before
