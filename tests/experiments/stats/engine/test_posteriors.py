import numpy as np
import pytest
from scipy import stats

from experiments.stats.engine.methods import exact_rows
from experiments.stats.engine.posteriors import count_reasons, counts_of, posteriors
from experiments.stats.engine.request import parse_request
from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.undefined_reasons import Reason


def asked(metric="proportion", **options):
    sums = {"sum": 3} if metric == "proportion" else {"sum": 3, "sum_squares": 9.5}
    arms = [{"name": name, "n": 10} | sums for name in "abc"]
    return parse_request({"metric": metric, "arms": arms} | options)


def test_counts_are_those_of_a_proportion():
    assert counts_of(asked()) == [(3.0, 10.0)] * 3
    with pytest.raises(TypeError, match="counts are those of a proportion, not of a mean"):
        counts_of(asked("mean"))


def test_exact_panel_refuses_a_mean():
    with pytest.raises(TypeError, match="not of a mean"):
        exact_rows(asked("mean"))


def test_counts_of_every_pair_are_judged():
    assert count_reasons(asked()) == [Reason.DEFINED, Reason.DEFINED]


@pytest.mark.parametrize(
    ("metric", "options", "model", "prior"),
    [
        ("proportion", {}, "beta-binomial", "beta(1, 1)"),
        ("proportion", {"prior": {"mean": 0, "sd": 0.3}}, "normal", "normal(mean 0, sd 0.3)"),
        ("mean", {}, "normal", "flat"),
    ],
)
def test_the_model_follows_the_metric_and_the_prior(metric, options, model, prior):
    results = posteriors(asked(metric, relative=False, **options))
    assert len(results) == 2
    assert (results[0].model, results[0].chance_to_win) == (model, pytest.approx(0.5))
    scaled = "normal(mean 0, sd 0.09)" if options else prior
    assert results[0].prior == scaled


def test_losses_of_both_models_are_parts_of_the_mean_of_the_control():
    """The effect's integral for beta posteriors; its normal law with a nearly flat prior."""
    arms = [{"name": "a", "n": 10_000, "sum": 500}, {"name": "b", "n": 10_000, "sum": 580}]
    rates = parse_request({"metric": "proportion", "arms": arms})
    wide = parse_request({"metric": "proportion", "arms": arms, "prior": {"mean": 0, "sd": 1e3}})
    (beta,), (normal,) = posteriors(rates), posteriors(wide)
    control, arm = stats.beta(501, 9_501), stats.beta(581, 9_421)
    rate = np.linspace(0.03, 0.08, 20_001)
    # E max(pA - pB, 0) = integral of P(pB < x) P(pA > x).
    loss = np.trapezoid(arm.cdf(rate) * control.sf(rate), rate)
    assert beta.expected_loss == pytest.approx(loss / control.mean(), rel=1e-6)
    assert normal.expected_loss == pytest.approx(beta.expected_loss, rel=0.02)
    assert normal.expected_loss_control == pytest.approx(beta.expected_loss_control, rel=0.01)


def test_loss_of_an_effect_is_in_its_own_unit():
    (result, _) = posteriors(asked("mean", relative=False))
    contrast = contrasts(estimate(asked("mean").statistics))
    sd = contrast.standard_error[0]
    assert result.expected_loss == pytest.approx(sd / np.sqrt(2 * np.pi))
