"""Code of the notebook's cells that compute what holds at one look; its tests run it."""

IMPORTS = """
try:
    import json

    import numpy as np
    import pandas as pd
    from scipy import integrate, optimize, special, stats
    from statsmodels.stats.oneway import anova_generic
    from statsmodels.stats.proportion import (
        confint_proportions_2indep,
        proportion_confint,
        proportions_ztest,
    )
except ImportError as error:
    raise SystemExit(NEEDED + str(error)) from None
np.seterr(all="ignore")
"""

SUMS = """
alpha, plan = report["alpha"], report["plan"]
arms = pd.DataFrame(report["arms"]).set_index("key")
keys = arms.index.tolist()


def until_each_day(table, shape):
    # Sums until the end of each day, of shape (days, phases of equal shares, arms).
    new = pd.DataFrame(table["rows"], columns=table["columns"])
    sums = {}
    for name in table["columns"][3:]:
        field = np.zeros(shape)
        np.add.at(field, (new["day"].astype(int), new["phase"], new["arm"]), new[name])
        sums[name] = field.cumsum(axis=0)
    return sums


sums, has_sums = None, bool(report["sums"] and report["sums"]["rows"])
if has_sums:
    shares = np.array(plan["shares"])
    sums = until_each_day(report["sums"], (len(report["looks"]), *shares.shape))
else:
    print(NOTHING)
pd.DataFrame(report["sums"]["rows"], columns=report["sums"]["columns"]) if has_sums else None
"""

RATES = """
if arms["successes"].notna().all() and (arms["visitors"] > 0).all():
    arms["recomputed"] = arms["successes"] / arms["visitors"]
    arms["low"], arms["high"] = proportion_confint(
        arms["successes"].astype(float), arms["visitors"], alpha=alpha, method="wilson"
    )
elif has_sums and arms["rate"].notna().all():
    is_ratio = report["kind"] == "ratio"
    top, bottom = ("numerator_sum", "denominator_sum") if is_ratio else ("sum", "n")
    totals = {name: np.array(values) for name, values in report["totals"].items()}
    arms["recomputed"] = totals[top] / totals[bottom]
arms
"""

