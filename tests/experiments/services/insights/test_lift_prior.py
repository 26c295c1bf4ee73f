from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from experiments.models import Experiment
from experiments.services.insights import lift_prior
from experiments.services.insights.lift_prior import fit_site_prior
from experiments.services.insights.posteriors import posteriors_of
from tests import factories
from tests.experiments.services.counted_experiments import count, counted, insights_into
from tests.factories import NOW

ENDED = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - timedelta(days=1)}
SPREAD = 0.15


def finish(slot, n, *, spread=SPREAD, **changes):
    """End n experiments whose true lifts have this spread, 100,000 visitors each."""
    rng = np.random.default_rng(5)
    for index, lift in enumerate(rng.normal(0, spread, n)):
        past = factories.make_running_experiment(
            slot, f"{slot.site.key}-{index}", **(ENDED | changes)
        )
        clicks = rng.binomial(50_000, [0.1, 0.1 * (1 + lift)])
        count(past, *((50_000, int(one)) for one in clicks))


def test_prior_finds_how_much_lifts_vary_on_the_site(slot, running_experiment):
    finish(slot, 30)
    fit = fit_site_prior(running_experiment)
    assert (fit.n_tests, fit.n_effects) == (30, 30)
    assert 0.7 * SPREAD < fit.prior.sd < 1.4 * SPREAD
    assert fit.prior.source == "empirical Bayes, 30 tests"


def test_prior_is_absent_with_a_reason_below_twenty_experiments(slot, running_experiment):
    finish(slot, 19)
    fit = fit_site_prior(running_experiment)
    assert fit.prior is None
    assert fit.reason.startswith("19 finished tests; at least 20")


def test_prior_leaves_out_what_is_no_evidence_for_it(slot, other_site, running_experiment):
    finish(slot, 1)
    finish(factories.make_slot(other_site), 1)
    broken = factories.make_running_experiment(slot, "broken", **ENDED)
    count(broken, (50_000, 5_000), (40_000, 4_000))
    tiny = factories.make_running_experiment(slot, "tiny", **ENDED)
    count(tiny, (500, 5), (500, 9))
    other = factories.make_running_experiment(
        slot, "other", goal="g", primary_metric="conversion_rate", **ENDED
    )
    count(other, (50_000, 5_000), (50_000, 5_000))
    assert fit_site_prior(running_experiment).n_tests == 1


def count_in_phases(experiment, *phases):
    """Count (visitors, clicks) of each arm, phase by phase, a day each."""
    for phase, arms in enumerate(phases):
        for variant, (visitors, clicks) in zip(
            experiment.variants.order_by("arm"), arms, strict=True
        ):
            day = (NOW + timedelta(days=phase)).date()
            factories.make_rollup(variant, visitors=visitors, clicks=clicks, phase=phase, day=day)


