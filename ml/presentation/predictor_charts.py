"""Figures of a predictor as its admin page draws them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ml.presentation.messages import FACTOR_NAMES

# The curve of accuracy over coverage, in SVG units; accuracy from 40 % to 100 %.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420.0, 220.0, 44.0, 36.0, 8.0
LOWEST, HIGHEST = 0.4, 1.0


def estimate_in_words(estimate: Mapping[str, float | None], *, is_share: bool) -> str:
    """Return a figure with its interval, or a dash."""
    if estimate["value"] is None:
        return "-"
    shown = {
        key: _number(estimate[key] or 0.0, is_share=is_share) for key in ("value", "low", "high")
    }
    return gettext("%(value)s (%(low)s to %(high)s)") % shown


def draw_risk(risk: Mapping[str, Any]) -> SafeString:
    """Return the curve of accuracy over the share of pairs answered, and what it means."""
    drawn = [point for point in risk["curve"] if point["accuracy"]["value"] is not None]
    toss_up, covered = risk["toss_up"], risk["interval_coverage"]
    told = {
        "limit": _number(toss_up, is_share=True),
        "covered": estimate_in_words(covered, is_share=True),
    }
    return format_html(
        "{}<p>{}</p><p>{}</p>",
        _curve(drawn),
        gettext(
            "Where the likelier of two wordings has a chance of %(limit)s at most, they were not "
            "shown to be told apart: such pairs are called a toss-up."
        )
        % told
        if toss_up > 0.5
        else gettext("Even the least sure pairs were told apart better than by a coin."),
        gettext("The 95 %% intervals of the lift held %(covered)s of what was measured.") % told,
    )


def draw_levels(offsets: Mapping[str, Any]) -> SafeString:
    """Return how every audience, language, form and position does, in a table."""
    header = (
        "",
        gettext("Tests"),
        gettext("Better of two named"),
        gettext("By the shared answer"),
        gettext("Borrowed from all"),
    )
    rows = [
        (
            gettext("%(factor)s: %(level)s") % {"factor": FACTOR_NAMES[factor], "level": level},
            number_format(each["groups"]),
            estimate_in_words(each["accuracy"], is_share=True),
            estimate_in_words(each["accuracy_shared"], is_share=True),
            _number(each["borrowed"], is_share=True),
        )
        for factor, levels in offsets["levels"].items()
        for level, each in levels.items()
    ]
    return format_html("{}{}", _table(header, rows) if rows else "", _verdicts(offsets))


def _verdicts(offsets: Mapping[str, Any]) -> SafeString | str:
    if not offsets["factors"]:
        text = gettext("Nothing to tell apart: no second audience, language, form or position yet.")
        return format_html("<p>{}</p>", text)
    kept = gettext("%(factor)s: told apart, because that won on held-out tests.")
    dropped = gettext("%(factor)s: not told apart, because that did not win on held-out tests.")
    lines = [
        ((kept if verdict["kept"] else dropped) % {"factor": FACTOR_NAMES[factor]},)
        for factor, verdict in offsets["factors"].items()
    ]
    return format_html_join("", "<p>{}</p>", lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> SafeString:
    style = "padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top"

    def cells(texts: Sequence[str]) -> SafeString:
        return format_html_join("", '<td style="{}">{}</td>', ((style, text) for text in texts))

    head = format_html_join("", '<th style="{}">{}</th>', ((style, text) for text in header))
    body = format_html_join("", "<tr>{}</tr>", ((cells(row),) for row in rows))
    return format_html("<table><tr>{}</tr>{}</table>", head, body)


def _curve(points: Sequence[Mapping[str, Any]]) -> SafeString:
    places = [(_x(point["coverage"]), point["accuracy"]) for point in points]
    upper = [f"{x},{_y(each['high'])}" for x, each in places]
    lower = [f"{x},{_y(each['low'])}" for x, each in places]
    levels = [
        (LEFT, WIDTH, _y(value), _y(value), _number(value, is_share=True, digits=0))
        for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    ]
    ticks = [
        (_x(value), HEIGHT - 20, _number(value, is_share=True, digits=0))
        for value in (0.1, 0.5, 1.0)
    ]
    return format_html(
        '<svg viewBox="0 0 {} {}" width="{}" role="img" aria-label="{}" '
        'style="max-width:100%;font-size:11px">{}{}'
        '<polygon points="{}" fill="#6366f1" opacity=".25"/>'
        '<polyline points="{}" fill="none" stroke="#4f46e5" stroke-width="2"/>'
        '<text x="{}" y="{}" text-anchor="middle" fill="currentColor">{}</text></svg>',
        WIDTH,
        HEIGHT,
        WIDTH,
        gettext("Accuracy on the pairs answered, the surest first"),
        format_html_join(
            "",
            '<line x1="{}" x2="{}" y1="{}" y2="{}" stroke="currentColor" opacity=".15"/>'
            '<text x="0" y="{}" dominant-baseline="middle" fill="currentColor">{}</text>',
            ((x1, x2, y1, y2, y1, label) for x1, x2, y1, y2, label in levels),
        ),
        format_html_join(
            "", '<text x="{}" y="{}" text-anchor="middle" fill="currentColor">{}</text>', ticks
        ),
        " ".join([*upper, *lower[::-1]]),
        " ".join(f"{x},{_y(each['value'])}" for x, each in places),
        (LEFT + WIDTH) / 2,
        HEIGHT - 4,
        gettext("Share of the pairs answered, the surest first"),
    )


def _x(coverage: float) -> float:
    return round(LEFT + coverage * (WIDTH - LEFT - 16), 1)


def _y(accuracy: float) -> float:
    share = (min(max(accuracy, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


def _number(value: float, *, is_share: bool, digits: int = 1) -> str:
    if is_share:
        return gettext("%(number)s %%") % {"number": number_format(f"{100 * value:.{digits}f}")}
    return number_format(f"{value:.3f}")