CONTRASTS = """
def columns_of(sums, kind):
    # Visitors, outcome, its square, past, its square, and outcome times past; a rate is its square.
    past = [sums.get(f"covariate_{name}") for name in ("sum", "sum_squares", "product_sum")]
    return [sums["n"], sums["sum"], sums["sum" if kind == "rate" else "sum_squares"], *past]


def ratio_and_size(sums):
    bottom = sums["denominator_sum"]
    return sums["numerator_sum"] / bottom, bottom / sums["n"]


def linear(sums, ratio, size):
    # The linear function of a ratio's sums that has the same noise, as the sums of a mean.
    top, bottom = sums["numerator_sum"], sums["denominator_sum"]
    squares = sums["numerator_sum_squares"] - 2 * ratio * sums["product_sum"]
    made = {
        "n": sums["n"],
        "sum": (top - ratio * bottom) / size,
        "sum_squares": (squares + ratio**2 * sums["denominator_sum_squares"]) / size**2,
    }
    if "covariate_sum" in sums:
        crossed = sums["covariate_denominator_product_sum"]
        made |= {name: sums[name] for name in ("covariate_sum", "covariate_sum_squares")}
        made["covariate_product_sum"] = (sums["covariate_product_sum"] - ratio * crossed) / size
    return made


def deviations(n, first, second, product):
    return product - first * second / n


def over_one_phase(sums, kind, index):
    # Means and their variances; with a past (CUPED), what it predicts is taken off.
    parts, offset = sums, 0.0
    everybody = {name: values.sum(keepdims=True) for name, values in sums.items()}
    if kind == "ratio":
        offset, size = ratio_and_size(sums)
        parts, everybody = linear(sums, offset, size), linear(everybody, *ratio_and_size(everybody))
    n, y, yy, x, xx, xy = columns_of(parts, kind)
    freedom = n if kind == "rate" else n - 1
    raw = y / n + offset
    raw_variance = deviations(n, y, y, yy) / freedom / n
    mean, variance, shared = raw, raw_variance, raw_variance
    if x is not None:
        all_n, all_y, _, all_x, all_xx, all_xy = columns_of(everybody, kind)
        theta = deviations(all_n, all_x, all_y, all_xy) / deviations(all_n, all_x, all_x, all_xx)
        covariance = deviations(n, x, y, xy) / freedom / n
        spread = deviations(n, x, x, xx) / freedom / n
        mean = raw - theta * (x / n - all_x / all_n)
        variance = raw_variance - 2 * theta * covariance + theta**2 * spread
        shared = raw_variance - theta * covariance
    pair = [0, index]
    total = variance[pair].sum()
    return {
        "effect": mean[index] - mean[0],
        "variance": total,
        "dof": total**2 / (variance[pair] ** 2 / (n[pair] - 1)).sum(),
        "base": abs(raw[0]),
        "base_variance": raw_variance[0],
        "base_covariance": -np.sign(raw[0]) * shared[0],
    }


def over_phases(sums, kind, index, scale, null_part):
    # Mantel and Haenszel: the differences within phases, weighted by n0 n1 / (n0 + n1).
    pair = {name: values[:, [0, index]] for name, values in sums.items()}
    n, offset = pair["n"], np.zeros(2)
    h = n.prod(axis=1) / np.maximum(n.sum(axis=1), 1) * scale
    weight = (h / h.sum())[:, None]
    count = np.maximum(n, 1)
    if kind == "ratio":
        size = (weight * pair["denominator_sum"] / count).sum(axis=0)
        offset = (weight * pair["numerator_sum"] / count).sum(axis=0) / size
        pair = linear(pair, offset, size)
    cells = columns_of(pair, "rate" if kind == "rate" else "mean")
    x = cells[3]
    theta = 0.0
    if x is not None:
        n, y, _, x, xx, xy = cells
        of_pairs = deviations(n, x, y, xy), deviations(n, x, x, xx)
        theta = np.nansum(of_pairs[0]) / np.nansum(of_pairs[1])

    def variances(n, y, yy, x, xx, xy):
        freedom = np.where(n > 1, n * (n - 1), np.inf)
        raw = deviations(n, y, y, yy) / freedom
        if x is None:
            return [np.nan_to_num(raw)] * 3
        covariance = deviations(n, x, y, xy) / freedom
        spread = deviations(n, x, x, xx) / freedom
        adjusted = raw - 2 * theta * covariance + theta**2 * spread
        return [np.nan_to_num(one) for one in (adjusted, raw, raw - theta * covariance)]

    both = [None if one is None else one.sum(axis=1, keepdims=True) for one in cells]
    joined = [one * both[0] / count for one in variances(*both)]
    part = np.where((n <= 1).any(axis=1, keepdims=True), 1.0, null_part)
    own = variances(*cells)
    variance, raw_variance, shared = (part * j + (1 - part) * o for j, o in zip(joined, own))
    raw = np.nan_to_num(cells[1] / n)
    mean = raw if x is None else raw - theta * np.nan_to_num(x / n - both[3] / both[0])
    terms = weight**2 * variance
    means, base = (weight * mean).sum(axis=0) + offset, (weight * raw).sum(axis=0)[0] + offset[0]
    return {
        "effect": means[1] - means[0],
        "variance": terms.sum(),
        "dof": terms.sum() ** 2 / (terms**2 / np.maximum(n - 1, 1)).sum(),
        "base": abs(base),
        "base_variance": (weight**2 * raw_variance).sum(axis=0)[0],
        "base_covariance": -np.sign(base) * (weight**2 * shared).sum(axis=0)[0],
    }


def contrast(sums, kind, index, scale=1.0, null_part=0.0):
    # Arm `index` against the first; sums of shape (phases, arms).
    if len(sums["n"]) == 1 and not null_part:
        return over_one_phase({name: values[0] for name, values in sums.items()}, kind, index)
    return over_phases(sums, kind, index, scale, null_part)


def ends(c, k):
    # Intervals of the effect and of the lift (Fieller), k standard errors wide.
    base = c["base"]
    lift, v = c["effect"] / base, c["variance"] / base**2
    w, shared = c["base_variance"] / base**2, c["base_covariance"] / base**2
    lead, middle = 1 - k**2 * w, lift - k**2 * shared
    root = np.sqrt(np.maximum(middle**2 - lead * (lift**2 - k**2 * v), 0))
    width = k * np.sqrt(c["variance"])
    bounds = {"effect_low": c["effect"] - width, "effect_high": c["effect"] + width}
    bounded = lead > 0
    bounds["lift_low"] = (middle - root) / lead if bounded else np.nan
    bounds["lift_high"] = (middle + root) / lead if bounded else np.nan
    return bounds
"""

