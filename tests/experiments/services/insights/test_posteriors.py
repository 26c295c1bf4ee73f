import pytest
from scipy import integrate, stats

from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.insights.posteriors import posteriors_of
from tests import factories
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
    beliefs = posteriors_of(reported(counted))
    assert beliefs[1].chance_of_best == pytest.approx(expected, rel=1e-7)
    assert beliefs[1].against_control.chance_to_win == pytest.approx(expected, rel=1e-7)


def test_beliefs_sum_to_one_and_have_no_comparison_of_the_control(counted):
    beliefs = posteriors_of(reported(counted))
    assert sum(belief.chance_of_best for belief in beliefs) == pytest.approx(1)
    assert beliefs[0].against_control is None


def test_beliefs_name_their_prior(counted):
    assert posteriors_of(reported(counted))[1].against_control.prior == "beta(1, 1)"


def test_beliefs_are_none_before_every_arm_is_seen(running_experiment):
    assert posteriors_of(reported(running_experiment)) == ()
