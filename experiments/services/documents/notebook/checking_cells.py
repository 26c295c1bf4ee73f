"""Code of the notebook's cells beside the comparisons, and of the last, which checks them."""

SPLIT = """
def log_e_of_split(counts, split):
    # E-value of the visitors' split: one arm's odds changed alike in all phases, or other shares.
    steps = np.geomspace(0.001, 4.0, 21)
    factors = np.concatenate([-steps[::-1], steps])
    weights = special.log_softmax(-0.5 * (np.log(np.abs(factors) / 0.05) / 1.5) ** 2)
    growth = np.log1p(np.expm1(factors)[:, None, None] * split).transpose(1, 0, 2)
    sizes = counts.sum(axis=1)
    changed = factors[:, None] * counts.sum(axis=0) - np.einsum("s,sfk->fk", sizes, growth)
    changed = (changed + weights[:, None])[:, split.any(axis=0)]
    common = special.logsumexp(changed) - np.log(changed.shape[1])
    drawn = 0.0
    for row, share in zip(counts, split):
        row, share = row[share > 0], share[share > 0]
        drawn += stats.dirichlet_multinomial.logpmf(row, 1_000 * share, row.sum())
        drawn -= stats.multinomial.logpmf(row, row.sum(), share)
    return np.logaddexp(np.log(0.9) + common, np.log(0.1) + drawn)


split_p, omnibus_p = None, None
split = report["split"]
if split and split["p_value"] is not None:
    came, assigned = np.array(split["visitors"]), np.array(split["shares"])
    assigned = assigned / assigned.sum(axis=1, keepdims=True)
    # Visitors of an arm without a share prove that the split is broken.
    is_impossible = (came[assigned == 0] > 0).any()
    split_p = 0.0 if is_impossible else np.exp(-max(log_e_of_split(came, assigned), 0))

if has_sums and report["omnibus"] and report["omnibus"]["p_value"] is not None:
    whole = {name: np.array(values) for name, values in report["by_phase"].items()}
    n, test = whole["n"], report["omnibus"]["test"]
    if test == "chi_squared":
        table = np.array([whole["sum"][0], n[0] - whole["sum"][0]])
        omnibus_p = stats.chi2_contingency(table, correction=False).pvalue
    elif test == "welch_anova":
        one = {name: values[0] for name, values in whole.items()}
        if report["kind"] == "ratio":
            means = ratio_and_size(one)[0]
            one = linear(one, *ratio_and_size(one))
        else:
            means = one["sum"] / n[0]
        variances = (one["sum_squares"] - one["sum"] ** 2 / n[0]) / (n[0] - 1)
        omnibus_p = anova_generic(means, variances, n[0], use_var="unequal").pvalue
    else:
        scores = whole if report["kind"] != "ratio" else linear(
            whole, whole["numerator_sum"].sum() / whole["denominator_sum"].sum(), 1.0
        )
        y, yy = scores["sum"], scores["sum" if report["kind"] == "rate" else "sum_squares"]
        difference, covariance = 0.0, 0.0
        for phase in range(len(n)):
            size = max(n[phase].sum(), 1)
            mean = y[phase].sum() / size
            spread = (yy[phase].sum() - size * mean**2) / max(size - 1, 1)
            difference = difference + (y[phase] - n[phase] * mean)[1:]
            parts = np.diag(n[phase]) - np.outer(n[phase], n[phase]) / size
            covariance = covariance + spread * parts[1:, 1:]
        statistic = difference @ np.linalg.solve(covariance, difference)
        omnibus_p = stats.chi2.sf(statistic, n.shape[1] - 1)
{"p-value of the split": split_p, "p-value of all arms together": omnibus_p}
"""

BELIEFS = """
def chance_of_best(clicks, n):
    # Under a flat prior: the chance that an arm's rate is above all others'.
    beliefs = [stats.beta(c + 1, visitors - c + 1) for c, visitors in zip(clicks, n)]
    chances = []
    for arm, belief in enumerate(beliefs):
        others = [one for place, one in enumerate(beliefs) if place != arm]
        low, high = belief.ppf(1e-14), belief.isf(1e-14)
        points = np.linspace(low, high, 12)[1:-1]
        chances.append(
            integrate.quad(
                lambda p: belief.pdf(p) * np.prod([one.cdf(p) for one in others]),
                low, high, points=points, epsabs=1e-13, limit=800,
            )[0]
        )
    return chances


beliefs = {}
is_one_phase = has_sums and len(plan["shares"]) == 1
if is_one_phase and report["kind"] == "rate" and any(report["chance_of_best"] or [None]):
    end = last(sums)
    beliefs = dict(zip(keys, chance_of_best(end["sum"][0], end["n"][0])))
beliefs
"""

CHECK = """
# Below this the integral's own error is larger than the p-value.
SMALLEST = 1e-9
differences = []


def same(name, ours, theirs, rtol=1e-6):
    if theirs is None:
        return
    if ours is None or not np.isclose(float(ours), float(theirs), rtol=rtol, atol=SMALLEST):
        differences.append(f"{name}: {ours} is not {theirs}")


for row in report["reported"]:
    for reading in ("fixed", "anytime", "unadjusted"):
        if row[reading] is None or not has_sums:
            continue
        ours = computed[reading].loc[row["arm"]]
        for name in ("effect", "lift", "p_value", "p_value_adjusted"):
            same(f"{name} of {row['arm']}, {reading}", ours[name], row[reading][name])
        for name in ("effect", "lift"):
            low, high = row[reading][f"{name}_interval"] or (None, None)
            same(f"{name}_low of {row['arm']}, {reading}", ours[f"{name}_low"], low)
            same(f"{name}_high of {row['arm']}, {reading}", ours[f"{name}_high"], high)
    if row["proven"] and has_sums:
        ours = proven.get(row["arm"], {})
        for name in ("p_value_adjusted", "lift", "visitors"):
            same(f"{name} of the proof of {row['arm']}", ours.get(name), row["proven"][name])
        if ours.get("day") != row["proven"]["day"]:
            differences.append(f"day of the proof of {row['arm']}")
    for day, one in enumerate(row["sequence"] if has_sums else []):
        for name in ("lift", "low", "high"):
            ours = sequence[row["arm"]][name][day]
            same(f"{name} of {row['arm']} until {one['day']}", ours, one[name])
if "recomputed" in arms:
    for arm, row in arms.iterrows():
        same(f"rate of {arm}", row["recomputed"], row["rate"], rtol=1e-9)
        if row["interval"] is not None:
            same(f"low end of the rate of {arm}", row["low"], row["interval"][0], rtol=1e-9)
            same(f"high end of the rate of {arm}", row["high"], row["interval"][1], rtol=1e-9)
if split_p is not None:
    same("p-value of the split", split_p, split["p_value"])
if omnibus_p is not None:
    same("p-value of all arms together", omnibus_p, report["omnibus"]["p_value"])
for arm, chance in zip(keys, report["chance_of_best"] or []):
    if beliefs:
        same(f"chance of {arm} to be the best", beliefs[arm], chance)
assert not differences, differences
pd.DataFrame([row | row["decisive"] for row in report["reported"]]).drop(
    columns=["fixed", "anytime", "unadjusted", "decisive", "proven", "sequence"], errors="ignore"
)
"""
