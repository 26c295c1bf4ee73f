"""Code of the notebook's cells that compute what holds at every look."""

BOUNDARY = """
# Parts of alpha: on the plan's rising line, at its end, after it (docs/statistics.md).
IN_PLAN, AT_END, AFTER, MIXTURE_VISITORS = 0.63, 0.27, 0.10, 5_000
RUNNING, END, PAST = 0, 1, 2
# Part of a click rate's error that pays for the exact early looks.
RESERVE = 0.02 if report["kind"] == "rate" else 0.0
MOST = 37.0


def mixture_precision(error):
    return -2 * np.log(error) + np.log(1 - 2 * np.log(error))


def mixture_p(z, time, error):
    x = time * mixture_precision(error)
    return min(1, np.exp(0.5 * np.log1p(x) - x / (x + 1) * z**2 / 2))


def mixture_width(time, level, error):
    x = time * mixture_precision(error)
    return np.sqrt(2 * (x + 1) / x * (0.5 * np.log1p(x) - np.log(level)))


def spent_on_line(start):
    # Twice the chance that a Brownian motion reaches start + t / 2 until t = 1.
    return 2 * (stats.norm.sf(start + 0.5) + np.exp(-start) * stats.norm.sf(start - 0.5))


def line_p(start):
    return spent_on_line(start) / (IN_PLAN * (1 - RESERVE)) if start > 0 else 1.0


def line_start(level):
    target = level * IN_PLAN * (1 - RESERVE)
    return optimize.brentq(lambda start: spent_on_line(start) - target, 0, MOST, xtol=1e-13)


def spent_at_end(edge, start, time):
    # Twice the chance that the line was not reached by t = 1 and B(time) is at least the edge.
    top = start + 0.5

    def density(b):
        missed = -np.expm1(-2 * start * (top - b))
        later = stats.norm.sf((edge - b) / np.sqrt(time - 1)) if time > 1 else float(b >= edge)
        return stats.norm.pdf(b) * missed * later

    low = min(edge, top) if time == 1 else -9
    points = [min(max(edge, low), top)]
    return 2 * integrate.quad(density, low, top, points=points, epsabs=1e-13, limit=400)[0]


def end_p(edge, time):
    def overspent(start):
        return spent_at_end(edge, start, time) - AT_END * line_p(start)

    # Where even the smallest is too large, or the largest too small, an end of the range stands.
    if overspent(1e-12) > 0:
        return 1.0
    highest = 12.0
    if overspent(highest) < 0:
        return line_p(highest)
    return min(line_p(optimize.brentq(overspent, 1e-12, highest, xtol=1e-13)), 1)


def end_edge(start, level, time):
    low, high = np.sqrt(time) * stats.norm.isf(np.array([AT_END + IN_PLAN, AT_END]) * level / 2)
    found = optimize.brentq(
        lambda edge: AT_END * level - spent_at_end(edge, start, time), low, high, xtol=1e-13
    )
    return found


def look_p(z, time, stage):
    # The smallest error rate at which this look rejects.
    if np.isnan(z):
        return np.nan
    if not plan["planned_visitors"]:
        return min(mixture_p(z, time, alpha) / (1 - RESERVE), 1)
    if stage == END:
        return end_p(abs(z) * np.sqrt(time), time)
    if stage == PAST or time > 1:
        return min(mixture_p(z, time / 2, AFTER * alpha) / AFTER, 1)
    return min(line_p(abs(z) * np.sqrt(time) - time / 2), 1)


def width(time, stage, level):
    # Half-width of the interval in standard errors.
    if not plan["planned_visitors"]:
        return mixture_width(time, level * (1 - RESERVE), alpha)
    if stage == END:
        return end_edge(line_start(level), level, time) / np.sqrt(time)
    if stage == PAST or time > 1:
        return mixture_width(time / 2, AFTER * level, AFTER * alpha)
    return (line_start(level) + time / 2) / np.sqrt(time)
"""

