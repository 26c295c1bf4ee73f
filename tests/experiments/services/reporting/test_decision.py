"""From rows of the database to evidence and to every reason of a decision."""

from dataclasses import fields
from datetime import timedelta

import pytest

from experiments.models import CurrencyRollup, Experiment, GoalRollup, Guardrail, Site
from experiments.services.analysis import guardrails
from experiments.services.reporting import decision as decisions
from experiments.services.reporting.decision import HIGHER_IS_BETTER, evidence_of
from experiments.stats.decision.evidence import ArmEvidence, Evidence, GuardrailEvidence, Rule
from experiments.stats.decision.grounds import Code
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count, insights_into, reported
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 20_000}
VALUES = {"primary_metric": "value_per_visitor", "goal": "order"}
# Nobody has ordered yet.
ORDERS = {"metric": "conversion_rate", "goal": "order"}
STOPPED = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
THREE = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}


def running(slot, **changes):
    values = {"started_at": NOW - 10 * DAY, "planned_visitors": 20_000}
    return factories.make_running_experiment(slot, **(values | changes))


def grounds(slot, *counts, rail=None, rollup=None, goal_rollup=None, arm=None, **changes):
    """The codes of the decision on an experiment with these counts of visitors and clicks."""
    experiment = running(slot, **changes)
    if rail is not None:
        Guardrail.objects.create(experiment=experiment, **({"metric": "click_rate"} | rail))
    count(experiment, *counts, **(rollup or {}))
    if arm is not None:
        factories.make_phases(experiment, ([0.5, 0.5], 1.0), ([1.0, 0.0], 1.0))
        experiment.variants.filter(key="b").update(**arm)
    if goal_rollup is not None:
        for variant in experiment.variants.all():
            GoalRollup.objects.create(
                experiment=experiment, variant=variant, day=NOW.date(), goal="order", **goal_rollup
            )
    decision = concluded(experiment).decision
    return {ground.code for ground in (*decision.reasons, *decision.cautions)}


def grounds_of_currencies(slot):
    """The codes of the decision on orders in two currencies."""
    experiment = running(slot, **VALUES)
    count(experiment, (5_000, 0), (5_000, 0))
    variant = experiment.variants.get(arm=1)
    for currency in ("EUR", "JPY"):
        key = {"experiment": experiment, "variant": variant, "day": NOW.date(), "goal": "order"}
        CurrencyRollup.objects.create(**key, currency=currency, conversions=10)
    return {ground.code for ground in concluded(experiment).decision.reasons}