ADJUSTMENT = """
NODES, WEIGHTS = special.roots_legendre(400)
MOST_LOADING = 0.999


def loadings_of(visitors):
    # Root of the control's part in the variance of each comparison.
    part = visitors[1:] / np.maximum(visitors[:1] + visitors[1:], 1)
    return np.sqrt(np.minimum(part, MOST_LOADING))


def exceeds(bound, loadings):
    # P(max |Z| > bound), where all arms share the control (Dunnett).
    single = 2 * stats.norm.sf(bound)
    several = min(single * len(loadings), 1)
    if several < 1e-9 or len(loadings) == 1:
        return several
    x = 9 * NODES[:, None]
    rest = np.sqrt(1 - loadings**2)
    high, low = ((sign * bound - loadings * x) / rest for sign in (1, -1))
    inside = (stats.norm.cdf(high) - stats.norm.cdf(low)).prod(axis=1)
    return np.clip(1 - 9 * WEIGHTS @ (inside * stats.norm.pdf(9 * NODES)), single, several)


def adjust(p_values, loadings):
    # Step by step from the smallest (Dunnett, Tamhane); an unknown one counts in the family.
    known = np.nan_to_num(p_values, nan=1.0)
    adjusted, largest = np.empty(len(known)), 0.0
    order = np.argsort(known, kind="stable")
    for rank, arm in enumerate(order):
        p, left = known[arm], order[rank:]
        if len(left) > 1:
            p = max(p, exceeds(stats.norm.isf(max(p, 1e-300) / 2), loadings[left]))
        largest = max(largest, p)
        adjusted[arm] = largest
    return np.where(np.isnan(p_values), np.nan, adjusted)


def level(loadings):
    # Error rate of one interval, so that those of all arms hold together.
    if len(loadings) == 1:
        return alpha
    tails = alpha / 2 * 1.000001, alpha / 2 / len(loadings) * 0.999999
    bound = optimize.brentq(lambda c: exceeds(c, loadings) - alpha, *stats.norm.isf(tails))
    return 2 * stats.norm.sf(bound)


def levels_of(p_values, loadings):
    # Those at which intervals agree with the adjusted p-values.
    adjusted, known = adjust(p_values, loadings), np.nan_to_num(p_values, nan=1.0)
    levels = np.full(len(known), level(loadings))
    order = np.argsort(known, kind="stable")
    for rank, arm in enumerate(order):
        if adjusted[arm] <= alpha and known[arm] > levels[arm]:
            levels[arm] = level(loadings[order[rank:]])
    return levels
"""