FEW_CLICKS = """
LEAST, LEAST_VISITORS = 20, 100


def effective(count, weight):
    # Counts of equal weight that are as skewed as these.
    weight = np.nan_to_num(weight / weight.max())
    return np.nan_to_num((weight**2 * count).sum() ** 3 / (weight**3 * count).sum() ** 2)


def has_few(sums, kind, index, scale):
    # Too few for a boundary in standard errors.
    n = sums["n"][:, [0, index]]
    if kind == "rate":
        clicks = sums["sum"][:, [0, index]]
        each = np.broadcast_to(scale, len(n)) / np.maximum(n.sum(axis=1), 1)
        weight = each[:, None] * n[:, ::-1]
        counts = [(side, one) for side in (0, 1) for one in (clicks, n - clicks)]
        return any(effective(one[:, side], weight[:, side]) < LEAST for side, one in counts)
    few = n.sum(axis=0).min() < LEAST_VISITORS
    if kind == "ratio":
        total = sums["denominator_sum"][:, [0, index]].sum(axis=0)
        squares = sums["denominator_sum_squares"][:, [0, index]].sum(axis=0)
        few |= bool(((total**2 < LEAST * squares) | (total == 0)).any())
    return few


def log_of_clicks(control, arm, share, log_ratio):
    # Likelihood of a ratio of rates, over that of equal rates; clicks by phase.
    odds = special.logit(share)[:, None] + log_ratio
    of_arm = special.log_expit(odds) - np.log(share)[:, None]
    of_control = special.log_expit(-odds) - np.log1p(-share)[:, None]
    return arm @ of_arm + control @ of_control


def exact_look(sums, index, levels):
    # E-value of the arms that the clicks came from; None where they do not tell.
    part = 0.02 * (IN_PLAN if plan["planned_visitors"] else 1)
    told = (shares[:, 0] > 0) & (shares[:, index] > 0)
    n, clicks = sums["n"][:, [0, index]], sums["sum"][:, [0, index]]
    met, total = clicks[told], n[told].sum()
    if not 0 < 2 * met.sum() <= total or n.sum(axis=0).min() <= 1:
        return None
    b = np.where(told, shares[:, index] / (shares[:, 0] + shares[:, index]), 0.5)
    control, arm = (np.where(told, clicks[:, side], 0.0) for side in (0, 1))
    if len(b) == 1:
        first, second = 2 * b[0], 2 * (1 - b[0])
        log_e = (
            special.betaln(first + arm[0], second + control[0]) - special.betaln(first, second)
            - arm[0] * np.log(b[0]) - control[0] * np.log1p(-b[0])
        )
    else:
        middle = stats.beta.ppf((np.arange(200) + 0.5) / 200, 2 * b[0], 2 * (1 - b[0]))
        ratios = special.logit(np.clip(middle, 1e-12, 1 - 1e-12)) - special.logit(b[0])
        log_e = special.logsumexp(log_of_clicks(control, arm, b, ratios)) - np.log(200)

    def likelihood(log_ratio):
        return log_of_clicks(control, arm, b, np.array([log_ratio]))[0]

    def expected(log_ratio):
        return ((control + arm) * special.expit(special.logit(b) + log_ratio)).sum()

    far = 60.0
    both = control.sum() and arm.sum()
    best = optimize.brentq(lambda r: expected(r) - arm.sum(), -far, far) if both else 0.0
    best = best if both else far * (1 if arm.sum() else -1)
    bounds = []
    for error in levels:
        least = log_e + np.log(part * error)
        low, high = -np.inf, np.inf
        if arm.sum():
            low = optimize.brentq(lambda r: likelihood(r) - least, -far, best)
        if control.sum():
            high = optimize.brentq(lambda r: likelihood(r) - least, best, far)
        bounds.append((np.expm1(low), np.expm1(high)))
    return np.exp(min(-log_e - np.log(part), 0)), bounds
"""

