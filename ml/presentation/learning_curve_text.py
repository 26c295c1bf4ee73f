"""A learning curve in sentences: what more past tests would bring."""

import math

from django.utils.formats import number_format
from django.utils.translation import gettext

from ml.scoring.manifest import GrowthRecord, LearningCurveRecord, interval_of

# The gain that people ask about: one more pair of 100 that is named right.
POINT = 0.01


def more_tests_sentences(record: LearningCurveRecord | None, *, strategy: str) -> list[str]:
    """Return what the stored curve of a strategy promises of more past tests.

    Args:
        record: Curves as `learning_curve` kept them; None if they were never measured.
        strategy: Key of the strategy that is served; empty if none passed the gate.
    """
    if not strategy:
        return []
    growth = record["growth"].get(strategy) if record else None
    if record is None or growth is None:
        return [
            gettext("Not measured yet. Measuring takes a few minutes and changes no prediction.")
        ]
    origin = gettext("Measured on %(n)s past contrasts (%(day)s).")
    said = {"n": number_format(record["groups"]), "day": record["measured_at"][:10]}
    return [_promise(growth), origin % said]


def curve_rows(record: LearningCurveRecord | None, *, strategy: str) -> list[tuple[str, str, str]]:
    """Return the points of the stored curve of a strategy as texts: contrasts, accuracy, interval.

    Args:
        record: Curves as they were kept; None if they were never measured.
        strategy: Key of the strategy that is served; empty if none passed the gate.
    """
    points = record["curves"].get(strategy, []) if record else []
    found = ((point["groups"], interval_of(point["accuracy"])) for point in points)
    return [
        (number_format(groups, force_grouping=True), _percent(value), _interval(low, high))
        for groups, (value, low, high) in ((n, one) for n, one in found if one)
    ]


def _percent(value: float) -> str:
    return gettext("%(number)s%%") % {"number": number_format(f"{100 * value:.1f}")}


def _interval(low: float, high: float) -> str:
    return gettext("%(low)s to %(high)s") % {"low": _percent(low), "high": _percent(high)}


def _promise(growth: GrowthRecord) -> str:
    span = {"first": number_format(growth["sizes"][0]), "last": number_format(growth["sizes"][-1])}
    found = interval_of(growth["per_doubling"])
    if found is None:
        return gettext("The past tests are too few to tell what more of them would bring.")
    value, low, high = found
    if low <= 0:
        text = gettext(
            "No gain is to be expected from a few more tests: from %(first)s to %(last)s past"
            " contrasts, each doubling brought %(value)s points (%(low)s to %(high)s)."
        )
        return text % (span | _points(value, low, high))
    present = growth["sizes"][-1]
    # Of a tiny gain the contrasts for a point are more than a number can hold.
    more = contrasts_for(POINT, per_doubling=value, present=present) if value >= POINT else None
    if more is None or more > present:
        text = gettext(
            "Twice as many past tests would bring about %(value)s points (%(low)s to %(high)s), if"
            " the curve goes on as from %(first)s to %(last)s past contrasts."
        )
        return text % (span | _points(value, low, high))
    text = gettext(
        "%(more)s more tests would bring about +1 point (%(low)s to %(high)s), if the curve"
        " goes on as from %(first)s to %(last)s past contrasts."
    )
    share = POINT / value
    said = span | _points(POINT, low * share, high * share)
    return text % (said | {"more": number_format(more)})


def contrasts_for(gain: float, *, per_doubling: float, present: int) -> int:
    """Return how many more past contrasts bring a gain, where each doubling brings as much.

    Args:
        gain: Gain of accuracy, above 0.
        per_doubling: Gain of each doubling, above 0.
        present: Past contrasts at the end of the curve, >= 1.

    Returns:
        A number with two digits that mean something, rounded up.

    >>> contrasts_for(0.01, per_doubling=0.02, present=100)
    42
    """
    more = math.ceil(round(present * math.expm1(math.log(2) * gain / per_doubling), 6))
    unit = int(10 ** max(len(str(more)) - 2, 0))
    return math.ceil(more / unit) * unit


def _points(value: float, low: float, high: float) -> dict[str, str]:
    """Return gains in points of 100 pairs, with their signs."""
    names = ("value", "low", "high")
    return {
        name: ("+" if gain > 0 else "") + number_format(f"{100 * gain:.1f}")
        for name, gain in zip(names, (value, low, high), strict=True)
    }
