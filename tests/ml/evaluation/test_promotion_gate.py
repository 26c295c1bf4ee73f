import numpy as np
import pytest

from ml.dataset.pairs import pair_arms
from ml.evaluation.metrics import Predictions, group_sums
from ml.evaluation.promotion_gate import Candidate, decide
from ml.scoring.calibration import fit_slope
from tests.ml.factories import arms_of


def candidates(*truths, n_groups=1500, seed=1, boldness=1.0):
    """No text, then one candidate for each true slope of the winner on its own scores.

    The log-odds of the winner are the sum of slope times score difference. Each candidate is
    calibrated on its own scores; the last one's log-odds are then multiplied by `boldness`.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(len(truths), 2 * n_groups))
    gap = scores[:, ::2] - scores[:, 1::2]
    won = rng.random(n_groups) < 1 / (1 + np.exp(-np.array(truths) @ gap))
    clicks = np.where(np.stack([won, ~won], axis=1).ravel(), 60, 40)
    arms = arms_of(np.repeat(np.arange(n_groups), 2), np.full(2 * n_groups, 1000), clicks)
    logits = [gap * fit_slope(gap, won) for gap in gap]
    logits[-1] *= boldness
    return [
        Candidate(
            name=name,
            is_transfer=name == "c1",
            sums=group_sums(
                Predictions(arms=arms, pairs=pair_arms(arms), scores=score, logit=logit)
            ),
        )
        for name, score, logit in zip(
            ["no_text", "c0", "c1"],
            [np.zeros(2 * n_groups), *scores],
            [np.zeros(n_groups), *logits],
            strict=False,
        )
    ]


def test_most_complex_candidate_that_beats_all_simpler_ones_is_served():
    decision = decide(candidates(0.4, 1.0), seed=1)
    assert decision.served == "c1"
    assert [verdict.passed for verdict in decision.verdicts] == [True, True]
    assert [each.against for each in decision.verdicts[1].comparisons] == ["no_text", "c0"]


def test_simpler_candidate_is_served_when_the_complex_one_does_not_beat_it():
    decision = decide(candidates(1.0, 0.4), seed=1)
    assert decision.served == "c0"
    worse = decision.verdicts[1]
    assert not worse.passed
    assert worse.comparisons[0].reasons == ()
    assert worse.comparisons[1].reasons == ("log_loss_not_better",)
    assert worse.negative_transfer == "detected"


def test_nothing_is_served_when_nothing_beats_no_text():
    decision = decide(candidates(0.0, 0.0), seed=1)
    assert decision.served is None
    assert [verdict.passed for verdict in decision.verdicts] == [False, False]


def test_worse_within_the_interval_is_only_suspected():
    decision = decide(candidates(0.6, 0.5, n_groups=100, seed=4), seed=1)
    plain, transfer = decision.verdicts
    gain = transfer.comparisons[1].gain
    assert gain.value < 0 < gain.high
    assert transfer.negative_transfer == "suspected"
    assert plain.negative_transfer == "none"


def test_only_a_pretrained_candidate_can_show_negative_transfer():
    decision = decide(candidates(0.0, boldness=50.0), seed=1)
    (plain,) = decision.verdicts
    assert plain.comparisons[0].gain.high < 0
    assert plain.negative_transfer == "none"


def test_better_ranking_with_wrong_probabilities_is_refused():
    # Ranks best of all, but is far too sure of it.
    decision = decide(candidates(0.3, 1.0, boldness=2.0), seed=1)
    against_no_text = decision.verdicts[1].comparisons[0]
    assert against_no_text.reasons == ("calibration_worse",)
    assert decision.served == "c0"


def test_gain_is_the_difference_of_log_losses():
    made = candidates(0.4, 1.0)
    gain = decide(made, seed=1).verdicts[1].comparisons[1].gain
    losses = [each.sums["loss"].sum() / each.sums["pairs"].sum() for each in made]
    assert gain.value == pytest.approx(losses[1] - losses[2])
    assert gain.low < gain.value < gain.high


def test_decision_follows_the_seed():
    made = candidates(0.4, 1.0)
    assert decide(made, seed=3) == decide(made, seed=3)


def test_pairs_that_are_all_ties_promote_nothing():
    arms = arms_of([0, 0], [100, 100], [5, 5])
    sums = group_sums(
        Predictions(
            arms=arms, pairs=pair_arms(arms), scores=np.array([0.0, 1.0]), logit=np.array([])
        )
    )
    made = [Candidate(name=name, is_transfer=False, sums=sums) for name in ("no_text", "c0")]
    decision = decide(made, seed=1)
    assert decision.served is None
    assert decision.verdicts[0].comparisons[0].gain.value is None


@pytest.mark.slow
def test_useless_candidate_passes_at_most_once_in_twenty():
    served = [
        decide(candidates(0.0, n_groups=150, seed=seed), seed=seed).served for seed in range(200)
    ]
    assert sum(name is not None for name in served) <= 10


@pytest.mark.slow
def test_calibrated_candidate_is_rarely_stopped_by_the_noise_of_its_calibration_error():
    verdicts = [
        decide(candidates(0.8, n_groups=200, seed=seed), seed=seed).verdicts[0]
        for seed in range(100)
    ]
    stopped = sum("calibration_worse" in verdict.comparisons[0].reasons for verdict in verdicts)
    assert stopped <= 10