def test_prior_takes_the_lifts_within_phases_of_experiments_whose_shares_changed(
    slot, running_experiment, monkeypatch
):
    """Clicks fall from 10 to 5 %, and equally in both arms: pooled, b is a fifth worse."""
    changed = factories.make_running_experiment(slot, "changed", **ENDED)
    factories.make_phases(changed, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    count_in_phases(changed, ((45_000, 4_500), (5_000, 500)), ((25_000, 1_250), (25_000, 1_250)))
    seen = {}
    monkeypatch.setattr(
        lift_prior, "fit_prior", lambda lifts, ses, tests: seen.update(lifts=lifts, ses=ses)
    )
    fit_site_prior(running_experiment)
    assert seen["lifts"] == pytest.approx([0], abs=1e-9)
    assert 0.02 < seen["ses"][0] < 0.05


def test_prior_leaves_out_a_split_that_differs_within_phases(slot, running_experiment):
    changed = factories.make_running_experiment(slot, "changed", **ENDED)
    factories.make_phases(changed, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    # Together the arms have the visitors that the shares of both phases give them.
    count_in_phases(changed, ((43_000, 4_300), (7_000, 700)), ((27_000, 1_350), (23_000, 1_150)))
    assert fit_site_prior(running_experiment).n_tests == 0


def test_prior_takes_experiments_whose_coverage_changed(slot, running_experiment):
    ramped = factories.make_running_experiment(slot, "ramped", **ENDED)
    factories.make_phases(ramped, ([0.5, 0.5], 0.1), ([0.5, 0.5], 1.0))
    count(ramped, (50_000, 5_000), (50_000, 5_000))
    assert fit_site_prior(running_experiment).n_tests == 1


def test_prior_of_values_adds_their_exact_sums(slot):
    metric = {"primary_metric": "value_per_visitor", "goal": "order"}
    past = factories.make_running_experiment(slot, "past", **ENDED, **metric)
    for variant in past.variants.all():
        for day in range(2):
            factories.make_rollup(
                variant,
                visitors=500,
                day=NOW.date() - timedelta(days=day),
                value_sum=Decimal("1000.10"),
                value_sum_squares=Decimal(4_000),
            )
    now = factories.make_running_experiment(slot, "now", **metric)
    assert fit_site_prior(now).n_effects == 1


@pytest.mark.parametrize("has_phases", [False, True])
def test_prior_of_values_leaves_out_an_experiment_with_an_arm_without_visitors(slot, has_phases):
    metric = {"primary_metric": "value_per_visitor", "goal": "order"}
    shares = {"control": "0.4", "b": "0.4", "broken": "0.2"}
    past = factories.make_running_experiment(slot, "past", shares=shares, **ENDED, **metric)
    if has_phases:
        factories.make_phases(past, ([0.4, 0.4, 0.2], 1.0), ([0.3, 0.3, 0.4], 1.0))
    for variant in past.variants.order_by("arm")[:2]:
        for phase in range(1 + has_phases):
            sums = {"value_sum": Decimal(1_000), "value_sum_squares": Decimal(4_000)}
            factories.make_rollup(variant, visitors=500, phase=phase, **sums)
    assert fit_site_prior(factories.make_running_experiment(slot, "now", **metric)).n_tests == 0


@pytest.mark.parametrize("n", [1, 5])
def test_prior_costs_one_query(slot, running_experiment, n, django_assert_num_queries):
    finish(slot, n)
    with django_assert_num_queries(1):
        fit_site_prior(running_experiment)


def test_belief_shows_the_site_prior_beside_the_flat_one(slot, running_experiment):
    finish(slot, 30)
    report = counted(running_experiment, (1_000, 50), (1_000, 75))
    belief = posteriors_of(report, insights_into(report), plan_ended=True)[1]
    assert belief.against_control.prior == "beta(1, 1)"
    assert belief.with_prior.prior_source == "empirical Bayes, 30 tests"
    assert abs(belief.with_prior.estimate) < abs(belief.against_control.estimate)


def test_belief_under_the_site_prior_needs_no_end_of_the_plan(slot, running_experiment):
    finish(slot, 30)
    report = counted(running_experiment, (1_000, 50), (1_000, 75))
    belief = posteriors_of(report, insights_into(report), plan_ended=False)[1]
    assert belief.against_control is None
    assert belief.with_prior.chance_to_win > 0.5


def test_chances_to_be_best_under_the_site_prior_are_shared_by_all_arms(slot):
    finish(slot, 30)
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    now = factories.make_running_experiment(slot, "now", shares=shares)
    report = counted(now, (4_000, 200), (3_000, 180), (3_000, 150))
    beliefs = posteriors_of(report, insights_into(report), plan_ended=False)
    chances = [belief.chance_of_best_with_prior for belief in beliefs]
    assert sum(chances) == pytest.approx(1)
    assert chances[1] > 0.7 > chances[2] > 0


def test_chance_of_two_arms_to_be_best_is_the_chance_to_win(slot, running_experiment):
    finish(slot, 30)
    report = counted(running_experiment, (4_000, 200), (4_000, 240))
    arm = posteriors_of(report, insights_into(report), plan_ended=False)[1]
    assert arm.chance_of_best_with_prior == pytest.approx(arm.with_prior.chance_to_win, abs=0.01)


def test_belief_without_a_site_prior_has_the_flat_one_only(running_experiment):
    report = counted(running_experiment, (1_000, 50), (1_000, 75))
    assert posteriors_of(report, insights_into(report), plan_ended=True)[1].with_prior is None
