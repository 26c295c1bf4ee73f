"""Rates, lifts, intervals and p-values as people read them, in their language."""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from django.utils.formats import get_format, number_format
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from experiments.targeting.vocabulary import name_of

MISSING = "-"
MINUS = "\u2212"
# Numbers below it never have a separator of thousands, rounded or not.
_UNGROUPED = 999
# Below this a p-value is shown as a power of ten.
SMALLEST_DECIMAL_P = 0.0001
ATTRIBUTES = {
    "device": gettext_lazy("Device"),
    "locale": gettext_lazy("Language"),
    "country": gettext_lazy("Country"),
    "new_visitor": gettext_lazy("New or returning"),
}
# Names of values, by attribute and value.
SEGMENTS = {
    ("device", "mobile"): gettext_lazy("Phone"),
    ("device", "tablet"): gettext_lazy("Tablet"),
    ("device", "desktop"): gettext_lazy("Desktop"),
    ("new_visitor", "true"): gettext_lazy("New"),
    ("new_visitor", "false"): gettext_lazy("Returning"),
}


class _Forms(NamedTuple):
    """Signs and texts around numbers in one language."""

    separator: str
    percent: str
    points: str
    interval: str
    groups_of_three: str | None


@cache
def _forms(language: str | None) -> _Forms:
    """Return what is looked up once a language: a report has hundreds of numbers."""
    with override(language):
        return _Forms(
            separator=str(get_format("DECIMAL_SEPARATOR")),
            percent=_("%(number)s%%"),
            points=_("%(number)s pp"),
            interval=_("%(low)s to %(high)s"),
            groups_of_three=str(get_format("THOUSAND_SEPARATOR"))
            if get_format("NUMBER_GROUPING") == 3
            else None,
        )


def decimal(value: float, digits: int) -> str:
    """Return the rounded number in the active language (Django alone would cut, not round)."""
    return _decimal(value, digits, _forms(get_language()))


def _decimal(value: float, digits: int, forms: _Forms, *, groups: bool = False) -> str:
    text = f"{value:.{digits}f}"
    if -_UNGROUPED < value < _UNGROUPED:
        unsigned = text.lstrip("-")
        is_below_zero = len(unsigned) < len(text) and unsigned.strip("0.") != ""
        return (MINUS if is_below_zero else "") + unsigned.replace(".", forms.separator)
    number = Decimal(text)
    return (MINUS if number < 0 else "") + number_format(abs(number), digits, force_grouping=groups)


def share(value: Decimal) -> str:
    """Return a fraction as a percentage with the digits that it has: 1.1666 as "116.66%"."""
    return _("%(number)s%%") % {"number": number_format((100 * value).normalize())}


def threshold(value: float) -> str:
    """Return a limit as it was set: 0.05, not 0.0500."""
    return number_format(Decimal(f"{value:g}"))


def percent(value: float | None, digits: int = 2) -> str:
    """Return 0.01933 as "1.93%"."""
    return MISSING if value is None else _percent(value, digits, _forms(get_language()))


def _percent(value: float, digits: int, forms: _Forms) -> str:
    return forms.percent % {"number": _decimal(100 * value, digits, forms, groups=True)}


def chance(value: float | None) -> str:
    """Return a probability in whole per cent, rounded towards one half: 0.9996 as "99%".

    So it seems neither to reach a threshold that it does not, nor to be certain.
    """
    if value is None:
        return MISSING
    towards_half = math.floor if value >= 0.5 else math.ceil
    # 0.29 is 28.999999999999996 per cent.
    return percent(towards_half(round(100 * value, 9)) / 100, 0)


def signed_percent(value: float | None, digits: int = 1) -> str:
    """Return 0.12 as "+12.0%"."""
    return MISSING if value is None else _signed_percent(value, digits, _forms(get_language()))


def _signed_percent(value: float, digits: int, forms: _Forms) -> str:
    if math.isinf(value):
        return "+∞" if value > 0 else f"{MINUS}∞"
    return ("+" if value > 0 else "") + _percent(value, digits, forms)


def points(value: float | None) -> str:
    """Return an absolute difference of rates, 0.0152, as "+1.52 pp" (percentage points)."""
    return MISSING if value is None else _points(value, _forms(get_language()))


