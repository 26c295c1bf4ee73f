"""Guardrails of experiments whose shares have changed."""

from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from experiments.models import GoalRollup, Guardrail, Rollup
from experiments.selectors import reports
from experiments.services.analysis.guardrails import GuardrailCounts, guardrail_readings
from experiments.services.reporting.decision import guardrail_states
from experiments.stats.decision.arm_status import GuardrailState, guardrail_state
from tests import factories
from tests.experiments.services.counted_experiments import reported
from tests.experiments.stats.sequential.late_conversions import late_counts
from tests.factories import NOW


@pytest.fixture
def sequential(slot):
    started = NOW - timedelta(days=10)
    return factories.make_running_experiment(slot, started_at=started, planned_visitors=20_000)


def late_orders(experiment, *phases):
    """A phase's (visitors, orders) of each arm, a day each, from the start on."""
    for number, arms in enumerate(phases):
        day = (experiment.started_at + timedelta(days=number)).date()
        for variant, (visitors, orders) in zip(
            experiment.variants.order_by("arm"), arms, strict=True
        ):
            factories.make_rollup(variant, visitors=visitors, day=day, phase=number)
            GoalRollup.objects.create(
                experiment=experiment,
                variant=variant,
                day=day,
                phase=number,
                goal="order",
                converting_visitors=orders,
            )


def test_guardrail_compares_arms_within_phases(sequential):
    """Orders fall from 10 to 5 % while the share of b rises: in each phase the arms are alike."""
    factories.make_phases(sequential, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    Guardrail.objects.create(experiment=sequential, metric="conversion_rate", goal="order")
    late_orders(sequential, ((9_000, 900), (1_000, 100)), ((10_000, 500), (10_000, 500)))
    report = reported(sequential)
    assert report.guardrails[0].lift == pytest.approx(0)
    assert guardrail_states(report) == (GuardrailState.UNCLEAR,)


def test_few_orders_are_split_as_the_shares_of_their_phases(sequential):
    factories.make_phases(sequential, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    Guardrail.objects.create(experiment=sequential, metric="conversion_rate", goal="order")
    late_orders(sequential, ((9_000, 90), (1_000, 10)), ((1_000, 5), (1_000, 5)))
    report = reported(sequential)
    low, high = report.guardrails[0].bounds
    assert low < 0 < high
    assert guardrail_states(report) == (GuardrailState.UNCLEAR,)


def test_phase_without_an_arm_is_no_evidence_about_it(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    started = NOW - timedelta(days=10)
    experiment = factories.make_running_experiment(
        slot, shares=shares, started_at=started, planned_visitors=40_000
    )
    Guardrail.objects.create(experiment=experiment, metric="conversion_rate", goal="order")
    factories.make_phases(experiment, ([0.4, 0.3, 0.3], 1.0), ([0.6, 0.4, 0.0], 1.0))
    first = ((4_000, 400), (3_000, 300), (3_000, 300))
    late_orders(experiment, first, ((6_000, 60), (4_000, 40), (0, 0)))
    assert [rail.lift for rail in reported(experiment).guardrails] == pytest.approx([0, 0])


@pytest.mark.slow
def test_late_conversions_and_changed_shares_roll_nobody_back(slot):
    """28 daily looks at 100 experiments; added up over the phases nine of ten are harmed."""
    started = NOW - timedelta(days=28)
    experiment = factories.make_running_experiment(
        slot, started_at=started, planned_visitors=280_000
    )
    factories.make_phases(experiment, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    Guardrail.objects.create(experiment=experiment, metric="conversion_rate", goal="order")
    experiment = reports.experiments_for_report().get(pk=experiment.pk)
    variants, runs = list(experiment.variants.all()), 100
    counts = late_counts(np.random.default_rng(20_261_128), runs, 10_000, 0.05, 0)

    def is_harmed(visitors, orders):
        cells = [(phase, arm) for phase in range(2) for arm in range(2)]
        where = [
            {"variant": variants[arm], "phase": phase, "day": NOW.date()} for phase, arm in cells
        ]
        read = GuardrailCounts(
            everybody=[
                Rollup(visitors=int(visitors[cell]), **keys)
                for cell, keys in zip(cells, where, strict=True)
            ],
            goals=[
                GoalRollup(goal="order", converting_visitors=int(orders[cell]), **keys)
                for cell, keys in zip(cells, where, strict=True)
            ],
        )
        (rail,) = guardrail_readings(experiment, variants, read, at_every_look=True)
        return guardrail_state(rail.evidence(), finished=False) is GuardrailState.HARMED

    harmed = sum(
        any(is_harmed(*look) for look in zip(*run, strict=True))
        for run in zip(*counts, strict=True)
    )
    assert stats.binomtest(harmed, runs, 0.05, "greater").pvalue > 0.001