CASES = {
    Code.SRM: lambda slot: grounds(slot, (5_000, 500), (6_000, 600)),
    Code.MULTIPLE_ARMS: lambda slot: grounds(
        slot, (5_000, 500), (5_000, 500), rollup={"quarantined_visitors": 100}
    ),
    Code.SEVERAL_CURRENCIES: grounds_of_currencies,
    Code.NO_TRAFFIC: lambda slot: grounds(
        slot, (5_000, 500), (5_000, 500), rollup={"day": NOW.date() - 3 * DAY}
    ),
    Code.TOO_FEW_VISITORS: lambda slot: grounds(slot, (99, 30), (99, 30)),
    Code.TOO_FEW_CONVERSIONS: lambda slot: grounds(slot, (5_000, 19), (5_000, 19)),
    Code.TOO_FEW_DAYS: lambda slot: grounds(
        slot, (5_000, 500), (5_000, 500), started_at=NOW - 6 * DAY
    ),
    Code.GUARDRAIL_HARMED: lambda slot: grounds(slot, (10_000, 900), (10_000, 500), rail={}),
    Code.ARM_ROLLED_BACK: lambda slot: grounds(
        slot, (9_000, 500), (9_000, 500), arm={"rolled_back_at": NOW, "rollback_reason": "{}"}
    ),
    Code.GUARDRAIL_UNCLEAR: lambda slot: grounds(
        slot, (10_000, 500), (10_000, 700), rail=ORDERS, strict_guardrails=True
    ),
    Code.GUARDRAIL_OPEN: lambda slot: grounds(
        slot,
        (10_000, 500),
        (10_000, 700),
        rail=ORDERS,
        goal_rollup={"converting_visitors": 300},
    ),
    Code.GUARDRAIL_UNMEASURED: lambda slot: grounds(
        slot, (10_000, 500), (10_000, 700), rail=ORDERS
    ),
    Code.GUARDRAILS_AWAITED: lambda slot: grounds(
        slot, (9_000, 500), (9_000, 700), rail=ORDERS, strict_guardrails=True
    ),
    Code.ENDED_WITH_OPEN_GUARDRAIL: lambda slot: grounds(
        slot, (10_000, 500), (10_000, 700), rail=ORDERS, strict_guardrails=True, **STOPPED
    ),
    Code.GUARDRAIL_HELD: lambda slot: grounds(slot, (10_000, 500), (10_000, 700), rail={}),
    Code.ARM_WORSE: lambda slot: grounds(slot, (10_000, 700), (10_000, 500)),
    Code.ARM_BETTER: lambda slot: grounds(slot, (10_000, 500), (10_000, 700)),
    # The control earns nothing, so no lift exists.
    Code.NO_RESULT: lambda slot: grounds(slot, (5_000, 0), (5_000, 0), **VALUES),
    Code.NO_RELEVANT_DIFFERENCE: lambda slot: grounds(
        slot, (10**9, 10**8), (10**9, 10**8), planned_visitors=2 * 10**9
    ),
    Code.PLAN_NOT_FINISHED: lambda slot: grounds(slot, (5_000, 500), (5_000, 510)),
    Code.PLAN_FINISHED_WITHOUT_WINNER: lambda slot: grounds(
        slot, (10_000, 500), (10_000, 510), **FIXED
    ),
    Code.STOPPED_WITHOUT_WINNER: lambda slot: grounds(slot, (5_000, 500), (5_000, 510), **STOPPED),
    Code.PAUSED: lambda slot: grounds(slot, (5_000, 500), (5_000, 510), status="paused"),
    Code.SUSPICIOUS_LIFT: lambda slot: grounds(slot, (6_000, 300), (6_000, 600)),
    Code.WINNERS_CURSE: lambda slot: grounds(slot, (10_000, 500), (10_000, 700)),
    Code.BELOW_MINIMUM_CHANGE: lambda slot: grounds(
        slot, (10**9, 10**8), (10**9, 10**8 + 300_000), planned_visitors=2 * 10**9
    ),
    Code.RUNNER_UP_NOT_EXCLUDED: lambda slot: grounds(
        slot, (10_000, 500), (10_000, 800), (10_000, 790), shares=THREE
    ),
}


@pytest.mark.parametrize("code", CASES, ids=lambda code: code.value)
def test_reason_comes_from_rows_of_the_database(slot, code):
    assert code in CASES[code](slot)


def test_no_reason_is_left_out():
    assert set(CASES) == set(Code)


@pytest.mark.parametrize(
    ("module", "kind"),
    [(decisions, Evidence), (decisions, ArmEvidence), (guardrails, GuardrailEvidence)],
    ids=["experiment", "arm", "guardrail"],
)
def test_every_field_of_the_evidence_is_set(slot, monkeypatch, module, kind):
    given = []

    def recorded(**values):
        given.append(set(values))
        return kind(**values)

    monkeypatch.setattr(module, kind.__name__, recorded)
    grounds(slot, (10_000, 500), (10_000, 700), rail={})
    assert given
    assert all(names == {field.name for field in fields(kind)} for names in given)