EVERY_LOOK = """
def clock(n):
    # Part of the planned visitors that is in, by look and arm, and the factors of the phases.
    information = shares[:, :1] * shares[:, 1:] / (shares[:, :1] + shares[:, 1:])
    scale = np.where(information > 0, 1 / np.sqrt(information), 0.0)
    visitors = n.sum(axis=2)
    met = visitors @ (information > 0)
    missed = visitors.sum(axis=1, keepdims=True) - met
    first = (met > 0).argmax(axis=0)
    left = plan["planned_visitors"] - missed[first, range(met.shape[1])]
    return met / np.where(left > 0, left, plan["planned_visitors"]), scale


def information_of(n):
    pairs = n[..., :1] * n[..., 1:] / np.maximum(n[..., :1] + n[..., 1:], 1)
    return np.where((n[..., :1] > 0) & (n[..., 1:] > 0), pairs, 0).sum(axis=1)


def looks_at(sums, kind):
    # The contrast, time and stage of each look at each arm.
    n, is_look = sums["n"], np.array([one["is_counted"] for one in report["looks"]])
    if plan["planned_visitors"]:
        time, scale = clock(n)
        null_part = 2 / 3 if kind == "rate" and "covariate_sum" not in sums else 0.0
    else:
        time, null_part = 4 * information_of(n) / MIXTURE_VISITORS, 0.0
        scale = np.ones(shares[:, 1:].shape)
    reached = ((time >= 1) & is_look[:, None]).cumsum(axis=0)
    stage = np.where(reached > 1, PAST, np.where(reached > 0, END, RUNNING))
    found = {}
    for day in range(len(n)):
        here = {name: values[day] for name, values in sums.items()}
        for arm in range(n.shape[2] - 1):
            few = has_few(here, kind, arm + 1, scale[:, arm] if plan["planned_visitors"] else 1.0)
            c = contrast(here, kind, arm + 1, scale[:, arm], null_part)
            found[day, arm] = c | {
                "time": time[day, arm], "stage": stage[day, arm], "few": few, "sums": here,
                "z": np.nan if few else c["effect"] / np.sqrt(c["variance"]),
            }
    return found, is_look if is_look.any() else np.ones(len(is_look), dtype=bool)


def p_values_of(found, is_counted, kind, n_arms):
    # The smallest until each look.
    p = np.full((len(is_counted), n_arms), np.nan)
    for (day, arm), c in found.items():
        if is_counted[day]:
            exact = exact_look(c["sums"], arm + 1, []) if c["few"] and kind == "rate" else None
            p[day, arm] = exact[0] if exact else look_p(c["z"], c["time"], c["stage"])
    return p, np.fmin.accumulate(p, axis=0)


def bounds_of(c, kind, arm, error):
    if c["few"]:
        exact = exact_look(c["sums"], arm + 1, [error]) if kind == "rate" else None
        low, high = exact[1][0] if exact else (np.nan, np.nan)
        low, high = (low, high) if np.isfinite(high) else (np.nan, np.nan)
        none = {"effect_low": np.nan, "effect_high": np.nan}
        return none | {"lift_low": low, "lift_high": high}
    return ends(c, width(c["time"], c["stage"], error))


def left_by_all(bounds, name):
    # What the intervals of all looks leave; the last one where they leave nothing.
    low, high = (np.array([one[f"{name}_{side}"] for one in bounds]) for side in ("low", "high"))
    inner = np.fmax.reduce(low), np.fmin.reduce(high)
    return inner if inner[0] < inner[1] else (low[-1], high[-1])


def at_every_look(sums, kind):
    found, is_counted = looks_at(sums, kind)
    n_arms = sums["n"].shape[2] - 1
    p_once, p = p_values_of(found, is_counted, kind, n_arms)
    visitors = sums["n"].sum(axis=1)
    loadings = [loadings_of(row) for row in visitors]
    family = np.fmin.accumulate([adjust(*pair) for pair in zip(p, loadings)], axis=0)
    errors = levels_of(p[-1], loadings[-1])
    single = level(loadings[-1])
    rows, paths, crossings = [], {}, {}
    for arm in range(n_arms):
        proven = np.flatnonzero(family[:, arm] <= alpha)
        if len(proven):
            day = proven[0]
            errors[arm] = max(errors[arm], levels_of(p[day], loadings[day])[arm])
            c = found[day, arm]
            crossings[arm] = {
                "day": report["looks"][day]["day"], "p_value_adjusted": family[day, arm],
                "lift": c["effect"] / c["base"], "visitors": visitors[: day + 1][-1].sum(),
            }
        counted = [found[day, arm] for day in np.flatnonzero(is_counted)]
        bounds = [bounds_of(c, kind, arm, errors[arm]) for c in counted]
        c = found[len(p) - 1, arm]
        row = {"effect": c["effect"], "lift": c["effect"] / c["base"], "p_value": p[-1, arm]}
        for name in ("effect", "lift"):
            row[f"{name}_low"], row[f"{name}_high"] = left_by_all(bounds, name)
        rows.append(row | {"p_value_adjusted": family[-1, arm]})
        paths[arm] = [found[day, arm] for day in range(len(p))], p_once[:, arm], single
    return pd.DataFrame(rows, index=keys[1:]), paths, crossings


def sequence_of(path, kind, arm):
    # Confidence sequence of the lift, day by day.
    looks, p_once, error = path
    low = high = np.nan
    rows = []
    for c, p in zip(looks, p_once):
        bounds = bounds_of(c, kind, arm, error) if np.isfinite(p) else None
        if bounds:
            low, high = np.fmax(low, bounds["lift_low"]), np.fmin(high, bounds["lift_high"])
        stands_alone = bounds and low >= high
        shown = (bounds["lift_low"], bounds["lift_high"]) if stands_alone else (low, high)
        rows.append({"lift": c["effect"] / c["base"], "low": shown[0], "high": shown[1]})
    return pd.DataFrame(rows)


sequence, proven = {}, {}
if has_sums and plan["is_sequential"]:
    kind = report["kind"]
    computed["anytime"], paths, crossings = at_every_look(sums, kind)
    proven = {keys[arm + 1]: one for arm, one in crossings.items()}
    sequence = {keys[arm + 1]: sequence_of(path, kind, arm) for arm, path in paths.items()}
    if plan["is_adjusted"]:
        computed["unadjusted"] = at_every_look(without_past(sums), kind)[0]
computed.get("anytime")
"""
