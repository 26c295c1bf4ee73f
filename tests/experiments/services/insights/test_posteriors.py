import numpy as np
import pytest
from scipy import integrate, stats

from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.insights.posteriors import posteriors_of
from experiments.stats.bayesian.normal_model import chance_to_win
from tests import factories
from tests.experiments.services.counted_experiments import concluded
from tests.factories import NOW


def reported(experiment):
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


@pytest.fixture
def counted(running_experiment):
    control, arm = running_experiment.variants.order_by("arm")
    factories.make_rollup(control, visitors=100, clicks=5)
    factories.make_rollup(arm, visitors=100, clicks=11)
    return running_experiment


def test_beliefs_agree_with_quadrature_by_scipy(counted):
    control, arm = stats.beta(6, 96), stats.beta(12, 90)
    expected, _ = integrate.quad(lambda p: arm.pdf(p) * control.cdf(p), 0, 1)
    beliefs = posteriors_of(reported(counted), plan_ended=True)
    assert beliefs[1].chance_of_best == pytest.approx(expected, rel=1e-7)
    assert beliefs[1].against_control.chance_to_win == pytest.approx(expected, rel=1e-7)


def test_beliefs_sum_to_one_and_have_no_comparison_of_the_control(counted):
    beliefs = posteriors_of(reported(counted), plan_ended=True)
    assert sum(belief.chance_of_best for belief in beliefs) == pytest.approx(1)
    assert beliefs[0].against_control is None


def test_beliefs_name_their_prior(counted):
    assert (
        posteriors_of(reported(counted), plan_ended=True)[1].against_control.prior == "beta(1, 1)"
    )


def test_beliefs_are_none_before_every_arm_is_seen(running_experiment):
    assert posteriors_of(reported(running_experiment), plan_ended=True) == ()


def test_flat_prior_waits_for_the_end_of_the_plan(counted):
    for belief in posteriors_of(reported(counted), plan_ended=False):
        assert (belief.chance_of_best, belief.against_control) == (None, None)


@pytest.mark.parametrize(("planned", "is_shown"), [(200, True), (201, False), (None, False)])
def test_report_shows_the_flat_prior_when_the_planned_visitors_have_come(
    counted, planned, is_shown
):
    type(counted).objects.update(planned_visitors=planned)
    belief = concluded(counted).posteriors[1]
    assert (belief.against_control is not None) == is_shown


def test_changed_shares_are_compared_within_phases(running_experiment):
    """The rate fell when the arm's share grew: pooled, the equal arm would seem far worse."""
    factories.make_phases(running_experiment, ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0))
    for phase, counts in enumerate((((9_000, 900), (1_000, 100)), ((5_000, 150), (5_000, 150)))):
        for variant, (visitors, clicks) in zip(
            running_experiment.variants.order_by("arm"), counts, strict=True
        ):
            factories.make_rollup(variant, visitors=visitors, clicks=clicks, phase=phase)
    control, arm = posteriors_of(reported(running_experiment), plan_ended=True)
    assert arm.against_control.chance_to_win == pytest.approx(0.5, abs=0.01)
    assert arm.against_control.model == "normal"
    assert arm.chance_of_best == pytest.approx(0.5, abs=0.02)
    assert control.chance_of_best + arm.chance_of_best == pytest.approx(1)


def first_above(chances):
    """Return whether each run's chance of the arm is ever above 95 %, and where it first is."""
    return (chances > 0.95).any(axis=1), (chances > 0.95).argmax(axis=1)


def daily_lifts(rng, truths, *, days=28, visitors=2_000, rate=0.03):
    """Return the lifts of runs with two arms, and their errors, day by day."""
    n = visitors * np.arange(1, days + 1)
    control = rng.binomial(visitors, rate, (truths.size, days)).cumsum(axis=1) / n
    arm = rng.binomial(visitors, rate * (1 + truths[:, None]), (truths.size, days))
    arm = arm.cumsum(axis=1) / n
    lift = arm / control - 1
    variance = arm * (1 - arm) / n + (1 + lift) ** 2 * control * (1 - control) / n
    return lift, np.sqrt(variance) / control


@pytest.mark.slow
def test_flat_prior_names_a_winner_in_a_null_experiment_too_often_to_be_read_daily():
    rng = np.random.default_rng(20_261_128)
    lift, se = daily_lifts(rng, np.zeros(2_000))
    chances = chance_to_win(lift, se)
    assert first_above(chances)[0].mean() > 0.15
    # At the plan's end it does so in one of twenty.
    assert stats.binomtest(int((chances[:, -1] > 0.95).sum()), 2_000, 0.05).pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("sd", "most"), [(0.03, 0.01), (0.05, 0.05), (0.1, 0.12)])
def test_site_prior_may_be_read_daily(sd, most):
    """Of the arms stopped for a chance above 95 %, no more are worse than the chance says."""
    rng = np.random.default_rng(20_261_128)

    def chances(truths):
        lift, se = daily_lifts(rng, truths)
        weight = sd**2 / (sd**2 + se**2)
        return chance_to_win(weight * lift, np.sqrt(weight) * se)

    assert first_above(chances(np.zeros(2_000)))[0].mean() < most
    truths = rng.normal(0, sd, 8_000)
    promised = chances(truths)
    stopped, day = first_above(promised)
    worse = int((truths[stopped] <= 0).sum())
    said = 1 - promised[stopped, day[stopped]].mean()
    assert stats.binomtest(worse, int(stopped.sum()), said, "greater").pvalue > 0.001
