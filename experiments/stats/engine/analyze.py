"""The analysis behind the command `analyze` and `POST /api/v1/analyze`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from experiments.stats.engine.methods import PANELS, ComparisonRow
from experiments.stats.engine.request import AnalysisRequest, parse_request
from experiments.stats.estimation.cuped import is_adjustable
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.messages import Message, MessageCode, Text, joined
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.health.sample_ratio import SRM_ALPHA, SrmCheck, check_srm
from experiments.stats.sequential.least_counts import LEAST_CLICKS, has_few_clicks

# Cochran's rule: below it the normal approximation of a fixed test is a guess.
LEAST_EXPECTED_CLICKS = 5


def analyze(request: Mapping[str, Any]) -> dict[str, Any]:
    """Analyse an experiment from its sums.

    Args:
        request: The request of docs/statistics.md, as decoded from JSON.

    Returns:
        Plain JSON values: `srm`, `comparisons` (one for each arm but the control, in order) and
        `warnings`. Never NaN or infinity: what cannot be computed is None with a reason.

    Raises:
        InvalidRequest: If the request is malformed; it names the field.

    >>> answer = analyze({"metric": "proportion", "method": "fixed", "arms": [
    ...     {"name": "control", "n": 10_000, "sum": 500}, {"name": "b", "n": 10_000, "sum": 580}]})
    >>> round(answer["comparisons"][0]["p_value"], 4)
    0.0123
    """
    analysis = parse_request(request)
    srm = check_srm(np.asarray(analysis.statistics.n), analysis.shares)
    rows = PANELS[analysis.method](analysis)
    return {
        "srm": _srm_values(srm),
        "comparisons": [
            _comparison(name, analysis, row) | _proof(analysis, row)
            for name, row in zip(analysis.names[1:], rows, strict=True)
        ],
        "warnings": [*_warnings(request, analysis, srm), *_notes(analysis, rows)],
    }


def _srm_values(srm: SrmCheck) -> dict[str, Any]:
    values: dict[str, Any] = {"p_value": srm.p_value}
    return values if srm.reason is None else values | {"reason": srm.reason}


def _comparison(name: str, analysis: AnalysisRequest, row: ComparisonRow) -> dict[str, Any]:
    return {
        "arm": name,
        "effect": row.effect,
        "lift": row.lift,
        "interval": None if row.interval is None else list(row.interval),
        "p_value": row.p_value,
        "p_value_adjusted": row.p_value_adjusted,
        "chance_to_win": row.chance_to_win,
        "expected_loss": row.expected_loss,
        "method": analysis.method,
        # The effect and the lift are often undefined for one and the same reason.
        "reason": joined(dict.fromkeys(row.reasons)) or None,
    }


def _proof(analysis: AnalysisRequest, row: ComparisonRow) -> dict[str, Any]:
    """Return the first proof of an arm, where the request has looks."""
    if analysis.looks is None:
        return {}
    return {"proven": None if row.proven is None else asdict(row.proven)}


def _warnings(request: Mapping[str, Any], analysis: AnalysisRequest, srm: SrmCheck) -> list[str]:
    statistics = analysis.statistics
    warnings: list[str] = []
    if srm.is_mismatch:
        warnings.append(Message(MessageCode.SAMPLE_RATIO_MISMATCH, threshold=f"{SRM_ALPHA:g}"))
    if analysis.prior is not None and analysis.method != "bayesian":
        warnings.append("The prior is used by method bayesian only.")
    if "planned_n" in request and analysis.method != "sequential":
        warnings.append("planned_n is used by method sequential only.")
    if analysis.method == "bayesian":
        warnings.append(Message(MessageCode.BAYESIAN_PANEL))
    if statistics.has_covariate and not is_adjustable(statistics):
        warnings.append(
            "A ratio is adjusted by its covariate only with covariate_denominator_product_sum; "
            "shown without adjustment."
        )
    return warnings + _count_warnings(analysis)


def _count_warnings(analysis: AnalysisRequest) -> list[str]:
    statistics = analysis.statistics
    if not isinstance(statistics, Proportion):
        return []
    if analysis.method == "exact" and is_adjustable(statistics):
        return ["Exact tests take no covariate; shown without adjustment."]
    one_phase = each_field(statistics, lambda field: field[np.newaxis])
    if analysis.method == "sequential" and has_few_clicks(one_phase).any():
        least = {"clicks": LEAST_CLICKS, "others": LEAST_CLICKS}
        return [Message(MessageCode.EXACT_SPLIT_OF_CLICKS, **least)]
    n, clicks = np.asarray(statistics.n), np.asarray(statistics.sum)
    pooled = clicks.sum() / max(n.sum(), 1)
    if analysis.method == "fixed" and (n * min(pooled, 1 - pooled)).min() < LEAST_EXPECTED_CLICKS:
        return [Message(MessageCode.FEW_EXPECTED_CLICKS, n=LEAST_EXPECTED_CLICKS)]
    return []


def _notes(analysis: AnalysisRequest, rows: list[ComparisonRow]) -> list[str]:
    return [
        Text([f"{name}: ", note])
        for name, row in zip(analysis.names[1:], rows, strict=True)
        for note in row.notes
    ]
