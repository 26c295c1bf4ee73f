"""Figures of a predictor as its admin page shows them.

A picture is returned as its fields: only the templates know the code that draws it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ml.evaluation.reliability import ReliabilityBin, reliability
from ml.presentation.messages import FACTOR_NAMES, STRATEGIES, level_name
from ml.scoring.manifest import (
    EstimateRecord,
    LearningCurveRecord,
    OffsetsRecord,
    PointRecord,
    RiskRecord,
    interval_of,
)

# Digits beyond the usual ones, where they make the ends of an interval differ.
MOST_MORE_DIGITS = 3


def estimate_in_words(estimate: EstimateRecord, *, is_share: bool, digits: int = 3) -> str:
    """Return a figure with its interval if that has a width, or a dash.

    `digits` apply to figures other than shares.
    """
    interval = interval_of(estimate)
    if interval is None:
        return "-"
    digits = _digits_of(interval, 1, scale=100) if is_share else _digits_of(interval, digits)
    value, low, high = (_number(figure, is_share=is_share, digits=digits) for figure in interval)
    # Bootstrap samples that are all alike give no range.
    if value == low == high:
        return value
    return gettext("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


def _digits_of(interval: tuple[float, float, float], digits: int, *, scale: float = 1) -> int:
    """Return the digits in which the ends of an interval differ, if a few more than asked show it.

    An interval from 0.0% to 0.0% tells nothing.
    """
    _value, low, high = (scale * figure for figure in interval)
    for more in range(digits, digits + MOST_MORE_DIGITS + 1):
        if round(low, more) != round(high, more):
            return more
    return digits


def draw_risk(risk: RiskRecord) -> SafeString:
    """Return the curve of accuracy over the share of pairs answered, and what it means."""
    toss_up = risk["toss_up"]
    shares = {
        "limit": _number(toss_up, is_share=True),
        "covered": estimate_in_words(risk["interval_coverage"], is_share=True),
    }
    sentences = (
        gettext(
            "If the likelier of two wordings has a chance of at most %(limit)s, the predictor was "
            "not shown to tell them apart: such pairs are called a toss-up."
        )
        % shares
        if toss_up > 0.5
        else gettext("Even the least certain pairs were told apart better than by chance."),
        gettext("The 95%% intervals of the lift contained %(covered)s of the measured values.")
        % shares,
    )
    context = {"picture": coverage_picture(risk), "sentences": sentences}
    return render_to_string("admin/ml/risk_chart.html", context)


def coverage_picture(risk: RiskRecord) -> dict[str, Any] | None:
    """Return the picture of accuracy by coverage, points of undefined accuracy left out."""
    points = [
        (point["coverage"], interval)
        for point in risk["curve"]
        if (interval := interval_of(point["accuracy"])) is not None
    ]
    if not points:
        return None
    rows = [
        {"x": coverage, "low": low, "value": value, "high": high}
        for coverage, (value, low, high) in points
    ]
    first, last = rows[0], rows[-1]
    words = gettext(
        "On the surest %(first)s of the pairs it names the better wording in %(sure)s, on "
        "%(last)s in %(all)s."
    ) % {
        "first": _number(first["x"], is_share=True, digits=0),
        "sure": _number(first["value"], is_share=True, digits=0),
        "last": _number(last["x"], is_share=True, digits=0),
        "all": _number(last["value"], is_share=True, digits=0),
    }
    share, won = gettext("Share of the pairs answered"), gettext("Better wording picked")
    return {
        "name": "coverage",
        "kind": "coverage",
        "title": gettext("Accuracy on the pairs answered, most certain first"),
        "words": words,
        "options": {
            "title": gettext("Share of the pairs answered, most certain first"),
            "y_title": won,
        },
        "rows": rows,
        "columns": (
            ("x", share),
            ("low", gettext("Low end")),
            ("value", won),
            ("high", gettext("High end")),
        ),
        "units": dict.fromkeys(("x", "low", "value", "high"), "rate"),
    }


def draw_reliability(risk: RiskRecord) -> SafeString | str:
    """Return how often the likelier wording won, by the chance that it was given; or a dash."""
    points = [
        (point["coverage"], point["chance"], interval[0])
        for point in risk["curve"]
        if (interval := interval_of(point["accuracy"])) is not None
    ]
    bins = reliability(points)
    if not bins:
        return "-"
    context = {"rows": [_reliability_row(one) for one in bins], "picture": _reliability(bins)}
    return render_to_string("admin/ml/reliability.html", context)


def _reliability(bins: Sequence[ReliabilityBin]) -> dict[str, Any]:
    """Return the picture; its numbers are the table on the page."""
    return {
        "name": "reliability",
        "kind": "reliability",
        "title": gettext("How often the likelier wording won, by the chance that it was given"),
        "words": gettext(
            "Bars on the line: what it calls 70%% comes true in 70 of 100 pairs. Below the line it "
            "is too sure, above it too careful."
        )
        % {},
        "options": {
            "title": gettext("Chance that it gave"),
            "y_title": gettext("Likelier wording won"),
        },
        "rows": [{"low": one.low, "high": one.high, "won": one.won} for one in bins],
        "columns": (),
    }


def _reliability_row(one: ReliabilityBin) -> dict[str, str]:
    """Return a bin in words."""
    return {
        "chance": gettext("%(low)s to %(high)s")
        % {
            "low": _number(one.low, is_share=True, digits=0),
            "high": _number(one.high, is_share=True, digits=0),
        },
        "share": _number(one.share, is_share=True, digits=0),
        "won": _number(one.won, is_share=True, digits=0),
    }


def draw_levels(offsets: OffsetsRecord) -> SafeString:
    """Return how every audience, language, form and position does, in a table."""
    header = (
        "",
        gettext("Tests"),
        gettext("Better wording picked"),
        gettext("With the shared answer"),
        gettext("Shared by all audiences"),
    )
    rows = [
        (
            gettext("%(factor)s: %(level)s")
            % {"factor": FACTOR_NAMES[factor], "level": level_name(factor, level)},
            number_format(each["groups"]),
            estimate_in_words(each["accuracy"], is_share=True),
            estimate_in_words(each["accuracy_shared"], is_share=True),
            _number(each["borrowed"], is_share=True),
        )
        for factor, levels in offsets["levels"].items()
        for level, each in levels.items()
    ]
    context = {"header": header, "rows": rows, "sentences": _verdicts(offsets)}
    return render_to_string("admin/ml/levels.html", context)


def _verdicts(offsets: OffsetsRecord) -> list[str]:
    if not offsets["factors"]:
        return [
            gettext("Nothing to tell apart: no second audience, language, form or position yet.")
        ]
    kept = gettext("%(factor)s: modelled separately, because that did better on held-out tests.")
    dropped = gettext(
        "%(factor)s: not modelled separately, because that did no better on held-out tests."
    )
    return [
        (kept if verdict["kept"] else dropped) % {"factor": FACTOR_NAMES[factor]}
        for factor, verdict in offsets["factors"].items()
    ]


def draw_learning_curves(record: LearningCurveRecord) -> SafeString | str:
    """Return the accuracy of each strategy by the number of past tests; or nothing."""
    picture = learning_curve_picture(record["curves"])
    return (
        render_to_string("admin/ml/learning_curves.html", {"picture": picture}) if picture else ""
    )


def learning_curve_picture(
    curves: Mapping[str, Sequence[PointRecord]],
) -> dict[str, Any] | None:
    """Return the picture of curves by key of their strategy; None without a measured accuracy."""
    rows = [
        {
            "x": point["groups"],
            "series": str(STRATEGIES.get(key, key)),
            "low": interval[1],
            "value": interval[0],
            "high": interval[2],
        }
        for key, points in curves.items()
        for point in points
        if (interval := interval_of(point["accuracy"])) is not None
    ]
    return _learning_curves(rows) if rows else None


def _learning_curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    best = max(rows, key=lambda row: (row["x"], row["value"]))
    words = gettext("With %(n)s past contrasts “%(name)s” names the better one in %(accuracy)s.")
    return {
        "name": "learning-curves",
        "kind": "curves",
        "title": gettext("Accuracy by the number of past contrasts"),
        "words": words
        % {
            "n": number_format(best["x"]),
            "name": best["series"],
            "accuracy": _number(best["value"], is_share=True),
        },
        "options": {
            "title": gettext("Past contrasts (log scale)"),
            "y_title": gettext("Better wording picked"),
        },
        "rows": list(rows),
        "columns": (
            ("x", gettext("Past contrasts")),
            ("series", gettext("Strategy")),
            ("low", gettext("Low end")),
            ("value", gettext("Better wording picked")),
            ("high", gettext("High end")),
        ),
        "units": dict.fromkeys(("low", "value", "high"), "rate"),
    }


def _number(value: float, *, is_share: bool, digits: int | None = None) -> str:
    if is_share:
        return gettext("%(number)s%%") % {
            "number": _rounded(100 * value, 1 if digits is None else digits)
        }
    return _rounded(value, 3 if digits is None else digits)


def _rounded(value: float, digits: int) -> str:
    """Return a number without the sign of a zero."""
    return number_format(f"{round(value, digits) + 0.0:.{digits}f}")
