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
def mean_and_variance(sums):
    # Mean of each arm and the variance of that mean; of a ratio by the delta method.
    n = sums["n"]
    if report["kind"] == "ratio":
        ratio = sums["numerator_sum"] / sums["denominator_sum"]
        squares = (
            sums["numerator_sum_squares"]
            - 2 * ratio * sums["product_sum"]
            + ratio**2 * sums["denominator_sum_squares"]
        )
        spread = squares / (n - 1)
        return ratio, spread / n / (sums["denominator_sum"] / n) ** 2
    mean = sums["sum"] / n
    squares = sums["sum"] if report["kind"] == "rate" else sums["sum_squares"]
    return mean, (squares - n * mean**2) / (n - 1) / n


def compare(index):
    # Arm `index` against the control; Welch's t-test unless the metric is a rate.
    mean, variance = mean_and_variance(sums)
    effect = mean[index] - mean[0]
    if report["kind"] == "rate":
        pair = [index, 0]
        p = proportions_ztest(sums["sum"][pair].to_numpy(), sums["n"][pair].to_numpy())[1]
    else:
        se = np.sqrt(variance[index] + variance[0])
        parts = variance[[index, 0]] ** 2 / (sums["n"][[index, 0]] - 1)
        p = 2 * stats.t.sf(abs(effect) / se, df=se**4 / parts.sum())
    return {"effect": effect, "lift": effect / mean[0], "p_value": p}


if report["sums"]:
    sums = pd.DataFrame(report["sums"])
    computed = pd.DataFrame([compare(index) for index in sums.index[1:]], index=arms.index[1:])
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