def _points(value: float, forms: _Forms) -> str:
    number = ("+" if value > 0 else "") + _decimal(100 * value, 2, forms)
    return forms.points % {"number": number}


def percent_interval(interval: tuple[float, float] | None, digits: int = 2) -> str:
    return _interval(interval, lambda end, forms: _percent(end, digits, forms))


def signed_interval(interval: tuple[float, float] | None) -> str:
    return _interval(interval, lambda end, forms: _signed_percent(end, 1, forms))


def points_interval(interval: tuple[float, float] | None) -> str:
    return _interval(interval, _points)


def _interval(interval: tuple[float, float] | None, shown: Callable[[float, _Forms], str]) -> str:
    if interval is None:
        return MISSING
    forms = _forms(get_language())
    low, high = interval
    return forms.interval % {"low": shown(low, forms), "high": shown(high, forms)}


def p_value(value: float | None) -> str:
    """Return three digits that mean something: 0.0169, 2.3e-16."""
    if value is None:
        return MISSING
    if value == 0:
        return _("1e-300 or less")
    if value < SMALLEST_DECIMAL_P:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{decimal(float(mantissa), 1)}e{exponent}"
    return decimal(value, 4)


def count(value: float | None) -> str:
    """Return a whole number with the language's separators."""
    if value is None:
        return MISSING
    separator, whole = _forms(get_language()).groups_of_three, round(value)
    if separator is None:
        return number_format(whole, force_grouping=True)
    return f"{whole:,}".replace(",", separator)


class Count(int):
    """A whole number that chooses a plural and is written with the language's separators."""

    def __str__(self) -> str:
        return count(int(self))


def whole_days(value: float | None) -> str:
    """Return days still to wait: a part of a day is one."""
    return MISSING if value is None else count(max(math.ceil(value), 1))


def attribute_name(name: str) -> str:
    """Return what an attribute of visitors is called."""
    return str(ATTRIBUTES.get(name, name))


def segment_value(value: str, attribute: str) -> str:
    """Return what a value of an attribute is called; the value itself where it has no name."""
    name = SEGMENTS.get((attribute, value))
    return str(name) if name else name_of(attribute, value, get_language() or "en")


def estimate_interval(estimate: Mapping[str, float | None]) -> str:
    """Return the ends of an estimate with `low` and `high`."""
    low, high = estimate["low"], estimate["high"]
    return MISSING if low is None or high is None else percent_interval((low, high), 1)


def quoted(names: Iterable[str]) -> str:
    """Return names in quotation marks, one after another."""
    return ", ".join(_("“%(name)s”") % {"name": name} for name in names)


def rounded(value: float | None, *, signed: bool = False) -> str:
    """Return a number with two digits that mean something: 1,240, 12, 3.4, 0.21."""
    if value is None:
        return MISSING
    if math.isinf(value):
        return "+∞" if value > 0 else f"{MINUS}∞"
    digits = _digits(abs(value))
    shown = number_format(Decimal(f"{abs(value):.{digits}f}"), digits, force_grouping=True)
    is_zero = not any(character in "123456789" for character in shown)
    if value < 0 and not is_zero:
        return f"{MINUS}{shown}"
    return f"+{shown}" if signed and not is_zero else shown


def rounded_percent(value: float | None, *, signed: bool = False) -> str:
    """Return a fraction as a rounded percentage: 0.0667 as "6.7%", a lift of 0.604 as "+60%"."""
    if value is None:
        return MISSING
    return _("%(number)s%%") % {"number": rounded(100 * value, signed=signed)}


def rounded_lift(value: float | None) -> str:
    return rounded_percent(value, signed=True)


def rounded_p(value: float | None) -> str:
    """Return a p-value as people read it: 0.017, < 0.0001."""
    if value is None:
        return MISSING
    if value < SMALLEST_DECIMAL_P:
        return f"< {decimal(SMALLEST_DECIMAL_P, 4)}"
    return decimal(value, 2 if value >= 0.1 else _digits(value))


def _digits(value: float) -> int:
    """Return the digits after the point that leave two which mean something, at most six."""
    if value >= 10 or value == 0:
        return 0
    return min(max(1 - math.floor(math.log10(value)), 1), 6)
