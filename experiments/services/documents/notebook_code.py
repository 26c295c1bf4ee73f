"""Code of the notebook's cells; its tests run it."""

IMPORTS = """
import json

import numpy as np
import pandas as pd
from scipy import integrate, stats
from statsmodels.stats.proportion import proportion_confint, proportions_ztest
"""

RATES = """
arms = pd.DataFrame(report["arms"]).set_index("key")
if arms["successes"].notna().all() and (arms["visitors"] > 0).all():
    arms["recomputed"] = arms["successes"] / arms["visitors"]
    arms["low"], arms["high"] = proportion_confint(
        arms["successes"].astype(float), arms["visitors"], alpha=report["alpha"], method="wilson"
    )
arms
"""

COMPARISONS = """
def mean_and_variance(sums, kind):
    # Mean of each arm and the variance of that mean; of a ratio by the delta method.
    n = sums["n"]
    if kind == "ratio":
        ratio = sums["numerator_sum"] / sums["denominator_sum"]
        squares = (
            sums["numerator_sum_squares"]
            - 2 * ratio * sums["product_sum"]
            + ratio**2 * sums["denominator_sum_squares"]
        )
        spread = squares / (n - 1)
        return ratio, spread / n / (sums["denominator_sum"] / n) ** 2
    mean = sums["sum"] / n
    if kind == "rate":
        return mean, mean * (1 - mean) / n
    return mean, (sums["sum_squares"] - n * mean**2) / (n - 1) / n


def past_moments(sums, kind):
    # Sums of products of deviations: outcome with past, past with past. The outcome of a ratio
    # is the linear function of its sums that has the same noise.
    outcome, product = sums.get("sum"), sums["covariate_product_sum"]
    if kind == "ratio":
        ratio = sums["numerator_sum"] / sums["denominator_sum"]
        size = sums["denominator_sum"] / sums["n"]
        outcome = (sums["numerator_sum"] - ratio * sums["denominator_sum"]) / size
        product = (product - ratio * sums["covariate_denominator_product_sum"]) / size
    past = sums["covariate_sum"]
    return product - past * outcome / sums["n"], (
        sums["covariate_sum_squares"] - past**2 / sums["n"]
    )


def adjusted(sums, kind):
    # CUPED: what the past of all visitors together predicts of the outcome is taken off.
    mean, variance = mean_and_variance(sums, kind)
    if "covariate_sum" not in sums:
        return mean, variance
    n, everybody = sums["n"], sums.sum()
    covariance, spread = past_moments(everybody, kind)
    theta = covariance / spread
    covariance, spread = past_moments(sums, kind)
    freedom = n if kind == "rate" else n - 1
    shift = sums["covariate_sum"] / n - everybody["covariate_sum"] / everybody["n"]
    variance = variance - (2 * theta * covariance - theta**2 * spread) / freedom / n
    return mean - theta * shift, variance


def compare(sums, kind, index):
    # Arm `index` against the first; Welch's t-test unless the metric is a rate without a past.
    mean, variance = adjusted(sums, kind)
    effect = mean[index] - mean[0]
    pair = [index, 0]
    if kind == "rate" and "covariate_sum" not in sums:
        p = proportions_ztest(sums["sum"][pair].to_numpy(), sums["n"][pair].to_numpy())[1]
    else:
        se = np.sqrt(variance[index] + variance[0])
        parts = variance[pair] ** 2 / (sums["n"][pair] - 1)
        p = 2 * stats.t.sf(abs(effect) / se, df=se**4 / parts.sum())
    base = mean_and_variance(sums, kind)[0][0]
    return {"effect": effect, "lift": effect / base, "p_value": p}


if report["sums"]:
    sums = pd.DataFrame(report["sums"])
    computed = pd.DataFrame(
        [compare(sums, report["kind"], index) for index in sums.index[1:]], index=arms.index[1:]
    )
else:
    computed = pd.DataFrame(index=arms.index[1:])
computed
"""

ADJUSTED = """
def exceeds(bound, loadings):
    # P(max |Z| > bound), where all arms share the control.
    rest = np.sqrt(1 - loadings**2)

    def inside(x):
        high = stats.norm.cdf((bound - loadings * x) / rest)
        low = stats.norm.cdf((-bound - loadings * x) / rest)
        return stats.norm.pdf(x) * np.prod(high - low)

    return 1 - integrate.quad(inside, -9, 9, epsabs=1e-13, limit=400)[0]


def adjust(p_values, n):
    loadings = np.sqrt(n[1:] / (n[0] + n[1:]))
    adjusted, largest = np.empty(len(p_values)), 0.0
    order = np.argsort(p_values)
    for rank, arm in enumerate(order):
        bound = stats.norm.isf(p_values[arm] / 2)
        left = order[rank:]
        p = p_values[arm] if len(left) == 1 else exceeds(bound, loadings[left])
        largest = max(largest, p)
        adjusted[arm] = largest
    return adjusted


if report["sums"]:
    computed["p_value_adjusted"] = adjust(computed["p_value"].to_numpy(), sums["n"].to_numpy())
computed
"""

CUMULATIVE = """
days = pd.DataFrame(report["days"], columns=["day", "arm", "visitors", "clicks"])
until = days.pivot_table(index="day", columns="arm", values=["visitors", "clicks"], aggfunc="sum")
until = until.fillna(0).cumsum()
until["clicks"] / until["visitors"] if len(until) else until
"""

VIEW = """
view = report["view"]
by_day = pd.DataFrame(view["days"])
if len(by_day):
    view_sums = by_day.drop(columns="day").groupby("arm", sort=False).sum()
    names = view_sums.index[:2].tolist()
    view_sums = view_sums.reset_index(drop=True)
    means = mean_and_variance(view_sums, view["kind"])[0]
    view_computed = compare(view_sums, view["kind"], 1)
    assert names == [view["against"], view["arm"]]
    for arm, n, mean in zip(view["arms"], view_sums["n"], means):
        assert arm["visitors"] == n and np.isclose(arm["mean"], mean, rtol=1e-9), arm["key"]
    for name, value in view_computed.items():
        assert np.isclose(view["fixed"][name], value, rtol=1e-6, atol=1e-9), name
pd.DataFrame({reading: view[reading] for reading in ("fixed", "sequential") if view[reading]})
"""

CHECK = """
reported = pd.DataFrame(report["reported"])
if len(reported):
    reported = reported.set_index("arm")
# Below this the integral's own error is larger than the p-value.
SMALLEST = 1e-9
differences = []
for name in computed.columns:
    ours = computed[name].astype(float)
    theirs = reported[name].astype(float)
    is_same = np.isclose(ours, theirs, rtol=1e-6, atol=SMALLEST, equal_nan=True)
    differences += [f"{name} of {arm}" for arm in computed.index[~is_same]]
if "recomputed" in arms:
    for arm, row in arms.iterrows():
        ours, theirs = [row["recomputed"], row["low"], row["high"]], [row["rate"], *row["interval"]]
        if not np.allclose(ours, theirs, rtol=1e-9, atol=1e-12):
            differences.append(f"rate of {arm}")
assert not differences, differences
reported
"""
