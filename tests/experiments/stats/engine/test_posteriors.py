import pytest

from experiments.stats.engine.methods import exact_rows
from experiments.stats.engine.posteriors import count_reasons, counts_of, posteriors
from experiments.stats.engine.request import parse_request
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
