import pytest

from experiments.models import Experiment
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.winners_curse import checked_lifts
from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.meta_analysis.empirical_bayes import PriorFit
from tests import factories
from tests.experiments.services.counted_experiments import counted

NO_PRIOR = PriorFit(prior=None, reason="None here.", n_tests=0, n_effects=0)
FIXED = {"plan": Experiment.Plan.FIXED, "planned_visitors": 20_000}


def site_prior(sd):
    prior = NormalPrior(sd=sd, source="empirical Bayes, 30 tests")
    return PriorFit(prior=prior, reason=None, n_tests=30, n_effects=30)


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


@pytest.mark.parametrize("plan", [FIXED, {"planned_visitors": 20_000}], ids=["fixed", "sequential"])
def test_winner_of_two_arms_is_corrected_for_having_won(slot, plan):
    experiment = factories.make_running_experiment(slot, **plan)
    report = counted(experiment, (10_000, 500), (10_000, 620))
    (one,) = checked_lifts(report, NO_PRIOR, estimates_of(report))
    assert one.expected.assumption == "significance"
    assert 0 < one.expected.estimate < one.estimate.lift == pytest.approx(0.24)


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
