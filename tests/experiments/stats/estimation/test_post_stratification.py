import numpy as np
import pytest
from scipy.stats import binomtest, norm

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.lift_intervals import lift_standard_error
from experiments.stats.estimation.post_stratification import stratified_contrasts
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, Ratio
from experiments.stats.estimation.undefined_reasons import Reason

# GrowthBook, packages/stats/tests/frequentist/test_post_strat.py: five strata of two arms, and
# the point estimates and standard errors it expects.
N = np.array([[21.0, 42], [65, 75], [102, 101], [151, 121], [160, 162]])
TOP = {
    "sum": np.array([
        [330.0696210595999, 708.1220000911836], [1391.96628040659, 1807.4703052657744],
        [2916.824124651419, 3104.5399914554023], [5172.587929941052, 4613.696610070716],
        [6539.348445231273, 7431.953259880505],
    ]),
    "squares": np.array([
        [5377.811252605509, 12249.255519049513], [30546.63404187155, 45000.287664918586],
        [86396.06886690554, 98365.40553530994], [182453.04528037464, 180520.64781229294],
        [274981.98909352464, 349244.6690736718],
    ]),
}  # fmt: skip
BOTTOM = {
    "sum": np.array([
        [890.9766550739607, 1745.9858250014954], [2769.8126179473184, 3184.8395612061063],
        [4445.780384331884, 4235.277718489282], [6510.170220892494, 5079.943060454901],
        [6906.305872710853, 6899.004661928157],
    ]),
    "squares": np.array([
        [38220.95223835553, 73194.53424221886], [118719.96077578884, 136710.92474497214],
        [195387.7733842407, 179690.4720421368], [283094.7243365024, 215529.32009367683],
        [300900.3106781779, 296839.44355002965],
    ]),
}  # fmt: skip
PRODUCT = np.array([
    [14263.937571840695, 29826.620793423102], [59924.702385890436, 78119.14871556411],
    [129041.55268673625, 132444.36911739354], [226127.20135744457, 196562.8269130501],
    [286483.9732935189, 321057.8410309036],
])  # fmt: skip
PRE = {
    "covariate_sum": np.array([
        [104.90748970535698, 205.17072061676208], [315.83926510817054, 377.29540367369503],
        [523.2717238353379, 501.0447878972627], [758.3911049329452, 603.9456523430367],
        [823.2824168385916, 832.356528363269],
    ]),
    "covariate_sum_squares": np.array([
        [544.8528083123211, 1040.6742753852225], [1578.8689285910423, 1981.0803020754106],
        [2797.158898626946, 2596.899156698453], [3955.922281372593, 3144.0820997706583],
        [4389.893995072177, 4439.253146704266],
    ]),
    "covariate_product_sum": np.array([
        [1709.8485612477339, 3561.161673449451], [6938.770455871619, 9428.146405105292],
        [15535.162216800189, 15962.754636573465], [26846.415701194885, 23789.82730157116],
        [34727.84795433773, 39332.667494781235],
    ]),
}  # fmt: skip
MEANS = Mean(n=N, sum=TOP["sum"], sum_squares=TOP["squares"])
RATIOS = {
    "n": N,
    "numerator_sum": TOP["sum"],
    "numerator_sum_squares": TOP["squares"],
    "denominator_sum": BOTTOM["sum"],
    "denominator_sum_squares": BOTTOM["squares"],
    "product_sum": PRODUCT,
}


@pytest.mark.parametrize(
    ("statistics", "effect", "error", "lift", "lift_error"),
    [
        (MEANS, 3.548094377986586, 0.37634374823059685, 0.10994584851937336, 0.012225394656480164),
        (
            Ratio(**RATIOS),
            0.10008903417216031,
            0.005071004003792392,
            0.13371299783026003,
            0.007131233706378072,
        ),
    ],
    ids=["mean", "ratio"],
)
def test_post_stratification_matches_growthbook(statistics, effect, error, lift, lift_error):
    contrast = stratified_contrasts(statistics)
    assert contrast.effect[0] == pytest.approx(effect, rel=1e-9)
    assert contrast.standard_error[0] == pytest.approx(error, rel=1e-9)
    assert contrast.lift[0] == pytest.approx(lift, rel=1e-9)
    assert lift_standard_error(contrast)[0] == pytest.approx(lift_error, rel=1e-9)


