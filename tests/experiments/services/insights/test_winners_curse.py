from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.winners_curse import checked_lifts
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.meta_analysis.empirical_bayes import PriorFit
from tests import factories
from tests.experiments.services.counted_experiments import count, counted, reported
from tests.factories import NOW

NO_PRIOR = PriorFit(prior=None, reason="None here.", n_tests=0, n_effects=0)
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 20_000}


def site_prior(sd):
    prior = NormalPrior(sd=sd, source="empirical Bayes, 30 tests")
    return PriorFit(prior=prior, reason=None, n_tests=30, n_effects=30)


def won_on_the_tenth_day(slot):
    """A report of ten days, 1,000 visitors of each arm a day, planned for 20,000."""
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    for ago in range(10, 0, -1):
        day = NOW.date() - timedelta(days=ago)
        count(experiment, (1_000, 50), (1_000, 62), day=day)
    return reported(experiment)


def test_prior_of_the_site_corrects_every_arm(running_experiment):
    report = counted(running_experiment, (10_000, 500), (10_000, 580))
    (one,) = checked_lifts(report, site_prior(0.1), estimates_of(report))
    # The precision-weighted mean of 0 and 0.16.
    weight = 0.1**2 / (0.1**2 + 0.0688627621**2)
    assert one.expected.estimate == pytest.approx(0.16 * weight, rel=1e-6)
    assert one.expected.assumption == "prior"


def test_several_arms_correct_each_other_without_a_prior(slot):
    shares = {"control": "0.25", "b": "0.25", "c": "0.25", "d": "0.25"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    report = counted(experiment, (9_000, 450), (9_000, 540), (9_000, 455), (9_000, 460))
    best, *others = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert {one.expected.assumption for one in (best, *others)} == {"pooling"}
    assert 0.05 < best.expected.estimate < best.estimate.lift
    assert best.expected.raw == pytest.approx(best.estimate.lift)


def test_winner_of_one_look_is_corrected_for_having_won(slot):
    experiment = factories.make_running_experiment(slot, **FIXED)
    report = counted(experiment, (10_000, 500), (10_000, 620))
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert one.expected.assumption == "significance"
    assert one.stagewise is None
    assert 0 < one.expected.estimate < one.estimate.lift == pytest.approx(0.24)


def test_sequential_winner_is_corrected_for_when_it_crossed_under_a_weak_prior(slot):
    report = won_on_the_tenth_day(slot)
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert one.expected.assumption == "weak_prior"
    assert one.expected.prior == "normal(mean 0, sd 0.25)"
    # The precision-weighted mean of 0 and the stage-wise lift.
    half = (one.stagewise.interval[1] - one.stagewise.interval[0]) / 2 / 1.959963985
    weight = 0.25**2 / (0.25**2 + half**2)
    assert one.expected.estimate == pytest.approx(one.stagewise.lift * weight, rel=1e-6)
    assert 0.8 * one.estimate.lift < one.expected.estimate < one.estimate.lift
    assert one.expected.raw == pytest.approx(one.estimate.lift)


def test_prior_of_the_site_replaces_the_weak_one(slot):
    report = won_on_the_tenth_day(slot)
    (one,) = checked_lifts(report, site_prior(0.1), estimates_of(report))
    assert one.expected.assumption == "prior"
    assert one.expected.prior == "normal(mean 0, sd 0.1)"
    assert one.stagewise is not None


def test_sequential_arm_that_did_not_cross_has_nothing_to_correct(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    report = counted(experiment, (10_000, 500), (10_000, 520))
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert (one.expected, one.stagewise) == (None, None)


def test_sequential_arm_that_ends_unproven_has_a_lift_to_expect(slot):
    experiment = factories.make_running_experiment(
        slot, planned_visitors=40_000, started_at=NOW - timedelta(days=10)
    )
    for ago in range(9, 0, -1):
        count(experiment, (1_000, 50), (1_000, 53), day=NOW.date() - timedelta(days=ago))
    (running,) = checked_lifts(report := reported(experiment), NO_PRIOR, estimates_of(report))
    assert running.expected is None
    experiment.status, experiment.stopped_at = Experiment.Status.STOPPED, NOW
    experiment.save()
    (ended,) = checked_lifts(report := reported(experiment), NO_PRIOR, estimates_of(report))
    assert ended.expected.assumption == "weak_prior"
    assert ended.stagewise.crossed_on is None
    # Nobody stopped it for its lift: little is left to correct but for the prior.
    assert ended.stagewise.lift == pytest.approx(0.06, abs=0.005)
    assert 0.8 * 0.06 < ended.expected.estimate < 0.06


def test_arm_that_did_not_win_has_nothing_to_correct(slot):
    experiment = factories.make_running_experiment(slot, **FIXED)
    report = counted(experiment, (10_000, 500), (10_000, 510))
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert one.expected is None


@pytest.mark.parametrize(("clicks", "expected"), [(900, True), (560, False)])
def test_lift_that_is_too_good_is_suspicious(running_experiment, clicks, expected):
    report = counted(running_experiment, (10_000, 500), (10_000, clicks))
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert one.too_good.is_suspicious is expected