ONE_LOOK = """
def score_statistic(difference, clicks, n, clicks0, n0):
    # Of the hypothesis of a difference, at the likeliest rates under it (Mee): where the slope
    # (clicks - n p) / (p (1 - p)) of one arm is that of the other with the sign changed.
    d = difference
    slope = np.polymul([-n, clicks - n * d], [-1, 1, 0])
    slope = np.polyadd(slope, np.polymul([-n0, clicks0], np.polymul([1, d], [-1, 1 - d])))
    roots = np.roots(slope).real
    rates = np.clip(roots, max(0, -d), min(1, 1 - d))
    likely = special.xlogy(clicks, np.clip(rates + d, 0, 1)) + special.xlogy(clicks0, rates)
    likely += special.xlogy(n - clicks, np.clip(1 - rates - d, 0, 1))
    likely += special.xlogy(n0 - clicks0, 1 - rates)
    p0 = rates[np.argmax(likely)]
    p1 = p0 + d
    variance = p1 * (1 - p1) / n + p0 * (1 - p0) / n0
    # Where nothing varies any distance is far.
    return np.clip((clicks / n - clicks0 / n0 - d) / np.sqrt(max(variance, 1e-30)), -1e6, 1e6)


def score_ends(sums, index, error):
    # Differences and lifts that the z-test with pooled variance does not reject.
    (clicks, n), (clicks0, n0) = ((sums["sum"][0, arm], sums["n"][0, arm]) for arm in (index, 0))
    bounds = dict.fromkeys(("effect_low", "effect_high", "lift_low", "lift_high"), np.nan)
    if min(n, n0) < 2 or not 0 < clicks + clicks0 < n + n0:
        return bounds
    pair, z = (clicks, n, clicks0, n0), stats.norm.isf(error / 2)
    seen = clicks / n - clicks0 / n0
    for side, far, sign in (("low", -1 + 1e-9, 1), ("high", 1 - 1e-9, -1)):
        bounds[f"effect_{side}"] = optimize.brentq(
            lambda d: score_statistic(d, *pair) - sign * z, *sorted((far, seen)), xtol=1e-13
        )
    lifts = confint_proportions_2indep(
        *pair, method="score", compare="ratio", alpha=error, correction=False
    )
    return bounds | {"lift_low": lifts[0] - 1, "lift_high": lifts[1] - 1}


def at_one_look(sums, kind, only=None):
    # Every arm, or the only one of interest, against the control; the z-test of one phase's rates,
    # or else Welch's t-test.
    others = [only] if only else range(1, sums["n"].shape[1])
    is_plain = kind == "rate" and len(sums["n"]) == 1 and "covariate_sum" not in sums
    found = [contrast(sums, kind, index) for index in others]
    for index, c in zip(others, found):
        if is_plain:
            pair = [index, 0]
            c["p_value"] = proportions_ztest(sums["sum"][0, pair], sums["n"][0, pair])[1]
        else:
            c["p_value"] = 2 * stats.t.sf(abs(c["effect"]) / np.sqrt(c["variance"]), c["dof"])
        c["lift"] = c["effect"] / c["base"]
    p_values = np.array([c["p_value"] for c in found], dtype=float)
    loadings = loadings_of(sums["n"].sum(axis=0)[[0, *others]])
    errors = levels_of(p_values, loadings)
    adjusted = adjust(p_values, loadings)
    rows = []
    for index, c, error, p in zip(others, found, errors, adjusted):
        width = stats.t.isf(error / 2, c["dof"])
        bounds = score_ends(sums, index, error) if is_plain else ends(c, width)
        figures = {name: c[name] for name in ("effect", "lift", "p_value")}
        rows.append(figures | bounds | {"p_value_adjusted": p})
    return pd.DataFrame(rows)


def without_past(sums):
    return {name: values for name, values in sums.items() if not name.startswith("covariate")}


def last(sums):
    return {name: values[-1] for name, values in sums.items()}


computed = {}
if has_sums:
    computed["fixed"] = at_one_look(last(sums), report["kind"]).set_index(arms.index[1:])
    if plan["is_adjusted"] and not plan["is_sequential"]:
        computed["unadjusted"] = at_one_look(without_past(last(sums)), report["kind"])
        computed["unadjusted"].index = arms.index[1:]
computed.get("fixed")
"""

CUMULATIVE = """
days = pd.DataFrame(report["days"], columns=["day", "arm", "visitors", "clicks"])
until = days.pivot_table(index="day", columns="arm", values=["visitors", "clicks"], aggfunc="sum")
until = until.fillna(0).cumsum()
until["clicks"] / until["visitors"] if len(until) else until
"""

VIEW = """
view, view_computed = report["view"], {}
if view["sums"]:
    view_days = 1 + max(row[0] for row in view["sums"]["rows"])
    view_sums = until_each_day(view["sums"], (view_days, *view["shape"]))
    view_last, view_kind = last(view_sums), view["kind"]
    view_computed = at_one_look(view_last, view_kind, only=1).iloc[0].to_dict()
    del view_computed["p_value_adjusted"]
    raw = ("numerator_sum", "denominator_sum") if view_kind == "ratio" else ("sum", "n")
    means = view_last[raw[0]].sum(axis=0) / view_last[raw[1]].sum(axis=0)
    for arm, n, mean in zip(view["arms"], view_last["n"].sum(axis=0), means):
        assert arm["visitors"] == n and np.isclose(arm["mean"], mean, rtol=1e-9), arm["key"]
    for name, value in view_computed.items():
        theirs = view["fixed"].get(name)
        if name.endswith(("_low", "_high")):
            interval = view["fixed"][f"{name.split('_')[0]}_interval"]
            theirs = interval and interval[name.endswith("_high")]
        assert theirs is None or np.isclose(theirs, value, rtol=1e-6, atol=1e-9), name
pd.DataFrame({reading: view[reading] for reading in ("fixed", "sequential") if view[reading]})
"""