def test_covariate_within_strata_agrees_with_growthbook():
    contrast = stratified_contrasts(Mean(n=N, sum=TOP["sum"], sum_squares=TOP["squares"], **PRE))
    # GrowthBook uses one theta for all strata, this one each stratum's own.
    assert contrast.effect[0] == pytest.approx(3.7116918650826394, rel=0.01)
    assert contrast.standard_error[0] == pytest.approx(0.07390409644392272, rel=0.1)


def test_covariate_of_a_ratio_within_strata_removes_noise():
    with_covariate = Ratio(
        **RATIOS,
        covariate_sum=BOTTOM["sum"],
        covariate_sum_squares=BOTTOM["squares"],
        covariate_product_sum=PRODUCT,
        covariate_denominator_product_sum=BOTTOM["squares"],
    )
    plain, adjusted = (stratified_contrasts(s) for s in (Ratio(**RATIOS), with_covariate))
    assert adjusted.standard_error[0] < 0.9 * plain.standard_error[0]


def test_one_stratum_is_no_stratification():
    arms = Mean(n=N[4], sum=TOP["sum"][4], sum_squares=TOP["squares"][4])
    one = Mean(n=N[4:], sum=TOP["sum"][4:], sum_squares=TOP["squares"][4:])
    plain, stratified = contrasts(raw_estimates(arms)), stratified_contrasts(one)
    for name in ("effect", "variance", "dof", "base", "base_variance", "base_covariance"):
        assert getattr(stratified, name) == pytest.approx(getattr(plain, name), rel=1e-9)


def test_unbalanced_strata_stop_pretending_an_effect():
    # Two strata with rates 10 % and 50 %, no effect; the arms got different mixes.
    n = np.array([[9000.0, 1000], [1000, 9000]])
    arms = Proportion(n=n, sum=n * np.array([[0.1], [0.5]]))
    assert stratified_contrasts(arms).effect[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "clicks", "reason"),
    [
        ([[0, 10], [10, 10]], [[0, 3], [4, 3]], Reason.EMPTY_STRATUM),
        ([[1, 10], [10, 10]], [[1, 3], [4, 3]], Reason.ONE_VISITOR),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], Reason.NO_VISITORS),
        ([[0, 5], [0, 5]], [[0, 2], [0, 2]], Reason.NO_VISITORS),
        ([[9, 9], [9, 9]], [[0, 0], [0, 0]], Reason.NO_VARIANCE),
        ([[9, 9], [0, 0]], [[3, 4], [0, 0]], Reason.DEFINED),
    ],
    ids=["empty", "one", "nobody", "no control", "constant", "unused stratum"],
)
def test_strata_say_why_a_comparison_is_undefined(n, clicks, reason):
    contrast = stratified_contrasts(
        Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))
    )
    assert contrast.reason.tolist() == [reason]
    assert np.isnan(contrast.variance[0]) == (reason != Reason.DEFINED)


def test_ratio_without_denominator_is_undefined():
    zero = RATIOS | {"denominator_sum": N * 0, "product_sum": N * 0}
    assert stratified_contrasts(Ratio(**zero)).reason.tolist() == [Reason.ZERO_DENOMINATOR]


def test_no_baseline_leaves_the_effect():
    n = np.full((2, 2), 9.0)
    contrast = stratified_contrasts(Proportion(n=n, sum=np.array([[0.0, 3], [0, 4]])))
    assert contrast.effect[0] == pytest.approx(7 / 18)
    assert contrast.lift_reason.tolist() == [Reason.ZERO_CONTROL]


@pytest.mark.parametrize("shape", [(2,), (3, 1)])
def test_strata_and_arms_are_both_needed(shape):
    with pytest.raises(ValueError, match="strata and two arms or more are needed"):
        stratified_contrasts(Proportion(n=np.full(shape, 9.0), sum=np.full(shape, 3.0)))


@pytest.mark.slow
def test_post_stratification_keeps_the_size_and_gains_power():
    rng = np.random.default_rng(21)
    runs, strata = 4_000, np.array([0.7, 0.3])
    n = rng.multinomial(1_000, strata, (runs, 2)).swapaxes(1, 2).astype(float)
    clicks = rng.binomial(n.astype(int), np.array([0.05, 0.6])[:, None]).astype(float)
    arms = Proportion(n=n, sum=clicks)
    contrast = stratified_contrasts(arms)
    alarms = int((2 * norm.sf(np.abs(contrast.effect / contrast.standard_error)) < 0.05).sum())
    assert binomtest(alarms, runs, 0.05).pvalue > 0.001
    plain = contrasts(raw_estimates(Proportion(n=n.sum(axis=1), sum=clicks.sum(axis=1))))
    assert contrast.variance.mean() < 0.65 * plain.variance.mean()