def test_evidence_holds_what_the_rows_say(slot):
    ends_at = NOW + 4 * DAY
    experiment = running(slot, planned_visitors=None, ends_at=ends_at, alpha=0.1)
    rollup = {"day": NOW.date() - DAY, "quarantined_visitors": 2}
    count(experiment, (5_000, 500), (5_100, 510), **rollup)
    report = reported(experiment)
    insights = insights_into(report)
    evidence = evidence_of(report, lifts=insights.lifts, outlook=insights.time_left)
    assert (evidence.control_n, evidence.control_conversions) == (5_000, 500)
    assert (evidence.rule, evidence.alpha, evidence.stopped) == (Rule.SEQUENTIAL, 0.1, False)
    assert (evidence.days, evidence.planned_days, evidence.planned_n) == (10, 14, None)
    assert (evidence.silent_hours, evidence.multiple_arm_visitors) == (12, 4)
    assert evidence.srm_p_value == report.srm.p_value
    assert evidence.days_left > 0
    assert evidence.higher_is_better


def test_planned_end_is_the_plan_only_where_no_number_of_visitors_is(slot):
    ends_at = NOW + 4 * DAY
    experiment = running(slot, ends_at=ends_at, **FIXED)
    count(experiment, (10_000, 500), (10_000, 700))
    evidence = evidence_of(reported(experiment))
    assert (evidence.planned_n, evidence.planned_days, evidence.finished) == (20_000, None, True)


def test_experiment_that_ran_to_its_planned_end_has_finished_its_plan(slot):
    times = {"started_at": NOW - 10 * DAY, "ends_at": NOW, "planned_visitors": None}
    codes = grounds(slot, (5_000, 500), (5_000, 510), **times, **STOPPED)
    assert Code.PLAN_FINISHED_WITHOUT_WINNER in codes


def test_every_metric_says_which_way_is_good():
    assert set(HIGHER_IS_BETTER) == set(Experiment.Metric)


def needs(site, **changes):
    Site.objects.filter(pk=site.pk).update(**changes)
    site.refresh_from_db()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"minimum_visitors": 5_001}, Code.TOO_FEW_VISITORS),
        ({"minimum_conversions": 501}, Code.TOO_FEW_CONVERSIONS),
        ({"minimum_days": 11}, Code.TOO_FEW_DAYS),
    ],
)
def test_site_decides_how_early_a_verdict_may_be(slot, change, code):
    needs(slot.site, **change)
    assert code in grounds(slot, (5_000, 500), (5_000, 700))


def test_verdict_is_given_from_the_sites_own_minimum_on(slot):
    needs(slot.site, minimum_visitors=5_000, minimum_conversions=500, minimum_days=10)
    assert Code.ARM_BETTER in grounds(slot, (5_000, 500), (5_000, 700))


def test_harm_does_not_wait_for_the_sites_minimum(slot):
    needs(slot.site, minimum_visitors=50_000, minimum_conversions=5_000, minimum_days=30)
    found = grounds(slot, (10_000, 900), (10_000, 500), rail={})
    assert Code.GUARDRAIL_HARMED in found


def test_days_that_are_missing_are_those_of_the_site(slot):
    needs(slot.site, minimum_days=14)
    experiment = running(slot)
    count(experiment, (5_000, 500), (5_000, 500))
    (sentence,) = concluded(experiment).verdict.sentences[:1]
    assert sentence == "It has run for 10 days; weekdays differ, so a verdict needs 14."


@pytest.mark.parametrize(
    ("clicks", "planned", "codes"),
    [
        (1_818, 40_000, {Code.NO_RELEVANT_DIFFERENCE}),
        # Somebody has entered another number, for a lift that nobody knows.
        (1_818, 41_000, {Code.PLAN_NOT_FINISHED}),
        # A lift of 10 % is not excluded.
        (1_890, 40_000, {Code.PLAN_NOT_FINISHED}),
    ],
)
def test_difference_matters_from_the_lift_that_the_plan_is_made_for(slot, clicks, planned, codes):
    basis = {"visitors": 40_000, "days": 28, "visitors_per_day": 1_000.0, "base": 0.1}
    basis |= {"is_rate": True, "target": 0.1, "n_arms": 2, "at": NOW.isoformat()}
    counts = (18_000, 1_800), (18_000, clicks)
    plan = {"planned_visitors": planned, "planned_visitors_basis": basis}
    assert grounds(slot, *counts, **plan) == codes
