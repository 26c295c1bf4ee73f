"""Figures of a predictor as its admin page draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ml.evaluation.reliability import ReliabilityBin, reliability
from ml.presentation.messages import FACTOR_NAMES, level_name
from ml.scoring.manifest import (
    EstimateRecord,
    OffsetsRecord,
    RiskPointRecord,
    RiskRecord,
    interval_of,
)

# The curve of accuracy over coverage, in SVG units; accuracy from 40 % to 100 %.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420.0, 220.0, 44.0, 36.0, 8.0
LOWEST, HIGHEST = 0.4, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskChart:
    """A curve of accuracy over coverage with the band of its intervals."""

    width: float
    height: float
    left: float
    levels: tuple[Tick, ...]
    shares: tuple[Tick, ...]
    share_y: float
    band: str
    line: str
    caption_x: float
    caption_y: float


# Digits beyond the usual ones, where they make the ends of an interval differ.
MOST_MORE_DIGITS = 3


def estimate_in_words(estimate: EstimateRecord, *, is_share: bool, digits: int = 3) -> str:
    """Return a figure with its interval, or a dash; `digits` apply to figures other than shares."""
    interval = interval_of(estimate)
    if interval is None:
        return "-"
    digits = _digits_of(interval, 1, scale=100) if is_share else _digits_of(interval, digits)
    value, low, high = (_number(figure, is_share=is_share, digits=digits) for figure in interval)
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
    context = {"chart": risk_chart(risk["curve"]), "sentences": sentences}
    return render_to_string("admin/ml/risk_chart.html", context)


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
    context = {
        "rows": [_reliability_row(one) for one in bins],
        "width": WIDTH,
        "height": HEIGHT,
        "from_x": _reliability_x(0.5),
        "to_x": _reliability_x(1.0),
        "from_y": _y(0.5),
        "to_y": _y(1.0),
        "levels": [
            (_y(value), _number(value, is_share=True, digits=0)) for value in (0.5, 0.75, 1)
        ],
        "chances": [
            (_reliability_x(value), _number(value, is_share=True, digits=0))
            for value in (0.5, 0.75, 1)
        ],
        "label_y": HEIGHT - 20,
    }
    return render_to_string("admin/ml/reliability.html", context)


def _reliability_row(one: ReliabilityBin) -> dict[str, Any]:
    """Return a bin in words, and in units of the picture: chances of 50 % to 100 % across."""
    return {
        "chance": gettext("%(low)s to %(high)s")
        % {
            "low": _number(one.low, is_share=True, digits=0),
            "high": _number(one.high, is_share=True, digits=0),
        },
        "share": _number(one.share, is_share=True, digits=0),
        "won": _number(one.won, is_share=True, digits=0),
        "x": _reliability_x(one.low),
        "width": round(_reliability_x(one.high) - _reliability_x(one.low), 1),
        "y": _y(one.won),
    }


def _reliability_x(chance: float) -> float:
    return round(LEFT + (chance - 0.5) / 0.5 * (WIDTH - LEFT - 16), 1)


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


def risk_chart(points: Sequence[RiskPointRecord]) -> RiskChart:
    """Return the geometry of the curve.

    Args:
        points: Points by coverage in [0, 1]; those of undefined accuracy are left out.
    """
    places = [
        (_x(point["coverage"]), *(_y(accuracy) for accuracy in interval))
        for point in points
        if (interval := interval_of(point["accuracy"])) is not None
    ]
    upper = [f"{x},{high}" for x, _, _, high in places]
    lower = [f"{x},{low}" for x, _, low, _ in places]
    return RiskChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        levels=tuple(
            Tick(at=_y(value), label=_number(value, is_share=True, digits=0))
            for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
        ),
        shares=tuple(
            Tick(at=_x(value), label=_number(value, is_share=True, digits=0))
            for value in (0.1, 0.5, 1.0)
        ),
        share_y=HEIGHT - 20,
        band=" ".join([*upper, *lower[::-1]]),
        line=" ".join(f"{x},{value}" for x, value, _, _ in places),
        caption_x=(LEFT + WIDTH) / 2,
        caption_y=HEIGHT - 4,
    )


def _x(coverage: float) -> float:
    return round(LEFT + coverage * (WIDTH - LEFT - 16), 1)


def _y(accuracy: float) -> float:
    share = (min(max(accuracy, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


def _number(value: float, *, is_share: bool, digits: int | None = None) -> str:
    if is_share:
        return gettext("%(number)s%%") % {
            "number": _rounded(100 * value, 1 if digits is None else digits)
        }
    return _rounded(value, 3 if digits is None else digits)


def _rounded(value: float, digits: int) -> str:
    """Return a number without the sign of a zero."""
    return number_format(f"{round(value, digits) + 0.0:.{digits}f}")
