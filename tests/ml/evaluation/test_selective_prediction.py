import numpy as np
import pytest

from ml.dataset.pairs import pair_arms
from ml.evaluation.metrics import Predictions
from ml.evaluation.selective_prediction import COVERAGES, measure_risk
from ml.scoring.calibration import fit_calibration
from tests.ml.factories import arms_of


def predictions(slope, *, n_groups=400, spread=0.3, visitors=4_000, seed=1):
    """Pairs whose score says the truth but for noise; `slope` 0 = it says nothing."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), 2)
    true = rng.normal(0, spread, size=len(group))
    clicks = rng.binomial(visitors, 0.05 * np.exp(true))
    arms = arms_of(group, np.full(len(group), visitors), clicks)
    pairs = pair_arms(arms)
    scores = slope * true + rng.normal(0, 0.2, size=len(group))
    difference = scores[pairs.first] - scores[pairs.second]
    calibration = fit_calibration(difference, arms, pairs)
    said = Predictions(arms=arms, pairs=pairs, scores=scores, logit=calibration.slope * difference)
    return said, calibration


def test_surer_pairs_are_right_more_often():
    risk = measure_risk(*predictions(1.0), rng=np.random.default_rng(1))
    accuracy = [point.accuracy.value for point in risk.curve]
    assert [point.coverage for point in risk.curve] == list(COVERAGES)
    assert accuracy[0] > 0.95 > accuracy[-1] > 0.7
    assert np.all(np.diff([point.chance for point in risk.curve]) <= 0)


def test_whole_curve_ends_at_the_plain_accuracy():
    said, calibration = predictions(1.0)
    risk = measure_risk(said, calibration, rng=np.random.default_rng(1))
    difference = said.scores[said.pairs.first] - said.scores[said.pairs.second]
    expected = np.mean((difference > 0) == said.pairs.first_won)
    assert risk.curve[-1].accuracy.value == pytest.approx(expected)


def test_score_that_says_nothing_is_a_toss_up_throughout():
    risk = measure_risk(*predictions(0.0), rng=np.random.default_rng(1))
    assert risk.curve[0].accuracy.low < 0.6
    useful = measure_risk(*predictions(1.0), rng=np.random.default_rng(1))
    assert risk.toss_up >= 0.5
    assert useful.toss_up < useful.curve[4].chance


@pytest.mark.parametrize("spread", [0.1, 0.4])
def test_prediction_interval_covers_what_was_measured(spread):
    risk = measure_risk(*predictions(1.0, spread=spread), rng=np.random.default_rng(1))
    assert risk.interval_coverage.low < 0.95 < risk.interval_coverage.high + 0.01


def test_noise_beyond_binomial_widens_what_is_covered():
    said, calibration = predictions(1.0)
    plain, wide = (
        measure_risk(said, calibration, rng=np.random.default_rng(1), dispersion=dispersion)
        for dispersion in (1.0, 3.0)
    )
    assert wide.interval_coverage.value > plain.interval_coverage.value


def test_no_pair_is_refused():
    arms = arms_of([0, 0], [10, 10], [1, 1])
    said = Predictions(arms=arms, pairs=pair_arms(arms), scores=np.zeros(2), logit=np.empty(0))
    with pytest.raises(ValueError, match="there is no pair"):
        measure_risk(said, predictions(1.0)[1], rng=np.random.default_rng(1))
