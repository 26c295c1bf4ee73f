"""Fields of an analyze request: checks of JSON values, with errors that name the field."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.stats.estimation.messages import InvalidInputError, Message


class InvalidRequest(InvalidInputError):  # noqa: N818 - the name that callers show
    """A request that cannot be analysed.

    Attributes:
        field: Path of the field at fault, such as `arms[1].sum`.
        message: Description of the fault.
        text: Both.

    >>> str(InvalidRequest("alpha", "must lie between 0 and 1"))
    'alpha: must lie between 0 and 1'
    """

    def __init__(self, field: str, message: str, *, text: Message | None = None) -> None:
        super().__init__(text or f"{field}: {message}")
        self.field = field
        self.message = message


def refuse_unknown(values: Mapping[str, Any], names: Sequence[str], *, prefix: str = "") -> None:
    """Refuse a field that is not one of the names: it may be a misspelt one.

    Raises:
        InvalidRequest: If there is one.

    >>> refuse_unknown({"mean": 0, "sigma": 1}, ("mean", "sd"), prefix="prior.")
    Traceback (most recent call last):
        ...
    experiments.stats.engine.fields.InvalidRequest: prior.sigma: is unknown; known are mean, sd
    """
    for name in values:
        if name not in names:
            raise InvalidRequest(f"{prefix}{name}", f"is unknown; known are {', '.join(names)}")


def number_of(
    values: Mapping[str, Any],
    name: str,
    *,
    default: float | None = None,
    low: float,
    high: float,
    prefix: str = "",
) -> float:
    """Return a number between low and high.

    Raises:
        InvalidRequest: If it is missing, no number, or out of range.

    >>> number_of({"alpha": 0.1}, "alpha", low=0, high=1)
    0.1
    """
    value = values.get(name, default)
    if not is_number(value):
        raise InvalidRequest(f"{prefix}{name}", f"must be a number; {actual_value(values, name)}")
    # NaN fails both comparisons.
    if not low <= value <= high:
        message = f"must lie between {low:g} and {high:g}; {actual_value(values, name)}"
        raise InvalidRequest(f"{prefix}{name}", message)
    return float(value)


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number; true and false are none.

    >>> is_number(1), is_number(True), is_number("1")
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def actual_value(values: Mapping[str, Any], name: str) -> str:
    """Return the value for a message, in few characters however long it is.

    >>> actual_value({"alpha": "x"}, "alpha"), actual_value({}, "alpha")
    ("not 'x'", 'it is missing')
    """
    return f"not {reprlib.repr(values[name])}" if name in values else "it is missing"
